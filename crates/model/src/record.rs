//! One record per exchange: what the worker tells the management side after the fact.
//!
//! A record becomes an access-log line and, if sampled, spans. It travels in a bounded ring that
//! may drop (and counts what it drops); counters and histograms do not depend on it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::reason::Reason;
use crate::trace::TraceContext;
use crate::{EndpointId, ListenerId, RouteId, ServiceName};

/// Longest text of a caller that a record keeps, in bytes: path, host, user agent.
pub const TEXT_BYTES_MAX: usize = 2_048;

/// What happened to one exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeRecord {
    /// When its head was complete, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// From the head of the request to the last byte of the response.
    pub duration: Duration,
    /// Trace, span and parent.
    pub trace: TraceContext,
    /// The caller's `x-request-id`, or ours.
    pub correlation: Box<str>,
    /// Who called.
    pub peer: SocketAddr,
    /// Where it arrived.
    pub listener: ListenerId,
    /// The route that took it.
    pub route: Option<RouteId>,
    /// Request: `GET`.
    pub method: Box<str>,
    /// Request: `http` or `https`.
    pub scheme: &'static str,
    /// Request: host as sent, without control characters.
    pub host: Box<str>,
    /// Request: path and query, at most [`TEXT_BYTES_MAX`].
    pub target: Box<str>,
    /// Request: `HTTP/1.1`, `HTTP/2`.
    pub protocol: &'static str,
    /// Request: user agent.
    pub user_agent: Box<str>,
    /// Bytes of the request's body.
    pub bytes_received: u64,
    /// Bytes of the response's body.
    pub bytes_sent: u64,
    /// Status sent; 0 if the caller was gone before one.
    pub status: u16,
    /// Why Trunkline answered itself, if it did.
    pub reason: Option<Reason>,
    /// Each attempt to forward it, in order.
    pub attempts: Vec<Attempt>,
    /// How it ended.
    pub end: End,
}

/// One attempt to forward an exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Where it was sent.
    pub service: ServiceName,
    /// Which endpoint was picked.
    pub endpoint: EndpointId,
    /// Its span, child of the exchange's.
    pub span: crate::trace::SpanId,
    /// From the start of the exchange to the start of the attempt.
    pub offset: Duration,
    /// From the start of the attempt to its end: the body's, for the one that answered.
    pub duration: Duration,
    /// Time to have a connection; zero for a pooled one.
    pub connect: Duration,
    /// Status received, or what went wrong.
    pub outcome: Result<u16, crate::reason::Kind>,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The whole response was sent.
    Complete,
    /// The caller went away first.
    CallerGone,
    /// The service broke off in the middle of the response.
    ServiceBroke,
    /// A limit or a drain ended it.
    Cut,
}

impl End {
    /// The word in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CallerGone => "caller_gone",
            Self::ServiceBroke => "service_broke",
            Self::Cut => "cut",
        }
    }
}

/// Takes records on the management side: access log, trace buffer, later the store.
pub trait RecordSink: Send + Sync {
    /// Takes one record. Never waits: what cannot be kept is dropped and counted.
    fn take(&self, record: ExchangeRecord);
}
