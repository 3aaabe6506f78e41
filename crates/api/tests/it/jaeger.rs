//! Jaeger's API, as its clients call it, and our own view of the same traces.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_api::jaeger::compatibility::{Support, TABLE, reference};
use trunkline_api::traces::{self, Buffer};
use trunkline_model::ListenerId;
use trunkline_model::ports::Surface::{Console, JaegerQuery};
use trunkline_model::record::{Attempt, End, ExchangeRecord, RecordSink as _, Timings};
use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_model::{EndpointId, RouteId};
use trunkline_rt::Clock;

use crate::fakes::ENDPOINT;
use crate::red::rollups;
use crate::running::{Running, json, serve_stored};

const TRACE: &str = "abababababababababababababababab";

fn with_a_trace() -> Running {
    let buffer = Arc::new(Buffer::new(traces::Config::default(), "shop"));
    let rollups = rollups(Clock::system().wall_nanos());
    let mut running = serve_stored(Arc::clone(&buffer) as _, Some(rollups));
    running.traces = buffer;
    running.traces.take(&ExchangeRecord {
        start_unix_nanos: Clock::system().wall_nanos() - 1_000_000_000,
        duration: Duration::from_millis(20),
        trace: TraceContext {
            trace: TraceId::new([0xab; 16]).unwrap(),
            span: SpanId::new([1; 8]).unwrap(),
            parent: None,
            sampled: true,
            random: true,
            threshold: None,
        },
        correlation: "c-1".into(),
        peer: "127.0.0.1:4000".parse().unwrap(),
        client: "127.0.0.1".parse().unwrap(),
        listener: ListenerId::new("http"),
        route: Some(RouteId::new("orders-1")),
        method: "GET".into(),
        scheme: "http",
        host: "shop.localhost".into(),
        target: "/api/orders".into(),
        protocol: "HTTP/1.1",
        user_agent: String::new(),
        referer: String::new(),
        bytes_received: 0,
        bytes_sent: 2,
        status: 200,
        reason: None,
        attempts: vec![Attempt {
            service: "orders".parse().unwrap(),
            endpoint: EndpointId::new(ENDPOINT),
            span: SpanId::new([2; 8]).unwrap(),
            offset: Duration::ZERO,
            duration: Duration::from_millis(4),
            connect: Duration::ZERO,
            outcome: Ok(200),
        }],
        timings: Timings::default(),
        end: End::Complete,
    });
    running
}

#[tokio::test]
async fn services_and_operations_are_listed_in_the_envelope() {
    let running = with_a_trace();
    let get = async |target: &str| json(&running.get(JaegerQuery, target).await);
    let list = |data: serde_json::Value, total: u32| json!({ "data": data, "total": total, "limit": 0, "offset": 0, "errors": null });
    for prefix in ["", "/jaeger"] {
        assert_eq!(
            get(&format!("{prefix}/api/services")).await,
            list(json!(["orders", "shop"]), 2)
        );
        assert_eq!(
            get(&format!("{prefix}/api/services/shop/operations")).await,
            list(json!(["GET orders", "GET orders-1"]), 2)
        );
        assert_eq!(
            get(&format!("{prefix}/api/operations?service=shop&spanKind=client")).await,
            list(json!([{ "name": "GET orders", "spanKind": "client" }]), 1)
        );
    }
}

#[tokio::test]
async fn traces_are_found_by_search_and_by_id() {
    let running = with_a_trace();
    let get = async |target: &str| json(&running.get(JaegerQuery, target).await);
    for target in [
        "/api/traces?service=shop",
        "/api/traces?service=shop&operation=GET%20orders&tag=peer.service:orders&minDuration=1ms&lookback=1h",
        "/api/traces?service=shop&tags=%7B%22http.response.status_code%22%3A%22200%22%7D",
        &format!("/api/traces?traceID={TRACE}"),
        &format!("/api/traces/{TRACE}"),
        &format!("/jaeger/api/traces/{}?raw=true", TRACE.to_uppercase()),
    ] {
        let found = get(target).await;
        assert_eq!(found["data"][0]["traceID"], TRACE, "{target}");
        assert_eq!(found["data"][0]["spans"].as_array().unwrap().len(), 3, "{target}");
        assert_eq!(found["errors"], json!(null), "{target}");
    }
    assert_eq!(get("/api/traces?service=other").await["data"], json!([]));
    assert_eq!(get("/api/traces?service=shop&start=0&end=1000").await["data"], json!([]));
    let some = get(&format!("/api/traces?traceID={TRACE}&traceID=1")).await;
    assert_eq!(some["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        some["errors"],
        json!([{ "msg": "trace not found", "traceID": "0000000000000001" }])
    );
}

#[tokio::test]
async fn errors_come_in_the_envelope() {
    let running = with_a_trace();
    let check = async |target: &str, status: u16, message: &str| {
        let response = running.get(JaegerQuery, target).await;
        assert_eq!(response.status, status, "{target}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(
            json(&response),
            json!({
                "data": null, "total": 0, "limit": 0, "offset": 0,
                "errors": [{ "code": status, "msg": message }],
            })
        );
    };
    check("/api/traces/1", 404, "trace not found").await;
    check("/api/quality-metrics", 501, "there are no quality metrics here").await;
    check(
        "/api/metrics/calls",
        400,
        "unable to parse param 'service': please provide at least one service name",
    )
    .await;
    check("/api/operations", 400, "parameter 'service' is required").await;
    let posted = running.send(JaegerQuery, "POST /api/services", "{}").await;
    assert_eq!(posted.status, 405);
    assert_eq!(json(&posted)["errors"][0]["msg"], "/api/services does not take POST");
    let patterns = |count: usize| format!("/api/traces?{}", "tag=k:a.*&".repeat(count));
    check(&patterns(65), 400, "a search has at most 64 tags").await;
    check(&patterns(17), 400, "a question has at most 16 patterns").await;
    assert_eq!(running.get(JaegerQuery, &patterns(16)).await.status, 200);
    check("/api/none", 404, "there is no path /api/none").await;
    check("/jaeger/api/none", 404, "there is no path /jaeger/api/none").await;
}

/// What is told of a part of the API is what the surface does.
#[tokio::test]
async fn every_row_of_the_compatibility_table_is_true() {
    let running = with_a_trace();
    let tests = [
        include_str!("jaeger.rs"),
        include_str!("storage.rs"),
        include_str!("grpc.rs"),
        include_str!("red.rs"),
        include_str!("../../src/jaeger/tests.rs"),
        include_str!("../../src/jaeger/deep.rs"),
        include_str!("../../src/jaeger/v3/filter/tests.rs"),
    ];
    for row in TABLE {
        let target = row.probe.replace("{trace}", TRACE);
        let response = match target.strip_prefix("POST ") {
            Some(path) => {
                let body = r#"{"resourceSpans":[]}"#;
                running.send(JaegerQuery, &format!("POST {path}"), body).await
            }
            None => running.get(JaegerQuery, &target).await,
        };
        assert_eq!(response.status, row.support.status(), "{target}: {}", response.text());
        let document = json(&response);
        let failed = !document["errors"].is_null() || !document["error"].is_null();
        assert_eq!(failed, response.status != 200, "{target}");
        if row.support == Support::Ignored {
            let (plain, _) = target.rsplit_once(['?', '&']).unwrap();
            let without = running.get(JaegerQuery, plain).await;
            assert_eq!(json(&response), json(&without), "{target}");
        }
        let body = format!("fn {}()", row.test);
        assert!(row.test.is_empty() || tests.iter().any(|text| text.contains(&body)), "{body}");
    }
}

#[test]
fn the_compatibility_page_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/jaeger.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, reference(), "run UPDATE=1 cargo test -p trunkline-api");
}

#[tokio::test]
async fn pretty_print_indents() {
    let running = with_a_trace();
    let pretty = running.get(JaegerQuery, "/api/services?prettyPrint=true").await;
    assert!(pretty.text().contains("\n  \"data\""), "{}", pretty.text());
    let plain = running.get(JaegerQuery, "/api/services?prettyPrint=false").await;
    assert_eq!(json(&plain), json(&pretty));
}

#[tokio::test]
async fn a_file_of_otlp_is_shown_as_a_trace() {
    let running = with_a_trace();
    let trace = running.get(Console, &format!("/v1/traces/{TRACE}?format=otlp&raw=true")).await;
    let shown = running.send(JaegerQuery, "POST /api/transform", trace.text()).await;
    let raw = running.get(JaegerQuery, &format!("/api/traces/{TRACE}?raw=true")).await;
    assert_eq!(json(&shown), json(&raw));
    let refused = running.send(JaegerQuery, "POST /api/transform", "[]").await;
    assert_eq!(refused.status, 400);
    let huge = format!(r#"{{"resourceSpans":[],"x":"{}"}}"#, "x".repeat(3 << 20));
    assert_eq!(running.send(JaegerQuery, "POST /api/transform", &huge).await.status, 200);
}

#[tokio::test]
async fn our_own_api_tells_the_same_traces() {
    let running = with_a_trace();
    let list =
        json(&running.get(Console, "/v1/traces?since=1h&attribute=peer.service=orders").await);
    let summary = &list["traces"][0];
    assert_eq!((&summary["id"], &summary["name"]), (&json!(TRACE), &json!("GET orders-1")));
    assert_eq!((&summary["status"], &summary["spans"]), (&json!(200), &json!(3)));
    assert_eq!(summary["duration_ms"], json!(20.0));
    let trace = json(&running.get(Console, &format!("/v1/traces/{TRACE}")).await);
    assert_eq!(trace["spans"][1]["parent"], "0101010101010101");
    assert_eq!(trace["spans"][1]["attributes"]["trunkline.endpoint"], ENDPOINT);
    assert_eq!(running.get(Console, "/v1/traces/1").await.status, 400);
    assert_eq!(running.get(Console, &format!("/v1/traces/{}", "1".repeat(32))).await.status, 404);
    assert_eq!(running.get(Console, "/v1/traces?sort=up").await.status, 400);
}
