//! What is shown of the machines from outside.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr)]

mod differences;
mod driven;
#[cfg(feature = "tower")]
mod layers;
mod resilience4j;
