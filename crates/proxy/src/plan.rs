//! A Model compiled for serving: what workers read, and nothing that changes while it is in force.
//!
//! A connection holds the plan of its listener and asks it anew for each request, so that a commit
//! takes effect with the next request of every open connection. A long stream keeps only its route
//! and its service. Running state (endpoints, counters) is reached through the plan but lives in
//! registries that outlive it.

mod build;
mod error;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use trunkline_filters::Chain;
use trunkline_model::listener::Listener;
use trunkline_model::reason::{Kind, Reason};
use trunkline_model::relay::Carrier;
use trunkline_model::route::RouteTimeouts;
use trunkline_model::service::Service;
use trunkline_model::service::policies::Fallback;
use trunkline_model::{Model, RouteId, ServiceName};
use trunkline_net::socket::{Bound, Transport as Carrying};

use crate::balance::LiveService;
use crate::forward::Transport;
use crate::l4::Relay;
use crate::observe::{Connections, PerWorker, Requests};
use crate::quick::QuickMap;
use crate::route::{CompiledRoute, RouteTable};
use crate::secure::ListenerTls;
use crate::shield::Shield;

pub(crate) use build::{Counters, Parts, build};
pub use error::{PrepareError, PrepareErrors};

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
    pub(crate) shields: HashMap<(RouteId, ServiceName), Arc<Shield>>,
    /// Whether a service is told who calls, so that connections must know where they arrived.
    pub(crate) announces: bool,
}

/// Where a request goes, and by which limits and policies.
#[derive(Debug)]
pub(crate) struct Toward {
    pub(crate) service: Arc<ServicePlan>,
    pub(crate) limits: Limits,
    pub(crate) shield: Option<Arc<Shield>>,
    /// The service that answers when this one has no answer.
    pub(crate) instead: Option<Box<Self>>,
}

impl Toward {
    /// The way of a request on this route to this service.
    pub(crate) fn new(
        destinations: &Destinations,
        route: &CompiledRoute,
        service: Arc<ServicePlan>,
    ) -> Self {
        let shield = destinations.shield(&route.id, &service);
        let limits = Limits::new(&route.timeouts, route.priority, &service.service);
        let fallback = shield.as_ref().and_then(|shield| shield.policies.fallback.as_ref());
        let instead = match fallback {
            Some(Fallback::Service(name)) => destinations.services.get(name).map(|other| {
                let limits = Limits::new(&RouteTimeouts::default(), route.priority, &other.service);
                let (service, shield) = (Arc::clone(other), other.shield.clone());
                Box::new(Self { service, limits, shield, instead: None })
            }),
            _ => None,
        };
        Self { service, limits, shield, instead }
    }

    /// What the policies have instead of an answer that failed for this reason.
    pub(crate) fn fallback(&self, reason: &Reason) -> Option<&Fallback> {
        let shield = self.shield.as_ref()?;
        let fallback = shield.policies.fallback.as_ref()?;
        // What is wrong with the request stays wrong.
        if reason.kind.status() < 500 || reason.kind == Kind::Internal {
            return None;
        }
        shield.fell_back();
        Some(fallback)
    }
}

impl Destinations {
    /// The policies of a request on this route to this service.
    fn shield(&self, route: &RouteId, service: &ServicePlan) -> Option<Arc<Shield>> {
        if !self.shields.is_empty() {
            let key = (route.clone(), service.service.name.clone());
            if let Some(own) = self.shields.get(&key) {
                return Some(Arc::clone(own));
            }
        }
        service.shield.clone()
    }
}

/// A service, compiled.
#[derive(Debug)]
pub(crate) struct ServicePlan {
    pub(crate) service: Service,
    pub(crate) transport: Arc<Transport>,
    pub(crate) live: Arc<LiveService>,
    pub(crate) outlier: trunkline_resilience::outlier::Config,
    /// Its policies at work; `None` without any.
    pub(crate) shield: Option<Arc<Shield>>,
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
