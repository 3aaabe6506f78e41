use super::*;
use hyper::body::Incoming;
use tokio::io::AsyncReadExt;

use crate::{H2Caller, Pki, RawClient, body, wait};

#[tokio::test]
async fn the_echo_describes_the_request() {
    let upstream = Upstream::echo();
    let mut caller = RawClient::connect(upstream.address()).await;
    caller
        .send(
            "POST /a?b HTTP/1.1\r\nHost: x\r\nX-Answer-Status: 201\r\nContent-Length: 2\r\n\r\nhi",
        )
        .await;
    let response = caller.response().await;
    let description: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, upstream.requests(), upstream.connections()), (201, 1, 1));
    assert_eq!((&description["body"], &description["target"]), (&"hi".into(), &"/a?b".into()));
}

#[tokio::test]
async fn an_upgraded_connection_echoes_bytes() {
    let upstream = Upstream::upgrading();
    let mut caller = RawClient::connect(upstream.address()).await;
    caller.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await;
    assert_eq!(caller.response().await.status, 101);
    caller.send("ping").await;
    assert_eq!(caller.exactly(4).await, b"ping");
}

#[tokio::test]
async fn pieces_and_trailers_arrive_over_http1() {
    let upstream = Upstream::grpc();
    let mut caller = RawClient::connect(upstream.address()).await;
    caller
        .send("POST / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        .await;
    assert_eq!(caller.response().await.text(), "abc");
}

#[tokio::test]
async fn dropping_it_closes_its_connections() {
    let upstream = Upstream::hanging();
    let mut caller = RawClient::connect(upstream.address()).await;
    wait::until("the connection is accepted", async || upstream.open() == 1).await;
    let address = upstream.stop();
    assert!(caller.rest().await.is_empty());
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn broken_responses_arrive_as_they_are() {
    let upstream = Upstream::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    let mut caller = RawClient::connect(upstream.address()).await;
    caller.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(caller.rest().await.ends_with(b"\r\n\r\nab"));
}

#[tokio::test]
async fn grpc_ends_with_trailers_or_with_trailers_only() {
    let upstream = Upstream::grpc();
    let mut caller = H2Caller::connect(upstream.address()).await;
    let request = || http::Request::post("http://shop.test/shop.Orders/Place");
    let placed = caller.call(request().body(body::full("message")).unwrap()).await;
    assert_eq!(
        (placed.body.as_ref(), &placed.trailers["grpc-status"]),
        (&b"message"[..], &"0".parse().unwrap())
    );
    let refused = request().header("x-answer-grpc-status", "14").body(body::empty()).unwrap();
    let refused = caller.call(refused).await;
    assert_eq!(
        (refused.head.headers["grpc-status"].as_bytes(), upstream.connections()),
        (&b"14"[..], 1)
    );
}

#[tokio::test]
async fn alpn_decides_what_a_secure_service_speaks() {
    let pki = Pki::new();
    let upstream = Upstream::https(
        &pki.issue(&["shop.test"]),
        |request: http::Request<Incoming>| async move {
            http::Response::new(body::full(format!("{:?}", request.version())))
        },
    );
    let client = pki.client(&[b"h2"]);
    let mut caller = H2Caller::connect_tls(upstream.address(), client, "shop.test").await;
    let answer =
        caller.call(http::Request::get("https://shop.test/").body(body::empty()).unwrap()).await;
    assert_eq!(answer.body.as_ref(), b"HTTP/2.0");
}

#[tokio::test]
async fn a_resetting_service_resets() {
    let upstream = Upstream::resetting();
    let mut caller = RawClient::connect(upstream.address()).await;
    caller.send("x").await;
    let error = wait::within("a reset", caller.stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}
