//! Which calls spans tell of.

use trunkline_otlp::Kind::{Client, Consumer, Internal, Producer, Server, Unspecified};
use trunkline_otlp::Span;
use trunkline_store::rollup::{Accumulator, Config, PROXY_SCOPE, Rollup};

use super::span::{NOW, SECOND, With, counted, edges, request, span};

/// Checks the edges of spans, whatever the order in which they come.
#[track_caller]
fn check(spans: &[Span], expected: &[&str]) {
    let forward = edges(&counted(spans).0);
    assert_eq!(forward, expected);
    let backward: Vec<Span> = spans.iter().rev().cloned().collect();
    assert_eq!(edges(&counted(&backward).0), expected, "backward");
}

#[test]
fn client_and_server_are_one_call() {
    check(&[span("a", 1, 1, 9, Client), span("b", 1, 2, 1, Server)], &["a > b call: 1 0"]);
    check(&[span("a", 1, 1, 9, Client), span("b", 1, 2, 1, Server).failed()], &["a > b call: 1 1"]);
    check(&[span("a", 1, 1, 9, Client), span("b", 2, 2, 1, Server)], &[]);
}

#[test]
fn the_first_service_is_called_from_outside() {
    check(&[span("a", 1, 1, 0, Server)], &["user > a entry: 1 0"]);
    check(&[span("a", 1, 1, 0, Internal), span("a", 1, 2, 0, Consumer)], &[]);
}

#[test]
fn a_message_is_taken_by_many() {
    let spans =
        [span("a", 1, 1, 9, Producer), span("b", 1, 2, 1, Consumer), span("c", 1, 3, 1, Consumer)];
    check(&spans, &["a > b message: 1 0", "a > c message: 1 0"]);
}

#[test]
fn who_records_nothing_is_named_by_its_caller() {
    check(
        &[
            span("a", 1, 1, 9, Client)
                .with("db.system", "postgresql")
                .with("server.address", "db")
                .failed(),
            span("a", 1, 2, 9, Client).with("peer.service", "stripe"),
            span("a", 1, 3, 9, Client)
                .with("net.peer.name", "api.example.com")
                .with_number("net.peer.port", 443),
            span("a", 1, 4, 9, Client),
        ],
        &["a > api.example.com external: 1 0", "a > db database: 1 1", "a > stripe external: 1 0"],
    );
}

#[test]
fn a_callee_that_records_itself_is_not_named_by_its_caller() {
    check(
        &[span("a", 1, 1, 9, Client).with("peer.service", "B, Inc."), span("b", 1, 2, 1, Server)],
        &["a > b call: 1 0"],
    );
}

#[test]
fn what_the_callee_refuses_is_no_failure_of_the_call() {
    let refused = span("a", 1, 1, 9, Client).with_number("http.response.status_code", 404).failed();
    check(&[refused, span("b", 1, 2, 1, Server)], &["a > b call: 1 0"]);
    let broken = span("a", 1, 1, 9, Client).with_number("http.response.status_code", 502).failed();
    check(&[broken, span("b", 1, 2, 1, Server)], &["a > b call: 1 1"]);
}

/// Both services record themselves, and the proxy between them records both sides as well: one call.
#[test]
fn a_call_through_the_proxy_is_one_call() {
    let spans = [
        span("a", 1, 1, 9, Client)
            .with("server.address", "127.0.0.1")
            .with_number("server.port", 7341),
        span("a", 1, 2, 1, Client).with("peer.service", "b").by(PROXY_SCOPE),
        span("b", 1, 3, 2, Server).by(PROXY_SCOPE),
        span("b", 1, 4, 3, Server),
    ];
    check(&spans, &["a > b call: 1 0"]);
    // `a` passes the context on and records nothing.
    check(&spans[1..], &["a > b call: 1 0"]);
    // `b` records nothing.
    check(&spans[..3], &["a > b call: 1 0"]);
}

#[test]
fn a_library_within_a_library_makes_one_call() {
    let spans = [
        span("a", 1, 1, 9, Client).with("server.address", "dynamodb"),
        span("a", 1, 2, 1, Client).with("server.address", "dynamodb.eu.example.com"),
    ];
    check(&spans, &["a > dynamodb.eu.example.com external: 1 0"]);
}

#[test]
fn both_sides_may_share_one_span() {
    let spans = [
        span("a", 1, 1, 0, Server),
        span("a", 1, 2, 1, Client).with("peer.service", "somebody"),
        span("b", 1, 2, 1, Server),
    ];
    check(&spans, &["a > b call: 1 0", "user > a entry: 1 0"]);
}

#[test]
fn a_parent_of_any_kind_is_a_caller() {
    check(&[span("a", 1, 1, 9, Internal), span("b", 1, 2, 1, Server)], &["a > b call: 1 0"]);
    check(
        &[span("a", 1, 1, 0, Server), span("b", 1, 2, 1, Server)],
        &["a > b call: 1 0", "user > a entry: 1 0"],
    );
    check(
        &[span("a", 1, 1, 0, Unspecified), span("b", 1, 2, 1, Unspecified)],
        &["a > b call: 1 0"],
    );
    check(&[span("a", 1, 1, 9, Internal), span("b", 1, 2, 1, Consumer)], &["a > b message: 1 0"]);
}

#[test]
fn flags_tell_better_than_kinds_where_the_parent_is() {
    let (here, there) = (0x100, 0x300);
    check(
        &[span("a", 1, 1, 9, Client), span("b", 1, 2, 1, Internal).flags(there)],
        &["a > b call: 1 0"],
    );
    check(&[span("a", 1, 1, 9, Internal), span("a", 1, 2, 1, Server).flags(here)], &[]);
    // Called and calling in one span.
    let relay = span("b", 1, 2, 1, Client).flags(there).with("peer.service", "c");
    check(&[span("a", 1, 1, 9, Client), relay], &["a > b call: 1 0", "b > c external: 1 0"]);
}

#[test]
fn an_address_that_is_known_is_a_service() {
    let mut accumulator = Accumulator::new(Config::default());
    accumulator.learn([("localhost:7341".to_owned(), "orders".into())].into());
    let call = span("a", 1, 1, 9, Client)
        .with("server.address", "127.0.0.1")
        .with_number("server.port", 7341);
    accumulator.batch(&request(&[call]), NOW).unwrap();
    accumulator.expire(NOW + 60 * SECOND);
    let mut all = Rollup::default();
    accumulator.take(NOW).values().for_each(|part| all.merge(part));
    assert_eq!(edges(&all), ["a > orders external: 1 0"]);
}

#[test]
fn who_is_sampled_counts_for_more() {
    let spans = [
        span("a", 1, 1, 9, Client).state("ot=th:c"),
        span("b", 1, 2, 1, Server).state("ot=th:8").failed(),
    ];
    check(&spans, &["a > b call: 4 4"]);
}

#[test]
fn sides_wait_ten_seconds_for_each_other() {
    let mut accumulator = Accumulator::new(Config::default());
    accumulator
        .batch(&request(&[span("a", 1, 1, 9, Client).with("peer.service", "x")]), NOW)
        .unwrap();
    accumulator.expire(NOW + 10 * SECOND - 1);
    assert_eq!(accumulator.counts().sides.waiting, 1);
    accumulator.batch(&request(&[span("b", 1, 2, 1, Server)]), NOW + 10 * SECOND - 1).unwrap();
    let sides = accumulator.counts().sides;
    assert_eq!((sides.waiting, sides.callers_met, sides.callees_met), (0, 1, 1));
    accumulator
        .batch(&request(&[span("a", 2, 1, 9, Client).with("peer.service", "x")]), NOW)
        .unwrap();
    accumulator.expire(NOW + 10 * SECOND);
    let sides = accumulator.counts().sides;
    assert_eq!((sides.waiting, sides.named), (0, 1));
}

#[test]
fn those_that_had_to_make_room_are_counted() {
    let mut accumulator = Accumulator::new(Config { waiting_max: 10, ..Config::default() });
    for id in 1..=30 {
        accumulator.batch(&request(&[span("a", 1, id, 99, Client)]), NOW).unwrap();
    }
    let sides = accumulator.counts().sides;
    assert_eq!((sides.callers, sides.dropped, sides.waiting), (30, 20, 10));
}
