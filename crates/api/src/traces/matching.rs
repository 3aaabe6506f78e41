//! Whether a trace answers a query.
//!
//! As in Jaeger, one single span must meet all conditions: "a slow span of `orders`" is not met by a
//! slow span of `web` beside a fast one of `orders`.

use std::fmt::Write as _;

use trunkline_model::trace::{Attribute, Span, TraceQuery};

/// Whether one of the spans meets every condition of the query.
pub(super) fn takes(query: &TraceQuery, spans: &[Span]) -> bool {
    spans.iter().any(|span| meets(query, span))
}

/// When the earliest of the spans began.
pub(super) fn start(spans: &[Span]) -> u64 {
    spans.iter().map(|span| span.start_unix_nanos).min().unwrap_or_default()
}

fn meets(query: &TraceQuery, span: &Span) -> bool {
    query.service.as_ref().is_none_or(|service| **service == *span.service)
        && query.operation.as_ref().is_none_or(|name| **name == *span.name)
        && query.start_unix_nanos_min.is_none_or(|min| span.start_unix_nanos >= min)
        && query.start_unix_nanos_max.is_none_or(|max| span.start_unix_nanos <= max)
        && query.duration_min.is_none_or(|min| span.duration >= min)
        && query.duration_max.is_none_or(|max| span.duration <= max)
        && query.attributes.iter().all(|(key, value)| has(span, key, value))
}

/// Jaeger shows status and kind as tags, so they can be asked for like attributes.
fn has(span: &Span, key: &str, value: &str) -> bool {
    let stored = span.attributes.iter().any(|(k, v)| **k == *key && is(v, value));
    match key {
        "error" => stored || (span.failed && value == "true"),
        "span.kind" => stored || span.kind.as_str() == value,
        _ => stored,
    }
}

/// Compares as text, without allocating for texts.
fn is(attribute: &Attribute, wanted: &str) -> bool {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = match attribute {
        Attribute::Text(text) => return **text == *wanted,
        Attribute::Bool(value) => write!(text, "{value}"),
        Attribute::Int(value) => write!(text, "{value}"),
        Attribute::Float(value) => write!(text, "{value}"),
    };
    text == wanted
}
