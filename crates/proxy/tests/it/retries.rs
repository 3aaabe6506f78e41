//! What was not processed is sent again; what may have been is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::Ops;
use trunkline_testkit::Upstream;
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::until;

use crate::rig::{Rig, endpoints, model, service};

/// Answers the first request of each connection, and closes when the second one arrives.
fn closes_on_reuse() -> Upstream {
    Upstream::tcp(|mut socket: TcpStream| async move {
        let mut seen = [0; 4096];
        if socket.read(&mut seen).await.unwrap_or(0) == 0 {
            return;
        }
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let _ = socket.read(&mut seen).await;
    })
}

#[tokio::test]
async fn a_dead_kept_connection_costs_the_caller_nothing() {
    let upstream = closes_on_reuse();
    let rig = Rig::start_with(model(vec![service("web", &[upstream.address()])]), |deps| {
        deps.workers = 1;
    })
    .await;
    let mut caller = rig.client().await;
    for number in 0..5 {
        assert_eq!(caller.get("a", "/").await.status, 200, "request {number}");
    }
    let records = rig.records.wait(5).await;
    assert_eq!(records[1].attempts.len(), 2, "one on the dead connection, one on a fresh one");
}

#[tokio::test]
async fn a_post_on_a_dead_kept_connection_is_not_repeated() {
    let upstream = closes_on_reuse();
    let rig = Rig::start_with(model(vec![service("web", &[upstream.address()])]), |deps| {
        deps.workers = 1;
    })
    .await;
    let mut caller = rig.client().await;
    assert_eq!(caller.get("a", "/").await.status, 200);
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    let response = caller.response().await;
    assert_eq!(response.status, 502);
    let reason = response.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("upstream_reset"), "{reason}");
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_used() {
    let upstream = Upstream::tcp(|mut socket: TcpStream| async move {
        let mut seen = [0; 4096];
        let _ = socket.read(&mut seen).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    });
    let rig = Rig::start_with(model(vec![service("web", &[upstream.address()])]), |deps| {
        deps.workers = 1;
    })
    .await;
    for number in 1..4 {
        let mut caller = rig.client().await;
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
        assert_eq!(caller.response().await.status, 200, "request {number}");
        until("the service closes", async || upstream.open() == 0).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_unreachable_endpoint_is_passed_over_with_the_body() {
    let upstream = Upstream::echo();
    let rig =
        Rig::start(model(vec![service("web", &[unused_address(), upstream.address()])])).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
        let response = caller.response().await;
        assert_eq!(response.status, 200, "{}", response.head);
        assert!(response.text().contains(r#""body":"hi""#));
    }
    let failures: u64 = rig.endpoints("web").await.iter().map(|e| e.connect_failures).sum();
    assert!(failures > 0);
}

#[tokio::test]
async fn when_nobody_can_be_reached_the_caller_is_told() {
    let rig = Rig::start(model(vec![service("web", &[unused_address(), unused_address()])])).await;
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, 502);
    let reason = response.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("connect;service=\"web\";attempts=2;error="), "{reason}");
}

#[tokio::test]
async fn what_may_have_been_processed_is_not_repeated() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let upstream = Upstream::tcp(move |mut socket: TcpStream| {
        let counted = Arc::clone(&counted);
        async move {
            let _ = socket.read(&mut [0; 1024]).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let rig = Rig::start(model(vec![service("web", &[upstream.address()])])).await;
    assert_eq!(rig.client().await.get("a", "/").await.status, 502);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_coding_that_nobody_undoes_is_no_answer() {
    let upstream = Upstream::raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\n\x1f\x8b\x08\r\n0\r\n\r\n",
    );
    let rig = Rig::before(&upstream).await;
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, 502, "{}", response.head);
    let reason = response.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("upstream_protocol"), "{reason}");
}

#[tokio::test]
async fn garbage_is_told_from_a_reset() {
    let upstream = Upstream::raw(b"HTTP/1.1 abc what\r\n\r\n");
    let rig = Rig::before(&upstream).await;
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, 502);
    let reason = response.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("upstream_protocol"), "{reason}");
}

#[tokio::test]
async fn requests_are_held_while_an_endpoint_starts() {
    let upstream = Upstream::echo();
    let rig = Rig::start(model(vec![service("web", &[upstream.address()])])).await;
    let mut set = endpoints("web", &[upstream.address()]);
    set.endpoints[0].state = EndpointState::Starting;
    rig.proxy.publish(set.clone());
    let mut caller = rig.client().await;
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    until("the request is held", async || rig.service("web").await.held == 1).await;
    assert_eq!(upstream.requests(), 0);
    set.endpoints[0].state = EndpointState::Ready;
    rig.proxy.publish(set);
    assert_eq!(caller.response().await.status, 200);
    assert_eq!(rig.service("web").await.held, 0);
}

#[tokio::test]
async fn a_restart_waits_for_what_is_in_flight_and_not_for_what_is_held() {
    let upstream = Upstream::streaming(10, "x", Duration::from_millis(30));
    let rig = Rig::start(model(vec![service("web", &[upstream.address()])])).await;
    let name = || "web".parse().unwrap();
    let mut running = rig.client().await;
    running.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("one is in flight", async || rig.proxy.in_flight(name()).await == 1).await;
    let mut set = endpoints("web", &[upstream.address()]);
    set.endpoints[0].state = EndpointState::Starting;
    rig.proxy.publish(set.clone());
    let mut held = rig.client().await;
    held.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the other is held", async || rig.service("web").await.held == 1).await;
    assert_eq!(running.response().await.text().len(), 10);
    until("nothing is in flight", async || rig.proxy.in_flight(name()).await == 0).await;
    set.endpoints[0].state = EndpointState::Ready;
    rig.proxy.publish(set);
    assert_eq!(held.response().await.status, 200);
}

#[tokio::test]
async fn a_hold_has_an_end() {
    let upstream = Upstream::echo();
    let rig = Rig::start(model(vec![service("web", &[upstream.address()])])).await;
    let mut set = endpoints("web", &[upstream.address()]);
    set.endpoints[0].state = EndpointState::Starting;
    rig.proxy.publish(set);
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, 503);
    let reason = response.header("x-trunkline-reason").unwrap();
    assert_eq!(reason, "starting;service=\"web\";limit=time");
}
