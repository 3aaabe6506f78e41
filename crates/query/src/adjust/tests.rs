//! What each correction does, and that all of them keep every span that differs from the others.

use std::sync::Arc;

use proptest::prelude::*;
use trunkline_otlp::{Event, Kind, Resource, Span, Value};

use super::*;
use crate::skeleton::tests::span;

fn adjusted(spans: Vec<Span>) -> Trace {
    Trace::adjusted(spans, &Config::default()).unwrap()
}

fn on_host(mut span: Span, host: &str) -> Span {
    let mut resource = (*span.resource).clone();
    resource.attributes.push(("host.name".into(), Value::Text(host.into())));
    span.resource = Arc::new(resource);
    span
}

fn of_kind(mut span: Span, kind: Kind) -> Span {
    span.kind = kind;
    span
}

fn find(trace: &Trace, name: &str) -> (Span, Vec<String>) {
    let at = trace.spans.iter().position(|span| &*span.name == name).unwrap();
    (trace.spans[at].clone(), trace.warnings[at].clone())
}

#[test]
fn a_span_that_came_twice_is_one_and_one_that_differs_stays() {
    let twice = span(1, 0, "web", 0, 10);
    let mut reordered = twice.clone();
    reordered.attributes = vec![("b".into(), Value::Int(1)), ("a".into(), Value::Int(2))];
    let mut sorted = reordered.clone();
    sorted.attributes.reverse();
    let mut other = twice.clone();
    other.end_unix_nanos = 11;
    let spans = vec![twice.clone(), twice, reordered, sorted, other];
    assert_eq!(adjusted(spans).spans.len(), 3);
}

#[test]
fn both_sides_of_a_zipkin_call_get_their_own_id() {
    let spans = vec![
        span(1, 0, "web", 0, 100),
        of_kind(span(5, 1, "web", 10, 90), Kind::Client),
        of_kind(span(5, 1, "api", 20, 80), Kind::Server),
        span(9, 5, "api", 30, 40),
    ];
    let trace = adjusted(spans);
    let of = |service: &str, start: u64| {
        trace.spans.iter().find(|s| s.service() == service && s.start_unix_nanos == start).unwrap()
    };
    let (client, server, below) = (of("web", 10), of("api", 20), of("api", 30));
    assert_ne!(client.id, server.id);
    assert_eq!((server.parent, below.parent), (Some(client.id), Some(server.id)));
}

#[test]
fn a_callee_with_another_clock_is_moved_into_its_caller_with_all_it_did() {
    let mut server = on_host(span(2, 1, "api", 5_100, 5_140), "b");
    server.events.push(Event { time_unix_nanos: 5_110, ..Event::default() });
    let spans = vec![
        on_host(span(1, 0, "web", 1_000, 1_100), "a"),
        server,
        on_host(span(3, 2, "api", 5_110, 5_120), "b"),
        on_host(span(4, 1, "web", 1_010, 1_090), "a"),
    ];
    let trace = adjusted(spans);
    let (server, warnings) = find(&trace, "op2");
    assert_eq!((server.start_unix_nanos, server.end_unix_nanos), (1_030, 1_070));
    assert_eq!(server.events[0].time_unix_nanos, 1_040);
    assert_eq!(warnings, ["its clock is 4.07µs ahead of its caller's: its times were corrected"]);
    assert_eq!(find(&trace, "op3").0.start_unix_nanos, 1_040);
    let (same_host, warnings) = find(&trace, "op4");
    assert_eq!((same_host.start_unix_nanos, warnings.len()), (1_010, 0));
}

#[test]
fn clocks_too_far_apart_are_only_told_of() {
    let hours = 7_200_000_000_000;
    let spans = vec![span(1, 0, "web", hours, hours + 100), span(2, 1, "api", 10, 20)];
    let (span, warnings) = find(&adjusted(spans), "op2");
    assert_eq!((span.start_unix_nanos, warnings.len()), (10, 1));
    assert!(warnings[0].contains("too much to correct"), "{}", warnings[0]);
}

#[test]
fn a_message_may_be_taken_after_its_sender_ended() {
    let spans = vec![
        of_kind(span(1, 0, "web", 0, 10), Kind::Producer),
        of_kind(span(2, 1, "worker", 500, 900), Kind::Consumer),
    ];
    assert_eq!(find(&adjusted(spans), "op2").0.start_unix_nanos, 500);
}

#[test]
fn addresses_that_are_numbers_are_written_as_addresses() {
    let mut sent = span(1, 0, "web", 0, 10);
    sent.attributes = vec![
        ("ip".into(), Value::Int(0x0102_0304)),
        ("other".into(), Value::Int(5)),
        ("peer.ipv4".into(), Value::Double(16_909_061.0)),
    ];
    let mut resource: Resource = (*sent.resource).clone();
    resource.attributes.push(("ip".into(), Value::Int(-1)));
    sent.resource = Arc::new(resource);
    let trace = adjusted(vec![sent]);
    let shown = &trace.spans[0];
    assert_eq!(shown.attribute("ip"), Some(&Value::Text("1.2.3.4".into())));
    assert_eq!(shown.attribute("peer.ipv4"), Some(&Value::Text("1.2.3.5".into())));
    assert_eq!(shown.attribute("other"), Some(&Value::Int(5)));
    assert!(shown.resource.attributes.contains(&("ip".into(), Value::Int(-1))));
}

#[test]
fn what_a_tracer_says_of_itself_goes_to_its_process() {
    let key = || Arc::<str>::from("telemetry.sdk.name");
    let mut first = span(1, 0, "web", 0, 10);
    first.attributes.push((key(), Value::Text("otel".into())));
    let mut second = span(2, 1, "web", 1, 9);
    second.resource = Arc::clone(&first.resource);
    second.attributes.push((key(), Value::Text("mine".into())));
    let trace = adjusted(vec![first, second]);
    let (first, _) = find(&trace, "op1");
    assert!(first.attributes.is_empty());
    assert!(first.resource.attributes.contains(&(key(), Value::Text("otel".into()))));
    let (second, warnings) = find(&trace, "op2");
    assert_eq!((second.attributes.len(), warnings.len()), (1, 1));
}

proptest! {
    #[test]
    fn adjusting_keeps_every_span_that_differs_from_the_others(
        raw in prop::collection::vec((1_u64..20, 0_u64..20, 0_u64..50, 0_u64..50, 0_u64..6, 0_usize..3), 1..40)
    ) {
        let spans: Vec<Span> = raw.iter().map(|(id, parent, start, length, kind, host)| {
            let host = ["a", "b", "c"][*host];
            of_kind(span(*id, *parent, host, *start, start + length), Kind::of(*kind))
        }).collect();
        let distinct: std::collections::HashSet<_> = raw.iter().collect();
        let trace = adjusted(spans);
        prop_assert_eq!(trace.spans.len(), distinct.len());
        prop_assert_eq!(trace.spans.len(), trace.warnings.len());
        prop_assert!(trace.spans.is_sorted_by_key(|span| span.start_unix_nanos));
    }
}
