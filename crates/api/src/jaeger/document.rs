//! A trace as Jaeger's UI and tools read it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use trunkline_model::trace::{Attribute, Span, Trace, TraceId};

/// Greatest whole number that JavaScript reads exactly; Jaeger sends greater ones as text.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// One trace with its spans and the processes (services) that they tell of.
pub(super) fn trace(trace: &Trace) -> Value {
    let mut processes = BTreeMap::new();
    for span in &trace.spans {
        let next = processes.len() + 1;
        processes
            .entry(&*span.service)
            .or_insert_with(|| format!("p{next}"));
    }
    let spans: Vec<_> = trace
        .spans
        .iter()
        .map(|one| span(one, &processes))
        .collect();
    let processes: Map<_, _> = processes
        .iter()
        .map(|(service, id)| (id.clone(), json!({ "serviceName": service, "tags": [] })))
        .collect();
    json!({
        "traceID": trace_id(trace.id),
        "spans": spans,
        "processes": processes,
        "warnings": null,
    })
}

/// Jaeger writes ids of 64 bits with 16 digits.
pub(super) fn trace_id(id: TraceId) -> String {
    let text = id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(low) => low.to_owned(),
        None => text,
    }
}

fn span(span: &Span, processes: &BTreeMap<&str, String>) -> Value {
    let id = trace_id(span.trace);
    let references: Vec<_> = span
        .parent
        .iter()
        .map(|parent| json!({ "refType": "CHILD_OF", "traceID": id, "spanID": parent.to_string() }))
        .collect();
    json!({
        "traceID": id,
        "spanID": span.id.to_string(),
        "flags": 1,
        "operationName": &*span.name,
        "references": references,
        "startTime": span.start_unix_nanos / 1_000,
        "duration": u64::try_from(span.duration.as_micros()).unwrap_or(u64::MAX),
        "tags": tags(span),
        "logs": [],
        "processID": processes.get(&*span.service),
        "warnings": null,
    })
}

/// Attributes, and what OpenTelemetry keeps outside of them and Jaeger among them.
fn tags(span: &Span) -> Vec<Value> {
    let text = |key: &str, value: &str| json!({ "key": key, "type": "string", "value": value });
    let mut tags: Vec<_> = span
        .attributes
        .iter()
        .map(|(key, value)| tag(key, value))
        .collect();
    tags.push(text("span.kind", span.kind.as_str()));
    if span.failed {
        tags.push(text("otel.status_code", "ERROR"));
        tags.push(json!({ "key": "error", "type": "bool", "value": true }));
    }
    tags
}

fn tag(key: &str, value: &Attribute) -> Value {
    let (kind, value) = match value {
        Attribute::Text(text) => ("string", json!(&**text)),
        Attribute::Bool(value) => ("bool", json!(value)),
        Attribute::Int(number) if number.unsigned_abs() > SAFE_INTEGER_MAX => {
            ("int64", json!(number.to_string()))
        }
        Attribute::Int(number) => ("int64", json!(number)),
        Attribute::Float(number) => ("float64", json!(number)),
    };
    json!({ "key": key, "type": kind, "value": value })
}
