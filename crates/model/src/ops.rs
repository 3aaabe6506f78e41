//! What a running proxy can be asked and told. `proxy` implements it, `api` calls it.
//!
//! Plain types and boxed futures: no runtime, no serialization format. Numbers are exact at the
//! moment they are read; they come from each worker's own counters, summed.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

mod resilience;

pub use resilience::{
    Abort, AdaptiveStats, BreakerOrder, BreakerStats, BulkheadStats, ClusterStats, Fault,
    HedgeStats, Latency, PolicyStats, RateLimiterStats, ResilienceError, ResilienceEvent,
    RetryStats, UnknownService,
};

use crate::endpoint::EndpointState;
use crate::{EndpointId, ListenerId, Origin, RouteId, ServiceName};

/// A future that any runtime can run.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a running proxy can be asked and told.
pub trait Ops: Send + Sync {
    /// Counters, histograms and states.
    fn stats(&self) -> BoxFuture<'_, Stats>;
    /// Open downstream connections, at most `limit`.
    fn sessions(&self, which: SessionFilter, limit: usize) -> BoxFuture<'_, Vec<Session>>;
    /// Cuts open downstream connections at once, with what they carry; returns how many.
    fn cut_sessions(&self, which: SessionFilter) -> BoxFuture<'_, usize>;
    /// Takes stored responses out of the cache: those of a host, or of all, whose path begins so;
    /// returns how many.
    fn purge_cache(&self, host: Option<&str>, prefix: &str) -> usize;
    /// What breakers, retries, bulkheads and their like know, by name.
    fn policies(&self) -> Vec<PolicyStats>;
    /// Carries out what a person says about the breaker of a policy.
    ///
    /// # Errors
    /// There is no such breaker, or there is no way from its state.
    fn order_breaker(&self, policy: &str, order: BreakerOrder) -> Result<(), ResilienceError>;
    /// Events of policies with a number above `after`, the oldest first; the last few hundred are
    /// kept.
    fn resilience_events(&self, after: u64) -> Vec<ResilienceEvent>;
    /// Injects a fault into the calls of a service, in place of the one before.
    ///
    /// # Errors
    /// No service has this name.
    fn inject(&self, service: &ServiceName, fault: Fault) -> Result<(), UnknownService>;
    /// Gives an order about an endpoint; reloads and upgrades keep it until it is taken back.
    fn order_endpoint(
        &self,
        endpoint: EndpointId,
        order: EndpointOrder,
    ) -> BoxFuture<'_, Result<(), UnknownEndpoint>>;
    /// Requests in flight to a service, now; those held for a starting endpoint are not in flight,
    /// or a restart under load would wait for the very requests that wait for it.
    fn in_flight(&self, service: ServiceName) -> BoxFuture<'_, u64>;
    /// Which route would take this request, and why.
    fn explain(&self, request: Question) -> BoxFuture<'_, Explanation>;
}

/// An order of a person about an endpoint; `None` takes a former one back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointOrder {
    /// It is in this state, whatever its owner says.
    State(Option<EndpointState>),
    /// It has this weight, whatever was written; zero gets no new request.
    Weight(Option<u32>),
    /// It is given so many requests at one time (`maxconn`), whatever was written; zero for any
    /// number.
    Limit(Option<u32>),
}

/// The orders in force for one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointOrders {
    /// Its state.
    pub state: Option<EndpointState>,
    /// Its weight.
    pub weight: Option<u32>,
    /// Requests that it is given at one time.
    pub limit: Option<u32>,
}

impl EndpointOrders {
    /// The orders with this one carried out.
    #[must_use]
    pub fn with(mut self, order: EndpointOrder) -> Self {
        match order {
            EndpointOrder::State(state) => self.state = state,
            EndpointOrder::Weight(weight) => self.weight = weight,
            EndpointOrder::Limit(limit) => self.limit = limit,
        }
        self
    }

    /// Whether nothing is ordered.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
    /// What the cache holds and did.
    pub cache: CacheStats,
    /// What limits of sources and of the process did.
    pub guard: GuardStats,
    /// How late a worker's loop came back to its timer, in microseconds.
    pub loop_stall: Distribution,
}

/// What the cache holds and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Responses that are stored.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What became of requests, and how many of them.
    pub outcomes: Vec<(&'static str, u64)>,
}

/// What limits of sources and of the process did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardStats {
    /// How hard pressed the process is: `calm`, `high` or `critical`.
    pub level: &'static str,
    /// Usage of what is limited, in thousandths; 0 where there is no limit.
    pub usage: Vec<(&'static str, u32)>,
    /// Sources that are remembered.
    pub sources: usize,
    /// What was too much: limit, what was done, how often.
    pub limited: Vec<(&'static str, &'static str, u64)>,
    /// Idle connections that were closed to make room.
    pub shed: u64,
    /// Requests that were refused for want of room.
    pub refused: u64,
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
    /// What was refused because it is no request that can be served, by reason; zeros are left out.
    pub refused: Vec<(&'static str, u64)>,
    /// The same by reason; those that never happened are left out.
    pub handshake_failures: Vec<(&'static str, u64)>,
    /// Its certificates; empty without TLS.
    pub certificates: Vec<CertificateStats>,
    /// Connections that were closed because their PROXY header was none.
    pub headers_failed: u64,
    /// What ended sessions of a relay have carried; `None` where HTTP is spoken.
    pub relayed: Option<Relayed>,
}

/// Bytes of the sessions of a relay that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relayed {
    /// Sent by callers.
    pub received: u64,
    /// Sent to callers.
    pub sent: u64,
    /// Datagrams that were dropped.
    pub dropped: u64,
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
    /// Waiting for an endpoint that is not at its limit.
    pub queue: QueueStats,
    /// From the first attempt to the last byte, in microseconds.
    pub latency: Distribution,
    /// Its endpoints.
    pub endpoints: Vec<EndpointStats>,
}

/// Counters of a service's queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueStats {
    /// Waiting now.
    pub length: u64,
    /// The most that have waited at one time.
    pub longest: u64,
    /// Requests that waited too long.
    pub timeouts: u64,
    /// Requests that found the queue full.
    pub refused: u64,
    /// How long those that were served had waited, in microseconds.
    pub wait: Distribution,
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
    /// Whether a person's override of the state is in force.
    pub overridden: bool,
    /// The weight that a person ordered, if one did.
    pub weight_ordered: Option<u32>,
    /// The limit that a person ordered, if one did.
    pub limit_ordered: Option<u32>,
    /// What active checks say; `true` without checks.
    pub healthy: bool,
    /// What the last failed check said.
    pub health_error: Option<String>,
    /// How often checks have changed their verdict.
    pub health_changes: u64,
    /// What its agent said last, if it has one.
    pub agent: Option<String>,
    /// Ejected by passive checks.
    pub ejected: bool,
    /// Weight in force.
    pub weight: u32,
    /// In flight now.
    pub in_flight: u64,
    /// Requests that it is given at one time; 0 for no limit.
    pub limit: u32,
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

/// Which connections are meant: every condition that is there must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// The one of this id.
    pub id: Option<SessionId>,
    /// Those with an open request that goes to this service.
    pub service: Option<ServiceName>,
    /// Those of this caller.
    pub peer: Option<IpAddr>,
}

/// Names a connection while it is open; written like `0-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The worker that has it.
    pub worker: usize,
    /// Its number there.
    pub number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.worker, self.number)
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let parsed = text.split_once('-').and_then(|(worker, number)| {
            Some(Self { worker: worker.parse().ok()?, number: number.parse().ok()? })
        });
        parsed.ok_or(InvalidSessionId)
    }
}

/// The text is not like `0-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's id looks like `0-17`")]
pub struct InvalidSessionId;

/// An open downstream connection.
#[derive(Debug, Clone)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// Where it arrived.
    pub listener: ListenerId,
    /// From where.
    pub peer: SocketAddr,
    /// Open for so long.
    pub age: Duration,
    /// Requests so far.
    pub requests: u64,
    /// Those that are open now, of HTTP/2 only the first few.
    pub open: Vec<OpenRequest>,
}

/// A request that is being served.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// Method.
    pub method: String,
    /// Host as sent; its beginning.
    pub host: String,
    /// Path and query, without credentials; its beginning.
    pub target: String,
    /// The service it goes to, once that is decided.
    pub service: Option<ServiceName>,
    /// The endpoint it was sent to last.
    pub endpoint: Option<EndpointId>,
    /// Since its head was complete.
    pub age: Duration,
    /// Bytes of its body so far.
    pub bytes_received: u64,
    /// Bytes of the response's body so far.
    pub bytes_sent: u64,
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
