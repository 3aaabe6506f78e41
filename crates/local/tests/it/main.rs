//! Real processes: starting, readiness, failing, restarting, stopping, and cleaning up.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and owns the tasks that it waits for"
)]

mod clean_up;
mod discovering;
mod discovering_anything;
mod lifecycle;
mod outbound;
mod planning;
mod rig;

#[path = "../support.rs"]
mod support;
