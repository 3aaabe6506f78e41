//! What a user sees: one binary for all tests of the whole crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod bad_input;
mod checks;
mod generated;
mod hostile;
mod laws;
mod limits;
mod lowering;
mod names;
mod policies;
mod relays;
mod rig;
mod several;
mod size;
mod telemetry;
mod tls;
mod tracing;
