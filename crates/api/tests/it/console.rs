//! What the console shows: services, graph, requests, traces, configuration, and the stream of them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_api::surfaces::Config;
use trunkline_model::listener::Listener;
use trunkline_model::ops::RouteStats;
use trunkline_model::ports::Surface::Console;
use trunkline_model::reason::{Kind, Reason};
use trunkline_model::record::{Attempt, End, ExchangeRecord, RecordSink as _, Timings};
use trunkline_model::route::{Action, Match, OrderKey, PathPattern, Route, RouteTimeouts, Target};
use trunkline_model::service::{Balance, Protocol, Service, ServiceTimeouts, Source};
use trunkline_model::trace::{SpanId, TraceContext, TraceId};
use trunkline_model::{EndpointId, ListenerId, Model, Origin, RouteId, ServiceName};
use trunkline_query::red::Rollups;
use trunkline_rt::Clock;
use trunkline_testkit::RawClient;

use crate::fakes::{ENDPOINT, latency};
use crate::running::{Running, config, json, serve, serve_carrying, serve_model};

/// The route that the fake proxy has counters of.
const ROUTE: &str = "or\"ders\\1\n";

fn listener(id: &str, caller: Option<&str>) -> Listener {
    Listener {
        caller: caller.map(|caller| caller.parse().unwrap()),
        ..trunkline_testkit::model::listener(id, "127.0.0.1:8000".parse().unwrap())
    }
}

fn route(id: &str, listener: &str, service: &str, order: u64) -> Route {
    Route {
        id: RouteId::new(id),
        listeners: vec![ListenerId::new(listener)],
        matching: Match {
            hosts: Vec::new(),
            path: PathPattern::Prefix("/".into()),
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
        },
        order: OrderKey(0, order),
        action: Action::Forward(vec![Target { service: service.parse().unwrap(), weight: 1 }]),
        filters: Vec::new(),
        timeouts: RouteTimeouts::default(),
        policies: trunkline_model::service::policies::Policies::default(),
        tracing: trunkline_model::trace::tracing::RouteTracing::default(),
        priority: 0,
        origin: Origin::new("trunkline.yaml", 5, 3),
    }
}

fn service(name: &str, calls: &[&str]) -> Service {
    let second = Duration::from_secs(1);
    Service {
        name: name.parse().unwrap(),
        source: Source::Static(Vec::new()),
        calls: calls.iter().map(|call| call.parse().unwrap()).collect(),
        protocol: Protocol::Auto,
        tls: None,
        balance: Balance::RoundRobin,
        spread: trunkline_model::service::Spread::default(),
        proxy_protocol: None,
        health: None,
        outlier: None,
        policies: trunkline_model::service::policies::Policies::default(),
        call_policies: Vec::new(),
        timeouts: ServiceTimeouts {
            connect: second,
            request: second,
            attempt: None,
            idle: second,
            keep_alive: second,
        },
        origin: Origin::new("trunkline.yaml", 9, 3),
    }
}

/// For other tests: the same, with a fake's own ids.
pub(crate) fn model_with(route_id: &str) -> Model {
    let mut model = model();
    model.routes.push(route(route_id, "http", "orders", 9));
    model
}

/// Callers reach orders, which calls payments; stock where it would be seen, and mail where not.
fn model() -> Model {
    Model {
        listeners: vec![
            listener("http", None),
            listener("calls-orders", Some("orders")),
            listener("calls-stock", Some("orders")),
        ],
        routes: vec![
            route(ROUTE, "http", "orders", 1),
            route("web-1", "http", "web", 2),
            route("inner-1", "calls-orders", "payments", 3),
            route("inner-2", "calls-stock", "stock", 4),
            Route { origin: service("stock", &[]).origin, ..route("stock-1", "http", "stock", 5) },
        ],
        services: vec![
            service("orders", &["payments", "stock", "mail"]),
            service("payments", &[]),
            service("stock", &["payments"]),
        ],
        ..trunkline_testkit::model::empty()
    }
}

/// Counters of calls between two services.
fn inner() -> RouteStats {
    RouteStats {
        id: RouteId::new("inner-1"),
        origin: Origin::new("trunkline.yaml", 9, 3),
        requests: vec![(200, 9), (500, 1)],
        latency: latency(),
    }
}

/// Whose calls are told to whoever keeps rollups.
pub(crate) fn shop_carrying(rollups: Arc<dyn Rollups>) -> Running {
    serve_carrying(Arc::new(model()), vec![inner()], rollups)
}

fn shop() -> Running {
    let running = serve_model(&config(), Some(Arc::new(model())), vec![inner()]);
    running.wiring.console.learn(&model());
    running.traces.learn(&model());
    running
}

/// An exchange that came in at a listener and went to a service.
fn exchange(number: u8, listener: &str, parent: Option<u8>, to: &str) -> ExchangeRecord {
    let span = |number| SpanId::new([number; 8]).unwrap();
    ExchangeRecord {
        start_unix_nanos: Clock::system().wall_nanos() - 1_000_000_000 + u64::from(number),
        duration: Duration::from_millis(20),
        trace: TraceContext {
            trace: TraceId::new([0xab; 16]).unwrap(),
            span: span(number),
            parent: parent.map(span),
            sampled: true,
            random: true,
            threshold: None,
        },
        correlation: "c-1".into(),
        peer: "127.0.0.1:4000".parse().unwrap(),
        client: "127.0.0.1".parse().unwrap(),
        listener: ListenerId::new(listener),
        route: Some(RouteId::new("orders-1")),
        method: "GET".into(),
        scheme: "http",
        host: "shop.localhost".into(),
        target: "/api/orders?id=1".into(),
        protocol: "HTTP/1.1",
        user_agent: String::new(),
        referer: String::new(),
        bytes_received: 0,
        bytes_sent: 2,
        status: 200,
        reason: None,
        attempts: vec![Attempt {
            service: to.parse().unwrap(),
            endpoint: EndpointId::new(ENDPOINT),
            span: span(number + 100),
            offset: Duration::from_millis(1),
            duration: Duration::from_millis(15),
            connect: Duration::ZERO,
            outcome: Ok(200),
        }],
        timings: Timings::default(),
        end: End::Complete,
    }
}

/// What the binary does with a record.
fn take(running: &Running, record: &ExchangeRecord) {
    let taken = running.wiring.console.take(record);
    running.traces.take(record);
    if let Some(taken) = taken {
        running.wiring.console.tell(taken);
    }
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == value);
    found.unwrap_or_else(|| panic!("no {key}={value} in {list:#}"))
}

#[tokio::test]
async fn services_have_their_numbers_over_the_window() {
    let running = shop();
    let document = json(&running.get(Console, "/v1/services?window=15m").await);
    assert_eq!((&document["schema"], &document["window_seconds"]), (&json!(1), &json!(900)));
    assert_eq!(document["project"], "shop");
    let names: Vec<_> =
        document["services"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["orders", "payments", "stock", "web"]);
    let orders = find(&document["services"], "name", "orders");
    assert_eq!((&orders["state"], &orders["pid"]), (&json!("ready"), &json!(77)));
    assert_eq!((&orders["requests"], &orders["failed"]), (&json!(100), &json!(2)));
    assert_eq!((&orders["error_share"], &orders["in_flight"]), (&json!(0.02), &json!(2)));
    let covered = document["covered_seconds"].as_f64().unwrap();
    let rate = orders["rate_per_second"].as_f64().unwrap();
    assert!((rate * covered - 100.0).abs() < 0.01, "{rate} over {covered} s");
    assert_eq!(orders["latency_ms"]["p99"], 8.191);
    assert_eq!(orders["calls"], json!(["payments", "stock", "mail"]));
    assert_eq!(orders["origin"]["line"], 9);
    assert_eq!(orders["url"], "http://orders.shop.localhost:8000");
    assert_eq!(orders["endpoints"][0]["id"], ENDPOINT);
    let series = orders["series"].as_array().unwrap();
    assert_eq!(series.len(), 60);
    let sum: u64 = series.iter().map(|point| point["requests"].as_u64().unwrap()).sum();
    assert_eq!(sum, 100);
    assert!(series[0]["at_unix"].as_f64() < series[59]["at_unix"].as_f64());
    let payments = find(&document["services"], "name", "payments");
    assert_eq!(payments["called_by"], json!(["orders", "stock"]));
    assert_eq!(payments["latency_ms"]["p50"], Value::Null);
    assert_eq!(running.get(Console, "/v1/services?window=2m").await.status, 400);
}

#[tokio::test]
async fn the_graph_tells_seen_from_written_and_missing_calls() {
    let running = shop();
    let document = json(&running.get(Console, "/v1/graph").await);
    assert_eq!(document["window_seconds"], 300);
    let edge = |from: &str, to: &str| {
        let edges = document["edges"].as_array().unwrap();
        let found = edges.iter().find(|edge| edge["from"] == from && edge["to"] == to);
        found.unwrap_or_else(|| panic!("no {from} -> {to} in {document:#}")).clone()
    };
    let to_orders = edge("gateway", "orders");
    assert_eq!((&to_orders["status"], &to_orders["requests"]), (&json!("observed"), &json!(100)));
    assert_eq!(to_orders["origin"]["line"], 5);
    assert_eq!(edge("gateway", "web")["status"], "declared");
    let call = edge("orders", "payments");
    assert_eq!((&call["status"], &call["requests"]), (&json!("observed"), &json!(10)));
    assert_eq!((&call["error_share"], &call["declared"]), (&json!(0.1), &json!(true)));
    // orders has taken a hundred requests and never called it; stock has taken none.
    assert_eq!(edge("orders", "stock")["status"], "missing");
    assert_eq!(edge("stock", "payments")["status"], "declared");
    // Nobody would have seen a call to mail.
    assert_eq!(edge("orders", "mail")["status"], "declared");
    assert_eq!(document["edges"].as_array().unwrap().len(), 6);
    let gateway = find(&document["nodes"], "id", "gateway");
    assert_eq!((&gateway["kind"], &gateway["requests"]), (&json!("gateway"), &json!(100)));
    assert_eq!(find(&document["nodes"], "id", "orders")["state"], "ready");
}

#[tokio::test]
async fn calls_that_nobody_wrote_are_found_in_traces() {
    let running = shop();
    take(&running, &exchange(1, "http", None, "orders"));
    take(&running, &exchange(2, "http", Some(101), "web"));
    // A look at the newest traces is taken when somebody begins to watch.
    let mut watching = RawClient::connect(running.address(Console)).await;
    watching.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    watching.until(b"event: snapshot").await;
    let document = json(&running.get(Console, "/v1/graph").await);
    let edges = document["edges"].as_array().unwrap();
    let found = edges.iter().find(|edge| edge["from"] == "orders" && edge["to"] == "web");
    let found = found.unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!((&found["status"], &found["declared"]), (&json!("undeclared"), &json!(false)));
    assert_eq!((&found["requests"], &found["origin"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn requests_of_callers_are_listed_and_calls_between_services_are_not() {
    let running = shop();
    take(&running, &exchange(1, "http", None, "orders"));
    take(&running, &exchange(2, "calls-orders", Some(101), "payments"));
    let failed = ExchangeRecord {
        status: 502,
        target: "/api/carts".into(),
        duration: Duration::from_secs(2),
        reason: Some(Reason::new(Kind::Connect).about(&"web".parse::<ServiceName>().unwrap())),
        attempts: Vec::new(),
        trace: TraceContext {
            trace: TraceId::new([0xcd; 16]).unwrap(),
            sampled: false,
            ..exchange(3, "http", None, "web").trace
        },
        ..exchange(3, "http", None, "web")
    };
    take(&running, &failed);
    let paths = async |query: &str| -> Vec<String> {
        let document = json(&running.get(Console, &format!("/v1/requests{query}")).await);
        assert_eq!(document["schema"], 1);
        let requests = document["requests"].as_array().unwrap();
        requests.iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths("").await, ["/api/carts", "/api/orders"]);
    assert_eq!(paths("?limit=1").await, ["/api/carts"]);
    assert_eq!(paths("?status=ok").await, ["/api/orders"]);
    assert_eq!(paths("?status=failed").await, ["/api/carts"]);
    assert_eq!(paths("?min_duration=1s").await, ["/api/carts"]);
    assert_eq!(paths("?text=ORDERS%201").await, Vec::<String>::new());
    assert_eq!(paths("?text=Api/Ord").await, ["/api/orders"]);
    assert_eq!(paths("?service=payments").await, ["/api/orders"]);
    assert_eq!(running.get(Console, "/v1/requests?status=500").await.status, 400);

    let document = json(&running.get(Console, "/v1/requests").await);
    let ok = &document["requests"][1];
    assert_eq!((&ok["trace"], &ok["spans"]), (&json!("ab".repeat(16)), &json!(5)));
    assert_eq!(ok["services"], json!(["orders", "payments"]));
    assert_eq!((&ok["caller"], &ok["duration_ms"]), (&json!("127.0.0.1"), &json!(20.0)));
    let bad = &document["requests"][0];
    assert_eq!((&bad["reason"], &bad["service"]), (&json!("connect"), &json!("web")));
    assert_eq!(
        (&bad["failed"], &bad["spans"], &bad["status"]),
        (&json!(true), &json!(0), &json!(502))
    );
}

#[tokio::test]
async fn a_trace_is_a_tree_with_its_critical_path() {
    let running = shop();
    take(&running, &exchange(1, "http", None, "orders"));
    take(&running, &exchange(2, "calls-orders", Some(101), "payments"));
    let document = json(&running.get(Console, &format!("/v1/traces/{}", "ab".repeat(16))).await);
    assert_eq!((&document["schema"], &document["failed"]), (&json!(1), &json!(0)));
    let spans = document["spans"].as_array().unwrap();
    let depths: Vec<_> = spans.iter().map(|span| span["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [0, 1, 2, 3, 4]);
    assert!(spans.iter().all(|span| span["critical"] == true), "{document:#}");
    assert_eq!((&spans[0]["offset_ms"], &spans[0]["self_ms"]), (&json!(0.0), &json!(5.0)));
    assert!(document["duration_ms"].as_f64().unwrap() >= 20.0);
}

#[tokio::test]
async fn the_configuration_tells_texts_places_and_defaults() {
    let running = shop();
    let document = json(&running.get(Console, "/v1/configuration").await);
    assert_eq!((&document["schema"], &document["generation"]), (&json!(1), &json!(3)));
    assert_eq!(document["loaded_at"], "1970-01-01T00:00:01Z");
    assert_eq!(document["files"], json!([{ "name": "trunkline.yaml", "text": "version: 1" }]));
    let orders = find(&document["services"], "name", "orders");
    assert_eq!(orders["origin"]["line"], 9);
    assert_eq!(
        orders["settings"],
        json!([
            { "key": "timeout.request", "value": "3s", "default": false,
              "origin": { "file": "trunkline.yaml", "line": 7, "column": 5 } },
            { "key": "balance", "value": "round_robin", "default": true, "origin": null },
        ])
    );
    assert_eq!(find(&document["listeners"], "id", "calls-orders")["caller"], "orders");
    assert_eq!(document["routes"][1]["id"], "inner-2");
    assert_eq!(document["routes"][1]["caller"], "orders");
    let before = serve(&config());
    assert_eq!(before.get(Console, "/v1/configuration").await.status, 503);
}

/// The data of the next event of this name.
async fn event(client: &mut RawClient, name: &str) -> Value {
    client.until(format!("event: {name}\ndata: ").as_bytes()).await;
    let data = client.until(b"\n").await;
    serde_json::from_slice(&data).unwrap()
}

async fn watching(running: &Running) -> RawClient {
    let mut client = RawClient::connect(running.address(Console)).await;
    client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = client.until(b"\r\n\r\n").await;
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    client.until(b"retry: 1000\n\n").await;
    client
}

#[tokio::test]
async fn events_are_snapshots_and_requests() {
    let running = shop();
    let mut client = watching(&running).await;
    let snapshot = event(&mut client, "snapshot").await;
    assert_eq!(find(&snapshot["services"], "name", "orders")["requests"], 100);
    assert_eq!(find(&snapshot["services"], "name", "orders").get("series"), None);
    assert_eq!(snapshot["graph"]["schema"], 1);
    assert_eq!(
        (&snapshot["totals"]["in_flight"], &snapshot["totals"]["open_connections"]),
        (&json!(2), &json!(1))
    );
    take(&running, &exchange(1, "http", None, "orders"));
    let request = event(&mut client, "request").await;
    assert_eq!((&request["path"], &request["skipped"]), (&json!("/api/orders"), &json!(0)));
    assert_eq!(request["spans"], 3);
    event(&mut client, "snapshot").await;
}

#[tokio::test]
async fn streams_end_when_the_surface_stops_and_are_not_without_number() {
    let running = shop();
    let mut clients = Vec::new();
    for _ in 0..32 {
        clients.push(watching(&running).await);
    }
    let refused = running.get(Console, "/v1/events").await;
    assert_eq!((refused.status, json(&refused)["code"].clone()), (503, json!("too_many_readers")));
    running.scope.stop();
    for client in &mut clients {
        client.until(b"0\r\n\r\n").await;
    }
    let joined = tokio::time::timeout(Duration::from_secs(20), running.scope.join()).await;
    assert_eq!(joined, Ok(Ok(())));
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_let_go() {
    let patience = Duration::from_secs(1);
    // Snapshots that soon fill every buffer between the two sides.
    let services = (0..3_000).map(|number| service(&format!("service-{number}"), &[]));
    let many = Model { services: services.collect(), ..model() };
    let config = Config { idle: patience, ..config() };
    let running = serve_model(&config, Some(Arc::new(many)), Vec::new());
    let mut stalled = RawClient::connect(running.address(Console)).await;
    stalled.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    stalled.until(b"event: snapshot").await;
    let connections = || {
        let tasks = running.scope.tasks();
        tasks.iter().filter(|task| task.path.ends_with("/connection")).count()
    };
    assert_eq!(connections(), 1);
    let gone = async {
        while connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert_eq!(gone, Ok(()), "the connection is still held");
}

#[tokio::test]
async fn a_burst_of_requests_is_told_in_part_and_the_rest_is_counted() {
    let running = shop();
    let mut client = watching(&running).await;
    event(&mut client, "snapshot").await;
    for _ in 0..400 {
        take(&running, &exchange(1, "http", None, "orders"));
    }
    let mut told: u64 = 0;
    let mut skipped = 0;
    // What was skipped is told with the next request: one more with each snapshot.
    while told + skipped < 400 {
        let piece = String::from_utf8(client.until(b"\n\n").await).unwrap();
        let Some((_, data)) = piece.split_once("event: request\ndata: ") else {
            take(&running, &exchange(1, "http", None, "orders"));
            continue;
        };
        let request: Value = serde_json::from_str(data).unwrap();
        told += 1;
        skipped += request["skipped"].as_u64().unwrap();
    }
    assert!(skipped >= 200 && told >= 50, "{told} told, {skipped} skipped");
}
