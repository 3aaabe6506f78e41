//! A caller that speaks HTTP/2, with prior knowledge or over TLS, for tests of multiplexing, gRPC and trailers.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use trunkline_net::hyper_io::{HyperIo, HyperTimer};
use trunkline_net::stream::Stream;
use trunkline_net::tls::server_name;

use crate::body::ReplyBody;
use crate::wait::within;

/// One HTTP/2 connection; it closes when it is dropped.
#[derive(Debug)]
pub struct H2Caller {
    sender: http2::SendRequest<ReplyBody>,
    driver: JoinHandle<()>,
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Collected {
    /// Its head.
    pub head: http::response::Parts,
    /// Its body.
    pub body: bytes::Bytes,
    /// Its trailers; empty without any.
    pub trailers: HeaderMap,
}

impl H2Caller {
    /// Connects without TLS.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = within("a connection", TcpStream::connect(address)).await.unwrap();
        Self::over(Stream::tcp(socket)).await
    }

    /// Connects with TLS and asks for `host`; `client` has to offer `h2`.
    pub async fn connect_tls(
        address: SocketAddr,
        client: Arc<rustls::ClientConfig>,
        host: &str,
    ) -> Self {
        let socket = within("a connection", TcpStream::connect(address)).await.unwrap();
        let connecting =
            TlsConnector::from(client).connect(server_name(host).unwrap(), Stream::tcp(socket));
        let secured = within("a handshake", connecting).await.unwrap();
        Self::over(Stream::Tls(Box::new(secured.into()))).await
    }

    /// Uses a connection that exists.
    pub async fn over(stream: Stream) -> Self {
        let handshake = http2::Builder::new(Spawner).timer(HyperTimer).handshake(HyperIo(stream));
        let (sender, connection) = within("an HTTP/2 handshake", handshake).await.unwrap();
        let driver = tokio::spawn(async move {
            // Its error is also what the requests on it report.
            let _ = connection.await;
        });
        Self { sender, driver }
    }

    /// Sends a request; its URI says scheme and authority. The response's body streams.
    pub async fn send(&mut self, request: Request<ReplyBody>) -> hyper::Result<Response<Incoming>> {
        within("room on the connection", self.sender.ready()).await?;
        within("a response", self.sender.send_request(request)).await
    }

    /// Sends a request and collects the response; panics if it breaks.
    pub async fn call(&mut self, request: Request<ReplyBody>) -> Collected {
        let (head, incoming) = self.send(request).await.unwrap().into_parts();
        let collected = within("a body", incoming.collect()).await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Collected { head, body: collected.to_bytes(), trailers }
    }
}

impl Drop for H2Caller {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Spawns on whatever runtime the test has.
#[derive(Clone, Copy)]
struct Spawner;

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}
