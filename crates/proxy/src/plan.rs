//! A Model compiled for serving: what workers read, and nothing that changes while it is in force.
//!
//! A connection holds the plan of its listener and asks it anew for each request, so that a commit
//! takes effect with the next request of every open connection. A long stream keeps only its route
//! and its service. Running state (endpoints, counters) is reached through the plan but lives in
//! registries that outlive it.

mod build;
mod error;
mod toward;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use trunkline_filters::Chain;
use trunkline_model::listener::Listener;
use trunkline_model::relay::Carrier;
use trunkline_model::route::RouteTimeouts;
use trunkline_model::service::{Balance, Service};
use trunkline_model::{Model, RouteId, ServiceName};
use trunkline_net::socket::{Bound, Transport as Carrying};

use crate::balance::LiveService;
use crate::context::Tracer;
use crate::forward::Transport;
use crate::l4::Relay;
use crate::observe::{Connections, PerWorker, Requests};
use crate::quick::QuickMap;
use crate::route::RouteTable;
use crate::secure::ListenerTls;
use crate::shield::{Protection, Store};

pub(crate) use build::{Counters, Parts, build};
pub use error::{PrepareError, PrepareErrors};
pub(crate) use toward::Toward;

/// A Model that is ready to be put in force by [`crate::Proxy::commit`]. Sockets of new listeners
/// are bound already; a plan that is dropped instead closes them.
#[derive(Debug)]
pub struct Plan {
    pub(crate) model: Arc<Model>,
    pub(crate) listeners: Vec<Arc<ListenerPlan>>,
    pub(crate) destinations: Arc<Destinations>,
    /// Sockets that were bound for this plan, until it is committed.
    pub(crate) bound: Vec<(Place, Bound)>,
}

/// An address, with what arrives there.
pub(crate) type Place = (Carrying, SocketAddr);

/// A listener, compiled.
#[derive(Debug)]
pub(crate) struct ListenerPlan {
    pub(crate) listener: Listener,
    pub(crate) tls: Option<ListenerTls>,
    /// Where connections are passed on to; `None` where HTTP is spoken.
    pub(crate) relay: Option<Relay>,
    pub(crate) filters: Chain,
    pub(crate) table: RouteTable,
    pub(crate) counters: Arc<PerWorker<Connections>>,
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) model: Arc<Model>,
}

/// What routes lead to and are counted by, shared by all listeners of a plan.
#[derive(Debug)]
pub(crate) struct Destinations {
    pub(crate) services: QuickMap<ServiceName, Arc<ServicePlan>>,
    pub(crate) routes: QuickMap<RouteId, Arc<PerWorker<Requests>>>,
    /// Requests that no route took.
    pub(crate) unrouted: Arc<PerWorker<Requests>>,
    /// Policies that routes have of their own.
    pub(crate) of_routes: HashMap<(RouteId, ServiceName), Arc<Protection>>,
    /// Policies that callers have of their own: who calls, and whom.
    pub(crate) of_calls: HashMap<(ServiceName, ServiceName), CallPlan>,
    /// What is wanted of traces.
    pub(crate) tracer: Tracer,
    /// Where policies that several processes share are kept.
    pub(crate) cluster: Option<Arc<Store>>,
    /// Whether a service is told who calls, so that connections must know where they arrived.
    pub(crate) announces: bool,
}

/// How one service treats its calls to another.
#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) protection: Option<Arc<Protection>>,
    pub(crate) timeouts: RouteTimeouts,
}

/// A service, compiled.
#[derive(Debug)]
pub(crate) struct ServicePlan {
    pub(crate) service: Service,
    pub(crate) transport: Arc<Transport>,
    pub(crate) live: Arc<LiveService>,
    pub(crate) outlier: trunkline_resilience::outlier::Config,
    /// Its policies at work; `None` without any.
    pub(crate) protection: Option<Arc<Protection>>,
}

impl ServicePlan {
    /// Whether it matters how long attempts take: to pick endpoints, or to compare them.
    pub(crate) fn is_timed(&self) -> bool {
        let compared = self.service.outlier.is_some_and(|outlier| outlier.compared.is_some());
        compared || self.service.balance == Balance::PeakEwma
    }
}

/// Time limits of one exchange: the route's where it has one, else the service's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) request: Duration,
    pub(crate) attempt: Option<Duration>,
    pub(crate) connect: Duration,
    pub(crate) idle: Duration,
    /// How urgent it is where requests wait.
    pub(crate) priority: i8,
}

impl Limits {
    /// The limits of an exchange on a route with these and this priority, towards `service`.
    pub(crate) fn new(own: &RouteTimeouts, priority: i8, service: &Service) -> Self {
        let general = &service.timeouts;
        Self {
            request: own.request.unwrap_or(general.request),
            attempt: own.attempt.or(general.attempt),
            connect: general.connect,
            idle: own.idle.unwrap_or(general.idle),
            priority,
        }
    }
}

impl ListenerPlan {
    /// Where it listens.
    pub(crate) fn place(&self) -> Place {
        place(&self.listener)
    }
}

/// Where a listener is.
pub(crate) fn place(listener: &Listener) -> Place {
    let transport = match listener.carrier() {
        Carrier::Tcp => Carrying::Tcp,
        Carrier::Udp => Carrying::Udp,
    };
    (transport, listener.address)
}

impl Plan {
    /// The Model that it was prepared from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Whether nobody but this plan holds its listeners and routes: it can be dropped here, without
    /// leaving the last reference to a worker.
    pub(crate) fn is_unused(&self) -> bool {
        self.listeners.iter().all(|listener| Arc::strong_count(listener) == 1)
    }
}
