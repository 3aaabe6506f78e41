//! Spans come in: by OTLP, Jaeger's and Zipkin's protocols; and go on, by OTLP.
//!
//! Whatever the protocol, a batch becomes the bytes of an OTLP `ExportTraceServiceRequest`, passes
//! the rules that redact and drop, and is given to a [`sink::Sink`]. A batch of OTLP that nothing
//! changes keeps its bytes: it is read in place and never decoded. What is refused is refused in the
//! words of its own protocol, with a counter, and tells whether to come again.
//!
//! Everything is bounded: bytes under way, bodies, what comes out of compressed ones, depth, parts
//! of a span, time, connections. Nothing here keeps spans; that is the business of `store`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod batch;
pub mod forward;
mod http;
mod intake;
pub mod jaeger;
pub mod json;
pub mod limits;
pub mod metrics;
pub mod otlp;
pub mod rules;
pub mod sampling;
mod server;
pub mod sink;
pub mod thrift;
pub mod zipkin;

pub use http::{Guard, Token};
pub use intake::{Intake, Taken};
pub use limits::Limits;
pub use metrics::{Metrics, Protocol, Reason};
pub use server::{Server, Surface};
pub use sink::{Accepted, Refused, Sink};
