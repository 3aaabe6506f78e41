//! Version 3 of Jaeger's query API over gRPC: `jaeger.api_v3.QueryService`, on port 16685, and the
//! health that gRPC's own tools ask for.
//!
//! Messages are read and written field by field, as everywhere here. Traces are streamed, each in
//! parts that every client takes (gRPC's default is 4 MiB), and read one by one: a long answer takes
//! the memory of a short one.

mod health;
mod messages;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderMap, StatusCode, header};
use trunkline_model::trace::TraceId;
use trunkline_net::grpc::{Call, Code, Reply, Service, Status};
use trunkline_net::memory::Memory;
use trunkline_otlp::{Span, write};
use trunkline_query::{Error, Reader, Trace, paced};
use trunkline_store::source::{Budget, QueryError, Spent};

use super::v3;
use super::v3::query::Ready;
use crate::guard::Token;

/// Bytes of spans in one message, about.
const MESSAGE_BYTES: usize = 1 << 20;
/// Summaries in one message.
const SUMMARIES: usize = 256;

const METHODS: &[&str] = &[
    "/jaeger.api_v3.QueryService/GetTrace",
    "/jaeger.api_v3.QueryService/FindTraces",
    "/jaeger.api_v3.QueryService/FindTraceSummaries",
    "/jaeger.api_v3.QueryService/GetServices",
    "/jaeger.api_v3.QueryService/GetOperations",
    "/jaeger.api_v3.QueryService/GetDependencies",
    "/jaeger.api_v3.Capabilities/GetCapabilities",
    health::CHECK,
    health::WATCH,
];

/// Answers the calls of the query service.
#[derive(Debug)]
pub struct QueryService {
    /// Whom it asks.
    pub reader: Arc<Reader>,
    /// Room for answers that are written and not taken yet.
    pub answers: Arc<Memory>,
    /// What callers must send as `authorization: Bearer …`; none where only this machine can call.
    pub token: Option<Token>,
}

impl Service for QueryService {
    fn has(&self, path: &str) -> bool {
        METHODS.contains(&path)
    }

    fn is_open_ended(&self, path: &str) -> bool {
        path == health::WATCH
    }

    fn call(self: Arc<Self>, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        async move {
            let message = &call.message[..];
            match call.path.as_str() {
                // Whoever looks whether this is there has no token, and is told nothing else.
                health::CHECK => return health::check(message),
                health::WATCH => return health::watch(message),
                _ => self.check(&call.metadata)?,
            }
            match call.path.rsplit('/').next().unwrap_or_default() {
                "GetTrace" => self.trace(message).await,
                "FindTraces" => self.find_traces(call.message).await,
                "FindTraceSummaries" => self.find_summaries(call.message).await,
                "GetServices" => self.services().await,
                "GetOperations" => self.operations(message).await,
                "GetDependencies" => self.dependencies(message).await,
                _ => self.message(messages::capabilities()),
            }
        }
        .boxed()
    }
}

impl QueryService {
    fn check(&self, metadata: &HeaderMap) -> Result<(), Status> {
        let Some(token) = &self.token else { return Ok(()) };
        let sent = metadata.get(header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let sent = sent.and_then(|sent| sent.strip_prefix(b"Bearer "));
        if sent.is_some_and(|sent| token.is(sent)) {
            return Ok(());
        }
        let message = "this surface asks for `authorization: Bearer <token>`";
        Err(Status::new(Code::Unauthenticated, message))
    }

    async fn trace(&self, message: &[u8]) -> Result<Reply, Status> {
        let (id, raw) = messages::trace(message)?;
        let id = super::ids::trace_id(&id).ok_or_else(|| {
            Status::new(Code::InvalidArgument, "malformed trace ID: expected up to 32 hex digits")
        })?;
        let _room = self.reader.room().await.map_err(|error| failed(&error))?;
        let trace = self.reader.trace(id, raw).await.map_err(|error| failed(&error))?;
        let trace = trace.ok_or_else(|| Status::new(Code::NotFound, "trace not found"))?;
        let parts = self
            .reader
            .compute(move |budget| parts(&trace, budget))
            .await
            .map_err(|error| failed(&error))?;
        self.messages(parts)
    }

    /// Reads a search off the threads that serve.
    async fn ready(&self, message: Bytes) -> Result<Ready, Status> {
        let read = move |_: &mut Budget| Ready::of(messages::search(&message)?).map_err(refused);
        self.reader.compute(read).await.map_err(|error| failed(&error))?
    }

    async fn find_traces(self: Arc<Self>, message: Bytes) -> Result<Reply, Status> {
        let ready = self.ready(message).await?;
        if ready.is_paged() {
            let message = "FindTraces has no place for the token of the next page: ask FindTraceSummaries for pages";
            return Err(Status::new(Code::InvalidArgument, message));
        }
        let raw = ready.raw();
        let found = self.reader.find(ready.query).await.map_err(|error| failed(&error))?;
        let ids: Vec<_> = found.hits.iter().map(|hit| hit.trace).collect();
        let streaming = Streaming { service: self, ids: ids.into(), raw, ready: VecDeque::new() };
        Ok(Reply::Messages(stream::unfold(streaming, Streaming::next).boxed()))
    }

    async fn find_summaries(&self, message: Bytes) -> Result<Reply, Status> {
        let ready = self.ready(message).await?;
        let (summaries, found) = self
            .reader
            .find_summaries(ready.query.clone())
            .await
            .map_err(|error| failed(&error))?;
        let write = move |_: &mut Budget| {
            let next = ready.next(&found).unwrap_or_default();
            let chunks = summaries.chunks(SUMMARIES);
            let last = chunks.len().saturating_sub(1);
            let mut parts: Vec<Bytes> = chunks
                .enumerate()
                .map(|(at, chunk)| messages::summaries(chunk, if at == last { &next } else { "" }))
                .map(Bytes::from)
                .collect();
            if parts.is_empty() {
                parts.push(Bytes::new());
            }
            parts
        };
        let parts = self.reader.compute(write).await.map_err(|error| failed(&error))?;
        self.messages(parts)
    }

    async fn services(&self) -> Result<Reply, Status> {
        let services = self.reader.services().await.map_err(|error| failed(&error))?;
        self.message(messages::services(&services))
    }

    async fn operations(&self, message: &[u8]) -> Result<Reply, Status> {
        let (service, kind) = messages::operations_asked(message)?;
        let service = Some(service).filter(|service| !service.is_empty());
        let mut found = self.reader.operations(service).await.map_err(|error| failed(&error))?;
        found.retain(|one| kind.is_empty() || one.kind.as_str().eq_ignore_ascii_case(&kind));
        self.message(messages::operations(&found))
    }

    async fn dependencies(&self, message: &[u8]) -> Result<Reply, Status> {
        let time = messages::interval(message)?;
        let (edges, _) = self.reader.edges(time).await.map_err(|error| failed(&error))?;
        self.message(messages::dependencies(&v3::calls(&edges)))
    }

    /// An answer of one message, for which there is room.
    fn message(&self, message: Vec<u8>) -> Result<Reply, Status> {
        Ok(Reply::Message(self.answers.charge(message.into()).map_err(|_| full())?))
    }

    /// An answer of messages that are there, and for which there is room.
    fn messages(&self, parts: Vec<Bytes>) -> Result<Reply, Status> {
        let parts = self.charge(parts)?;
        Ok(Reply::Messages(stream::iter(parts.into_iter().map(Ok)).boxed()))
    }

    fn charge(&self, parts: Vec<Bytes>) -> Result<VecDeque<Bytes>, Status> {
        let charge = |part| self.answers.charge(part).map_err(|_| full());
        parts.into_iter().map(charge).collect()
    }
}

/// Traces that are read as the caller takes them.
struct Streaming {
    service: Arc<QueryService>,
    /// Those that are not read yet.
    ids: VecDeque<TraceId>,
    raw: bool,
    /// Messages that were not taken yet.
    ready: VecDeque<Bytes>,
}

impl Streaming {
    async fn next(mut self) -> Option<(Result<Bytes, Status>, Self)> {
        while self.ready.is_empty() && !self.ids.is_empty() {
            match self.read().await {
                Ok(ready) => self.ready = ready,
                Err(status) => {
                    self.ids.clear();
                    return Some((Err(status), self));
                }
            }
        }
        let part = self.ready.pop_front()?;
        Some((Ok(part), self))
    }

    async fn read(&mut self) -> Result<VecDeque<Bytes>, Status> {
        let Some(id) = self.ids.pop_front() else { return Ok(VecDeque::new()) };
        let reader = &self.service.reader;
        let _room = reader.room().await.map_err(|error| failed(&error))?;
        let trace = reader.trace(id, self.raw).await.map_err(|error| failed(&error))?;
        let write = move |budget: &mut Budget| {
            trace.iter().flat_map(|trace| parts(trace, budget)).collect()
        };
        let parts = reader.compute(write).await.map_err(|error| failed(&error))?;
        self.service.charge(parts)
    }
}

/// The spans of a trace in messages of a size that every client takes. Where the budget ends, so do
/// they.
fn parts(trace: &Trace, budget: &mut Budget) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut part: Vec<&Span> = Vec::new();
    let mut bytes = 0;
    let mut measure = Vec::new();
    for span in paced(v3::grouped(&trace.spans), budget) {
        measure.clear();
        write::span(&mut measure, span);
        if bytes + measure.len() > MESSAGE_BYTES && !part.is_empty() {
            parts.push(write::request(part.drain(..)).into());
            bytes = 0;
        }
        bytes += measure.len();
        part.push(span);
    }
    if !part.is_empty() {
        parts.push(write::request(part).into());
    }
    parts
}

/// The answers to others take all the room that there is.
fn full() -> Status {
    let message = "too many answers are being taken: ask again in a moment";
    Status::new(Code::Unavailable, message).retry_after(Duration::from_secs(1))
}

/// How an unanswered question ends a call.
fn failed(error: &Error) -> Status {
    let code = match error {
        Error::Busy => Code::Unavailable,
        Error::Query(QueryError::Budget(Spent::Time(_))) => Code::DeadlineExceeded,
        Error::Query(QueryError::Budget(Spent::Cancelled)) => Code::Cancelled,
        Error::Query(QueryError::Budget(_)) => Code::ResourceExhausted,
        Error::TooFine(_) => Code::InvalidArgument,
        Error::NoRollups => Code::Unimplemented,
        Error::Query(QueryError::Unreadable { .. }) | Error::Failed(_) => Code::Internal,
    };
    Status::new(code, error.to_string())
}

fn refused(failure: v3::Failure) -> Status {
    let code = if failure.status == StatusCode::BAD_REQUEST {
        Code::InvalidArgument
    } else {
        Code::Internal
    };
    Status::new(code, failure.message)
}
