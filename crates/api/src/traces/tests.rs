//! Laws of the buffer, on records made here.

use std::time::Duration;

use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::record::{Attempt, End, Timings};
use trunkline_model::trace::{SpanId, TraceContext};
use trunkline_model::{EndpointId, ListenerId};

use trunkline_testkit::model;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn trace_id(number: u8) -> TraceId {
    TraceId::new([number; 16]).unwrap()
}

fn span_id(number: u8) -> SpanId {
    SpanId::new([number; 8]).unwrap()
}

pub(crate) fn record(number: u8) -> ExchangeRecord {
    ExchangeRecord {
        start_unix_nanos: u64::from(number) * SECOND,
        duration: Duration::from_millis(20),
        trace: TraceContext {
            trace: trace_id(number),
            span: span_id(number),
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
        scheme: "https",
        host: "shop.localhost:8443".into(),
        target: "/api/orders?id=1".into(),
        protocol: "HTTP/2",
        user_agent: "curl/8".into(),
        referer: String::new(),
        bytes_received: 0,
        bytes_sent: 12,
        status: 200,
        reason: None,
        attempts: vec![
            attempt(100 + number, Err(Kind::Connect), 0),
            attempt(150 + number, Ok(200), 5),
        ],
        timings: Timings::default(),
        end: End::Complete,
    }
}

fn attempt(span: u8, outcome: Result<u16, Kind>, offset_ms: u64) -> Attempt {
    Attempt {
        service: "orders".parse().unwrap(),
        endpoint: EndpointId::new("orders@127.0.0.1:5000"),
        span: span_id(span),
        offset: Duration::from_millis(offset_ms),
        duration: Duration::from_millis(4),
        connect: Duration::from_millis(1),
        outcome,
    }
}

fn buffer(config: Config) -> Buffer {
    Buffer::new(config, "shop")
}

fn text(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|(name, _)| **name == *key);
    match &found.unwrap_or_else(|| panic!("{key} of {span:?}")).1 {
        Attribute::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}

fn everything() -> TraceQuery {
    TraceQuery { limit: 100, ..TraceQuery::default() }
}

#[test]
fn an_exchange_is_a_server_span_with_a_client_span_for_each_attempt_and_its_callee() {
    let buffer = buffer(Config::default());
    buffer.take(&record(1));
    let trace = buffer.trace(trace_id(1)).unwrap();
    let [server, refused, answered, callee] = trace.spans.as_slice() else { panic!("{trace:?}") };

    assert_eq!((&*server.name, server.kind), ("GET orders-1", SpanKind::Server));
    assert_eq!(text(server, "url.path"), "/api/orders");
    assert_eq!(text(server, "url.query"), "id=1");
    assert_eq!(text(server, "server.address"), "shop.localhost");
    assert_eq!(text(server, "network.protocol.version"), "2");
    assert_eq!(text(server, "trunkline.correlation_id"), "c-1");
    assert!(!server.failed);

    assert_eq!((refused.parent, refused.failed), (Some(server.id), true));
    assert_eq!(text(refused, "error.type"), "connect");
    assert_eq!(text(answered, "peer.service"), "orders");
    assert_eq!(text(answered, "http.request.resend_count"), "Int(1)");
    assert_eq!(text(answered, "server.port"), "Int(5000)");
    assert_eq!(answered.start_unix_nanos, SECOND + 5_000_000);

    assert_eq!((&*callee.service, callee.kind), ("orders", SpanKind::Server));
    assert_eq!((&*callee.name, callee.parent), ("GET /api/orders", Some(answered.id)));
    assert_eq!(callee.id, span_id(151), "what the callee was given as its parent");
    assert_eq!(callee.start_unix_nanos, SECOND + 6_000_000, "once there was a connection");
}

fn call(caller: &str, attempts: Vec<Attempt>) -> Vec<Span> {
    let mut listener = model::listener("web->orders", "127.0.0.1:21000".parse().unwrap());
    listener.caller = Some(caller.parse().unwrap());
    let buffer = buffer(Config::default());
    buffer.learn(&Model { listeners: vec![listener], ..model::empty() });
    let listener = ListenerId::new("web->orders");
    buffer.take(&ExchangeRecord { listener, attempts, ..record(1) });
    buffer.trace(trace_id(1)).unwrap().spans
}

#[test]
fn a_call_between_services_is_the_callers_span_with_the_callees_below() {
    let spans = call("web", vec![attempt(151, Ok(200), 0)]);
    let [client, server] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(
        (&*client.service, &*client.name, client.kind),
        ("web", "GET orders", SpanKind::Client)
    );
    assert_eq!(text(client, "peer.service"), "orders");
    assert_eq!(
        (&*server.service, server.parent, server.id),
        ("orders", Some(client.id), span_id(151))
    );
}

#[test]
fn a_call_that_needed_two_attempts_shows_both() {
    let spans = call("web", vec![attempt(101, Err(Kind::Connect), 0), attempt(151, Ok(200), 5)]);
    let told = spans.iter().map(|span| format!("{} {}", span.service, span.kind.as_str()));
    let told: Vec<String> = told.collect();
    assert_eq!(told, ["web client", "web client", "web client", "orders server"]);
    assert_eq!(spans[3].parent, Some(spans[2].id));
}

#[test]
fn a_reason_becomes_attributes_with_its_facts() {
    let buffer = buffer(Config::default());
    let reason = Reason::new(Kind::Connect)
        .about(&"orders".parse().unwrap())
        .fact("attempts", Fact::Number(2));
    buffer.take(&ExchangeRecord { status: 502, reason: Some(reason), ..record(1) });
    let trace = buffer.trace(trace_id(1)).unwrap();
    let server = &trace.spans[0];
    assert!(server.failed);
    assert_eq!(text(server, "error.type"), "connect");
    assert_eq!(text(server, "trunkline.reason"), "connect");
    assert_eq!(text(server, "trunkline.reason.service"), "orders");
    assert_eq!(text(server, "trunkline.reason.attempts"), "Int(2)");
}

#[test]
fn a_made_up_method_does_not_make_up_an_operation() {
    let buffer = buffer(Config::default());
    buffer.take(&ExchangeRecord { method: "BREW".into(), route: None, ..record(1) });
    let names: Vec<_> = buffer.operations("shop").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["HTTP".into(), "HTTP orders".into()]);
}

#[test]
fn what_is_not_sampled_is_not_kept() {
    let buffer = buffer(Config::default());
    let mut record = record(1);
    record.trace.sampled = false;
    buffer.take(&record);
    assert_eq!(buffer.occupancy(), Occupancy::default());
}

#[test]
fn the_oldest_traces_make_room_as_a_whole_and_their_names_go_with_them() {
    let buffer = buffer(Config { spans_max: 8, ..Config::default() });
    buffer.take(&ExchangeRecord { route: Some(RouteId::new("old-1")), ..record(1) });
    buffer.take(&record(2));
    buffer.take(&record(3));
    let occupancy = buffer.occupancy();
    assert_eq!((occupancy.traces, occupancy.spans, occupancy.evicted), (2, 8, 1));
    assert_eq!(buffer.trace(trace_id(1)), None);
    assert!(buffer.operations("shop").iter().all(|(name, _)| !name.contains("old")));
}

#[test]
fn bytes_are_bounded_too() {
    let buffer = buffer(Config { bytes_max: 64 * 1024, ..Config::default() });
    for number in 1..=90 {
        let target = format!("/{}", "x".repeat(2_000));
        buffer.take(&ExchangeRecord { target, ..record(number) });
        assert!(buffer.occupancy().bytes <= 64 * 1024);
    }
    assert!(buffer.occupancy().traces > 5);
    assert_eq!(buffer.find(&everything())[0].id, trace_id(90));
}

#[test]
fn a_trace_without_end_is_cut_and_counted() {
    let buffer = buffer(Config { trace_spans_max: 5, ..Config::default() });
    buffer.take(&record(1));
    buffer.take(&record(1));
    assert_eq!((buffer.occupancy().spans, buffer.occupancy().dropped), (5, 3));
}

#[test]
fn forgetting_everything_leaves_nothing_behind() {
    let buffer = buffer(Config { spans_max: 0, ..Config::default() });
    (1..=50).for_each(|number| buffer.take(&record(number)));
    let Occupancy { traces, spans, bytes, .. } = buffer.occupancy();
    assert_eq!((traces, spans, bytes), (0, 0, 0));
    assert!(buffer.services().is_empty());
}

#[test]
fn queries_find_the_newest_traces_with_one_span_that_meets_everything() {
    let buffer = buffer(Config::default());
    (1..=5).for_each(|number| buffer.take(&record(number)));
    let found = |query: TraceQuery| -> Vec<u8> {
        buffer.find(&query).iter().map(|trace| trace.id.bytes()[0]).collect()
    };
    assert_eq!(found(everything()), [5, 4, 3, 2, 1]);
    assert_eq!(found(TraceQuery { limit: 2, ..everything() }), [5, 4]);
    let service = |name: &str| Some(name.to_owned());
    assert_eq!(found(TraceQuery { service: service("web"), ..everything() }), [0; 0]);
    let between = TraceQuery {
        start_unix_nanos_min: Some(2 * SECOND),
        start_unix_nanos_max: Some(3 * SECOND + SECOND / 2),
        ..everything()
    };
    assert_eq!(found(between), [3, 2]);
    let tags = |pairs: &[(&str, &str)]| TraceQuery {
        attributes: pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        ..everything()
    };
    assert_eq!(found(tags(&[("http.response.status_code", "200")])).len(), 5);
    assert_eq!(found(tags(&[("error", "true"), ("span.kind", "client")])).len(), 5);
    assert_eq!(found(tags(&[("error", "true"), ("span.kind", "server")])).len(), 0);
    let slow = TraceQuery {
        operation: Some("GET orders".into()),
        duration_min: Some(Duration::from_millis(10)),
        ..everything()
    };
    assert_eq!(found(slow).len(), 0);
}

/// Spans of OTLP with these ids, parents (0 for none) and services, one after another in time.
pub(crate) fn chain(spans: &[(u8, u8, &str)]) -> Vec<trunkline_otlp::Span> {
    let mut translator = spans::Translator::default();
    let span = |(at, (number, parent, service)): (u64, &(u8, u8, &str))| Span {
        trace: trace_id(7),
        id: span_id(*number),
        parent: SpanId::new([*parent; 8]),
        service: Arc::from(*service),
        name: Arc::from(format!("op{number}")),
        kind: SpanKind::Server,
        start_unix_nanos: at * 1_000,
        duration: Duration::from_micros(10),
        failed: false,
        attributes: Vec::new(),
    };
    (1..).zip(spans).map(|one| translator.span(&span(one))).collect()
}
