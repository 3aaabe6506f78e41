//! Which counters belong to which part of the picture: services, and calls between them.
//!
//! A route that is served only where one service calls out is that service's call; every other route
//! is the gateway's. So the counters of routes are the traffic of edges, without any trace.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_model::listener::Listener;
use trunkline_model::ops::Stats;
use trunkline_model::route::{Action, Route};
use trunkline_model::{ListenerId, Model, ServiceName};

use super::tally::Total;

/// What is counted for the console.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Everything that came in through the gateway.
    Entrance,
    /// One service, whoever called it.
    Service(ServiceName),
    /// Calls from one to the other; the gateway calls as `None`.
    Edge(Option<ServiceName>, ServiceName),
}

/// All counters at one moment.
pub(crate) type Book = BTreeMap<Key, Total>;

/// The service whose calls a listener takes; `None` for a listener of the gateway.
pub(crate) fn caller_at(listener: &Listener) -> Option<&ServiceName> {
    listener.caller.as_ref()
}

/// The service whose calls a route takes: the one caller of its one listener.
pub(crate) fn caller_of<'a>(model: &'a Model, route: &Route) -> Option<&'a ServiceName> {
    let [only] = route.listeners.as_slice() else {
        return None;
    };
    caller_at(model.listeners.iter().find(|listener| listener.id == *only)?)
}

/// Listeners where services call out.
pub(crate) fn inner_listeners(model: &Model) -> BTreeSet<ListenerId> {
    let inner = model.listeners.iter().filter(|listener| caller_at(listener).is_some());
    inner.map(|listener| listener.id.clone()).collect()
}

/// The services that a route forwards to.
pub(crate) fn targets(route: &Route) -> impl Iterator<Item = &ServiceName> {
    let targets = match &route.action {
        Action::Forward(targets) => targets.as_slice(),
        Action::Redirect(_) | Action::Respond { .. } => &[],
    };
    targets.iter().map(|target| &target.service)
}

/// Sorts the counters of the proxy. `found` are calls that only traces tell of.
pub(crate) fn book(
    stats: &Stats,
    model: Option<&Model>,
    found: BTreeMap<(ServiceName, ServiceName), Total>,
) -> Book {
    let mut book = Book::new();
    let by_id: BTreeMap<_, _> =
        stats.routes.iter().map(|route| (route.id.as_str(), route)).collect();
    let routes =
        model.iter().flat_map(|model| model.routes.iter().map(move |route| (model, route)));
    let mut called_inside = BTreeSet::new();
    let mut inner = BTreeSet::new();
    for (model, route) in routes {
        let Some(counted) = by_id.get(route.id.as_str()) else {
            continue;
        };
        let caller = caller_of(model, route).cloned();
        if caller.is_some() {
            inner.insert(route.id.as_str());
            called_inside.extend(targets(route).cloned());
        }
        for target in targets(route) {
            let edge = book.entry(Key::Edge(caller.clone(), target.clone())).or_default();
            edge.add(&counted.requests, &counted.latency);
        }
    }
    for service in &stats.services {
        let total = book.entry(Key::Service(service.name.clone())).or_default();
        total.add(&service.requests, &service.latency);
        // Only the gateway calls it: its own counters know how weights split a route.
        let from_gateway = Key::Edge(None, service.name.clone());
        if !called_inside.contains(&service.name) && book.contains_key(&from_gateway) {
            let total = book.get(&Key::Service(service.name.clone())).cloned().unwrap_or_default();
            book.insert(from_gateway, total);
        }
    }
    let entrance = book.entry(Key::Entrance).or_default();
    for route in stats.routes.iter().filter(|route| !inner.contains(route.id.as_str())) {
        entrance.add(&route.requests, &route.latency);
    }
    for ((from, to), total) in found {
        book.entry(Key::Edge(Some(from), to)).or_insert(total);
    }
    book
}
