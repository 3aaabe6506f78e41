//! The real binary, from outside: what it prints, what it serves, what it leaves behind.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and speak to whoever runs them"
)]

mod golden;
#[allow(dead_code, reason = "shared by several test programs")]
mod load;
mod manager;
mod support;

mod alone;
mod background;
mod calls;
mod change;
mod console;
mod copies;
mod doctor;
mod found;
mod killed;
mod names;
mod resilience;
mod screens;
mod serve;
mod shop;
mod telemetry;
mod terminal;
mod trust;
mod up;
