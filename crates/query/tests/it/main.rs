//! Searches against a plain reading of what they mean, and the reader under pressure.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking"
)]

mod make;

mod reader;
mod search;
