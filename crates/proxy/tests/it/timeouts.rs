//! Each limit of time ends an exchange with its own reason.

use std::time::Duration;

use http_body_util::BodyExt;
use trunkline_model::record::End;
use trunkline_model::service::{Outlier, Service};
use trunkline_testkit::wait::until;
use trunkline_testkit::{Upstream, body};

use crate::rig::{Rig, get, http2, model, service, tcp};

const SHORT: Duration = Duration::from_millis(60);

async fn check(web: Service, status: u16, reason: &str) {
    let rig = Rig::start(model(vec![web])).await;
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, status, "{}", response.head);
    let told = response.header("x-trunkline-reason").unwrap();
    assert!(told.starts_with(reason), "{told}");
    let record = &rig.records.wait(1).await[0];
    assert_eq!(record.reason.as_ref().unwrap().to_string(), told);
}

#[tokio::test]
async fn a_request_that_is_not_answered_in_time() {
    let upstream = Upstream::hanging();
    let mut web = service("web", &[upstream.address()]);
    web.timeouts.request = SHORT;
    check(web, 504, "request_timeout;service=\"web\";attempts=1;limit_ms=60").await;
    until("upstream work is cancelled", async || upstream.open() == 0).await;
}

#[tokio::test]
async fn an_attempt_that_is_not_answered_in_time() {
    let upstream = Upstream::hanging();
    let mut web = service("web", &[upstream.address()]);
    web.timeouts.attempt = Some(SHORT);
    check(web, 504, "attempt_timeout;service=\"web\";attempts=1").await;
}

#[tokio::test]
async fn a_connection_that_is_not_opened_in_time() {
    // A listening socket whose queue is full lets further connections wait.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut fill = Vec::new();
    while let Ok(socket) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100))
    {
        fill.push(socket);
    }
    let mut web = service("web", &[address]);
    web.timeouts.connect = SHORT;
    check(web, 504, "connect_timeout;service=\"web\";attempts=1").await;
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_cut() {
    let upstream = Upstream::streaming(2, "half", Duration::from_secs(30));
    let mut web = service("web", &[upstream.address()]);
    web.timeouts.idle = SHORT;
    let rig = Rig::start(model(vec![web])).await;
    let mut caller = http2(tcp(rig.address).await).await;
    let response = caller.send_request(get("http://a/")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(rig.records.wait(1).await[0].end, End::Idle);
}

#[tokio::test]
async fn a_caller_that_stops_in_the_middle_is_told_so() {
    let upstream = Upstream::echo();
    let mut web = service("web", &[upstream.address()]);
    web.timeouts.idle = SHORT;
    let rig = Rig::start(model(vec![web])).await;
    let mut caller = rig.client().await;
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
    let response = caller.response().await;
    assert_eq!(response.status, 408, "{}", response.head);
}

#[tokio::test]
async fn a_caller_that_takes_nothing_is_cut() {
    let upstream = Upstream::http(|_| async {
        let (sender, reply) = body::channel();
        tokio::task::spawn_local(async move { while sender.data(vec![b'x'; 64 << 10]).await {} });
        hyper::Response::new(reply)
    });
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    wanted.listeners[0].timeouts.idle = Duration::from_millis(200);
    let rig = Rig::start(wanted).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    caller.until(b"\r\n\r\n").await;
    until("upstream work is cancelled", async || upstream.open() == 0).await;
    assert_eq!(rig.records.wait(1).await[0].end, End::CallerGone);
}

#[tokio::test]
async fn a_slow_caller_ejects_nobody() {
    let upstream = Upstream::echo();
    let mut web = service("web", &[upstream.address(), upstream.address()]);
    web.timeouts.request = SHORT;
    web.outlier = Some(Outlier {
        consecutive: 1,
        base: Duration::from_secs(60),
        max: Duration::from_secs(60),
        percent_max: 100,
        compared: None,
    });
    let rig = Rig::start(model(vec![web])).await;
    let mut caller = rig.client().await;
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert_eq!(caller.response().await.status, 504);
    let endpoints = rig.endpoints("web").await;
    assert!(endpoints.iter().all(|endpoint| !endpoint.ejected));
}

#[tokio::test]
async fn a_body_may_take_longer_than_the_limit_of_its_head() {
    let upstream = Upstream::streaming(5, "x", Duration::from_millis(50));
    let mut web = service("web", &[upstream.address()]);
    web.timeouts.request = Duration::from_millis(150);
    let rig = Rig::start(model(vec![web])).await;
    assert_eq!(rig.client().await.get("a", "/").await.text(), "xxxxx");
}

#[tokio::test]
async fn a_caller_that_leaves_cancels_the_work() {
    let upstream = Upstream::hanging();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request arrives", async || rig.service("web").await.in_flight == 1).await;
    drop(caller);
    until("upstream work is cancelled", async || upstream.open() == 0).await;
    let record = &rig.records.wait(1).await[0];
    assert_eq!((record.status, record.end), (0, End::CallerGone));
    assert_eq!(rig.service("web").await.in_flight, 0);
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let upstream = Upstream::answering(200, "ok");
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    wanted.listeners[0].timeouts.head = Duration::from_millis(100);
    wanted.listeners[0].timeouts.idle = Duration::from_millis(300);
    let rig = Rig::start(wanted).await;
    let mut slow = rig.client().await;
    slow.send("GET / HTTP/1.1\r\nHo").await;
    assert_eq!(slow.rest().await, b"");
    let mut idle = rig.client().await;
    assert_eq!(idle.get("a", "/").await.status, 200);
    assert_eq!(idle.rest().await, b"");
}
