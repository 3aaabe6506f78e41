use std::time::Duration;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trunkline_rt::clock::Clock;
use trunkline_testkit::{Pki, Upstream, body, upstream, wait};

use super::*;
use crate::resolve::Config;

fn client(connect: Connect) -> Client {
    Client { limit: Duration::from_secs(5), ..Client::new(connect) }
}

fn resolving() -> Connect {
    Connect::Resolve(Arc::new(Resolver::system(Config::default(), Clock::system())))
}

fn request(url: &str, body: &'static str) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(body.as_bytes())).unwrap()
}

#[tokio::test]
async fn a_request_arrives_in_origin_form_with_its_host() {
    let upstream = Upstream::echo();
    let url = format!("http://localhost:{}/a?b=c", upstream.address().port());
    let response = client(resolving()).request(request(&url, "hi")).await.unwrap();
    let text = String::from_utf8(response.into_body().to_vec()).unwrap();
    let host = format!("[\"host\",\"localhost:{}\"]", upstream.address().port());
    assert!(
        text.contains(&host) && text.contains("\"/a?b=c\"") && text.contains("\"hi\""),
        "{text}"
    );
}

#[tokio::test]
async fn credentials_of_a_url_do_not_become_the_host() {
    let upstream = Upstream::echo();
    let url = format!("http://me:secret@{}/", upstream.address());
    let response =
        client(Connect::Address(upstream.address())).get(&url.parse().unwrap()).await.unwrap();
    assert!(!response.body().windows(6).any(|window| window == b"secret"));
}

#[tokio::test]
async fn tls_is_verified_against_the_name_of_the_url() {
    let pki = Pki::new();
    let upstream = Upstream::https(&pki.issue(&["shop.test"]), |_| async {
        Response::new(body::full("safe"))
    });
    let mut client = client(Connect::Address(upstream.address()));
    let url: Uri = "https://shop.test/".parse().unwrap();
    assert!(matches!(client.get(&url).await, Err(ClientError::NoTls(_))));
    client.tls = Some(pki.client(&[tls::HTTP_1_1]));
    assert_eq!(client.get(&url).await.unwrap().body().as_ref(), b"safe");
    let other: Uri = "https://other.test/".parse().unwrap();
    assert!(matches!(client.get(&other).await, Err(ClientError::Tls(_))));
    client.server_name = Some("shop.test".to_owned());
    assert!(client.get(&other).await.is_ok());
}

#[tokio::test]
async fn a_unix_socket_is_reached_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = [0; 1024];
        let _ = socket.read(&mut seen).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    };
    let url = "http://trunkline/status".parse().unwrap();
    let client = client(Connect::Unix(path));
    let (response, ()) = tokio::join!(client.get(&url), served);
    assert_eq!(response.unwrap().body().as_ref(), b"ok");
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let nobody = client(Connect::Address(upstream::unused_address()));
    let url: Uri = "http://shop.test/".parse().unwrap();
    assert!(matches!(nobody.get(&url).await, Err(ClientError::Connect { .. })));
    let closing = Upstream::closing();
    assert!(matches!(
        client(Connect::Address(closing.address())).get(&url).await,
        Err(ClientError::Http(_))
    ));
    let hanging = Upstream::hanging();
    let hasty =
        Client { limit: Duration::from_millis(30), ..client(Connect::Address(hanging.address())) };
    assert!(matches!(hasty.get(&url).await, Err(ClientError::TimedOut(_))));
    let large = Upstream::answering(200, "twelve bytes");
    let small = Client { body_bytes_max: 11, ..client(Connect::Address(large.address())) };
    assert!(matches!(small.get(&url).await, Err(ClientError::BodyTooLarge(11))));
    for bad in ["/path", "ftp://shop.test/"] {
        assert!(
            matches!(small.get(&bad.parse().unwrap()).await, Err(ClientError::BadUrl(_))),
            "{bad}"
        );
    }
    let cut = Upstream::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    assert!(matches!(
        client(Connect::Address(cut.address())).get(&url).await,
        Err(ClientError::Http(_))
    ));
}

#[tokio::test]
async fn a_body_streams_while_it_is_made() {
    let (handed, waiting) = std::sync::mpsc::sync_channel(1);
    let upstream = Upstream::http(move |_| {
        let (sender, reply) = body::channel();
        handed.send(sender).unwrap();
        async move { Response::new(reply) }
    });
    let url = upstream.url("/").parse::<Uri>().unwrap();
    let request = Request::get(url).body(Bytes::new()).unwrap();
    let response = client(Connect::Address(upstream.address())).stream(request).await.unwrap();
    let sender = waiting.recv().unwrap();
    let mut incoming = response.into_body();
    for piece in ["one", "two"] {
        assert!(sender.data(piece).await);
        let frame = wait::within("a piece", incoming.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    drop(incoming);
    wait::until("dropping the body closes the connection", async || upstream.open() == 0).await;
}

#[tokio::test]
async fn a_large_body_goes_both_ways() {
    let upstream = Upstream::mirror();
    let sent = Bytes::from(vec![7; 3 << 20]);
    let request = Request::post(upstream.url("/")).body(sent.clone()).unwrap();
    let response = client(Connect::Address(upstream.address())).request(request).await.unwrap();
    assert!(response.into_body() == sent);
}
