//! The behaviours of fake services: echoing, streaming, upgrading, gRPC-like, hanging, closing, resetting.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_net::hyper_io::HyperIo;
use trunkline_net::tls::{
    Certificate, CertificateStore, ClientCertificates, Roots, ServerSettings, Trusted,
    server_config,
};

use super::{Upstream, free_address, serve};
use crate::body::{self, ReplyBody};

impl Upstream {
    /// An HTTP service: `handler` answers each request; HTTP/2 with prior knowledge is understood as well.
    pub fn http<F, Answering>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Answering + Send + 'static,
        Answering: Future<Output = Response<ReplyBody>> + 'static,
    {
        Self::http_at(free_address(), None, handler)
    }

    /// An HTTPS service; ALPN decides between HTTP/1.1 and HTTP/2.
    pub fn https<F, Answering>(certificate: &Certificate, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Answering + Send + 'static,
        Answering: Future<Output = Response<ReplyBody>> + 'static,
    {
        let store = Arc::new(CertificateStore::new(std::slice::from_ref(certificate)));
        let config = server_config(store, &ServerSettings::default()).unwrap();
        Self::http_at(free_address(), Some(config), handler)
    }

    /// The same, which serves only callers with a certificate of these roots.
    pub fn https_asking<F, Answering>(certificate: &Certificate, roots: Roots, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Answering + Send + 'static,
        Answering: Future<Output = Response<ReplyBody>> + 'static,
    {
        let store = Arc::new(CertificateStore::new(std::slice::from_ref(certificate)));
        let trusted = Trusted { roots, revoked: Vec::new() };
        let client_certificates = ClientCertificates::Required(trusted);
        let settings = ServerSettings { client_certificates, ..ServerSettings::default() };
        Self::http_at(free_address(), Some(server_config(store, &settings).unwrap()), handler)
    }

    /// An HTTP service at a given address, such as one that [`Upstream::stop`] gave back.
    pub fn http_at<F, Answering>(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: F,
    ) -> Self
    where
        F: Fn(Request<Incoming>) -> Answering + Send + 'static,
        Answering: Future<Output = Response<ReplyBody>> + 'static,
    {
        Self::start(address, move |counts| {
            let handler = Rc::new(handler);
            Rc::new(move |socket| {
                Box::pin(serve::http(socket, tls.clone(), Rc::clone(&handler), Arc::clone(&counts)))
            })
        })
    }

    /// Answers everything with `status` and `text`.
    pub fn answering(status: u16, text: &'static str) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self::http(move |_| async move {
            let mut response = Response::new(body::full(text));
            *response.status_mut() = status;
            response
        })
    }

    /// Describes each request as JSON: `method`, `target`, `version`, `headers` (list of pairs), `body` and `trailers`.
    /// A request header `x-answer-status` sets the status.
    pub fn echo() -> Self {
        Self::http(echo)
    }

    /// Streams each request's body back as it comes, trailers included.
    pub fn mirror() -> Self {
        Self::http(|request: Request<Incoming>| async move {
            Response::new(request.into_body().map_err(std::io::Error::other).boxed_unsync())
        })
    }

    /// Answers with `count` pieces of `piece`, `gap` apart.
    pub fn streaming(count: usize, piece: &'static str, gap: Duration) -> Self {
        Self::http(move |_| async move {
            let (sender, reply) = body::channel();
            tokio::task::spawn_local(async move {
                for _ in 0..count {
                    if !sender.data(piece).await {
                        break;
                    }
                    tokio::time::sleep(gap).await;
                }
            });
            Response::new(reply)
        })
    }

    /// Answers a request with `Upgrade` by 101 and echoes every byte after it; answers 426 to others.
    pub fn upgrading() -> Self {
        Self::http(upgrade)
    }

    /// Like a gRPC service: streams the request's messages back and ends with `grpc-status: 0` in trailers. A request
    /// header `x-answer-grpc-status` asks for that status instead, without messages (trailers only).
    pub fn grpc() -> Self {
        Self::http(grpc)
    }

    /// Accepts, reads everything, answers nothing.
    pub fn hanging() -> Self {
        Self::tcp(|mut socket| async move {
            let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
        })
    }

    /// Accepts and closes at once.
    pub fn closing() -> Self {
        Self::tcp(|socket| async move { drop(socket) })
    }

    /// Accepts, waits for the first bytes and resets the connection.
    pub fn resetting() -> Self {
        Self::tcp(|mut socket| async move {
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.set_zero_linger();
        })
    }

    /// Reads a request head, writes these bytes and closes: for responses that no HTTP library would send.
    pub fn raw(response: &'static [u8]) -> Self {
        Self::tcp(move |mut socket| async move {
            read_head(&mut socket).await;
            let _ = socket.write_all(response).await;
            let _ = socket.shutdown().await;
            // Unread bytes would turn the close into a reset, which could overtake the response.
            let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
        })
    }

    /// Echoes bytes, without any HTTP.
    pub fn tcp_echo() -> Self {
        Self::tcp(|mut socket| async move {
            let (mut reader, mut writer) = socket.split();
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            let _ = writer.shutdown().await;
        })
    }
}

/// An address where nobody listens: connecting to it is refused.
pub fn unused_address() -> SocketAddr {
    std::net::TcpListener::bind(free_address()).unwrap().local_addr().unwrap()
}

async fn echo(request: Request<Incoming>) -> Response<ReplyBody> {
    let (head, incoming) = request.into_parts();
    let Ok(collected) = incoming.collect().await else {
        return Response::builder().status(400).body(body::empty()).unwrap();
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pairs = |map: &HeaderMap| -> Vec<(String, String)> {
        map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    };
    let trailers = collected.trailers().map(pairs).unwrap_or_default();
    let description = json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "version": format!("{:?}", head.version),
        "headers": pairs(&head.headers),
        "body": String::from_utf8_lossy(&collected.to_bytes()),
        "trailers": trailers,
    });
    let status = head.headers.get("x-answer-status").map_or_else(|| "200".to_owned(), text);
    Response::builder()
        .status(status.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body::full(description.to_string()))
        .unwrap()
}

async fn upgrade(mut request: Request<Incoming>) -> Response<ReplyBody> {
    let Some(protocol) = request.headers().get(header::UPGRADE).cloned() else {
        return Response::builder()
            .status(StatusCode::UPGRADE_REQUIRED)
            .body(body::empty())
            .unwrap();
    };
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        let Ok(upgraded) = upgrading.await else {
            return;
        };
        let (mut reader, mut writer) = tokio::io::split(HyperIo(upgraded));
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
        let _ = writer.shutdown().await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, protocol)
        .body(body::empty())
        .unwrap()
}

async fn grpc(request: Request<Incoming>) -> Response<ReplyBody> {
    let response = Response::builder().header(header::CONTENT_TYPE, "application/grpc");
    if let Some(status) = request.headers().get("x-answer-grpc-status") {
        return response.header("grpc-status", status).body(body::empty()).unwrap();
    }
    let (sender, reply) = body::channel();
    let mut incoming = request.into_body();
    tokio::task::spawn_local(async move {
        while let Some(Ok(frame)) = incoming.frame().await {
            let piece: Bytes = frame.into_data().unwrap_or_default();
            if !sender.data(piece).await {
                return;
            }
        }
        let status =
            HeaderMap::from_iter([(http_name("grpc-status"), HeaderValue::from_static("0"))]);
        sender.trailers(status).await;
    });
    response.body(reply).unwrap()
}

fn http_name(name: &'static str) -> header::HeaderName {
    header::HeaderName::from_static(name)
}

async fn read_head(socket: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        match socket.read_buf(&mut seen).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
