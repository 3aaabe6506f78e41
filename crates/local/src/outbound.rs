//! Calls between services, led through the proxy: a loopback listener for each caller and callee.
//!
//! A service finds its callee by a variable (`ORDERS_URL`). Here that address becomes one of the
//! proxy's own, so that a call is held while its callee restarts, is counted for the pair, and is a
//! span of its caller, though neither of the two knows of it. It needs no capture of traffic and no
//! rights. A callee that is not known to speak HTTP is called directly: the proxy would not
//! understand it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use trunkline_model::listener::{Drain, Listener, ListenerTimeouts};
use trunkline_model::route::{
    Action, HostPattern, Match, OrderKey, PathPattern, Route, RouteTimeouts, Target,
};
use trunkline_model::service::{Probe, Protocol, Service, Source};
use trunkline_model::{ListenerId, Model, RouteId, ServiceName};

use crate::plan::{PlanError, PortBook};

/// Connection pools of services keep idle connections for a few minutes at most: ours must not be
/// the side that closes first, because a caller may just be sending.
const IDLE: Duration = Duration::from_hours(1);

/// The same as for callers from outside.
const HEAD: Duration = Duration::from_secs(10);

/// A service that is asked to end closes its connections itself.
const DRAIN: Drain = Drain { min: Duration::ZERO, max: Duration::from_secs(5) };

/// Where each caller finds each of its callees.
pub type Addresses = BTreeMap<(ServiceName, ServiceName), SocketAddr>;

/// Adds to a Model what leads calls of its services through the proxy. Ports are chosen from
/// `ports` and stay the same as long as the book remembers them.
pub fn with_listeners(mut model: Model, ports: &mut PortBook) -> Result<Model, PlanError> {
    let pairs = pairs(&model);
    if pairs.is_empty() {
        return Ok(model);
    }
    // A route without listeners is served on all: from now on on all but these.
    let outer: Vec<ListenerId> = model.listeners.iter().map(|one| one.id.clone()).collect();
    for route in model.routes.iter_mut().filter(|route| route.listeners.is_empty()) {
        route.listeners.clone_from(&outer);
    }
    let taken = written_ports(&model);
    for (caller, callee) in pairs {
        let key = format!("{caller}->{callee}");
        let port = ports.choose(&key, &taken).ok_or_else(|| PlanError::NoPort(callee.clone()))?;
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let Some(origin) = model.service(&caller).map(|service| service.origin.clone()) else {
            continue;
        };
        let id = ListenerId::new(&key);
        model.routes.push(Route {
            id: RouteId::new(&key),
            listeners: vec![id.clone()],
            matching: everything(),
            // Alone on its listener: any key will do, but no two routes may share one.
            order: OrderKey(0, u64::MAX - u64::from(port)),
            action: Action::Forward(vec![Target { service: callee, weight: 1 }]),
            filters: Vec::new(),
            timeouts: RouteTimeouts::default(),
            policies: trunkline_model::service::policies::Policies::default(),
            tracing: trunkline_model::trace::tracing::RouteTracing::default(),
            priority: 0,
            origin: origin.clone(),
        });
        model.listeners.push(Listener {
            id,
            address,
            caller: Some(caller),
            tls: None,
            relay: None,
            proxy_protocol: Vec::new(),
            filters: Vec::new(),
            timeouts: ListenerTimeouts { handshake: HEAD, head: HEAD, idle: IDLE },
            drain: DRAIN,
            origin,
        });
    }
    Ok(model)
}

/// The addresses of the listeners that [`with_listeners`] added.
pub fn addresses(model: &Model) -> Addresses {
    let one = |listener: &Listener| {
        let caller = listener.caller.clone()?;
        let route = model.routes.iter().find(|route| route.listeners.contains(&listener.id))?;
        let Action::Forward(targets) = &route.action else {
            return None;
        };
        let callee = targets.first()?.service.clone();
        Some(((caller, callee), listener.address))
    };
    model.listeners.iter().filter_map(one).collect()
}

/// Each caller that runs here with each of its callees that speaks HTTP.
fn pairs(model: &Model) -> Vec<(ServiceName, ServiceName)> {
    let routed = routed(model);
    let callers = model.services.iter().filter(|one| matches!(one.source, Source::Process(_)));
    let pairs = callers.flat_map(|caller| {
        let callees = caller.calls.iter().filter_map(|name| model.service(name));
        let callees = callees.filter(|callee| speaks_http(callee, &routed));
        callees.map(|callee| (caller.name.clone(), callee.name.clone()))
    });
    pairs.collect()
}

/// Whether a service is known to speak HTTP: its health check does, or somebody wrote what only
/// HTTP has.
fn speaks_http(service: &Service, routed: &BTreeSet<&ServiceName>) -> bool {
    let probe = service.health.as_ref().map(|health| &health.probe);
    matches!(probe, Some(Probe::Http(_) | Probe::Grpc { .. }))
        || service.protocol == Protocol::Http2
        || service.tls.is_some()
        || routed.contains(&service.name)
}

/// Services that a written route leads to. The route of a service's own name says nothing: every
/// service has one.
fn routed(model: &Model) -> BTreeSet<&ServiceName> {
    let targets = model.routes.iter().flat_map(|route| {
        let targets = match &route.action {
            Action::Forward(targets) => targets.as_slice(),
            _ => &[],
        };
        targets.iter().filter(|target| !is_named_after(route, &target.service))
    });
    targets.map(|target| &target.service).collect()
}

fn is_named_after(route: &Route, service: &ServiceName) -> bool {
    let label = format!("{service}.");
    let named =
        |host: &HostPattern| matches!(host, HostPattern::Exact(host) if host.starts_with(&label));
    !route.matching.hosts.is_empty() && route.matching.hosts.iter().all(named)
}

fn written_ports(model: &Model) -> BTreeSet<u16> {
    let of_services = model.services.iter().filter_map(|service| match &service.source {
        Source::Process(process) => process.port,
        Source::Static(_) => None,
    });
    let of_listeners = model.listeners.iter().map(|listener| listener.address.port());
    of_services.chain(of_listeners).collect()
}

fn everything() -> Match {
    Match {
        hosts: Vec::new(),
        path: PathPattern::Prefix("/".to_owned()),
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
    }
}
