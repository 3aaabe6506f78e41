//! The management surfaces over real sockets, with a proxy and a binary that are only numbers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking"
)]

mod corpus;
mod fakes;
mod otlp_json;
mod partial;
mod running;

mod browser;
mod console;
mod control;
mod grpc;
mod jaeger;
mod metrics;
mod protection;
mod red;
mod sockets;
mod storage;
mod stored;
