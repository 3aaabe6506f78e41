//! Spans through real sockets into a sink in memory.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "tests fail by panicking, and tell why they skip"
)]

mod any_bytes;
mod clients;
mod forward;
mod jaeger;
mod json;
mod otlp;
mod rig;
mod rules;
mod sampling;
mod zipkin;
