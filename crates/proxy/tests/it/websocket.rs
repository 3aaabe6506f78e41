//! `WebSockets` over HTTP/2 (RFC 8441): on either side, on both, and where a service takes none.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::ext::Protocol as Extended;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response};
use trunkline_model::record::End;
use trunkline_model::service::Protocol;
use trunkline_testkit::Upstream;
use trunkline_testkit::wait::{until, within};

use crate::rig::{Rig, model, service, tcp};

/// Asks for a `WebSocket` over HTTP/2.
async fn ask(address: SocketAddr) -> (Response<RecvStream>, SendStream<Bytes>) {
    let (sender, connection) = h2::client::handshake(tcp(address).await).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let allowed = async || sender.is_extended_connect_protocol_enabled();
    until("the gateway allows an extended CONNECT", allowed).await;
    let mut request = Request::new(());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = "http://shop.localhost/chat?room=1".parse().unwrap();
    request.extensions_mut().insert(Extended::from_static("websocket"));
    request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    let (response, output) = sender.send_request(request, false).unwrap();
    (within("an answer", response).await.unwrap(), output)
}

/// What is sent comes back, and the end of one half is the end of the other.
async fn talk((response, mut output): (Response<RecvStream>, SendStream<Bytes>)) {
    let mut input = response.into_body();
    for message in ["hello", "again"] {
        output.send_data(message.into(), false).unwrap();
        let data = within("the message", input.data()).await.unwrap().unwrap();
        assert_eq!(data, message);
        input.flow_control().release_capacity(data.len()).unwrap();
    }
    output.send_data(Bytes::new(), true).unwrap();
    assert!(within("the end", input.data()).await.is_none_or(|end| end.unwrap().is_empty()));
}

/// A service that takes `WebSockets` over HTTP/2 and echoes what comes.
fn echo(enabled: bool) -> Upstream {
    Upstream::tcp(move |stream| async move {
        let mut builder = h2::server::Builder::new();
        if enabled {
            builder.enable_connect_protocol();
        }
        let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let protocol = request.extensions().get::<Extended>().map(Extended::as_str);
            assert_eq!((request.method(), protocol), (&Method::CONNECT, Some("websocket")));
            assert_eq!(request.uri().path(), "/chat");
            assert!(!request.headers().contains_key("sec-websocket-key"));
            let mut output = respond.send_response(Response::new(()), false).unwrap();
            let mut input = request.into_body();
            tokio::spawn(async move {
                while let Some(Ok(data)) = input.data().await {
                    let _ = input.flow_control().release_capacity(data.len());
                    output.send_data(data, false).unwrap();
                }
                output.send_data(Bytes::new(), true).unwrap();
            });
        }
    })
}

async fn before_http2(upstream: &Upstream) -> Rig {
    let mut web = service("web", &[upstream.address()]);
    web.protocol = Protocol::Http2;
    Rig::start(model(vec![web])).await
}

#[tokio::test]
async fn a_caller_over_http2_reaches_a_service_over_http1() {
    let upstream = Upstream::upgrading();
    let rig = Rig::before(&upstream).await;
    let asked = ask(rig.address).await;
    assert_eq!(asked.0.status(), 200);
    for name in ["connection", "upgrade", "sec-websocket-accept", "sec-websocket-key"] {
        assert!(!asked.0.headers().contains_key(name), "{name}");
    }
    talk(asked).await;
    let record = &rig.records.wait(1).await[0];
    assert_eq!((record.method.as_str(), record.status, record.end), ("GET", 101, End::Complete));
    assert_eq!((record.bytes_received, record.bytes_sent), (10, 10));
    until("the tunnel ends upstream", async || upstream.open() == 0).await;
}

#[tokio::test]
async fn a_caller_that_resets_its_stream_ends_the_tunnel() {
    let upstream = Upstream::upgrading();
    let rig = Rig::before(&upstream).await;
    let (response, mut output) = ask(rig.address).await;
    assert_eq!(rig.service("web").await.in_flight, 1);
    output.send_reset(h2::Reason::CANCEL);
    drop(response);
    until("the tunnel ends upstream", async || upstream.open() == 0).await;
    until("nothing is in flight", async || rig.service("web").await.in_flight == 0).await;
}

#[tokio::test]
async fn callers_over_both_versions_reach_a_service_over_http2() {
    let upstream = echo(true);
    let rig = before_http2(&upstream).await;
    talk(ask(rig.address).await).await;
    let mut caller = rig.client().await;
    caller
        .send(
            "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .await;
    let response = caller.response().await;
    assert_eq!((response.status, response.header("upgrade")), (101, Some("websocket")));
    let proof = response.header("sec-websocket-accept");
    assert_eq!(proof, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    caller.send("hello").await;
    assert_eq!(caller.exactly(5).await, b"hello");
}

#[tokio::test]
async fn a_service_that_takes_none_over_http2_is_told_of() {
    let upstream = echo(false);
    let rig = before_http2(&upstream).await;
    let (response, _output) = ask(rig.address).await;
    assert_eq!(response.status(), 502);
    let reason = response.headers()["x-trunkline-reason"].to_str().unwrap();
    assert!(reason.starts_with("upstream_protocol"), "{reason}");
}

#[tokio::test]
async fn a_refusal_is_an_answer_like_any_other() {
    let upstream = Upstream::answering(403, "no");
    let rig = Rig::before(&upstream).await;
    let (response, _output) = ask(rig.address).await;
    assert_eq!(response.status(), 403);
    let data = within("the body", response.into_body().data()).await.unwrap().unwrap();
    assert_eq!(data, "no");
}
