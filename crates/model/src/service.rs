//! Services: where requests go, and how Trunkline behaves toward them.

use std::path::PathBuf;
use std::time::Duration;

use crate::endpoint::EndpointPlace;
use crate::relay::ProxyVersion;
use crate::route::{Authority, RouteTimeouts};
use crate::{Origin, ServiceName};

mod health;
pub mod policies;
mod spread;

pub use health::{AgentCheck, HealthCheck, HttpProbe, Initial, Probe, STATUSES};
pub use spread::{Affinity, HashKey, HashOn, Queue, SameSite, SlowStart, Spread};

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Where its endpoints come from.
    pub source: Source,
    /// The services it calls: start order, injected URLs, allowed callers, expected graph.
    pub calls: Vec<ServiceName>,
    /// What is spoken to it.
    pub protocol: Protocol,
    /// TLS towards it.
    pub tls: Option<UpstreamTls>,
    /// How an endpoint is picked.
    pub balance: Balance,
    /// How requests are shared out beyond that: limits, queue, affinity, slow start, zones.
    pub spread: Spread,
    /// In which form its endpoints are told who called, in front of each connection; `None` if they
    /// are not.
    pub proxy_protocol: Option<ProxyVersion>,
    /// Active checks.
    pub health: Option<HealthCheck>,
    /// Passive checks: what live traffic says about an endpoint.
    pub outlier: Option<Outlier>,
    /// Breaker, retries and their like.
    pub policies: policies::Policies,
    /// Policies of its calls that differ from those of the services called; each has a state of its
    /// own.
    pub call_policies: Vec<CallPolicies>,
    /// Time limits.
    pub timeouts: ServiceTimeouts,
    /// Where it was written.
    pub origin: Origin,
}

/// How a service's calls to another are treated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallPolicies {
    /// The service called.
    pub service: ServiceName,
    /// Policies that differ from those that it has for everybody.
    pub policies: policies::Policies,
    /// Time limits that differ.
    pub timeouts: RouteTimeouts,
}

/// Where a service's endpoints come from. The endpoints themselves are published apart
/// ([`crate::endpoint::EndpointSet`]), because they change more often than the Model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// Written addresses; never empty.
    Static(Vec<StaticEndpoint>),
    /// A process that Trunkline starts on this machine.
    Process(Process),
}

/// A written address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StaticEndpoint {
    /// Where it is.
    pub authority: Authority,
    /// Its part of the traffic, relative to its siblings; zero gets none.
    pub weight: u32,
    /// Its place among its siblings.
    pub place: EndpointPlace,
    /// Requests that it is given at one time; `None` for the service's limit.
    pub limit: Option<u32>,
}

/// A process to run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    /// Program and arguments as a shell line.
    pub command: String,
    /// What makes the program from its sources, as a shell line; run before its first start, and
    /// again, while the former instance serves, when sources change.
    pub build: Option<String>,
    /// Which changes of its sources start it anew.
    pub watch: Watch,
    /// Where it is run.
    pub directory: PathBuf,
    /// The port it listens on; `None` lets Trunkline choose one and tell it by `PORT`.
    pub port: Option<u16>,
    /// Further environment variables.
    pub env: Vec<(String, String)>,
    /// Toolchain found or named, for people only: `node`, `go`, `rust`.
    pub language: Option<String>,
    /// How long it may take to become ready.
    pub start_timeout: Duration,
    /// How long it may take to end after SIGTERM.
    pub stop_timeout: Duration,
}

/// Which changes of a service's sources start it anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watch {
    /// Whether its sources are watched.
    pub when: When,
    /// Folders and files that are watched.
    pub paths: Vec<PathBuf>,
    /// What below them does not matter, as patterns of a `.gitignore`.
    pub ignore: Vec<String>,
    /// Whether the services that call it are started anew as well.
    pub dependants: bool,
}

/// Whether sources are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Unless the command is seen to reload by itself.
    Useful,
    /// Whatever the command is.
    Always,
    /// They are not.
    Never,
}

/// What is spoken to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: over TLS by ALPN, without TLS by prior knowledge.
    Http2,
    /// HTTP/2 for gRPC requests and where ALPN offers it, else HTTP/1.1.
    Auto,
}

/// TLS towards a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// Name to ask for and to verify; `None` takes the host of the endpoint.
    pub server_name: Option<String>,
    /// PEM file with roots to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Whether the certificate is verified.
    pub verify: bool,
    /// Shown to the service when it asks.
    pub certificate: Option<crate::tls::ClientCertificate>,
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Balance {
    /// In turn, by weight, spread smoothly.
    RoundRobin,
    /// The one with the fewest requests in flight for its weight.
    LeastRequest,
    /// Of two at random, the one that is likely to answer sooner.
    PeakEwma,
    /// Any, by weight.
    Random,
    /// The first in the order written that is not full.
    First,
    /// By a hash of the request, on a ring.
    RingHash,
    /// By a hash of the request, with a Maglev table.
    Maglev,
}

/// Ejection of endpoints that fail live traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outlier {
    /// So many failures in a row (5xx, reset, no connection) eject an endpoint.
    pub consecutive: u32,
    /// For how long at first; each further ejection adds this again.
    pub base: Duration,
    /// The longest ejection.
    pub max: Duration,
    /// At most this share of a service's endpoints is ejected at one time, in percent.
    pub percent_max: u8,
    /// Comparison with its siblings.
    pub compared: Option<Compared>,
}

/// Ejection of endpoints that do worse than their siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Compared {
    /// How often they are compared.
    pub interval: Duration,
    /// Standard deviations below the mean success rate from which one is ejected, in thousandths; 0
    /// does not look at it.
    pub success_deviations_thousandths: u32,
    /// Multiple of the median latency above which one is ejected, in thousandths; 0 does not look at
    /// it.
    pub latency_factor_thousandths: u32,
    /// Endpoints with enough requests that a comparison needs.
    pub hosts_min: u32,
    /// Requests of an interval without which an endpoint is not compared.
    pub requests_min: u32,
}

/// Time limits towards a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceTimeouts {
    /// To open a connection, TLS included.
    pub connect: Duration,
    /// All attempts together, from the head of the request to the head of the response.
    pub request: Duration,
    /// One attempt; `None` for no limit but `request`.
    pub attempt: Option<Duration>,
    /// Without a byte in either direction while a body or a tunnel is open.
    pub idle: Duration,
    /// A pooled connection is closed after this long without a request.
    pub keep_alive: Duration,
}
