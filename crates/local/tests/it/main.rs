//! Real processes: starting, readiness, failing, restarting, stopping, and cleaning up.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod clean_up;
mod lifecycle;
mod planning;
mod rig;

#[path = "../support.rs"]
mod support;
