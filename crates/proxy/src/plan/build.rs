//! From a Model to a [`Plan`]: everything that can fail fails here, and all of it is reported.
//!
//! Runs on the management runtime. What did not change is taken from the plan in force: routes with
//! their compiled filters, TLS configurations with their sessions, transports with their pools.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_filters::Chain;
use trunkline_model::check::BrokenLaw;
use trunkline_model::listener::Listener;
use trunkline_model::route::Action;
use trunkline_model::service::{Outlier, Service};
use trunkline_model::{ListenerId, Model, RouteId, ServiceName};
use trunkline_net::socket::Bound;
use trunkline_resilience::{backoff, outlier};

use super::CallPlan;
use super::{
    Destinations, ListenerPlan, Place, Plan, PrepareError, PrepareErrors, ServicePlan, place,
};
use crate::balance::Registry;
use crate::cache::Cache;
use crate::context::Tracer;
use crate::forward::Transports;
use crate::guard::Guard;
use crate::l4::Relay;
use crate::observe::{Connections, PerWorker, Requests};
use crate::quick::QuickMap;
use crate::route::RouteTable;
use crate::secure::Certificates;
use crate::shield::{Protection, Said, Shields, Store};

/// What plans are made of and what outlives them.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) registry: Registry,
    pub(crate) transports: Transports,
    pub(crate) certificates: Certificates,
    pub(crate) counters: Counters,
    pub(crate) guard: Arc<Guard>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) shields: Shields,
    pub(crate) workers: usize,
}

/// Counters of routes and listeners, by id: they outlive the plan that made them.
#[derive(Debug)]
pub(crate) struct Counters {
    workers: usize,
    routes: Mutex<HashMap<RouteId, Arc<PerWorker<Requests>>>>,
    listeners: Mutex<HashMap<ListenerId, Arc<PerWorker<Connections>>>>,
    pub(crate) unrouted: Arc<PerWorker<Requests>>,
}

impl Counters {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers,
            routes: Mutex::default(),
            listeners: Mutex::default(),
            unrouted: Arc::new(PerWorker::new(workers)),
        }
    }

    fn route(&self, id: &RouteId) -> Arc<PerWorker<Requests>> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(PerWorker::new(self.workers));
        Arc::clone(routes.entry(id.clone()).or_insert_with(make))
    }

    fn listener(&self, id: &ListenerId) -> Arc<PerWorker<Connections>> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(PerWorker::new(self.workers));
        Arc::clone(listeners.entry(id.clone()).or_insert_with(make))
    }

    /// Forgets what the plan in force does not have.
    pub(crate) fn retain(&self, plan: &Plan) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|id, _| plan.destinations.routes.contains_key(id));
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|id, _| plan.listeners.iter().any(|l| l.listener.id == *id));
    }
}

/// Compiles `model`. `held` tells the addresses that are listened on already.
pub(crate) fn build(
    parts: &Parts,
    model: Arc<Model>,
    former: Option<&Plan>,
    held: impl Fn(Place) -> bool,
) -> Result<Plan, PrepareErrors> {
    let laws = model.broken_laws();
    if !laws.is_empty() {
        return Err(PrepareErrors(laws.into_iter().map(PrepareError::from).collect()));
    }
    let mut wrong = Vec::new();
    parts.shields.begin();
    let destinations = Arc::new(Destinations {
        services: services(parts, &model, &mut wrong),
        routes: model.routes.iter().map(|r| (r.id.clone(), parts.counters.route(&r.id))).collect(),
        unrouted: Arc::clone(&parts.counters.unrouted),
        of_routes: of_routes(parts, &model),
        of_calls: of_calls(parts, &model),
        tracer: Tracer::new(&model.tracing, former.map(|plan| &plan.destinations.tracer)),
        cluster: cluster(&model, former, &mut wrong),
        announces: model.services.iter().any(|service| service.proxy_protocol.is_some()),
    });
    let mut listeners: Vec<Arc<ListenerPlan>> = Vec::new();
    let mut bound = Vec::new();
    for listener in &model.listeners {
        let donors = former.into_iter().flat_map(|plan| &plan.listeners).chain(&listeners);
        let donors: Vec<_> = donors.map(AsRef::as_ref).collect();
        let compiled = compile(parts, listener, (&model, &destinations), &donors);
        match compiled {
            Ok(compiled) => listeners.push(Arc::new(compiled)),
            Err(errors) => wrong.extend(errors),
        }
        let (kind, address) = place(listener);
        if !held((kind, address)) {
            match Bound::bind_to(kind, address, parts.workers) {
                Ok(sockets) => bound.push(((kind, address), sockets)),
                Err(source) => wrong.push(PrepareError::Bind {
                    listener: listener.id.clone(),
                    origin: listener.origin.clone(),
                    source,
                }),
            }
        }
    }
    if !wrong.is_empty() {
        return Err(PrepareErrors(wrong));
    }
    Ok(Plan { model, listeners, destinations, bound })
}

fn services(
    parts: &Parts,
    model: &Model,
    wrong: &mut Vec<PrepareError>,
) -> QuickMap<ServiceName, Arc<ServicePlan>> {
    let mut services = QuickMap::default();
    for service in &model.services {
        let now = parts.certificates.clock.wall();
        match parts.transports.get(service.protocol, service.tls.as_ref(), now) {
            Ok(transport) => {
                let plan = ServicePlan {
                    service: service.clone(),
                    transport,
                    live: parts.registry.service(&service.name),
                    outlier: ejection(service),
                    protection: parts.shields.protection(None, said(service)),
                };
                services.insert(service.name.clone(), Arc::new(plan));
            }
            Err(source) => wrong.push(PrepareError::UpstreamTls {
                service: service.name.clone(),
                origin: service.origin.clone(),
                source,
            }),
        }
    }
    services
}

/// The policies that routes have of their own; what a route leaves out is its service's.
fn of_routes(parts: &Parts, model: &Model) -> HashMap<(RouteId, ServiceName), Arc<Protection>> {
    let mut all = HashMap::new();
    for route in model.routes.iter().filter(|route| !route.policies.is_empty()) {
        let Action::Forward(targets) = &route.action else { continue };
        for target in targets {
            let Some(service) = model.service(&target.service) else { continue };
            let name = format!("{}/{}", service.name, route.id);
            let own = Said { name: &name, policies: &route.policies };
            if let Some(protection) = parts.shields.protection(Some(own), said(service)) {
                all.insert((route.id.clone(), service.name.clone()), protection);
            }
        }
    }
    all
}

/// The same of calls between services.
fn of_calls(parts: &Parts, model: &Model) -> HashMap<(ServiceName, ServiceName), CallPlan> {
    let mut all = HashMap::new();
    for caller in &model.services {
        for call in &caller.call_policies {
            let Some(callee) = model.service(&call.service) else { continue };
            let name = format!("{}->{}", caller.name, callee.name);
            let own = Said { name: &name, policies: &call.policies };
            let protection = parts.shields.protection(Some(own), said(callee));
            let plan = CallPlan { protection, timeouts: call.timeouts };
            all.insert((caller.name.clone(), callee.name.clone()), plan);
        }
    }
    all
}

/// The store that processes share.
fn cluster(
    model: &Model,
    former: Option<&Plan>,
    wrong: &mut Vec<PrepareError>,
) -> Option<Arc<Store>> {
    let wanted = model.cluster.as_ref()?;
    let known = former.and_then(|plan| plan.destinations.cluster.as_ref());
    if let Some(known) = known.filter(|known| known.is_still(wanted)) {
        return Some(Arc::clone(known));
    }
    let store = Store::new(wanted);
    store.map_err(|error| wrong.push(PrepareError::Cluster(error))).ok().map(Arc::new)
}

/// What a service has for everybody.
fn said(service: &Service) -> Said<'_> {
    Said { name: service.name.as_str(), policies: &service.policies }
}

/// The passive checks of a service; without any, nothing is ejected.
fn ejection(service: &Service) -> outlier::Config {
    let config = |outlier: Outlier| outlier::Config {
        failures: outlier.consecutive,
        ejection: backoff::Config { first: outlier.base, max: outlier.max, jitter_percent: 10 },
        ejected_percent_max: outlier.percent_max,
    };
    let off = Outlier {
        consecutive: 0,
        base: std::time::Duration::ZERO,
        max: std::time::Duration::ZERO,
        percent_max: 0,
        compared: None,
    };
    config(service.outlier.unwrap_or(off))
}

/// `donors` are compiled listeners whose parts are taken over where they are still right.
fn compile(
    parts: &Parts,
    listener: &Listener,
    (model, destinations): (&Arc<Model>, &Arc<Destinations>),
    donors: &[&ListenerPlan],
) -> Result<ListenerPlan, Vec<PrepareError>> {
    let mut wrong = Vec::new();
    let former = donors.iter().find(|former| former.listener.id == listener.id);
    let tls = parts.certificates.serve(listener, former.copied());
    let tls = tls.map_err(|error| wrong.push(error));
    let filters = Chain::compile(&listener.filters).map_err(|invalid| {
        wrong.extend(invalid.into_iter().map(|source| PrepareError::Filter {
            owner: listener.id.to_string(),
            origin: listener.origin.clone(),
            source,
        }));
    });
    let relay = listener.relay.as_ref().map(Relay::compile).transpose();
    let relay = relay.map_err(|_| {
        wrong.push(PrepareError::Law(BrokenLaw::NoTarget(listener.id.to_string())));
    });
    // Routes are for requests.
    let routes = model.routes.iter().filter(|_| listener.relay.is_none());
    let tables: Vec<_> = donors.iter().map(|donor| &donor.table).collect();
    let table = RouteTable::build(&listener.id, routes, &tables)
        .map_err(|invalid| wrong.extend(invalid.into_iter().map(PrepareError::Route)));
    let (Ok(tls), Ok(filters), Ok(table), Ok(relay)) = (tls, filters, table, relay) else {
        return Err(wrong);
    };
    Ok(ListenerPlan {
        listener: listener.clone(),
        tls,
        relay,
        filters,
        table,
        counters: parts.counters.listener(&listener.id),
        destinations: Arc::clone(destinations),
        model: Arc::clone(model),
    })
}
