//! New connections to endpoints: TCP, TLS, and the codec's handshake.
//!
//! Each connection is a task of its worker that drives it until it ends and then takes it out of
//! the pool. All of it together is limited by the service's connect timeout.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use trunkline_model::reason::Kind;
use trunkline_net::http1::Client;
use trunkline_net::http2::Guarded;
use trunkline_net::stream::Stream;
use trunkline_net::tls;
use trunkline_rt::Policy;

use super::driver::{self, Link};
use super::failure::{Failure, Processed, whole};
use super::pool::{Exclusive, Key, Opening, Pool, Stream as Http2Stream};
use super::transport::Transport;
use crate::balance::LiveEndpoint;
use crate::limits;
use crate::worker::Worker;

/// What a connection is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dial<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) endpoint: &'a LiveEndpoint,
    pub(crate) transport: &'a Transport,
    /// HTTP/1.1 and nothing else may be offered.
    pub(crate) http1_only: bool,
    pub(crate) limit: Duration,
    pub(crate) keep_alive: Duration,
    /// What a connection begins with, before TLS: who its caller is.
    pub(crate) announce: Option<&'a [u8]>,
}

impl Dial<'_> {
    /// Opens a byte stream, secured where the transport asks for it.
    pub(crate) async fn open(&self) -> Result<Stream, Failure> {
        let limit = self.limit;
        let opened = tokio::time::timeout(limit, self.open_unlimited()).await;
        opened.unwrap_or_else(|_| {
            let detail = format!("no connection to {} within {limit:?}", self.endpoint.address);
            Err(Failure::new(Kind::ConnectTimeout, detail, Processed::No))
        })
    }

    async fn open_unlimited(&self) -> Result<Stream, Failure> {
        let address = self.endpoint.address;
        let fail = |error: std::io::Error| {
            Failure::new(Kind::Connect, format!("{address}: {error}"), Processed::No)
        };
        let mut socket = TcpStream::connect(address).await.map_err(fail)?;
        if let Some(header) = self.announce {
            socket.write_all(header).await.map_err(fail)?;
        }
        let stream = Stream::tcp(socket);
        let Some(settings) = &self.transport.tls else {
            return Ok(stream);
        };
        let name = settings.server_name.as_deref().unwrap_or(&self.endpoint.host);
        let fail = |error: &dyn std::fmt::Display| {
            Failure::new(Kind::UpstreamTls, format!("{address}: {error}"), Processed::No)
        };
        let server_name =
            tls::server_name(name).ok_or_else(|| fail(&format!("`{name}` is no host name")))?;
        let config = if self.http1_only { &settings.http1_only } else { &settings.offering };
        let connector = TlsConnector::from(std::sync::Arc::clone(config));
        let secured = connector.connect(server_name, stream).await.map_err(|error| fail(&error))?;
        Ok(Stream::Tls(Box::new(secured.into())))
    }

    /// Speaks HTTP/1.1 on a new stream.
    pub(crate) fn http1(&self, stream: Stream, key: Key) -> Exclusive {
        let client = Client::new(stream, limits::http1());
        Pool::lease(self.worker, key, client, self.keep_alive)
    }

    /// Speaks HTTP/2 on a new stream, and shares the connection.
    pub(crate) async fn http2(
        &self,
        stream: Stream,
        key: Key,
        opening: Opening,
    ) -> Result<Http2Stream, Failure> {
        let clock = self.worker.clock.clone();
        let io = Guarded::client(stream, limits::http2_guard(limits::HEAD_BYTES_MAX), clock);
        let link = Link::new(io.watch());
        let handshake = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(limits::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .max_send_buffer_size(limits::STREAM_SEND_BYTES)
            .max_header_list_size(limits::header_list(&limits::http1()))
            .handshake::<_, Bytes>(io)
            .await;
        let (sender, codec) =
            handshake.map_err(|error| Failure::new(Kind::Connect, whole(&error), Processed::No))?;
        let (worker, number) = (Rc::clone(self.worker), self.worker.pool.number());
        let driven = Rc::clone(&link);
        self.worker.scope.spawn_local("upstream", Policy::Best, async move {
            if let Err(error) = driver::drive(codec, &driven).await {
                tracing::debug!(address = %key.address, %error, "upstream connection broke");
            }
            worker.pool.forget(&key, number);
        });
        Ok(opening.share(number, (sender, link), self.keep_alive))
    }
}
