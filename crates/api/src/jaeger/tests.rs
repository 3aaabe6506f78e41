//! Parameters and documents; the surface as a whole is driven in `tests/it/jaeger.rs`.

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value as Of};
use trunkline_query::search::Query;

use super::query::search;
use super::wanted::Wanted;
use super::*;

const NOW: u64 = 1_000_000_000_000_000_000;

fn read(query: &str) -> Result<Search, Failure> {
    search(&Parameters::of(&format!("/api/traces?{query}").parse().unwrap()).unwrap(), NOW)
}

fn traces(wanted: &Wanted, start: u64, end: u64, limit: usize) -> Search {
    let predicate = wanted.predicate().unwrap();
    Search::Traces(Query { predicate, start_unix_nanos: start..=end, limit, after: None })
}

#[test]
fn a_search_has_jaegers_defaults() {
    let start = NOW - 48 * 3_600 * 1_000_000_000;
    let wanted = Wanted { service: Some("shop".into()), ..Wanted::default() };
    assert_eq!(read("service=shop"), Ok(traces(&wanted, start, NOW, 100)));
    assert_eq!(read(""), Ok(traces(&Wanted::default(), start, NOW, 100)));
}

#[test]
fn a_search_reads_every_parameter() {
    let query = "service=shop&operation=GET%20%2F&limit=5&start=1000&end=2000&minDuration=1.2ms&maxDuration=2s\
                 &tag=error:true&tag=http.url:http://a&tags=%7B%22k%22%3A%22v%22%7D";
    let wanted = Wanted {
        service: Some("shop".into()),
        operation: Some("GET /".into()),
        attributes: vec![
            ("error".into(), "true".into()),
            ("http.url".into(), "http://a".into()),
            ("k".into(), "v".into()),
        ],
        duration_min: Some(Duration::from_micros(1_200)),
        duration_max: Some(Duration::from_secs(2)),
    };
    assert_eq!(read(query), Ok(traces(&wanted, 1_000_000, 2_000_000, 5)));
}

#[test]
fn ids_need_no_service_may_be_short_and_count_once() {
    let id = |hex: &str| TraceId::from_hex(hex.as_bytes()).unwrap();
    assert_eq!(
        read(
            "traceID=AB&traceID=000000000000000000000000000000cd&traceID=0ab&traceID=AAAAAAAAAAAAAAAAAAAAAQ=="
        ),
        Ok(Search::Ids(vec![
            id("000000000000000000000000000000ab"),
            id("000000000000000000000000000000cd"),
            id("00000000000000000000000000000001"),
        ]))
    );
}

#[test]
fn what_cannot_be_read_is_a_400() {
    for query in [
        "service=a&limit=0",
        "service=a&limit=x",
        "service=a&start=yesterday",
        "service=a&start=2000&end=1000",
        "service=a&tag=x",
        "service=a&tags=x",
        "service=a&tags=[]",
        "service=a&minDuration=5",
        "service=a&minDuration=2s&maxDuration=1s",
        "traceID=xyz",
        "traceID=0",
        "traceID=1234567890123456789012345678901234",
    ] {
        assert!(read(query).is_err(), "{query}");
    }
}

fn budget() -> trunkline_store::source::Budget {
    let limits = trunkline_store::source::Limits::default();
    trunkline_store::source::Budget::new(&trunkline_rt::Clock::system(), limits)
}

fn everything() -> Span {
    let text = |text: &str| Of::Text(text.into());
    let link = |reference: &str| Link {
        trace: TraceId::new([9; 16]).unwrap(),
        span: SpanId::new([8; 8]).unwrap(),
        trace_state: "".into(),
        attributes: vec![("opentracing.ref_type".into(), text(reference))],
        dropped_attributes: 0,
        flags: 0,
    };
    Span {
        trace: TraceId::new([1; 16]).unwrap(),
        id: SpanId::new([2; 8]).unwrap(),
        parent: SpanId::new([3; 8]),
        trace_state: "a=b".into(),
        flags: 0x301,
        name: "GET /".into(),
        kind: Kind::Server,
        start_unix_nanos: 5_000_999,
        end_unix_nanos: 5_008_998,
        attributes: vec![
            ("s".into(), text("x")),
            ("i".into(), Of::Int(i64::MAX)),
            ("j".into(), Of::Int(5)),
            ("f".into(), Of::Double(0.5)),
            ("b".into(), Of::Bool(false)),
            ("y".into(), Of::Bytes([1, 2].into())),
            ("l".into(), Of::Array(vec![Of::Int(1), text("a")])),
        ],
        dropped_attributes: 0,
        events: vec![Event {
            time_unix_nanos: 6_000_000,
            name: "exception".into(),
            attributes: vec![("k".into(), Of::Int(1))],
            dropped_attributes: 0,
        }],
        dropped_events: 0,
        links: vec![link("follows_from"), link("child_of")],
        dropped_links: 0,
        status: Status { code: StatusCode::Error, message: "bad".into() },
        resource: Arc::new(Resource {
            attributes: vec![
                ("service.name".into(), text("shop")),
                ("host.name".into(), text("h")),
            ],
            ..Resource::default()
        }),
        scope: Arc::new(Scope {
            name: "lib".into(),
            version: "1".into(),
            attributes: vec![("t".into(), Of::Bool(true)), ("s".into(), text("hidden"))],
            ..Scope::default()
        }),
    }
}

#[test]
fn a_trace_has_jaegers_shape() {
    let trace_id = "01010101010101010101010101010101";
    let other = "09090909090909090909090909090909";
    let mut trace = Trace::stored(vec![everything()]).unwrap();
    trace.warnings[0].push("moved".into());
    assert_eq!(
        serde_json::to_value(document::trace(&trace, &mut budget())).unwrap(),
        json!({
            "traceID": trace_id,
            "spans": [{
                "traceID": trace_id,
                "spanID": "0202020202020202",
                "flags": 1,
                "operationName": "GET /",
                "references": [
                    { "refType": "CHILD_OF", "traceID": trace_id, "spanID": "0303030303030303" },
                    { "refType": "FOLLOWS_FROM", "traceID": other, "spanID": "0808080808080808" },
                    { "refType": "CHILD_OF", "traceID": other, "spanID": "0808080808080808" },
                ],
                "startTime": 5_000,
                "duration": 7,
                "tags": [
                    { "key": "otel.scope.name", "type": "string", "value": "lib" },
                    { "key": "otel.scope.version", "type": "string", "value": "1" },
                    { "key": "s", "type": "string", "value": "x" },
                    { "key": "i", "type": "int64", "value": "9223372036854775807" },
                    { "key": "j", "type": "int64", "value": 5 },
                    { "key": "f", "type": "float64", "value": 0.5 },
                    { "key": "b", "type": "bool", "value": false },
                    { "key": "y", "type": "binary", "value": "AQI=" },
                    { "key": "l", "type": "string", "value": "[1,\"a\"]" },
                    { "key": "t", "type": "bool", "value": true },
                    { "key": "span.kind", "type": "string", "value": "server" },
                    { "key": "otel.status_code", "type": "string", "value": "ERROR" },
                    { "key": "error", "type": "bool", "value": true },
                    { "key": "otel.status_description", "type": "string", "value": "bad" },
                    { "key": "w3c.tracestate", "type": "string", "value": "a=b" },
                ],
                "logs": [{ "timestamp": 6_000, "fields": [
                    { "key": "event", "type": "string", "value": "exception" },
                    { "key": "k", "type": "int64", "value": 1 },
                ] }],
                "processID": "p1",
                "warnings": ["moved"],
            }],
            "processes": { "p1": { "serviceName": "shop", "tags": [
                { "key": "host.name", "type": "string", "value": "h" },
            ] } },
            "warnings": null,
        })
    );
}

#[test]
fn a_tag_may_mean_what_opentelemetry_keeps_elsewhere() {
    let span = everything();
    let takes = |key: &str, value: &str| {
        let attributes = vec![(key.to_owned(), value.to_owned())];
        Wanted { attributes, ..Wanted::default() }.predicate().unwrap().takes(&span)
    };
    for (key, value) in [
        ("error", "true"),
        ("span.kind", "server"),
        ("otel.status_code", "ERROR"),
        ("otel.status_description", "bad"),
        ("otel.scope.name", "lib"),
        ("otel.library.version", "1"),
        ("w3c.tracestate", "a=b"),
        ("event", "exception"),
        ("k", "1"),
        ("host.name", "h"),
        ("t", "true"),
        ("f", "0.50"),
        ("s", ".*"),
        ("s", "\\w"),
        ("opentracing.ref_type", "child_of"),
    ] {
        assert!(takes(key, value), "{key}={value}");
    }
    for (key, value) in
        [("error", "false"), ("span.kind", "client"), ("s", "X"), ("s", "x.+"), ("none", ".*")]
    {
        assert!(!takes(key, value), "{key}={value}");
    }
}
