//! The management surfaces: what people, scripts and other tools ask a running Trunkline over HTTP.
//!
//! The control API (port 20001 and the run's unix socket), `/metrics` (9090) and the Jaeger query
//! API (16686). All of them read plain types: [`trunkline_model::ops::Ops`] is the proxy,
//! [`Commands`] the binary, [`trunkline_model::trace::TraceSource`] the traces. Every surface stands
//! behind the same [`guard`], because a browser on this machine runs pages of strangers.
//!
//! It decides nothing about traffic and is never on the path of a request.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::disallowed_methods
    )
)]

pub mod commands;
pub mod surfaces;

pub mod guard;
mod parameters;
pub mod problem;

pub mod console;
pub mod control;
pub mod explain;
pub mod jaeger;
pub mod metrics;

pub mod traces;

pub use commands::Commands;
pub use console::Console;
pub use surfaces::{Surfaces, Wiring};
