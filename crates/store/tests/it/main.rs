//! The store on a disk that breaks: what it acknowledged is there, whatever happened.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::manual_is_multiple_of,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::similar_names,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, and start threads and processes of their own"
)]

mod answers;
mod disk;
mod generate;
mod rollup;
mod store;
mod wal;
