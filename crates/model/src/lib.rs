//! The words of the domain: names, ids, units and the validated [`Model`].
//!
//! A `Model` says what is *wanted*: listeners, routes, services and their policies. It is built by
//! `config` from any dialect, given to `proxy` as a whole, and never changes afterwards. What *is*
//! (health, counters, pools, sessions) lives beside it in registries keyed by the ids found here,
//! so that a reload changes what changed and forgets nothing else.
//!
//! Invariant: no IO, no async runtime, no clock, no serialization format. `Option` never means
//! "default": an absent value is absent.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod names;
pub mod network;
pub mod origin;
pub mod ports;
pub mod units;

pub mod endpoint;
pub mod filter;
pub mod guard;
pub mod listener;
pub mod relay;
pub mod route;
pub mod service;
pub mod telemetry;
pub mod tls;

pub mod check;
mod whole;

pub mod log;
pub mod ops;
pub mod reason;
pub mod record;
pub mod trace;

pub use log::{AccessLog, LogFormat, LogLines};
pub use names::{EndpointId, ListenerId, ProjectName, RouteId, ServiceName};
pub use network::Network;
pub use origin::Origin;
pub use telemetry::Telemetry;
pub use trace::tracing::Tracing;
pub use whole::{Cluster, Fail, Management, Model, Reasons, Role, Workers};
