//! OTLP's JSON: every batch written as JSON comes back as what it was.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trunkline_ingest::otlp::json::to_protobuf;
use trunkline_otlp::{Attributes, Event, Kind, Span, Status, StatusCode, Value, view};

use crate::rig::span;

fn any_value(value: &Value) -> Json {
    match value {
        Value::Empty => json!({}),
        Value::Text(text) => json!({ "stringValue": &**text }),
        Value::Bool(yes) => json!({ "boolValue": yes }),
        Value::Int(number) => json!({ "intValue": number.to_string() }),
        Value::Double(number) => json!({ "doubleValue": number }),
        Value::Bytes(bytes) => json!({ "bytesValue": base64(bytes) }),
        Value::Array(values) => {
            json!({ "arrayValue": { "values": values.iter().map(any_value).collect::<Vec<_>>() } })
        }
        Value::Map(pairs) => json!({ "kvlistValue": { "values": attributes(pairs) } }),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let six = |chunk: &[u8]| {
        let text = format!("{:0<6}", std::str::from_utf8(chunk).unwrap());
        char::from(DIGITS[usize::from_str_radix(&text, 2).unwrap()])
    };
    let text: String = bits.as_bytes().chunks(6).map(six).collect();
    format!("{text:=<width$}", width = text.len().next_multiple_of(4))
}

fn attributes(pairs: &Attributes) -> Json {
    let pair = |(key, value): &(std::sync::Arc<str>, Value)| json!({ "key": &**key, "value": any_value(value) });
    pairs.iter().map(pair).collect()
}

fn written(span: &Span) -> Json {
    let event = |event: &Event| json!({ "timeUnixNano": event.time_unix_nanos.to_string(), "name": &*event.name, "attributes": attributes(&event.attributes), "droppedAttributesCount": event.dropped_attributes });
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "parentSpanId": span.parent.map(|parent| parent.to_string()).unwrap_or_default(),
        "traceState": &*span.trace_state,
        "flags": span.flags,
        "name": &*span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": span.start_unix_nanos.to_string(),
        "endTimeUnixNano": span.end_unix_nanos.to_string(),
        "attributes": attributes(&span.attributes),
        "droppedAttributesCount": span.dropped_attributes,
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
        "status": { "code": span.status.code as u8, "message": &*span.status.message },
    }] }] }] })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        ".{0,12}".prop_map(|text| Value::Text(text.into())),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e300..1e300_f64).prop_map(Value::Double),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((".{0,6}".prop_map(Into::into), inner), 0..4)
                .prop_map(Value::Map),
        ]
    })
}

fn pairs() -> impl Strategy<Value = Attributes> {
    prop::collection::vec((".{0,8}".prop_map(Into::into), value()), 0..5)
}

proptest! {
    #[test]
    fn what_is_written_as_json_is_read_as_what_it_was(
        (name, start, duration, flags) in (".{0,20}", any::<u64>(), any::<u32>(), any::<u32>()),
        (kind, code) in (0..6_u64, 0..3_u64),
        (own, of_event) in (pairs(), pairs()),
    ) {
        let span = Span {
            name: name.as_str().into(),
            kind: Kind::of(kind),
            start_unix_nanos: start,
            end_unix_nanos: start.saturating_add(duration.into()),
            flags,
            attributes: own,
            dropped_attributes: duration,
            events: vec![Event { time_unix_nanos: start, name: name.into(), attributes: of_event, dropped_attributes: 2 }],
            status: Status { code: StatusCode::of(code), message: "m".into() },
            ..span(7)
        };
        let text = written(&span).to_string();
        let request = to_protobuf(text.as_bytes()).unwrap();
        prop_assert!(request.len() <= text.len(), "it never grows");
        let read = view::spans(&request).unwrap();
        prop_assert_eq!(read, [span]);
    }
}
