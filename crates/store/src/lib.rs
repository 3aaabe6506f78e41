//! Where telemetry is kept: durable when it is acknowledged, small on disk, found in milliseconds,
//! and readable by any tool that reads Parquet.
//!
//! What comes in goes to a write-ahead log and, once synced, into a head in memory that is
//! searchable at once. Heads are cut to immutable segments, which are Parquet files with an index
//! of our own; a manifest names the segments that count. All IO goes through one [`disk`] trait,
//! so that tests can break it. Readers meet [`source::SpanSource`]. The store knows OTLP's spans
//! and their protobuf, and no network protocol.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "rows, texts and offsets within a row group are 32 bits wide by format; their makers are bounded"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::disallowed_methods
    )
)]
#[cfg(test)]
extern crate self as trunkline_store;

pub mod admin;
mod chain;
mod compact;
pub mod disk;
mod encoding;
mod files;
mod head;
mod manifest;
mod retain;
pub mod rollup;
mod search;
mod segment;
pub mod source;
mod store;
mod table;
pub mod wal;

pub use encoding::Damaged;
pub use manifest::ManifestError;
pub use segment::SegmentError;
pub use store::{
    Accepted, Config, MaintainError, Memory, OpenError, PINNED_MAX, PinError, Refused, Removed,
    Retention, Rule, Sampling, ServiceRetention, StageTimes, Stats, Store,
};
