//! A trace as Jaeger's UI and tools read it.
//!
//! Documents borrow from the spans and are written at once: an answer may hold the whole buffer,
//! and a tree of JSON values would take ten times its text.

use std::collections::BTreeMap;

use serde::Serialize;
use trunkline_model::trace::{Attribute, Span, Trace, TraceId};

/// Greatest whole number that JavaScript reads exactly; Jaeger sends greater ones as text.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// One trace with its spans and the processes (services) that they tell of.
#[derive(Serialize)]
pub(super) struct TraceDocument<'a> {
    #[serde(rename = "traceID")]
    id: String,
    spans: Vec<SpanDocument<'a>>,
    processes: BTreeMap<String, ProcessDocument<'a>>,
    warnings: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessDocument<'a> {
    service_name: &'a str,
    tags: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanDocument<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    flags: u8,
    operation_name: &'a str,
    references: Vec<Reference>,
    /// Microseconds since 1970.
    start_time: u64,
    /// Microseconds.
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: [(); 0],
    #[serde(rename = "processID")]
    process_id: Option<String>,
    warnings: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: TagValue<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TagValue<'a> {
    Text(&'a str),
    Digits(String),
    Bool(bool),
    Int(i64),
    Float(f64),
}

/// The document of a trace.
pub(super) fn trace(trace: &Trace) -> TraceDocument<'_> {
    let mut processes = BTreeMap::new();
    for span in &trace.spans {
        let next = processes.len() + 1;
        processes.entry(&*span.service).or_insert_with(|| format!("p{next}"));
    }
    TraceDocument {
        id: trace_id(trace.id),
        spans: trace.spans.iter().map(|one| span(one, &processes)).collect(),
        processes: processes
            .iter()
            .map(|(service_name, id)| {
                let tags = [];
                (id.clone(), ProcessDocument { service_name, tags })
            })
            .collect(),
        warnings: None,
    }
}

/// Jaeger writes ids of 64 bits with 16 digits.
pub(super) fn trace_id(id: TraceId) -> String {
    let text = id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(low) => low.to_owned(),
        None => text,
    }
}

fn span<'a>(span: &'a Span, processes: &BTreeMap<&str, String>) -> SpanDocument<'a> {
    let id = trace_id(span.trace);
    let references = span.parent.map(|parent| Reference {
        ref_type: "CHILD_OF",
        trace_id: id.clone(),
        span_id: parent.to_string(),
    });
    SpanDocument {
        trace_id: id,
        span_id: span.id.to_string(),
        flags: 1,
        operation_name: &span.name,
        references: references.into_iter().collect(),
        start_time: span.start_unix_nanos / 1_000,
        duration: u64::try_from(span.duration.as_micros()).unwrap_or(u64::MAX),
        tags: tags(span),
        logs: [],
        process_id: processes.get(&*span.service).cloned(),
        warnings: None,
    }
}

/// Attributes, and what OpenTelemetry keeps outside of them and Jaeger among them.
fn tags(span: &Span) -> Vec<Tag<'_>> {
    let text = |key, value| Tag { key, kind: "string", value: TagValue::Text(value) };
    let mut tags: Vec<_> = span.attributes.iter().map(|(key, value)| tag(key, value)).collect();
    tags.push(text("span.kind", span.kind.as_str()));
    if span.failed {
        tags.push(text("otel.status_code", "ERROR"));
        tags.push(Tag { key: "error", kind: "bool", value: TagValue::Bool(true) });
    }
    tags
}

fn tag<'a>(key: &'a str, value: &'a Attribute) -> Tag<'a> {
    let (kind, value) = match value {
        Attribute::Text(text) => ("string", TagValue::Text(text)),
        Attribute::Bool(value) => ("bool", TagValue::Bool(*value)),
        Attribute::Int(number) if number.unsigned_abs() > SAFE_INTEGER_MAX => {
            ("int64", TagValue::Digits(number.to_string()))
        }
        Attribute::Int(number) => ("int64", TagValue::Int(*number)),
        Attribute::Float(number) => ("float64", TagValue::Float(*number)),
    };
    Tag { key, kind, value }
}
