//! Bodies and tunnels: streamed both ways, never collected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trunkline_model::record::End;
use trunkline_testkit::wait::until;
use trunkline_testkit::{RawClient, Upstream, body};

use crate::rig::{Rig, http2, model, service, tcp};

#[tokio::test]
async fn an_upgrade_becomes_a_tunnel() {
    let upstream = Upstream::upgrading();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller
        .send(
            "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .await;
    let response = caller.response().await;
    assert_eq!((response.status, response.header("upgrade")), (101, Some("websocket")));
    for message in ["hello", "again"] {
        caller.send(message).await;
        assert_eq!(caller.exactly(message.len()).await, message.as_bytes());
    }
    assert_eq!(rig.service("web").await.in_flight, 1);
    drop(caller);
    let record = &rig.records.wait(1).await[0];
    assert_eq!((record.status, record.end), (101, End::Complete));
    assert_eq!((record.bytes_received, record.bytes_sent), (10, 10));
    until("the tunnel ends upstream", async || upstream.open() == 0).await;
}

#[tokio::test]
async fn an_idle_tunnel_is_closed() {
    let upstream = Upstream::upgrading();
    let mut web = service("web", &[upstream.address()]);
    web.timeouts.idle = Duration::from_millis(50);
    let rig = Rig::start(model(vec![web])).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await;
    assert_eq!(caller.response().await.status, 101);
    assert_eq!(caller.rest().await, b"");
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_like_any_other() {
    let upstream = Upstream::answering(403, "no");
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await;
    assert_eq!(caller.response().await.status, 403);
    assert_eq!(caller.get("a", "/").await.status, 403);
}

#[tokio::test]
async fn chunks_and_trailers_pass() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
             3\r\nabc\r\n4\r\ndefg\r\n0\r\nx-sum: 7\r\n\r\n",
        )
        .await;
    let response = caller.response().await;
    let text = response.text();
    assert!(text.contains(r#""body":"abcdefg""#), "{text}");
    assert!(text.contains(r#""trailers":[["x-sum","7"]]"#), "{text}");
}

#[tokio::test]
async fn a_get_with_a_body_keeps_it() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller
        .send("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        .await;
    assert!(caller.response().await.text().contains(r#""body":"hi""#));
}

#[tokio::test]
async fn the_service_decides_whether_to_ask_for_a_body() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let upstream = Upstream::http(move |request: Request<hyper::body::Incoming>| {
        let counted = Arc::clone(&counted);
        async move {
            if request.uri().path() == "/refuse" {
                let refused = Response::builder().status(417);
                return refused.body(body::full("no")).unwrap();
            }
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            counted.fetch_add(bytes.len(), Ordering::Relaxed);
            Response::new(body::full("taken"))
        }
    });
    let rig = Rig::before(&upstream).await;
    let post = |path| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
    };
    let mut caller = rig.client().await;
    caller.send(post("/take")).await;
    assert_eq!(caller.response_to("POST").await.status, 100);
    caller.send("four").await;
    assert_eq!(caller.response().await.text(), "taken");
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    let mut caller = rig.client().await;
    caller.send(post("/refuse")).await;
    assert_eq!(caller.response_to("POST").await.status, 417, "no 100 came before");
}

#[tokio::test]
async fn an_answer_without_asking_for_the_body_leaves_nothing_behind() {
    let upstream = Upstream::tcp(|mut socket| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        let refused = b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno";
        socket.write_all(refused).await.unwrap();
        // It would keep the connection.
        let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    });
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    let response = caller.response().await;
    assert_eq!((response.status, response.text()), (401, "no"));
    until("upstream work ends", async || upstream.open() == 0).await;
    drop(caller);
    until("the caller's connection ends", async || rig.stats().await.listeners[0].open == 0).await;
}

#[tokio::test]
async fn an_upgrade_to_http_is_ignored() {
    let upstream = Upstream::upgrading();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller
        .send(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\
             Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        )
        .await;
    assert_eq!(caller.response().await.status, 426);
}

#[tokio::test]
async fn a_slow_caller_holds_back_the_service() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let upstream = Upstream::http(move |_| {
        let counted = Arc::clone(&counted);
        async move {
            let (sender, reply) = body::channel();
            tokio::task::spawn_local(async move {
                let piece = Bytes::from(vec![b'x'; 64 << 10]);
                while sender.data(piece.clone()).await {
                    counted.fetch_add(piece.len(), Ordering::Relaxed);
                }
            });
            Response::new(reply)
        }
    });
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    caller.until(b"\r\n\r\n").await;
    let mut before = usize::MAX;
    until("the service is held back", async || {
        let now = sent.load(Ordering::Relaxed);
        let steady = now == before && now > 0;
        before = now;
        tokio::time::sleep(Duration::from_millis(30)).await;
        steady
    })
    .await;
    let bound = 64 << 20;
    assert!(before < bound, "{before} bytes were taken from the service");
    drop(caller);
    until("the service is told that the caller left", async || upstream.open() == 0).await;
    assert_eq!(rig.records.wait(1).await[0].end, End::CallerGone);
}

#[tokio::test]
async fn a_slow_service_holds_back_the_caller() {
    let upstream = Upstream::tcp(|socket| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(socket);
    });
    let rig = Rig::before(&upstream).await;
    let mut caller = http2(tcp(rig.address).await).await;
    let (sender, body) = body::channel();
    let request = Request::post("http://a/").body(body).unwrap();
    let _answer = tokio::spawn(async move { caller.send_request(request).await });
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        while sender.data(vec![b'x'; 64 << 10]).await {
            counted.fetch_add(64 << 10, Ordering::Relaxed);
        }
    });
    let mut before = usize::MAX;
    until("the caller is held back", async || {
        let now = sent.load(Ordering::Relaxed);
        let steady = now == before && now > 0;
        before = now;
        tokio::time::sleep(Duration::from_millis(50)).await;
        steady
    })
    .await;
    assert!(before < 64 << 20, "{before} bytes were taken from the caller");
    sending.abort();
}

#[tokio::test]
async fn a_service_that_breaks_off_is_told_from_an_end() {
    let upstream = Upstream::http(|_| async {
        let (sender, reply) = body::channel();
        tokio::task::spawn_local(async move {
            sender.data("half").await;
            sender.abort().await;
        });
        Response::new(reply)
    });
    let rig = Rig::before(&upstream).await;
    let mut caller = http2(tcp(rig.address).await).await;
    // The reset may overtake the head.
    if let Ok(response) = caller.send_request(crate::rig::get("http://a/")).await {
        assert!(response.into_body().collect().await.is_err());
    }
    assert_eq!(rig.records.wait(1).await[0].end, End::ServiceBroke);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller: RawClient = rig.client().await;
    let requests = (0..5).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"));
    caller.send(requests.collect::<String>()).await;
    for n in 0..5 {
        let response = caller.response().await;
        assert!(response.text().contains(&format!("\"/{n}\"")), "{}", response.text());
    }
}
