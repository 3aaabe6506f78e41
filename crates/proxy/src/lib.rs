//! The data plane: accept, secure, decode, route, filter, protect, balance, forward, observe.
//!
//! A [`Proxy`] is given Models ([`Proxy::prepare`], [`Proxy::commit`]) and endpoint sets
//! ([`Proxy::publish`]), and cannot tell a laptop from a cluster. Each worker thread owns its
//! connections from accept to close; the files below are the nine steps of a request, in order,
//! and `exchange` is the line they stand in. What it can be asked and told while it runs is
//! [`trunkline_model::ops::Ops`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

mod proxy;

mod exchange;

mod accept;
mod balance;
mod cache;
mod caller;
mod carry;
pub mod context;
mod decode;
pub mod explain;
mod filter;
mod forward;
mod guard;
mod l4;
mod observe;
mod protect;
mod quick;
pub mod reply;
pub mod route;
mod secure;
mod shield;

pub mod limits;
mod manage;
mod plan;
mod worker;

pub use observe::access_log;
pub use plan::{Plan, PrepareError, PrepareErrors};
pub use proxy::{CommitError, Deps, Generation, Proxy, StartError, State};
pub use secure::{IssueError, Issuer};
