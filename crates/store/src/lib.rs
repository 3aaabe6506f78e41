//! Where telemetry is kept: durable when it is acknowledged, small on disk, found in milliseconds,
//! and readable by any tool that reads Parquet.
//!
//! What comes in goes to a write-ahead log and, once synced, into a head in memory that is
//! searchable at once. Heads are cut to immutable segments, which are Parquet files with an index
//! of our own; a manifest names the segments that count. All IO goes through one [`disk`] trait,
//! so that tests can break it. Readers meet [`source::SpanSource`]. The store knows OTLP's spans
//! and their protobuf, and no network protocol.

pub mod disk;
mod encoding;
pub mod source;
mod table;
