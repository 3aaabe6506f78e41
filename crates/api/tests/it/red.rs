//! Jaeger's Monitor and graph of dependencies, and our own, from rollups of real spans.

use std::sync::Arc;

use serde_json::json;
use trunkline_model::ports::Surface::{Console, JaegerQuery};
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Kind, Resource, Span, Status, StatusCode, Value, write};
use trunkline_query::red::Rollups;
use trunkline_rt::Clock;
use trunkline_store::rollup::kept::Kept;
use trunkline_store::rollup::{self, Config, Mark, PROXY_SCOPE, Seen};
use trunkline_testkit::spans::Memory;

use crate::running::{Running, config, json, serve, serve_stored};

const SECOND: u64 = 1_000_000_000;

fn span(service: &str, id: u64, parent: u64, kind: Kind, end: u64) -> Span {
    let name = Value::Text(service.into());
    let attributes = vec![("service.name".into(), name)];
    Span {
        trace: TraceId::new([3; 16]).unwrap(),
        id: SpanId::new(id.to_be_bytes()).unwrap(),
        parent: SpanId::new(parent.to_be_bytes()),
        trace_state: "".into(),
        flags: 0,
        name: "GET /".into(),
        kind,
        start_unix_nanos: end - 10_000_000,
        end_unix_nanos: end,
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        scope: Arc::default(),
    }
}

/// For the minute before `end`, every ten seconds: `shop` is called 20 times for 10 ms, fails once,
/// calls `orders` twice and a database; the proxy carries 5 calls of `gateway` to `legacy`.
pub(crate) fn rollups(end: u64) -> Arc<dyn Rollups> {
    let keep = Arc::new(Kept::in_memory().unwrap());
    let rollups = rollup::Rollups::open(Config::default(), keep, Mark::default(), end).unwrap();
    for step in (1..=6_u64).rev() {
        let at = end - step * 10 * SECOND + 5 * SECOND;
        let mut spans: Vec<Span> =
            (1..=20).map(|id| span("shop", step * 1_000 + id, 0, Kind::Server, at)).collect();
        spans[0].status.code = StatusCode::Error;
        for call in 1..=2 {
            let id = step * 1_000 + 100 + call;
            spans.push(span("shop", id, step * 1_000 + call, Kind::Client, at));
            spans.push(span("orders", id + 100, id, Kind::Server, at));
            let mut seen = span("legacy", id + 300, 9, Kind::Server, at);
            seen.scope = Arc::new(trunkline_otlp::Scope {
                name: PROXY_SCOPE.into(),
                ..trunkline_otlp::Scope::default()
            });
            spans.push(seen);
        }
        let mut query = span("shop", step * 1_000 + 500, step * 1_000 + 1, Kind::Client, at);
        query.attributes.push(("db.system".into(), Value::Text("postgresql".into())));
        spans.push(query);
        rollups.take(Mark { file: 1, offset: 7 - step }, &write::request(&spans), at);
        let seen = Seen {
            caller: "gateway",
            callee: "legacy",
            calls: 5,
            failed: 1,
            latency: &[(1_023, 5)],
            sum_micros: 5_000,
        };
        rollups.seen(&[seen], at);
    }
    // Whoever waits for the database has waited long enough.
    rollups.maintain(end + 20 * SECOND).unwrap();
    Arc::new(rollups)
}

/// The end of a minute that is over.
fn end() -> u64 {
    Clock::system().wall_nanos() / (60 * SECOND) * 60 * SECOND - 60 * SECOND
}

fn running(end: u64) -> Running {
    serve_stored(Arc::new(Memory::default()), Some(rollups(end)))
}

#[tokio::test]
async fn the_monitor_is_answered_from_rollups() {
    let end = end();
    let (running, millis) = (running(end), end / 1_000_000);
    let get = async |measure: &str, query: &str| {
        let target = format!(
            "/api/metrics/{measure}service=shop&endTs={millis}&lookback=60000&step=60000&ratePer=60000{query}"
        );
        running.get(JaegerQuery, &target).await.text().to_owned()
    };
    let time =
        time::OffsetDateTime::from_unix_timestamp(i64::try_from(end / SECOND).unwrap()).unwrap();
    let time = time.format(&time::format_description::well_known::Rfc3339).unwrap();
    let family = |name: &str, help: &str, operation: &str, value: &str| {
        format!(
            r#"{{"name":"{name}","type":"GAUGE","help":"{help}","metrics":[{{"labels":[{operation}{{"name":"service_name","value":"shop"}}],"metricPoints":[{{"gaugeValue":{{"doubleValue":{value}}},"timestamp":"{time}"}}]}}]}}"#
        )
    };
    let root = r#"{"name":"operation","value":"GET /"},"#;
    assert_eq!(
        get("calls?", "").await,
        family("service_call_rate", "calls/sec, grouped by service", "", "2")
    );
    assert_eq!(
        get("errors?", "&groupByOperation=true").await,
        family(
            "service_operation_error_rate",
            "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service & operation",
            root,
            "0.05"
        )
    );
    let latencies = get("latencies?quantile=0.95&", "&groupByOperation=true").await;
    let value = latencies.split("doubleValue\":").nth(1).unwrap().split('}').next().unwrap();
    assert!((9.2..=10.3).contains(&value.parse::<f64>().unwrap()), "{latencies}");
    assert_eq!(
        latencies,
        family(
            "service_operation_latencies",
            "0.95th quantile latency, grouped by service & operation",
            root,
            value
        )
    );
    let clients = get("calls?", "&spanKind=client").await;
    assert_eq!(clients, family("service_call_rate", "calls/sec, grouped by service", "", "0.3"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let running = running(end());
    let get = async |target: &str| json(&running.get(JaegerQuery, target).await);
    assert_eq!(get("/api/metrics/errors?service=none").await["metrics"], json!([]));
    assert_eq!(
        get("/api/metrics/minstep").await,
        json!({ "data": 10_000, "total": 0, "limit": 0, "offset": 0, "errors": null })
    );
    let status = async |target: &str| running.get(JaegerQuery, target).await.status;
    for wrong in [
        "latencies?service=shop",
        "latencies?service=shop&quantile=half",
        "calls",
        "calls?service=shop&spanKind=x",
        "calls?service=shop&endTs=now",
        "calls?service=shop&lookback=99999999999&step=1",
    ] {
        assert_eq!(status(&format!("/api/metrics/{wrong}")).await, 400, "{wrong}");
    }
    assert_eq!(status("/api/metrics/latencies?service=shop&quantile=2").await, 200);
    assert_eq!(status("/api/metrics/speed?service=shop").await, 404);
    let without = serve(&config());
    assert_eq!(without.get(JaegerQuery, "/api/metrics/calls?service=shop").await.status, 501);
}

#[tokio::test]
async fn an_answer_that_would_be_too_long_is_told_in_part_and_says_so() {
    let end = end();
    let keep = Arc::new(Kept::in_memory().unwrap());
    let rollups = rollup::Rollups::open(Config::default(), keep, Mark::default(), end).unwrap();
    let named = |id: u64| {
        let mut span = span("shop", id, 0, Kind::Server, end - 25 * SECOND);
        span.name = format!("GET /{id}").into();
        span
    };
    let spans: Vec<Span> = (1..=60).map(named).collect();
    rollups.take(Mark { file: 1, offset: 1 }, &write::request(&spans), end - 25 * SECOND);
    rollups.maintain(end + 20 * SECOND).unwrap();
    let running = serve_stored(Arc::new(Memory::default()), Some(Arc::new(rollups)));
    // A point for every 6 ms of the last minute: fifty series of one measure, ten of five.
    let target = format!(
        "/api/metrics/calls?service=shop&groupByOperation=true&endTs={}&lookback=60000&step=6",
        end / 1_000_000
    );
    let told = running.get(JaegerQuery, &target).await;
    assert_eq!(told.header("x-trunkline-partial"), Some("true"));
    assert_eq!(json(&told)["metrics"].as_array().unwrap().len(), 49);
    let until =
        time::OffsetDateTime::from_unix_timestamp(i64::try_from(end / SECOND).unwrap()).unwrap();
    let until = until.format(&time::format_description::well_known::Rfc3339).unwrap();
    let since = "2h45m";
    let target =
        format!("/v1/red?service=shop&operations=true&step=1s&since={since}&until={until}");
    let red = json(&running.get(Console, &target).await);
    assert_eq!(red["truncated"], json!(true));
    assert_eq!(red["series"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn an_uninstrumented_service_is_monitored_by_what_the_proxy_records() {
    let end = end();
    let running = running(end);
    let target = format!(
        "/api/metrics/calls?service=legacy&endTs={}&lookback=0&ratePer=60000",
        end / 1_000_000
    );
    let told = json(&running.get(JaegerQuery, &target).await);
    assert_eq!(told["metrics"][0]["metricPoints"][0]["gaugeValue"]["doubleValue"], 0.2);
}

#[tokio::test]
async fn dependencies_are_those_of_services() {
    let running = running(end());
    let told = json(&running.get(JaegerQuery, "/api/dependencies?lookback=3600000").await);
    let expect = json!([
        { "parent": "gateway", "child": "legacy", "callCount": 30 },
        { "parent": "shop", "child": "orders", "callCount": 12 },
        { "parent": "shop", "child": "shop", "callCount": 18 },
    ]);
    assert_eq!((&told["data"], &told["errors"]), (&expect, &json!(null)));
    let orders = json(&running.get(JaegerQuery, "/api/dependencies?service=orders").await);
    assert_eq!(orders["data"].as_array().unwrap().len(), 1);
    // What is asked when nothing is said goes as far back as counts are kept.
    let all = json(&running.get(JaegerQuery, "/api/dependencies").await);
    assert_eq!((&all["data"], &all["errors"]), (&expect, &json!(null)));
    let old = json(&running.get(JaegerQuery, "/api/dependencies?lookback=172800000").await);
    assert_eq!(old["data"], expect);
    assert_ne!(old["errors"], json!(null), "of yesterday nobody knows all");
}

/// Counts are kept for a day; spans here for three.
#[tokio::test]
async fn what_is_older_than_the_counts_is_counted_from_spans() {
    let (end, hour) = (end(), 3_600 * SECOND);
    let now = Clock::system().wall_nanos();
    let mut spans = Vec::new();
    for (number, hours) in [(1, 60), (2, 30), (3, 30)] {
        let at = now - hours * hour;
        let of_trace = [
            span("shop", number * 10, 0, Kind::Server, at),
            span("orders", number * 10 + 1, number * 10, Kind::Server, at),
        ];
        spans.extend(of_trace.map(|mut span| {
            span.trace = TraceId::new([u8::try_from(number).unwrap(); 16]).unwrap();
            span
        }));
    }
    let running = serve_stored(Arc::new(Memory::new(spans)), Some(rollups(end)));
    let get = async |hours: u64| {
        let target = format!("/api/dependencies?service=orders&lookback={}", hours * 3_600_000);
        let told = json(&running.get(JaegerQuery, &target).await);
        (told["data"][0]["callCount"].as_u64(), told["errors"].is_null())
    };
    assert_eq!(get(24).await, (Some(12), true));
    assert_eq!(
        get(48).await,
        (Some(14), true),
        "of the two days before the third one all is known"
    );
    assert_eq!(get(72).await, (Some(15), false), "who knows what was there before the oldest span");
}

#[tokio::test]
async fn our_own_graph_has_databases_and_whoever_calls_from_outside() {
    let running = running(end());
    let told = json(&running.get(Console, "/v1/dependencies?since=10m").await);
    let edges: Vec<_> = told["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            format!(
                "{} {} {} {} {} {}",
                edge["caller"],
                edge["callee"],
                edge["kind"],
                edge["calls"],
                edge["failed"],
                edge["source"]
            )
            .replace('"', "")
        })
        .collect();
    assert_eq!(
        edges,
        [
            "user shop entry 120 6 spans",
            "gateway legacy call 30 6 proxy",
            "shop orders call 12 0 spans",
            "shop postgresql database 6 0 spans"
        ]
    );
    let orders = &told["edges"][2];
    assert!((9.0..11.0).contains(&orders["p50_ms"].as_f64().unwrap()), "{orders}");
    assert_eq!(told["exact"], true);
}

/// Nobody records a span here: the counters of routes alone tell of calls.
#[tokio::test]
async fn what_the_proxy_carries_is_in_the_graph() {
    let keep = Arc::new(Kept::in_memory().unwrap());
    let now = Clock::system().wall_nanos();
    let rollups: Arc<dyn Rollups> =
        Arc::new(rollup::Rollups::open(Config::default(), keep, Mark::default(), now).unwrap());
    let running = crate::console::shop_carrying(rollups);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let told = json(&running.get(JaegerQuery, "/api/dependencies").await);
        if told["data"] != json!([]) {
            let expect = json!([
                { "parent": "orders", "child": "payments", "callCount": 10 },
                { "parent": "shop", "child": "orders", "callCount": 100 },
            ]);
            assert_eq!(told["data"], expect, "the gateway is called as the project is");
            return;
        }
        assert!(std::time::Instant::now() < deadline, "nothing was told");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn our_own_api_tells_the_same_rates() {
    let end = end();
    let running = running(end);
    let until =
        time::OffsetDateTime::from_unix_timestamp(i64::try_from(end / SECOND).unwrap()).unwrap();
    let until = until.format(&time::format_description::well_known::Rfc3339).unwrap();
    let target = format!("/v1/red?service=shop&operations=true&step=60s&until={until}");
    let red = json(&running.get(Console, &target).await);
    let series = &red["series"][0];
    assert_eq!((&red["step_ms"], &series["operation"]), (&json!(60_000), &json!("GET /")));
    let last = |name: &str| series[name].as_array().unwrap().last().unwrap()[1].as_f64().unwrap();
    assert!((last("calls") - 2.0).abs() < 1e-9, "{red}");
    assert!((last("errors") - 0.05).abs() < 1e-9, "{red}");
    assert!((5.0..=20.0).contains(&last("p99_ms")), "{red}");
    assert_eq!(red["truncated"], json!(false));
    assert_eq!(running.get(Console, "/v1/red").await.status, 400);
    let without = serve(&config());
    let refused = without.get(Console, "/v1/red?service=shop").await;
    assert_eq!((refused.status, &json(&refused)["code"]), (404, &json!("not_here")));
}
