//! What a running proxy can be asked and told. `proxy` implements it, `api` calls it.
//!
//! Plain types and boxed futures: no runtime, no serialization format. Numbers are exact at the
//! moment they are read; they come from each worker's own counters, summed.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use crate::endpoint::EndpointState;
use crate::{EndpointId, ListenerId, Origin, RouteId, ServiceName};

/// A future that any runtime can run.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a running proxy can be asked and told.
pub trait Ops: Send + Sync {
    /// Counters, histograms and states.
    fn stats(&self) -> BoxFuture<'_, Stats>;
    /// Open downstream connections, at most `limit`.
    fn sessions(&self, limit: usize) -> BoxFuture<'_, Vec<Session>>;
    /// Overrides the state of an endpoint until it is cleared with `None`; reloads keep it.
    fn set_endpoint(
        &self,
        endpoint: EndpointId,
        state: Option<EndpointState>,
    ) -> BoxFuture<'_, Result<(), UnknownEndpoint>>;
    /// Requests in flight to a service, now; those held for a starting endpoint are not in flight,
    /// or a restart under load would wait for the very requests that wait for it.
    fn in_flight(&self, service: ServiceName) -> BoxFuture<'_, u64>;
    /// Which route would take this request, and why.
    fn explain(&self, request: Question) -> BoxFuture<'_, Explanation>;
}

/// The endpoint is not in any published set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no endpoint has the id `{0}`")]
pub struct UnknownEndpoint(pub EndpointId);

/// Everything that is counted.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Number of the plan in force, from 1.
    pub generation: u64,
    /// Since the workers started.
    pub uptime: Duration,
    /// Number of workers.
    pub workers: usize,
    /// Listeners.
    pub listeners: Vec<ListenerStats>,
    /// Routes, with the requests that no route took under id `none`.
    pub routes: Vec<RouteStats>,
    /// Services.
    pub services: Vec<ServiceStats>,
    /// Records that the ring dropped.
    pub records_dropped: u64,
    /// How late a worker's loop came back to its timer, in microseconds.
    pub loop_stall: Distribution,
}

/// Counters of a listener.
#[derive(Debug, Clone)]
pub struct ListenerStats {
    /// Which.
    pub id: ListenerId,
    /// Its address.
    pub address: SocketAddr,
    /// The service whose calls come in here, and nobody else's.
    pub caller: Option<ServiceName>,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// TLS handshakes that began a session.
    pub handshakes_full: u64,
    /// TLS handshakes that went on with an earlier session.
    pub handshakes_resumed: u64,
    /// TLS handshakes that failed.
    pub handshakes_failed: u64,
    /// The same by reason; those that never happened are left out.
    pub handshake_failures: Vec<(&'static str, u64)>,
    /// Its certificates; empty without TLS.
    pub certificates: Vec<CertificateStats>,
}

/// A certificate that a listener shows.
#[derive(Debug, Clone)]
pub struct CertificateStats {
    /// Its host names; the first one names it.
    pub names: Vec<String>,
    /// Where it is from: `own`, `file` or `acme`.
    pub source: &'static str,
    /// When it ends; `None` while there is none yet.
    pub not_after: Option<std::time::SystemTime>,
    /// Whether callers get a proof with it that it is not revoked.
    pub stapled: bool,
    /// Why it could not be renewed, if the last try failed.
    pub problem: Option<String>,
}

/// Counters of a route.
#[derive(Debug, Clone)]
pub struct RouteStats {
    /// Which.
    pub id: RouteId,
    /// Where it was written.
    pub origin: Origin,
    /// Requests by status: (status, count); status 0 means that the caller was gone first.
    pub requests: Vec<(u16, u64)>,
    /// From head to last byte, in microseconds.
    pub latency: Distribution,
}

/// Counters of a service.
#[derive(Debug, Clone)]
pub struct ServiceStats {
    /// Which.
    pub name: ServiceName,
    /// Requests by status or, for those without answer, 0.
    pub requests: Vec<(u16, u64)>,
    /// In flight now.
    pub in_flight: u64,
    /// Held for a starting endpoint now.
    pub held: u64,
    /// From the first attempt to the last byte, in microseconds.
    pub latency: Distribution,
    /// Its endpoints.
    pub endpoints: Vec<EndpointStats>,
}

/// Counters and state of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointStats {
    /// Which.
    pub id: EndpointId,
    /// Its address.
    pub address: SocketAddr,
    /// What its owner or a person says.
    pub state: EndpointState,
    /// Whether a person's override is in force.
    pub overridden: bool,
    /// What active checks say; `true` without checks.
    pub healthy: bool,
    /// What the last failed check said.
    pub health_error: Option<String>,
    /// Ejected by passive checks.
    pub ejected: bool,
    /// Weight in force.
    pub weight: u32,
    /// In flight now.
    pub in_flight: u64,
    /// Attempts by status or, for those without answer, 0.
    pub requests: Vec<(u16, u64)>,
    /// Connections that could not be opened.
    pub connect_failures: u64,
    /// Duration of attempts, in microseconds.
    pub latency: Distribution,
}

/// A histogram's content: counts by upper bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// (inclusive upper bound, count in this bucket), ascending; the last bound may be `u64::MAX`.
    pub buckets: Vec<(u64, u64)>,
    /// Sum of all values.
    pub sum: u64,
    /// Number of all values.
    pub count: u64,
}

impl Distribution {
    /// The upper bound of the bucket that holds the quantile `q` (0 to 1); `None` if empty.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rank is between 1 and the count; 53 bits of it are enough for a quantile"
    )]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let total: u64 = self.buckets.iter().map(|(_, count)| count).sum();
        let rank = (q.clamp(0.0, 1.0) * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bound, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return Some(*bound);
            }
        }
        None
    }
}

/// An open downstream connection.
#[derive(Debug, Clone)]
pub struct Session {
    /// Where it arrived.
    pub listener: ListenerId,
    /// From where.
    pub peer: SocketAddr,
    /// Open for so long.
    pub age: Duration,
    /// Requests so far.
    pub requests: u64,
}

/// A request to explain.
#[derive(Debug, Clone)]
pub struct Question {
    /// Method, in upper case.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Host without port. With a `caller`, the name of the service that it calls.
    pub host: String,
    /// Port of the URL, where it names one.
    pub port: Option<u16>,
    /// The service that would send it; `None` for callers from outside.
    pub caller: Option<ServiceName>,
    /// Path and query.
    pub target: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
}

/// An answer that Trunkline would give itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Where it sends the caller.
    pub location: Option<String>,
    /// Who gives it: a filter by name, `route`, or `no_route` and the other words for refusals.
    pub by: &'static str,
}

/// What would happen to a request.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The listener it would arrive on.
    pub listener: Option<ListenerId>,
    /// The route that takes it, and where that is written.
    pub route: Option<(RouteId, Origin)>,
    /// The filters that run, in order, by name.
    pub filters: Vec<String>,
    /// Where it goes: service, share of its requests in percent, endpoints that can take it.
    pub targets: Vec<(ServiceName, f64, Vec<EndpointId>)>,
    /// Path and query as the service sees them; `None` where nothing is forwarded.
    pub forwarded: Option<String>,
    /// The answer that Trunkline gives itself, if it does.
    pub answer: Option<Answer>,
    /// Routes that were looked at first and why each did not take it.
    pub passed_over: Vec<(RouteId, String)>,
}
