//! Ends: drains, pauses, panics.

use std::time::{Duration, Instant};

use trunkline_net::socket::Bound;
use trunkline_rt::drain::Deadlines;
use trunkline_testkit::wait::{until, within};
use trunkline_testkit::{RawClient, Upstream};

use crate::rig::{Rig, get, http2, model, service, tcp};

const PATIENT: Deadlines =
    Deadlines { minimum: Duration::from_millis(100), maximum: Duration::from_secs(10) };

#[tokio::test]
async fn a_drain_lets_requests_finish_and_says_close() {
    let upstream = Upstream::streaming(10, "x", Duration::from_millis(30));
    let rig = Rig::before(&upstream).await;
    let mut busy = rig.client().await;
    let mut kept = rig.client().await;
    assert_eq!(kept.get("a", "/").await.text().len(), 10);
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is under way", async || rig.service("web").await.in_flight == 1).await;
    let proxy = rig.proxy.clone();
    let drain = tokio::spawn(async move { proxy.drain(Some(PATIENT)).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (last, during) = tokio::join!(kept.get("a", "/"), async {
        let mut during = RawClient::connect(rig.address).await;
        during.get("a", "/").await
    });
    for response in [last, during] {
        assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    }
    assert_eq!(busy.response().await.text().len(), 10);
    assert_eq!(within("the drain", drain).await.unwrap(), 0);
    assert_eq!(rig.records.wait(4).await.len(), 4);
}

#[tokio::test]
async fn half_a_head_does_not_hold_a_drain_up() {
    let upstream = Upstream::answering(200, "ok");
    let rig = Rig::before(&upstream).await;
    let mut slow = rig.client().await;
    slow.send("GET / HTTP/1.1\r\nHo").await;
    until("it is open", async || rig.stats().await.listeners[0].open == 1).await;
    let begin = Instant::now();
    let deadlines = Deadlines { minimum: Duration::ZERO, maximum: Duration::from_secs(60) };
    let cut = within("the drain", rig.proxy.drain(Some(deadlines))).await;
    assert_eq!(cut, 0);
    assert!(begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_drain_ends_by_force() {
    let upstream = Upstream::hanging();
    let rig = Rig::before(&upstream).await;
    let mut busy = rig.client().await;
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is under way", async || rig.service("web").await.in_flight == 1).await;
    let begin = Instant::now();
    let deadlines = Deadlines { minimum: Duration::ZERO, maximum: Duration::from_millis(100) };
    assert_eq!(rig.proxy.drain(Some(deadlines)).await, 1, "connections were cut");
    assert!(begin.elapsed() < Duration::from_secs(3));
    until("upstream work ends", async || upstream.open() == 0).await;
}

#[tokio::test]
async fn http2_callers_are_sent_away_without_loss() {
    let upstream = Upstream::streaming(5, "x", Duration::from_millis(30));
    let rig = Rig::before(&upstream).await;
    let mut caller = http2(tcp(rig.address).await).await;
    let answer = tokio::spawn({
        let request = caller.send_request(get("http://a/"));
        async move {
            use http_body_util::BodyExt;
            request.await.unwrap().into_body().collect().await.unwrap().to_bytes().len()
        }
    });
    until("it is under way", async || rig.service("web").await.in_flight == 1).await;
    assert_eq!(rig.proxy.drain(Some(PATIENT)).await, 0);
    assert_eq!(answer.await.unwrap(), 5);
}

#[tokio::test]
async fn connections_wait_while_accepting_is_paused() {
    let upstream = Upstream::answering(200, "ok");
    let rig = Rig::before(&upstream).await;
    let mut open = rig.client().await;
    assert_eq!(open.get("a", "/").await.status, 200);
    rig.proxy.pause_accepting().await.unwrap();
    let mut waiting = rig.client().await;
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(open.get("a", "/").await.status, 200, "what is open goes on");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(upstream.requests(), 2);
    rig.proxy.resume_accepting().await.unwrap();
    assert_eq!(waiting.response().await.status, 200);
}

#[tokio::test]
async fn another_process_takes_the_sockets_over_without_loss() {
    let upstream = Upstream::answering(200, "ok");
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    let first = Rig::start(wanted.clone()).await;
    wanted.listeners[0].address = first.address;
    let inherited = Bound::adopt(first.proxy.listening_fds().unwrap()).unwrap();
    let heir = Rig::start_with(wanted, |deps| deps.inherited = inherited);
    let heir = heir.await;
    assert_eq!(heir.address, first.address);
    first.proxy.pause_accepting().await.unwrap();
    first.proxy.drain(Some(PATIENT)).await;
    for _ in 0..20 {
        assert_eq!(heir.client().await.get("a", "/").await.status, 200);
    }
}

#[tokio::test]
async fn a_busy_port_is_found_while_the_old_plan_serves_on() {
    let upstream = Upstream::answering(200, "ok");
    let wanted = model(vec![service("web", &[upstream.address()])]);
    let rig = Rig::start(wanted.clone()).await;
    let mut second = wanted.clone();
    let taken = upstream.address();
    second.listeners.push(crate::rig::listener("other", taken));
    let wrong = rig.proxy.prepare(std::sync::Arc::new(second)).unwrap_err();
    assert!(wrong.to_string().contains(&format!("{taken} is already in use")), "{wrong}");
    assert_eq!(rig.client().await.get("a", "/").await.status, 200);
}
