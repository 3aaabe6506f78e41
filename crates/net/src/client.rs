//! The one HTTP client of the management side: health checks, the CLI, exports and tests.
//!
//! HTTP/1.1 over TCP, TLS or a unix socket. Every request has its own connection, a time limit and a bounded body, and
//! no task is spawned: the future (or the body) that the caller holds drives the connection, and dropping it closes
//! it. It is `Send`, unlike the proxy's pools, and it is not for the request path.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use rustls::ClientConfig;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::hyper_io::HyperIo;
use crate::resolve::{ResolveError, Resolver};
use crate::stream::Stream;
use crate::tls;

/// The largest response head, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// Where a client connects to.
#[derive(Clone, Debug)]
pub enum Connect {
    /// To the host of the URL.
    Resolve(Arc<Resolver>),
    /// To this address, whatever the host of the URL is.
    Address(SocketAddr),
    /// To a unix socket.
    Unix(PathBuf),
}

/// A client: plain settings, cheap to clone, without a state of its own.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where it connects to.
    pub connect: Connect,
    /// For `https` URLs; such a request without it fails.
    pub tls: Option<Arc<ClientConfig>>,
    /// The name to ask for and to verify instead of the URL's host.
    pub server_name: Option<String>,
    /// To connect, TLS included.
    pub connect_limit: Duration,
    /// From the beginning to the end of the head; and again to the end of the body, where it is collected.
    pub limit: Duration,
    /// The largest body that [`Client::request`] collects, in bytes.
    pub body_bytes_max: usize,
}

/// Why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL lacks a host or has a scheme that is not HTTP.
    #[error("`{0}` is not an http or https URL")]
    BadUrl(Uri),
    /// The URL is `https`, and the client was made without TLS.
    #[error("`{0}` needs TLS, which this client has no settings for")]
    NoTls(Uri),
    /// The name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No connection was made.
    #[error("cannot connect to {to}")]
    Connect {
        /// The address or the socket's path.
        to: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    /// The peer does not speak HTTP, or broke off.
    #[error("the exchange failed")]
    Http(#[from] hyper::Error),
    /// The body exceeds the client's bound.
    #[error("the response is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// It took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl Client {
    /// A client that connects to the host of the URL, with limits for a person's patience.
    pub fn new(connect: Connect) -> Self {
        Self {
            connect,
            tls: None,
            server_name: None,
            connect_limit: Duration::from_secs(5),
            limit: Duration::from_secs(30),
            body_bytes_max: 16 << 20,
        }
    }

    /// Sends a request and collects the whole response.
    pub async fn request(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let exchange = async {
            let (head, mut body) = self.open(request).await?.into_parts();
            let mut collected = BytesMut::new();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    if collected.len() + data.len() > self.body_bytes_max {
                        return Err(ClientError::BodyTooLarge(self.body_bytes_max));
                    }
                    collected.extend_from_slice(&data);
                }
            }
            Ok(Response::from_parts(head, collected.freeze()))
        };
        tokio::time::timeout(self.limit, exchange)
            .await
            .map_err(|_| ClientError::TimedOut(self.limit))?
    }

    /// Sends a `GET` and collects the whole response.
    pub async fn get(&self, url: &Uri) -> Result<Response<Bytes>, ClientError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.clone();
        self.request(request).await
    }

    /// Sends a request and gives the response as soon as its head is there; the body streams, without a time limit.
    pub async fn stream(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<ResponseBody>, ClientError> {
        let limit = self.limit;
        tokio::time::timeout(limit, self.open(request))
            .await
            .map_err(|_| ClientError::TimedOut(limit))?
    }

    /// Connects to the host of a URL, TLS included, within [`Client::connect_limit`].
    pub(crate) async fn connect_to(&self, uri: &Uri) -> Result<Stream, ClientError> {
        self.within_limit(&Target::of(uri)?).await
    }

    async fn within_limit(&self, target: &Target) -> Result<Stream, ClientError> {
        let limit = self.connect_limit;
        tokio::time::timeout(limit, self.dial(target))
            .await
            .map_err(|_| ClientError::TimedOut(limit))?
    }

    async fn open(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, ClientError> {
        let target = Target::of(request.uri())?;
        let stream = self.within_limit(&target).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake::<_, Full<Bytes>>(HyperIo(stream))
            .await?;
        let mut connection = Connection::Open(Box::pin(connection));
        let mut response = std::pin::pin!(sender.send_request(prepared(request, &target)));
        let response = std::future::poll_fn(|context| {
            connection.poll(context);
            response.as_mut().poll(context)
        })
        .await?;
        Ok(response.map(|incoming| ResponseBody { incoming, connection }))
    }

    async fn dial(&self, target: &Target) -> Result<Stream, ClientError> {
        let stream = match &self.connect {
            Connect::Unix(path) => {
                let fail = |source| ClientError::Connect { to: path.display().to_string(), source };
                Stream::Unix(UnixStream::connect(path).await.map_err(fail)?)
            }
            Connect::Address(address) => tcp(&[*address]).await?,
            Connect::Resolve(resolver) => {
                tcp(&resolver.resolve(&target.host, target.port).await?).await?
            }
        };
        if !target.secure {
            return Ok(stream);
        }
        let config = self.tls.clone().ok_or_else(|| ClientError::NoTls(target.uri.clone()))?;
        let name = self.server_name.as_deref().unwrap_or(&target.host);
        let name = tls::server_name(name).ok_or_else(|| ClientError::BadUrl(target.uri.clone()))?;
        let secured =
            TlsConnector::from(config).connect(name, stream).await.map_err(ClientError::Tls)?;
        Ok(Stream::Tls(Box::new(secured.into())))
    }
}

async fn tcp(addresses: &[SocketAddr]) -> Result<Stream, ClientError> {
    let mut last =
        ClientError::Connect { to: "nowhere".to_owned(), source: io::ErrorKind::NotFound.into() };
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(Stream::tcp(socket)),
            Err(source) => last = ClientError::Connect { to: address.to_string(), source },
        }
    }
    Err(last)
}

struct Target {
    uri: Uri,
    host: String,
    port: u16,
    secure: bool,
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, ClientError> {
        let bad = || ClientError::BadUrl(uri.clone());
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?.to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { uri: uri.clone(), host, port, secure })
    }
}

/// In origin form (RFC 9112 §3.2.1), with a host, to be closed after the response.
fn prepared(request: Request<Bytes>, target: &Target) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = Uri::builder().path_and_query(path).build().unwrap_or_default();
    if !head.headers.contains_key(header::HOST)
        && let Some(authority) = target.uri.authority()
    {
        // Credentials in a URL are not part of the host (RFC 9110 §7.2).
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        if let Ok(host) = HeaderValue::from_str(host) {
            head.headers.insert(header::HOST, host);
        }
    }
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Request::from_parts(head, Full::new(body))
}

/// hyper's connection, driven by whoever waits for its exchange.
enum Connection {
    Open(Pin<Box<http1::Connection<HyperIo<Stream>, Full<Bytes>>>>),
    Done,
}

impl Connection {
    fn poll(&mut self, context: &mut Context<'_>) {
        // Its error is also what the response or the body reports.
        if let Self::Open(connection) = self
            && connection.as_mut().poll(context).is_ready()
        {
            *self = Self::Done;
        }
    }
}

/// A streaming body that owns its connection.
pub struct ResponseBody {
    incoming: Incoming,
    connection: Connection,
}

impl std::fmt::Debug for ResponseBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ResponseBody")
            .field("incoming", &self.incoming)
            .finish_non_exhaustive()
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.connection.poll(context);
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests;
