//! The one order in which spans and their attributes are answered, wherever they are kept.
//!
//! Attributes of OTLP have no order: columns do not keep one. A batch that was sent twice, because
//! its acknowledgement was lost, is there twice until compaction: readers see it once.

use std::sync::Arc;

use trunkline_otlp::{Span, Value, write};

/// Puts the spans of a trace in order: by start, then by id; identical ones are there once. Their
/// attributes, and those of their resource and scope, are put by key; equal keys stay as they are.
pub fn arrange(spans: &mut Vec<Span>) {
    spans.iter_mut().for_each(arrange_attributes);
    spans.sort_by_key(|span| (span.start_unix_nanos, span.id));
    let twice = |a: &Span, b: &Span| a.start_unix_nanos == b.start_unix_nanos && a.id == b.id;
    if !spans.array_windows().any(|[a, b]| twice(a, b)) {
        return;
    }
    // Bytes have an order and equality where numbers that are none (NaN) have not.
    let mut all: Vec<(Vec<u8>, Span)> = Vec::with_capacity(spans.len());
    all.extend(spans.drain(..).map(|span| (write::request([&span]), span)));
    all.sort_by(|(a_bytes, a), (b_bytes, b)| {
        (a.start_unix_nanos, a.id, a_bytes).cmp(&(b.start_unix_nanos, b.id, b_bytes))
    });
    all.dedup_by(|a, b| a.0 == b.0);
    spans.extend(all.into_iter().map(|(_, span)| span));
}

fn arrange_attributes(span: &mut Span) {
    by_key(&mut span.attributes);
    if !in_order(&span.resource.attributes) {
        by_key(&mut Arc::make_mut(&mut span.resource).attributes);
    }
    if !in_order(&span.scope.attributes) {
        by_key(&mut Arc::make_mut(&mut span.scope).attributes);
    }
}

fn in_order(attributes: &[(Arc<str>, Value)]) -> bool {
    attributes.is_sorted_by_key(|(key, _)| key)
}

fn by_key(attributes: &mut [(Arc<str>, Value)]) {
    attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
}

/// The type of a value as catalogs tell it: `string`, `bool`, `int64`, `float64`, `bytes`, `array`,
/// `map`; `empty` for none.
pub const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Empty => "empty",
        Value::Text(_) => "string",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Double(_) => "float64",
        Value::Bytes(_) => "bytes",
        Value::Array(_) => "array",
        Value::Map(_) => "map",
    }
}
