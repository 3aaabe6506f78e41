//! Active health checks: what is asked of an endpoint, how often, and how many answers decide.
//!
//! A check decides whether an endpoint is healthy; an agent beside the service may say more: that it
//! drains, and which part of its weight it wants. How checks are carried out is the proxy's business.

use std::time::Duration;

/// Active health checks of every endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// How one check is made.
    pub probe: Probe,
    /// The port that is checked; `None` for the one that requests go to.
    pub port: Option<u16>,
    /// Whether the check is made over TLS; `None` for what requests use.
    pub tls: Option<bool>,
    /// Between the ends of two checks of one endpoint.
    pub interval: Duration,
    /// The same while a verdict is changing: some checks have passed or failed, but not yet enough.
    pub fast_interval: Duration,
    /// The same while the endpoint is unhealthy.
    pub down_interval: Duration,
    /// By so much of itself, in percent, an interval is lengthened at random.
    pub jitter: u8,
    /// Limit of one check.
    pub timeout: Duration,
    /// So many passes in a row make an unhealthy endpoint healthy.
    pub rise: u32,
    /// So many failures in a row make a healthy endpoint unhealthy.
    pub fall: u32,
    /// What an endpoint is taken for before its first check.
    pub initial: Initial,
    /// An agent that is asked beside.
    pub agent: Option<AgentCheck>,
}

/// What an endpoint is taken for before its first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Initial {
    /// It takes requests until checks fail.
    Healthy,
    /// It takes none until its first check passes.
    Unhealthy,
}

/// How one check is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Probe {
    /// The port accepts a connection.
    Tcp,
    /// A TLS handshake succeeds.
    Tls,
    /// A request is answered as expected.
    Http(HttpProbe),
    /// `grpc.health.v1.Health/Check` answers `SERVING`.
    Grpc {
        /// The service that is asked for; empty for the server as a whole.
        service: String,
    },
    /// `PING` is answered as Redis does.
    Redis,
    /// A request for TLS is answered as PostgreSQL does.
    Postgres,
    /// The greeting of a mail server.
    Smtp,
}

/// A request, and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpProbe {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `Host`; `None` for the endpoint's own.
    pub host: Option<String>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// Ranges of statuses that pass, both ends included.
    pub statuses: Vec<(u16, u16)>,
    /// What the body must contain.
    pub contains: Option<String>,
}

/// Statuses that pass when nothing else is written: everything that is not an error.
pub const STATUSES: (u16, u16) = (100, 399);

impl HttpProbe {
    /// `GET` of this path answers with a status below 400.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.into(),
            host: None,
            headers: Vec::new(),
            statuses: vec![STATUSES],
            contains: None,
        }
    }

    /// Whether an answer with this status passes.
    pub fn passes(&self, status: u16) -> bool {
        self.statuses.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

/// An agent beside the service that says in a line how it is (HAProxy's agent check).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AgentCheck {
    /// Its port, on the endpoint's host.
    pub port: u16,
    /// Between two questions.
    pub interval: Duration,
    /// Limit of one question.
    pub timeout: Duration,
    /// What it is sent first; empty for nothing.
    pub send: String,
}
