//! OTLP traces: spans as plain data, and their protobuf read without allocation and written.
//!
//! [`span`] has the owned form that queries answer with. [`view`] reads a received
//! `ExportTraceServiceRequest` in place: nothing is copied and nothing is allocated, an attribute
//! costs what skipping it costs. [`write`](mod@write) makes the bytes. Field numbers are those of
//! opentelemetry-proto 1.x (`trace/v1`, `common/v1`, `resource/v1`); unknown fields are skipped, as
//! protobuf asks. [`json`] writes the same as JSON. It does no IO and knows nothing of HTTP or gRPC.

pub mod json;
pub mod span;
pub mod view;
pub mod wire;
pub mod write;

pub use span::{Attributes, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value};
