//! Zipkin's protocols: `POST /api/v2/spans` in JSON and protobuf, `POST /api/v1/spans` in JSON.
//!
//! Every encoding becomes [`model::Span`], one span at a time, and then OTLP by the rules of the
//! OpenTelemetry collector's Zipkin translator (`translate`). The two sides of a call may share one
//! span id (B3's shared spans): both are kept as they are, and told apart by their kind when a trace
//! is put together. Zipkin has no answer for a part of a batch: one wrong span refuses all.

mod door;
pub mod json;
pub mod model;
pub mod proto;
mod resource;
mod translate;
mod v1;

use std::sync::Arc;

use trunkline_otlp::{Resource, Value};

use crate::batch::Builder;

pub(crate) use door::Door;

/// Who made spans: the attributes of the process, in order.
type Process = Arc<[(String, String)]>;

/// Spans on their way to OTLP.
#[derive(Debug)]
struct Batch {
    builder: Builder<Process>,
    /// When they arrived: the start of spans that tell none.
    now_unix_nanos: u64,
}

impl Batch {
    fn new(now_unix_nanos: u64) -> Self {
        Self { builder: Builder::default(), now_unix_nanos }
    }

    fn push(&mut self, span: model::Span) -> Result<(), model::NoId> {
        let translated = translate::span(span, self.now_unix_nanos)?;
        let translate::Translated { span, process, library: (name, version) } = translated;
        self.builder.push(process, (&name, &version), &span);
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        self.builder.finish(|process| {
            let text = |value: &String| Value::Text(value.as_str().into());
            let pairs = process.iter().map(|(key, value)| (key.as_str().into(), text(value)));
            Resource { attributes: pairs.collect(), ..Resource::default() }
        })
    }
}
