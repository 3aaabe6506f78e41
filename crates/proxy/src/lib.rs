//! The data plane: accept, secure, decode, route, filter, protect, balance, forward, observe.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod context;
pub mod reply;
pub mod route;
