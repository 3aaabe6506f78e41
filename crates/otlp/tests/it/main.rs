//! What is written is read back the same, and no bytes make the reader panic.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::Arc;

use proptest::prelude::*;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::view::{check, spans};
use trunkline_otlp::{
    Attributes, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value, json, write,
};

fn text() -> impl Strategy<Value = Arc<str>> {
    "[a-z.é]{0,6}".prop_map(Arc::from)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e9_f64..1e9).prop_map(Value::Double),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|b| Value::Bytes(b.into())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..3).prop_map(Value::Map),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec((text(), value()), 0..4)
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), text(), attributes(), 0..3_u32).prop_map(|(time, name, attributes, dropped)| {
        Event { time_unix_nanos: time, name, attributes, dropped_attributes: dropped }
    })
}

fn ids() -> impl Strategy<Value = (TraceId, SpanId)> {
    (1..u128::MAX, 1..u64::MAX).prop_map(|(trace, span)| {
        (TraceId::new(trace.to_be_bytes()).unwrap(), SpanId::new(span.to_be_bytes()).unwrap())
    })
}

fn link() -> impl Strategy<Value = Link> {
    (ids(), text(), attributes(), any::<u32>()).prop_map(
        |((trace, span), state, attributes, flags)| Link {
            trace,
            span,
            trace_state: state,
            attributes,
            dropped_attributes: 1,
            flags,
        },
    )
}

fn span() -> impl Strategy<Value = Span> {
    let head = (ids(), prop::option::of(ids()), text(), text(), 0..6_u64, any::<(u64, u64, u32)>());
    let parts = (
        attributes(),
        prop::collection::vec(event(), 0..3),
        prop::collection::vec(link(), 0..3),
        (0..3_u64, text()),
        attributes(),
        (text(), attributes()),
    );
    (head, parts).prop_map(|(head, parts)| {
        let ((trace, id), parent, trace_state, name, kind, (start, end, flags)) = head;
        let (attributes, events, links, (code, message), resource, (scope, scoped)) = parts;
        let resource =
            Resource { attributes: resource, dropped_attributes: 2, schema_url: "r".into() };
        let scope = Scope {
            name: scope,
            version: "1".into(),
            attributes: scoped,
            dropped_attributes: 0,
            schema_url: "".into(),
        };
        Span {
            trace,
            id,
            parent: parent.map(|(_, span)| span),
            trace_state,
            flags,
            name,
            kind: Kind::of(kind),
            start_unix_nanos: start,
            end_unix_nanos: end,
            attributes,
            dropped_attributes: 3,
            events,
            dropped_events: 0,
            links,
            dropped_links: 1,
            status: Status { code: StatusCode::of(code), message },
            resource: Arc::new(resource),
            scope: Arc::new(scope),
        }
    })
}

/// A span with something in every field.
fn full() -> Span {
    let text = |text: &str| Value::Text(text.into());
    let attributes: Attributes = vec![
        ("text".into(), text("a\"\\\n\u{1}é")),
        ("int".into(), Value::Int(i64::MIN)),
        ("double".into(), Value::Double(1e300)),
        ("nan".into(), Value::Double(f64::NAN)),
        ("less".into(), Value::Double(f64::NEG_INFINITY)),
        ("bool".into(), Value::Bool(false)),
        ("bytes".into(), Value::Bytes([0xff, 0xfe].into())),
        ("none".into(), Value::Empty),
        ("list".into(), Value::Array(vec![text(""), Value::Array(Vec::new())])),
        ("map".into(), Value::Map(vec![("k".into(), Value::Int(0))])),
    ];
    let (trace, id) = (TraceId::new([0xab; 16]).unwrap(), SpanId::new([1; 8]).unwrap());
    Span {
        trace,
        id,
        parent: SpanId::new([2; 8]),
        trace_state: "a=b".into(),
        flags: 257,
        name: "op".into(),
        kind: Kind::Server,
        start_unix_nanos: u64::MAX,
        end_unix_nanos: 0,
        attributes,
        dropped_attributes: 1,
        events: vec![Event { time_unix_nanos: 5, name: "e".into(), ..Event::default() }],
        dropped_events: 2,
        links: vec![Link {
            trace,
            span: id,
            trace_state: "".into(),
            attributes: Vec::new(),
            dropped_attributes: 0,
            flags: 1,
        }],
        dropped_links: 3,
        status: Status { code: StatusCode::Error, message: "bad".into() },
        resource: Arc::new(Resource { schema_url: "r".into(), ..Resource::default() }),
        scope: Arc::new(Scope { name: "lib".into(), ..Scope::default() }),
    }
}

/// The same without whatever may be left out.
fn plain() -> Span {
    Span {
        parent: None,
        trace_state: "".into(),
        flags: 0,
        kind: Kind::Unspecified,
        attributes: vec![("none".into(), Value::Empty)],
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        ..full()
    }
}

/// Every rule of the mapping that clients rely on, in one document.
#[test]
fn json_is_written_as_otlp_maps_it() {
    let trace = "abababababababababababababababab";
    let first = format!(
        concat!(
            r#"{{"traceId":"{trace}","spanId":"0101010101010101","traceState":"a=b","#,
            r#""parentSpanId":"0202020202020202","flags":257,"name":"op","kind":2,"#,
            r#""startTimeUnixNano":"18446744073709551615","attributes":["#,
            r#"{{"key":"text","value":{{"stringValue":"a\"\\\n\u0001é"}}}},"#,
            r#"{{"key":"int","value":{{"intValue":"-9223372036854775808"}}}},"#,
            r#"{{"key":"double","value":{{"doubleValue":1e300}}}},"#,
            r#"{{"key":"nan","value":{{"doubleValue":"NaN"}}}},"#,
            r#"{{"key":"less","value":{{"doubleValue":"-Infinity"}}}},"#,
            r#"{{"key":"bool","value":{{"boolValue":false}}}},"#,
            r#"{{"key":"bytes","value":{{"bytesValue":"//4="}}}},"#,
            r#"{{"key":"none","value":{{}}}},"#,
            r#"{{"key":"list","value":{{"arrayValue":{{"values":[{{"stringValue":""}},{{"arrayValue":{{}}}}]}}}}}},"#,
            r#"{{"key":"map","value":{{"kvlistValue":{{"values":[{{"key":"k","value":{{"intValue":"0"}}}}]}}}}}}],"#,
            r#""droppedAttributesCount":1,"events":[{{"timeUnixNano":"5","name":"e"}}],"droppedEventsCount":2,"#,
            r#""links":[{{"traceId":"{trace}","spanId":"0101010101010101","flags":1}}],"droppedLinksCount":3,"#,
            r#""status":{{"message":"bad","code":2}}}}"#,
        ),
        trace = trace
    );
    let second = format!(
        r#"{{"traceId":"{trace}","spanId":"0101010101010101","name":"op","startTimeUnixNano":"18446744073709551615","attributes":[{{"key":"none","value":{{"stringValue":""}}}}],"status":{{}}}}"#
    );
    let around = |span: &str| {
        format!(
            r#"{{"resourceSpans":[{{"resource":{{}},"scopeSpans":[{{"scope":{{"name":"lib"}},"spans":[{span}]}}],"schemaUrl":"r"}}]}}"#
        )
    };
    assert_eq!(json::traces([&full()], json::EmptyValue::AsIs), around(&first));
    assert_eq!(json::traces([&plain()], json::EmptyValue::AsText), around(&second));
    assert_eq!(json::traces([], json::EmptyValue::AsIs), r#"{"resourceSpans":[]}"#);
}

proptest! {
    #[test]
    fn what_is_written_is_read_the_same(all in prop::collection::vec(span(), 0..6)) {
        let bytes = write::request(&all);
        let counts = check(&bytes).unwrap();
        prop_assert_eq!((counts.spans, counts.invalid), (all.len(), 0));
        prop_assert_eq!(spans(&bytes).unwrap(), all);
    }

    #[test]
    fn what_passes_the_check_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(counts) = check(&bytes) {
            prop_assert_eq!(spans(&bytes).unwrap().len(), counts.spans);
        }
    }

    #[test]
    fn a_damaged_batch_is_refused_or_read(
        all in prop::collection::vec(span(), 1..3),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = write::request(&all);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(counts) = check(&bytes) {
            prop_assert_eq!(spans(&bytes).unwrap().len(), counts.spans);
        }
    }
}
