//! Real processes: starting, readiness, failing, restarting, stopping, and cleaning up.

mod clean_up;
mod lifecycle;
mod planning;
mod rig;

#[path = "../support.rs"]
mod support;
