//! Serving one connection of a fake service with hyper: HTTP/1.1 with upgrades, or HTTP/2 when the caller begins so.

use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use trunkline_net::hyper_io::{HyperIo, HyperTimer, LocalExecutor};
use trunkline_net::stream::Stream;
use trunkline_net::tls::H2;

use super::Counts;
use crate::body::ReplyBody;

pub(super) async fn http<F, Answering>(
    socket: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    handler: Rc<F>,
    counts: Arc<Counts>,
) where
    F: Fn(Request<Incoming>) -> Answering + 'static,
    Answering: Future<Output = Response<ReplyBody>> + 'static,
{
    let Some((stream, is_h2)) = secured(socket, tls).await else {
        return;
    };
    let service = service_fn(move |request| {
        counts.requests.fetch_add(1, Ordering::Relaxed);
        let answering = handler(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    // How a connection ends is the test's business: callers that break off are normal here.
    if is_h2 {
        let _ = http2::Builder::new(LocalExecutor)
            .timer(HyperTimer)
            .enable_connect_protocol()
            .serve_connection(HyperIo(stream), service)
            .await;
    } else {
        let _ = http1::Builder::new()
            .timer(HyperTimer)
            .serve_connection(HyperIo(stream), service)
            .with_upgrades()
            .await;
    }
}

async fn secured(
    socket: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> Option<(Stream, bool)> {
    let Some(config) = tls else {
        let is_h2 = begins_with_preface(&socket).await;
        return Some((Stream::Tcp(socket), is_h2));
    };
    let accepted = TlsAcceptor::from(config).accept(Stream::Tcp(socket)).await.ok()?;
    let stream = Stream::Tls(Box::new(accepted.into()));
    let is_h2 = stream.alpn() == Some(H2);
    Some((stream, is_h2))
}

/// Whether the first bytes are those of HTTP/2 (RFC 9113 §3.4); looks without taking them.
async fn begins_with_preface(socket: &TcpStream) -> bool {
    const PREFACE: &[u8] = b"PRI ";
    let mut seen = [0; PREFACE.len()];
    loop {
        match socket.peek(&mut seen).await {
            Ok(0) | Err(_) => return false,
            Ok(length) if seen[..length] != PREFACE[..length] => return false,
            Ok(length) if length == PREFACE.len() => return true,
            Ok(_) => tokio::task::yield_now().await,
        }
    }
}
