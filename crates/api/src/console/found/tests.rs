//! Which spans are calls, on traces made here.

use trunkline_model::trace::TraceId;

use super::*;

fn id(number: u8) -> SpanId {
    SpanId::new([number; 8]).unwrap()
}

fn span(number: u8, parent: u8, service: &str, peer: Option<&str>) -> Span {
    let peer = peer.map(|peer| (Arc::from("peer.service"), Attribute::Text(peer.into())));
    let status = (Arc::from("http.response.status_code"), Attribute::Int(404));
    Span {
        trace: TraceId::new([1; 16]).unwrap(),
        id: id(number),
        parent: SpanId::new([parent; 8]),
        service: service.into(),
        name: "GET".into(),
        kind: if peer.is_some() { SpanKind::Client } else { SpanKind::Server },
        start_unix_nanos: u64::from(number),
        duration: Duration::from_millis(3),
        failed: true,
        attributes: peer.into_iter().chain([status]).collect(),
    }
}

fn pairs(spans: &[Span]) -> Vec<String> {
    calls(spans, "shop").iter().map(|call| format!("{}->{}", call.from, call.to)).collect()
}

#[test]
fn a_call_through_the_gateway_is_a_child_of_the_attempt_that_reached_the_caller() {
    let spans = vec![
        span(1, 0, "shop", None),
        span(2, 1, "shop", Some("web")),
        span(3, 2, "shop", None),
        span(4, 3, "shop", Some("orders")),
    ];
    assert_eq!(pairs(&spans), ["web->orders"]);
}

#[test]
fn a_service_with_spans_of_its_own_calls_through_the_gateway_or_past_it() {
    let spans = vec![
        span(1, 0, "shop", None),
        span(2, 1, "shop", Some("web")),
        span(3, 2, "web", None),
        span(4, 3, "shop", None),
        span(5, 4, "shop", Some("orders")),
        span(6, 5, "orders", None),
        span(7, 6, "orders", None),
        span(8, 7, "payments", None),
    ];
    assert_eq!(pairs(&spans), ["web->orders", "orders->payments"]);
}

#[test]
fn each_call_is_counted_once_however_often_it_is_read() {
    let buffer = crate::traces::Buffer::new(crate::traces::Config::default(), "shop");
    for span in [span(1, 0, "web", None), span(2, 1, "orders", None)] {
        buffer.insert(span);
    }
    let found = Found::default();
    found.look(&buffer, "shop");
    found.look(&buffer, "shop");
    let totals = found.totals();
    let total = &totals[&("web".parse().unwrap(), "orders".parse().unwrap())];
    assert_eq!((totals.len(), total.requests, total.failed), (1, 1, 0));
}

#[test]
fn more_calls_than_are_remembered_are_not_counted_again() {
    let long = crate::traces::Config { spans_max: 100_000, ..crate::traces::Config::default() };
    let buffer = crate::traces::Buffer::new(long, "shop");
    let mut number = 0_u64;
    for trace in 1..=200_u64 {
        let trace = TraceId::new(*u128::from(trace).to_be_bytes().first_chunk().unwrap()).unwrap();
        let mut next = |parent: u64, service: &str| {
            number += 1;
            let parent = SpanId::new(parent.to_be_bytes());
            let own = SpanId::new(number.to_be_bytes()).unwrap();
            buffer.insert(Span { trace, id: own, parent, ..span(1, 0, service, None) });
            number
        };
        let caller = next(0, "web");
        for _ in 0..150 {
            next(caller, "orders");
        }
    }
    let found = Found::default();
    let look = || {
        found.look(&buffer, "shop");
        found.totals().values().map(|total| total.requests).sum::<u64>()
    };
    let first = look();
    assert!(first > 0);
    assert_eq!((look(), look()), (first, first));
}
