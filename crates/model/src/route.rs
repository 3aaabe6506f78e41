//! Routes: which requests, in what order of preference, and what happens to them.

mod order;
pub mod path;

use std::net::SocketAddr;
use std::time::Duration;

use crate::filter::{Filter, HeaderName};
use crate::service::policies::Policies;
use crate::trace::tracing::RouteTracing;
use crate::{ListenerId, Origin, RouteId, ServiceName};

pub use order::{implied, specificity};

/// One route. Which of several matching routes wins is decided by [`Route::order`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// Stable id.
    pub id: RouteId,
    /// The listeners it is served on; empty for all.
    pub listeners: Vec<ListenerId>,
    /// Which requests it takes.
    pub matching: Match,
    /// The dialect's own precedence, compiled; the greatest matching key wins.
    pub order: OrderKey,
    /// What happens to a request.
    pub action: Action,
    /// Filters that run after routing, in order.
    pub filters: Vec<Filter>,
    /// Time limits that differ from the service's.
    pub timeouts: RouteTimeouts,
    /// Policies that differ from the service's; each has a state of its own.
    pub policies: Policies,
    /// What is wanted of its traces otherwise than of the gateway's.
    pub tracing: RouteTracing,
    /// How urgent its requests are where they have to wait: from -10, which is served first, to 10.
    pub priority: i8,
    /// Where it was written.
    pub origin: Origin,
}

/// Precedence of a route: compared from the first number to the last, greater wins. Keys are unique
/// within a Model: a dialect puts the place in its file into the last bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderKey(pub u64, pub u64);

/// Conditions of a route; all of them must hold. An empty list holds always.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Match {
    /// Any of these hosts.
    pub hosts: Vec<HostPattern>,
    /// The path, without query, as received but for what RFC 3986 calls equivalent ([`path`]).
    pub path: PathPattern,
    /// Any of these methods, in upper case.
    pub methods: Vec<String>,
    /// All of these header conditions.
    pub headers: Vec<(HeaderName, ValuePattern)>,
    /// All of these query parameter conditions, on the percent-decoded first value.
    pub query: Vec<(String, ValuePattern)>,
}

impl RouteTimeouts {
    /// These, and those of `general` where these have none.
    #[must_use]
    pub fn or(&self, general: &Self) -> Self {
        Self {
            request: self.request.or(general.request),
            attempt: self.attempt.or(general.attempt),
            idle: self.idle.or(general.idle),
        }
    }
}

/// A pattern for the host of a request, in lower case and without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Exactly this host.
    Exact(String),
    /// One or more labels in front of this suffix: `*.shop.localhost` holds `shop.localhost`.
    Wildcard(String),
}

/// A pattern for the path of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Exactly this path.
    Exact(String),
    /// This path and everything below it, at segment borders: `/api` takes `/api/x`, not `/apix`.
    Prefix(String),
    /// `*` stands for one segment or a part of one, `**` for any number of segments.
    Glob(String),
    /// A regular expression (syntax of the `regex` crate, linear time) for the whole path.
    Regex(String),
}

/// A pattern for a header's or parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValuePattern {
    /// Exactly this value.
    Exact(String),
    /// A value that starts so.
    Prefix(String),
    /// A regular expression for the whole value.
    Regex(String),
    /// Any value: it is there.
    Present,
    /// It is not there.
    Absent,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// It goes to one of these targets, by weight. Never empty.
    Forward(Vec<Target>),
    /// The caller is sent elsewhere.
    Redirect(Redirect),
    /// Trunkline answers itself.
    Respond {
        /// Status of the answer.
        status: u16,
        /// Media type of the body; none without a body.
        content_type: String,
        /// The body.
        body: String,
    },
}

/// A weighted target of a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The service.
    pub service: ServiceName,
    /// Its part of the sum of all weights; zero gets nothing.
    pub weight: u32,
}

/// Where a caller is sent. What is `None` stays as it was requested.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// Host, with port if it needs one.
    pub authority: Option<String>,
    /// Path; the query stays.
    pub path: Option<String>,
}

/// Time limits of a route. `None` leaves the service's limit in force: a route has no limit of its
/// own unless one is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RouteTimeouts {
    /// All attempts together, from the head of the request to the head of the response.
    pub request: Option<Duration>,
    /// One attempt.
    pub attempt: Option<Duration>,
    /// Without a byte in either direction.
    pub idle: Option<Duration>,
}

/// A `host:port` written somewhere: a service of the Model is looked for first, then DNS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Authority {
    /// A service of this Model.
    Service(ServiceName),
    /// A literal address.
    Address(SocketAddr),
    /// A name for DNS, with its port.
    Dns {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// A name for DNS whose records tell hosts, ports and weights: `_http._tcp.orders.example`.
    Srv(String),
}
