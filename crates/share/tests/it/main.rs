//! Links against a real Redis: two links stand for two processes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::similar_names,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, and read the real clock"
)]

mod rig;

mod breaker;
mod budget;
mod bulkhead;
mod cost;
mod garbage;
mod outage;
mod rate;
mod same_machine;
mod tls;
