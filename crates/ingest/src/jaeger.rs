//! Jaeger's own protocols: Thrift over UDP and HTTP, protobuf over gRPC.
//!
//! Every encoding becomes [`model::Span`], one span at a time, and then OTLP, by the rules of the
//! OpenTelemetry collector's Jaeger translator (`translate`), so that a trace looks the same whether
//! it came through a collector or straight to us.

mod grpc;
mod http;
pub mod model;
pub mod proto;
pub mod thrift;
mod translate;
mod udp;

use model::{Process, Span};

use crate::batch::Builder;

pub(crate) use grpc::Collector;
pub(crate) use http::Door;
pub(crate) use udp::Datagrams;

/// A batch that was translated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Translated {
    /// OTLP's `ExportTraceServiceRequest`.
    pub request: Vec<u8>,
    /// Spans that have no valid ids and were left out.
    pub rejected: usize,
}

/// Attributes of processes that the spans of a batch bring themselves; they wait in memory for its
/// end. Spans beyond are rejected.
const OWN_TAGS_MAX: usize = 1_000_000;

/// Spans on their way to OTLP.
#[derive(Debug, Default)]
struct Batch {
    builder: Builder<usize>,
    /// Processes that spans bring themselves; place 0 is that of the batch.
    own: Vec<Process>,
    /// Their attributes.
    own_tags: usize,
    rejected: usize,
}

impl Batch {
    /// Adds a span. Its own process, where it has one, counts before that of the batch.
    fn push(&mut self, span: Span, process: Option<Process>) {
        let place = match process {
            None => 0,
            Some(process) => {
                // A sender writes spans of one process one after the other.
                if self.own.last() != Some(&process) {
                    self.own_tags += process.tags.len();
                    if self.own_tags > OWN_TAGS_MAX {
                        self.rejected += 1;
                        return;
                    }
                    self.own.push(process);
                }
                self.own.len()
            }
        };
        match translate::span(span) {
            Some((span, (name, version))) => self.builder.push(place, (&name, &version), &span),
            None => self.rejected += 1,
        }
    }

    /// The batch as OTLP.
    fn finish(self, of_all: &Process) -> Translated {
        let Self { builder, own, rejected, .. } = self;
        let request = builder.finish(|place| {
            let process = place.checked_sub(1).and_then(|index| own.get(index));
            translate::resource(process.unwrap_or(of_all).clone())
        });
        Translated { request, rejected }
    }
}
