//! Configuration: from files to a checked [`Model`](trunkline_model::Model).
//!
//! Every format parses to [`node::Node`]s with places; derived decoders turn nodes into raw types
//! and report every mistake; a dialect lowers its raw types into the one Model. [`load()`] is the
//! entry: it reads files, follows `include`, tells dialects apart by content, and returns the
//! Model together with everything that is to be said about it.
//!
//! Invariants: nothing here prints, listens or runs; no input panics; nothing is lost silently.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

// The derive names this crate by its outer name, here as in the dialect crates.
extern crate self as trunkline_config;

pub mod source;

pub mod node;
pub mod yaml;

pub mod diagnostic;

pub mod decode;
pub mod unserved;

pub mod dialect;
pub mod files;
pub mod load;

pub mod builder;
pub mod defaults;
pub mod native;

pub mod masking;
pub mod settings;

pub use diagnostic::codes;
pub use load::{Loaded, Options, Profile, load, load_with};
pub use native::{Described, PORT_STEP, describe, reference, schema, short_name};
