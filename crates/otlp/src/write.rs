//! Writes spans as protobuf: `ExportTraceServiceRequest`, which `TracesData` equals field by field.
//!
//! Neighbours with the same resource and scope are written together, in the order in which they
//! are given: whoever wants small messages sorts first.

use crate::span::{Attributes, Event, Link, Resource, Scope, Span, Status, Value};
use crate::wire::{
    put_bytes, put_fixed32, put_fixed64, put_message, put_number, put_present, put_varint,
};

/// The batch of these spans.
pub fn request<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<u8> {
    let spans: Vec<&Span> = spans.into_iter().collect();
    let mut into = Vec::with_capacity(spans.len() * 256);
    for of_resource in spans.chunk_by(|a, b| a.same_resource(b)) {
        put_message(&mut into, 1, |into| resource_spans(into, of_resource));
    }
    into
}

fn resource_spans(into: &mut Vec<u8>, spans: &[&Span]) {
    let Some(first) = spans.first() else { return };
    put_message(into, 1, |into| resource(into, &first.resource));
    for of_scope in spans.chunk_by(|a, b| a.same_scope(b)) {
        put_message(into, 2, |into| scope_spans(into, of_scope));
    }
    put_bytes(into, 3, first.resource.schema_url.as_bytes());
}

fn scope_spans(into: &mut Vec<u8>, spans: &[&Span]) {
    let Some(first) = spans.first() else { return };
    put_message(into, 1, |into| scope(into, &first.scope));
    for one in spans {
        put_message(into, 2, |into| span(into, one));
    }
    put_bytes(into, 3, first.scope.schema_url.as_bytes());
}

/// The fields of a `Resource` message.
pub fn resource(into: &mut Vec<u8>, resource: &Resource) {
    attributes(into, 1, &resource.attributes);
    put_number(into, 2, resource.dropped_attributes.into());
}

/// The fields of an `InstrumentationScope` message.
pub fn scope(into: &mut Vec<u8>, scope: &Scope) {
    put_bytes(into, 1, scope.name.as_bytes());
    put_bytes(into, 2, scope.version.as_bytes());
    attributes(into, 3, &scope.attributes);
    put_number(into, 4, scope.dropped_attributes.into());
}

/// The fields of a `Span` message.
pub fn span(into: &mut Vec<u8>, span: &Span) {
    put_bytes(into, 1, span.trace.bytes());
    put_bytes(into, 2, span.id.bytes());
    put_bytes(into, 3, span.trace_state.as_bytes());
    if let Some(parent) = span.parent {
        put_bytes(into, 4, parent.bytes());
    }
    put_bytes(into, 5, span.name.as_bytes());
    put_number(into, 6, span.kind as u64);
    put_fixed64(into, 7, span.start_unix_nanos);
    put_fixed64(into, 8, span.end_unix_nanos);
    attributes(into, 9, &span.attributes);
    put_number(into, 10, span.dropped_attributes.into());
    for one in &span.events {
        put_message(into, 11, |into| event(into, one));
    }
    put_number(into, 12, span.dropped_events.into());
    for one in &span.links {
        put_message(into, 13, |into| link(into, one));
    }
    put_number(into, 14, span.dropped_links.into());
    if span.status != Status::default() {
        put_message(into, 15, |into| {
            put_bytes(into, 2, span.status.message.as_bytes());
            put_number(into, 3, span.status.code as u64);
        });
    }
    put_fixed32(into, 16, span.flags);
}

fn event(into: &mut Vec<u8>, event: &Event) {
    put_fixed64(into, 1, event.time_unix_nanos);
    put_bytes(into, 2, event.name.as_bytes());
    attributes(into, 3, &event.attributes);
    put_number(into, 4, event.dropped_attributes.into());
}

fn link(into: &mut Vec<u8>, link: &Link) {
    put_bytes(into, 1, link.trace.bytes());
    put_bytes(into, 2, link.span.bytes());
    put_bytes(into, 3, link.trace_state.as_bytes());
    attributes(into, 4, &link.attributes);
    put_number(into, 5, link.dropped_attributes.into());
    put_fixed32(into, 6, link.flags);
}

/// A repeated field of keys and values.
pub fn attributes(into: &mut Vec<u8>, field: u32, attributes: &Attributes) {
    for (key, value) in attributes {
        put_message(into, field, |into| {
            put_bytes(into, 1, key.as_bytes());
            put_message(into, 2, |into| any_value(into, value));
        });
    }
}

/// The field of an `AnyValue` message; none for [`Value::Empty`].
pub fn any_value(into: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Empty => {}
        Value::Text(text) => put_present(into, 1, text.as_bytes()),
        Value::Bool(yes) => {
            put_varint(into, 2 << 3);
            put_varint(into, u64::from(*yes));
        }
        Value::Int(number) => {
            put_varint(into, 3 << 3);
            put_varint(into, number.cast_unsigned());
        }
        Value::Double(number) => {
            put_varint(into, 4 << 3 | 1);
            into.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Value::Bytes(bytes) => put_present(into, 7, bytes),
        Value::Array(values) => put_message(into, 5, |into| {
            for value in values {
                put_message(into, 1, |into| any_value(into, value));
            }
        }),
        Value::Map(pairs) => put_message(into, 6, |into| attributes(into, 1, pairs)),
    }
}
