//! One record per exchange: what the worker tells the management side after the fact.
//!
//! A record becomes an access-log line and, if sampled, spans. It travels in a bounded ring that
//! may drop (and counts what it drops); counters and histograms do not depend on it.

mod termination;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::reason::Reason;
use crate::trace::TraceContext;
use crate::{EndpointId, ListenerId, RouteId, ServiceName};

pub use termination::Termination;

/// Longest text of a caller that a record keeps, in bytes: path, host, user agent.
pub const TEXT_BYTES_MAX: usize = 2_048;

/// What happened to one exchange. Its texts keep their room when the worker uses it again.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeRecord {
    /// When its head was complete, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// From the head of the request to the last byte of the response.
    pub duration: Duration,
    /// Trace, span and parent.
    pub trace: TraceContext,
    /// The caller's `x-request-id`, or ours.
    pub correlation: String,
    /// Who called: the other end of the connection.
    pub peer: SocketAddr,
    /// Who called first, as far as trusted proxies say; else the peer.
    pub client: IpAddr,
    /// Where it arrived.
    pub listener: ListenerId,
    /// The route that took it.
    pub route: Option<RouteId>,
    /// Request: `GET`.
    pub method: String,
    /// Request: `http` or `https`.
    pub scheme: &'static str,
    /// Request: host as sent, without control characters.
    pub host: String,
    /// Request: path and query, at most [`TEXT_BYTES_MAX`], [without credentials](without_credentials).
    pub target: String,
    /// Request: `HTTP/1.1`, `HTTP/2`.
    pub protocol: &'static str,
    /// Request: user agent.
    pub user_agent: String,
    /// Request: where the caller says that it comes from.
    pub referer: String,
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
    /// How long its steps took.
    pub timings: Timings,
    /// How it ended.
    pub end: End,
}

/// How long the steps of an exchange took; `None` for one that it did not come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// From the first byte of the request to the end of its head.
    pub head: Option<Duration>,
    /// Waiting for an endpoint that takes it.
    pub queue: Option<Duration>,
    /// To have a connection, of the last attempt.
    pub connect: Option<Duration>,
    /// From then to the head of the response.
    pub response: Option<Duration>,
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
    /// Nothing moved for as long as a limit allows.
    Idle,
    /// Another limit, or a drain, ended it.
    Cut,
}

impl End {
    /// The word in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CallerGone => "caller_gone",
            Self::ServiceBroke => "service_broke",
            Self::Idle => "idle",
            Self::Cut => "cut",
        }
    }
}

/// Takes records on the management side: access log, trace buffer, later the store.
pub trait RecordSink: Send + Sync {
    /// Looks at one record, which the worker then uses again. Never waits: what cannot be kept is
    /// dropped and counted.
    fn take(&self, record: &ExchangeRecord);

    /// Whether this record is of use, asked by the worker before it hands it over. Never waits; may
    /// say yes to what is then not kept, but never no to what would be.
    fn wants(&self, _record: &ExchangeRecord) -> bool {
        true
    }
}

impl ExchangeRecord {
    /// How it ended, in the letters that HAProxy's logs made known.
    pub fn termination(&self) -> Termination {
        Termination::of(self)
    }

    /// Attempts after the first.
    pub fn retries(&self) -> usize {
        self.attempts.len().saturating_sub(1)
    }
}

/// Parameters of a query that are credentials: bearer tokens (RFC 6750 §2.3) and the signatures of
/// pre-signed links, which OpenTelemetry's conventions for `url.query` name.
const CREDENTIALS: &[&str] =
    &["access_token", "AWSAccessKeyId", "Signature", "sig", "X-Amz-Signature", "X-Goog-Signature"];

/// A request's target with the values of credentials replaced by `REDACTED`: logs and traces are
/// read by more people than may act for the caller.
#[must_use]
pub fn without_credentials(target: &str) -> Cow<'_, str> {
    let is_credential = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            !value.is_empty() && CREDENTIALS.iter().any(|known| known.eq_ignore_ascii_case(name))
        })
    };
    let Some((path, query)) = target.split_once('?') else {
        return Cow::Borrowed(target);
    };
    if !query.split('&').any(is_credential) {
        return Cow::Borrowed(target);
    }
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if is_credential(parameter) => Cow::Owned(format!("{name}=REDACTED")),
        _ => Cow::Borrowed(parameter),
    });
    Cow::Owned(format!("{path}?{}", parameters.collect::<Vec<_>>().join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_query_are_not_recorded() {
        let check = |target: &str, expect: &str| assert_eq!(without_credentials(target), expect);
        check("/a?x=1&sig=abc&y", "/a?x=1&sig=REDACTED&y");
        check("/a?ACCESS_TOKEN=t?t&access_token=", "/a?ACCESS_TOKEN=REDACTED&access_token=");
        check("/sig=1", "/sig=1");
        check("/a?signal=1&sig", "/a?signal=1&sig");
    }
}
