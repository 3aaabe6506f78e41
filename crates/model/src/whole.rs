//! The Model: everything that is wanted, validated as a whole.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::guard::Guard;
use crate::listener::Listener;
use crate::log::AccessLog;
use crate::route::Route;
use crate::service::Service;
use crate::telemetry::Telemetry;
use crate::trace::tracing::Tracing;
use crate::{Network, ProjectName, ServiceName};

/// What is wanted. See the crate's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The project.
    pub name: ProjectName,
    /// How many worker threads.
    pub workers: Workers,
    /// Host names of the gateway, the first one is printed.
    pub domains: Vec<String>,
    /// Listeners. Ids and addresses are unique.
    pub listeners: Vec<Listener>,
    /// Routes. Ids and order keys are unique.
    pub routes: Vec<Route>,
    /// Services. Names are unique.
    pub services: Vec<Service>,
    /// Traces.
    pub tracing: Tracing,
    /// What is kept of telemetry.
    pub telemetry: Telemetry,
    /// Where several processes keep what they share; `None` for one that shares nothing.
    pub cluster: Option<Cluster>,
    /// Where access-log lines go.
    pub access_log: AccessLog,
    /// Proxies in front, whose word about their callers counts.
    pub trusted_proxies: Vec<Network>,
    /// What keeps the process standing.
    pub guard: Guard,
    /// How much a caller is told.
    pub reasons: Reasons,
    /// Management surfaces.
    pub management: Management,
}

/// What one process of the binary does. Values, not features or binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// All in one process: a laptop.
    All,
    /// In front of the services.
    Gateway,
}

/// Where several processes keep what they share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// A Redis: `redis://host:port/db`, with user and password where it wants them.
    pub url: String,
    /// PEM file with the roots to trust instead of the system's, where the URL asks for TLS.
    pub ca: Option<PathBuf>,
    /// What every key begins with.
    pub prefix: String,
    /// The longest wait for its answer.
    pub timeout: Duration,
    /// What happens when it does not answer.
    pub fail: Fail,
}

/// What happens to a request whose policies cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fail {
    /// What this process alone knows decides.
    Open,
    /// It is refused.
    Closed,
}

/// How many worker threads serve traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workers {
    /// One per CPU that the process may use.
    PerCpu,
    /// So many; at least 1.
    Count(u16),
}

/// How much of a reason a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reasons {
    /// All of it.
    Full,
    /// An opaque id; the log has the rest. For edges to the internet.
    Id,
}

/// Management surfaces: who may reach them and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Management {
    /// Control API and console.
    pub control: Option<SocketAddr>,
    /// Own metrics.
    pub metrics: Option<SocketAddr>,
    /// Jaeger-compatible query API.
    pub jaeger: Option<SocketAddr>,
    /// The same over gRPC.
    pub jaeger_grpc: Option<SocketAddr>,
    /// Origins of pages that may call them (CORS), such as `https://tools.example.com`.
    pub origins: Vec<String>,
    /// Where the token is found that a caller from outside loopback must send: `env:NAME`,
    /// `file:path`. A surface beyond loopback without one is an error.
    pub token: Option<String>,
    /// How long a reader may wait before its connection is closed.
    pub idle: Duration,
}

impl Model {
    /// The service of this name.
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| service.name == *name)
    }
}
