//! The data plane between real sockets: fake services behind it, raw callers in front of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests fail by panicking, and read the real clock"
)]

mod rig;

mod basics;
