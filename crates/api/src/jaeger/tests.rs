//! Parameters and documents; the surface as a whole is driven in `tests/it/jaeger.rs`.

use std::time::Duration;

use trunkline_model::trace::{Attribute, Span, SpanId, Trace, TraceId, TraceQuery};

use super::query::search;
use super::*;

const NOW: u64 = 1_000_000_000_000_000_000;

fn read(query: &str) -> Result<Search, Failure> {
    search(&Parameters::of(&format!("/api/traces?{query}").parse().unwrap()).unwrap(), NOW)
}

#[test]
fn a_search_has_jaegers_defaults() {
    let expect = TraceQuery {
        service: Some("shop".into()),
        start_unix_nanos_min: Some(NOW - 48 * 3_600 * 1_000_000_000),
        start_unix_nanos_max: Some(NOW),
        limit: 100,
        ..TraceQuery::default()
    };
    assert_eq!(read("service=shop"), Ok(Search::Traces(expect)));
}

#[test]
fn a_search_reads_every_parameter() {
    let query = "service=shop&operation=GET%20%2F&limit=5&start=1000&end=2000&minDuration=1.2ms&maxDuration=2s\
                 &tag=error:true&tag=http.url:http://a&tags=%7B%22k%22%3A%22v%22%7D";
    let expect = TraceQuery {
        service: Some("shop".into()),
        operation: Some("GET /".into()),
        attributes: vec![
            ("error".into(), "true".into()),
            ("http.url".into(), "http://a".into()),
            ("k".into(), "v".into()),
        ],
        start_unix_nanos_min: Some(1_000_000),
        start_unix_nanos_max: Some(2_000_000),
        duration_min: Some(Duration::from_micros(1_200)),
        duration_max: Some(Duration::from_secs(2)),
        limit: 5,
    };
    assert_eq!(read(query), Ok(Search::Traces(expect)));
}

#[test]
fn ids_need_no_service_may_be_short_and_count_once() {
    let id = |hex: &str| TraceId::from_hex(hex.as_bytes()).unwrap();
    assert_eq!(
        read("traceID=AB&traceID=000000000000000000000000000000cd&traceID=0ab"),
        Ok(Search::Ids(vec![
            id("000000000000000000000000000000ab"),
            id("000000000000000000000000000000cd"),
        ]))
    );
}

#[test]
fn what_cannot_be_read_is_a_400() {
    for query in [
        "",
        "service=",
        "service=a&limit=0",
        "service=a&limit=x",
        "service=a&start=yesterday",
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

#[test]
fn a_trace_has_jaegers_shape() {
    let id = TraceId::new([1; 16]).unwrap();
    let span = Span {
        trace: id,
        id: SpanId::new([2; 8]).unwrap(),
        parent: SpanId::new([3; 8]),
        service: "shop".into(),
        name: "GET /".into(),
        kind: SpanKind::Server,
        start_unix_nanos: 5_000_999,
        duration: Duration::from_nanos(7_999),
        failed: true,
        attributes: vec![
            ("s".into(), Attribute::Text("x".into())),
            ("i".into(), Attribute::Int(i64::MAX)),
            ("f".into(), Attribute::Float(0.5)),
            ("b".into(), Attribute::Bool(false)),
        ],
    };
    let trace_id = "01010101010101010101010101010101";
    assert_eq!(
        serde_json::to_value(document::trace(&Trace { id, spans: vec![span] })).unwrap(),
        json!({
            "traceID": trace_id,
            "spans": [{
                "traceID": trace_id,
                "spanID": "0202020202020202",
                "flags": 1,
                "operationName": "GET /",
                "references": [{ "refType": "CHILD_OF", "traceID": trace_id, "spanID": "0303030303030303" }],
                "startTime": 5_000,
                "duration": 7,
                "tags": [
                    { "key": "s", "type": "string", "value": "x" },
                    { "key": "i", "type": "int64", "value": "9223372036854775807" },
                    { "key": "f", "type": "float64", "value": 0.5 },
                    { "key": "b", "type": "bool", "value": false },
                    { "key": "span.kind", "type": "string", "value": "server" },
                    { "key": "otel.status_code", "type": "string", "value": "ERROR" },
                    { "key": "error", "type": "bool", "value": true },
                ],
                "logs": [],
                "processID": "p1",
                "warnings": null,
            }],
            "processes": { "p1": { "serviceName": "shop", "tags": [] } },
            "warnings": null,
        })
    );
}
