//! HTTP/1 for everything that comes in by it: one way through guard, body and decompression.
//!
//! A [`Door`] is a protocol: which paths it has, what it makes of a body, and how it words a refusal.
//! The rest is the same for all: who may come in ([`Guard`]), how large and slow a body may be, and
//! what is counted.

mod body;
mod guard;
mod refusal;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use trunkline_net::hyper_io::{HyperIo, HyperTimer};
use trunkline_net::memory::{Held, Memory};
use trunkline_net::stream::Stream;
use trunkline_rt::Scope;

use crate::limits::Limits;
use crate::metrics::{Metrics, Protocol};

pub use guard::{Guard, Token};
pub(crate) use refusal::Refusal;

/// An answer; they are all small.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Largest head of a request, in bytes, and its most fields.
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEAD_FIELDS_MAX: usize = 64;
/// How long open requests may go on after the surface was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A request whose body has arrived, decompressed.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    /// The room that the body takes.
    pub(crate) held: Held,
}

/// A protocol over HTTP.
pub(crate) trait Door: Send + Sync + 'static {
    /// Under which it counts; `None` where nothing that comes in is kept.
    fn protocol(&self) -> Option<Protocol>;

    /// The method of a path; `None` where there is no such path.
    fn method(&self, path: &str) -> Option<Method>;

    /// Answers a request that the guard let in.
    fn answer(self: Arc<Self>, received: Received) -> BoxFuture<'static, Result<Answer, Refusal>>;

    /// Words a refusal, its status included.
    fn word(&self, headers: &HeaderMap, refusal: &Refusal) -> Answer;
}

/// A door with what stands before it.
#[derive(Clone)]
pub(crate) struct Entrance {
    pub(crate) door: Arc<dyn Door>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) limits: Limits,
    pub(crate) memory: Arc<Memory>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Entrance {
    /// Serves one connection until it ends or the scope stops.
    pub(crate) async fn connection(self, stream: Stream, scope: Scope) {
        let idle = self.limits.idle;
        let service = service_fn(move |request| {
            let entrance = self.clone();
            async move { Ok::<_, Infallible>(entrance.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(HyperTimer)
            .header_read_timeout(idle)
            .max_headers(HEAD_FIELDS_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(4 * HEAD_BYTES_MAX)
            .serve_connection(HyperIo(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = scope.stopping() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(STOP_GRACE, connection).await.ok()
            }
        };
        if let Some(Err(error)) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let headers = parts.headers.clone();
        let mut answer = match self.let_in(parts, body).await {
            Ok(answer) => answer,
            Err(refusal) => self.refused(&headers, &refusal),
        };
        self.guard.allow_reading(&headers, answer.headers_mut());
        answer
    }

    fn refused(&self, headers: &HeaderMap, refusal: &Refusal) -> Answer {
        // What the intake refused it has counted already.
        if let Some(protocol) = self.door.protocol()
            && let Some(reason) = refusal.uncounted()
        {
            self.metrics.refused(protocol, reason);
        }
        tracing::debug!(%refusal, "refused");
        let mut answer = self.door.word(headers, refusal);
        if let Some(after) = refusal.retry_after() {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            let seconds = HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX));
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        refusal.explain(answer.headers_mut());
        answer
    }

    async fn let_in(&self, parts: Parts, body: Incoming) -> Result<Answer, Refusal> {
        let method = self.door.method(parts.uri.path()).ok_or(Refusal::NotFound)?;
        self.guard.check_origin(&parts.headers)?;
        if parts.method == Method::OPTIONS {
            return Ok(Guard::preflight(&parts.headers, &method));
        }
        if parts.method != method {
            return Err(Refusal::Method(method));
        }
        self.guard.check_token(&parts.headers)?;
        let mut held = self.memory.hold();
        let body = body::read(&parts.headers, body, &self.limits, &mut held).await?;
        let answer = Arc::clone(&self.door).answer(Received { parts, body, held });
        match tokio::time::timeout(self.limits.call_limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal::Late),
        }
    }
}

/// An answer with a text.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    with_body(status, HeaderValue::from_static("text/plain; charset=utf-8"), text)
}

/// An answer with a body of a type.
pub(crate) fn with_body(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// The type of a body without its parameters, in lower case; empty when it is not told.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let told = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = told.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}
