//! Requests that two readers could read differently: each is refused, counted by its reason, and
//! never reaches a service; nor does anything that was sent behind it.

use trunkline_testkit::Upstream;
use trunkline_testkit::wait::until;

use crate::rig::Rig;

/// What an attacker hopes that a service will take for a request of its own.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends `wire` and then the smuggled request. Expects one refusal for this reason, and the end of
/// the connection.
async fn check(wire: &str, status: u16, reason: &str) {
    let upstream = Upstream::answering(200, "ok");
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send(&format!("{wire}{SMUGGLED}")).await;
    let response = caller.response().await;
    assert_eq!(response.status, status, "{wire:?}");
    let told = response.header("x-trunkline-reason").unwrap_or_default();
    assert!(told.contains(&format!("what={reason}")), "{wire:?}: {told}");
    assert_eq!(response.header("connection"), Some("close"), "{wire:?}");
    assert_eq!(caller.rest().await, b"", "{wire:?}");
    assert_eq!(upstream.requests(), 0, "{wire:?} reached the service");
    until("it is counted", async || {
        let stats = rig.stats().await;
        stats.listeners.iter().any(|listener| listener.refused == [(token(reason), 1)])
    })
    .await;
    let records = rig.records.wait(1).await;
    assert_eq!((records.len(), records[0].status), (1, status), "{wire:?}");
}

fn token(reason: &str) -> &'static str {
    let all = trunkline_net::http1::Refusal::ALL;
    all.into_iter().map(trunkline_net::http1::Refusal::token).find(|t| *t == reason).unwrap()
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}")
}

#[tokio::test]
async fn a_length_beside_a_coding_is_refused() {
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    check(&post(both, "0\r\n\r\n"), 400, "length_and_coding").await;
    let both = "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n";
    check(&post(both, "0\r\n\r\n"), 400, "length_and_coding").await;
}

#[tokio::test]
async fn codings_other_than_chunked_are_refused() {
    for coding in ["gzip, chunked", "chunked, identity", "xchunked", "\"chunked\"", "chunked,", ""]
    {
        let field = format!("Transfer-Encoding: {coding}\r\n");
        check(&post(&field, "0\r\n\r\n"), 400, "transfer_coding").await;
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    check(&post(twice, "0\r\n\r\n"), 400, "transfer_coding").await;
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check(old, 400, "coding_in_http10").await;
}

#[tokio::test]
async fn lengths_that_are_not_one_number_are_refused() {
    for length in ["+3", "-1", "3, 3", "0x3", "3 3", "", "99999999999999999999"] {
        check(&post(&format!("Content-Length: {length}\r\n"), "abc"), 400, "content_length").await;
    }
    let twice = "Content-Length: 3\r\nContent-Length: 3\r\n";
    check(&post(twice, "abc"), 400, "content_length").await;
    let differing = "Content-Length: 3\r\nContent-Length: 4\r\n";
    check(&post(differing, "abc"), 400, "content_length").await;
}

#[tokio::test]
async fn lines_and_fields_are_exact() {
    check("GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "line_end").await;
    check("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "line_end").await;
    check(&post("X: b\r\n folded\r\n", ""), 400, "folded_field").await;
    check(&post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400, "field").await;
    check(&post("X: a\rTransfer-Encoding: chunked\r\n", ""), 400, "field").await;
    check(&post("X: a\0b\r\n", ""), 400, "field").await;
    check(&post("no colon\r\n", ""), 400, "field").await;
    check("\x16\x03\x01\x02", 400, "not_http").await;
}

#[tokio::test]
async fn first_lines_are_exact() {
    check("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "version").await;
    check("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "start_line").await;
    check("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target").await;
    check("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target").await;
    check("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "host_mismatch").await;
}

#[tokio::test]
async fn an_upgrade_with_a_body_is_refused() {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n";
    check(&post(upgrade, "abc"), 400, "upgrade_with_body").await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_at_its_limit() {
    let fields = "X: y\r\n".repeat(120);
    check(&post(&fields, ""), 431, "too_many_fields").await;
    let target = "x".repeat(40_000);
    check(&format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "target_too_long").await;
    check(&post(&format!("X: {}\r\n", "y".repeat(70_000)), ""), 431, "head_too_large").await;
}

/// What is behind a broken chunk is never a request; the service sees its request cut off.
#[tokio::test]
async fn a_malformed_chunk_ends_the_connection() {
    for chunk in ["3\nabc\r\n", "0x3\r\nabc\r\n", "3\r\nabcd\r\n", "g\r\n", "3 \r\nabc\r\n"] {
        let upstream = Upstream::answering(200, "ok");
        let rig = Rig::before(&upstream).await;
        let mut caller = rig.client().await;
        let wire = post("Transfer-Encoding: chunked\r\n", chunk);
        caller.send(&format!("{wire}0\r\n\r\n{SMUGGLED}")).await;
        let all = String::from_utf8(caller.rest().await).unwrap();
        assert!(all.matches("HTTP/1.1 ").count() <= 1, "{chunk:?}: {all}");
        assert!(upstream.requests() <= 1, "{chunk:?}: the smuggled request was served");
    }
}
