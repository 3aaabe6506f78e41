//! Answers gRPC calls on connections of HTTP/2, with prior knowledge (h2c) or over TLS.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use trunkline_rt::Scope;

use super::answer::{Body, Reply, Watch};
use super::frame::{self, Limits};
use super::opening;
use super::status::{Code, Status};
use super::timeout;
use crate::accept::Acceptor;
use crate::coding::Coding;
use crate::hyper_io::{HyperIo, HyperTimer, ScopeExecutor};
use crate::memory::{Held, Memory};
use crate::stream::Stream;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// Largest head of a call, in bytes.
const HEAD_BYTES_MAX: u32 = 32 << 10;
/// Calls of one connection at a time.
const CALLS_MAX: u32 = 128;
/// What a peer may send of one call, and of all its calls together, before it is read.
const WINDOWS: (u32, u32) = (512 << 10, 1 << 20);
/// How often a silent peer is asked whether it is still there, and how long it may take to answer.
const WATCH: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));
/// How long open calls may go on after the server was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A call whose message has arrived.
#[derive(Debug)]
pub struct Call {
    /// `/package.Service/Method`.
    pub path: String,
    /// The message, decompressed.
    pub message: Bytes,
    /// Everything else that the caller sent.
    pub metadata: HeaderMap,
    /// Where it comes from, where that is known.
    pub peer: Option<SocketAddr>,
    /// The room that the message takes: to be kept as long as the message is.
    pub held: Held,
}

/// Whoever answers calls.
pub trait Service: Send + Sync + 'static {
    /// Whether this path is one of its methods. Calls of others are refused before they are read.
    fn has(&self, path: &str) -> bool;

    /// Told of a call that was refused before it was answered, or whose time was over: to count it.
    fn refused(&self, _path: &str, _status: &Status) {}

    /// Whether the answers of this method go on until their caller has enough. They are small: what
    /// is not taken of them is kept for as long.
    fn is_open_ended(&self, _path: &str) -> bool {
        false
    }

    /// Answers a call. It is dropped when the caller gives up or its time is over.
    fn call(self: Arc<Self>, call: Call) -> BoxFuture<'static, Result<Reply, Status>>;
}

/// A gRPC server: who answers, and within which bounds. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    /// Who answers.
    pub service: Arc<dyn Service>,
    /// Bounds of a message and a call.
    pub limits: Limits,
    /// Room for all messages under way.
    pub memory: Arc<Memory>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Server {
    /// Accepts connections and answers their calls until the scope stops. A configuration of TLS is
    /// to offer `h2` by ALPN.
    pub async fn run(
        self,
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        connections_max: usize,
        scope: Scope,
    ) {
        let acceptor = Acceptor { scope: scope.clone(), connections_max, tls };
        let serve = move |stream| self.clone().connection(stream, scope.clone());
        acceptor.run(listener, serve).await;
    }

    /// Serves one connection until it ends or the scope stops.
    pub async fn connection(self, stream: Stream, scope: Scope) {
        let peer = stream.peer_address();
        let opened = tokio::select! {
            opened = opening::check(stream) => opened,
            () = scope.stopping() => return,
        };
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "connection is not gRPC"),
        };
        let stalled = Arc::new(Notify::new());
        let calls =
            Calls { server: self, peer, scope: scope.clone(), stalled: Arc::clone(&stalled) };
        let service = service_fn(move |request: Request<Incoming>| {
            let calls = calls.clone();
            async move { Ok::<_, Infallible>(calls.answer(request).await) }
        });
        let connection = builder(&scope).serve_connection(HyperIo(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return log(ended),
            () = stalled.notified() => {
                return tracing::debug!("gRPC connection closed: an answer was not taken");
            }
            () = scope.stopping() => connection.as_mut().graceful_shutdown(),
        }
        if let Ok(ended) = tokio::time::timeout(STOP_GRACE, connection).await {
            log(ended);
        }
    }
}

fn builder(scope: &Scope) -> http2::Builder<ScopeExecutor> {
    let mut builder = http2::Builder::new(ScopeExecutor(scope.clone()));
    builder
        .timer(HyperTimer)
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_concurrent_streams(CALLS_MAX)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .keep_alive_interval(WATCH.0)
        .keep_alive_timeout(WATCH.1);
    builder
}

/// Callers come and go; only somebody who looks for a fault wants to know how.
fn log(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "gRPC connection ended");
    }
}

/// Whether a request is a gRPC call, by its content type.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        let rest = kind.strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    })
}

/// What the calls of one connection share.
#[derive(Clone)]
struct Calls {
    server: Server,
    peer: Option<SocketAddr>,
    scope: Scope,
    /// Told when an answer is not taken, long after its time.
    stalled: Arc<Notify>,
}

impl Calls {
    async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        if request.method() != Method::POST {
            return plain(StatusCode::METHOD_NOT_ALLOWED);
        }
        if !is_grpc(request.headers()) {
            return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let server = &self.server;
        let limit = match limit(request.headers(), server.limits.call_limit) {
            Ok(limit) => limit,
            Err(status) => return refused(&status),
        };
        let mut over = Box::pin(tokio::time::sleep(limit));
        let path = request.uri().path().to_owned();
        let answer = async {
            let call = receive(server, request, self.peer).await;
            let call = call.inspect_err(|status| server.service.refused(&path, status))?;
            Arc::clone(&server.service).call(call).await
        };
        let answered = tokio::select! {
            biased;
            answered = answer => answered,
            () = over.as_mut() => {
                let late = Status::new(Code::DeadlineExceeded, "the time of the call is over");
                server.service.refused(&path, &late);
                Err(late)
            }
        };
        match answered {
            Ok(reply) => {
                let taken = tokio::time::sleep(server.limits.call_limit).deadline();
                let deadline = over.deadline().min(taken);
                let ends = !server.service.is_open_ended(&path);
                let (body, watch) = Body::new(reply, ends.then_some(deadline));
                self.watch(watch);
                head(body)
            }
            Err(status) => refused(&status),
        }
    }

    /// Ends the answer when its time is over, and the connection when that does not help.
    fn watch(&self, watch: Option<Watch>) {
        let Some(watch) = watch else { return };
        let stalled = Arc::clone(&self.stalled);
        self.scope.spawn_unlisted("answer", async move {
            if watch.stalled().await {
                stalled.notify_one();
            }
        });
    }
}

/// How long a call may take: as its caller says, else as we do.
fn limit(headers: &HeaderMap, call_limit: Duration) -> Result<Duration, Status> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else { return Ok(call_limit) };
    value
        .to_str()
        .ok()
        .and_then(timeout::parse)
        .ok_or_else(|| Status::new(Code::InvalidArgument, "grpc-timeout is none"))
}

async fn receive<B>(
    server: &Server,
    request: Request<B>,
    peer: Option<SocketAddr>,
) -> Result<Call, Status>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if !server.service.has(path) {
        let text = format!("there is no method {path}");
        return Err(Status::new(Code::Unimplemented, text));
    }
    let coding = coding(&parts.headers)?;
    let mut held = server.memory.hold();
    let message = frame::read(body, coding, &server.limits, &mut held).await?;
    held.shrink_to(message.len());
    let path = path.to_owned();
    Ok(Call { path, message, metadata: parts.headers, peer, held })
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Status> {
    let Some(name) = headers.get(GRPC_ENCODING) else { return Ok(None) };
    let name = name.to_str().unwrap_or_default();
    match Coding::named(name) {
        _ if name == "identity" => Ok(None),
        Some(coding) => Ok(Some(coding)),
        None => {
            let text = format!("messages compressed with `{name}` are not read");
            Err(Status::new(Code::Unimplemented, text))
        }
    }
}

fn head(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    fields.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd,deflate"));
    response
}

/// The status in the head, and no body.
fn refused(status: &Status) -> Response<Body> {
    let mut response = head(Body::empty());
    response.headers_mut().extend(status.fields());
    response
}

/// What is no call at all is answered as HTTP does.
fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
