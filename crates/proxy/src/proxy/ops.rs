//! What a running proxy can be asked and told: [`Ops`] for the management APIs.

use tokio::sync::oneshot;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{
    BoxFuture, EndpointStats, Explanation, ListenerStats, Ops, Question, RouteStats, ServiceStats,
    Session, Stats, UnknownEndpoint,
};
use trunkline_model::{EndpointId, Origin, RouteId, ServiceName};

use super::Proxy;
use crate::balance::{LiveEndpoint, LiveService};
use crate::observe::distribution;
use crate::plan::ListenerPlan;
use crate::route;
use crate::worker::{self, Command};

impl Ops for Proxy {
    fn stats(&self) -> BoxFuture<'_, Stats> {
        Box::pin(async { self.sum() })
    }

    fn sessions(&self, limit: usize) -> BoxFuture<'_, Vec<Session>> {
        Box::pin(async move {
            let mut sessions = Vec::new();
            for index in 0..self.inner.workers.len() {
                let (answer, answered) = oneshot::channel();
                let left = limit.saturating_sub(sessions.len());
                if self.tell(index, Command::Sessions(left, answer)).await.is_ok() {
                    sessions.extend(answered.await.unwrap_or_default());
                }
            }
            sessions
        })
    }

    fn set_endpoint(
        &self,
        endpoint: EndpointId,
        state: Option<EndpointState>,
    ) -> BoxFuture<'_, Result<(), UnknownEndpoint>> {
        Box::pin(async move {
            let known = self.inner.parts.registry.set_override(&endpoint, state);
            if known { Ok(()) } else { Err(UnknownEndpoint(endpoint)) }
        })
    }

    fn in_flight(&self, service: ServiceName) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let service = self.inner.parts.registry.find(&service);
            service.map_or(0, |service| service.in_flight())
        })
    }

    fn explain(&self, request: Question) -> BoxFuture<'_, Explanation> {
        Box::pin(async move { self.explain_now(request) })
    }
}

impl Proxy {
    fn sum(&self) -> Stats {
        let now = self.inner.clock.now();
        let running = self.running();
        let (generation, plan) = (running.generation, running.plan.clone());
        let addresses = running.addresses();
        drop(running);
        let workers = &self.inner.workers;
        let mut stats = Stats {
            generation,
            uptime: now.saturating_duration_since(self.inner.started),
            workers: workers.len(),
            records_dropped: workers.iter().map(worker::Handle::records_dropped).sum(),
            loop_stall: distribution(workers.iter().map(|worker| &*worker.stall)),
            ..Stats::default()
        };
        let Some(plan) = plan else { return stats };
        stats.listeners = plan
            .listeners
            .iter()
            .map(|listener| {
                let address = addresses.iter().find(|(id, _)| *id == listener.listener.id);
                let address = address.map_or(listener.listener.address, |(_, address)| *address);
                listener_stats(listener, address)
            })
            .collect();
        stats.routes = plan
            .model
            .routes
            .iter()
            .filter_map(|route| {
                let counters = plan.destinations.routes.get(&route.id)?;
                Some(RouteStats {
                    id: route.id.clone(),
                    origin: route.origin.clone(),
                    requests: counters.statuses(),
                    latency: counters.latency(),
                })
            })
            .collect();
        let unrouted = &plan.destinations.unrouted;
        stats.routes.push(RouteStats {
            id: RouteId::new("none"),
            origin: Origin::built_in(),
            requests: unrouted.statuses(),
            latency: unrouted.latency(),
        });
        let services = plan.model.services.iter();
        let services = services.filter_map(|service| plan.destinations.services.get(&service.name));
        stats.services = services.map(|service| service_stats(&service.live, now)).collect();
        stats
    }

    fn explain_now(&self, mut request: Question) -> Explanation {
        let plan = self.running().plan.clone();
        if let Ok(host) = route::host::normal(&request.host) {
            request.host = host.into();
        }
        let tls = request.scheme == "https";
        // Callers from outside ask; those of services have but one way to go.
        let listeners = plan.iter().flat_map(|plan| &plan.listeners);
        let listeners = listeners.filter(|plan| plan.listener.caller.is_none());
        let arrives = listeners.clone().find(|listener| listener.tls.is_some() == tls);
        let Some(listener) = arrives.or_else(|| listeners.clone().next()) else {
            return Explanation {
                listener: None,
                route: None,
                filters: Vec::new(),
                targets: Vec::new(),
                passed_over: Vec::new(),
            };
        };
        let mut explanation = route::explanation(&listener.table, &request);
        explanation.listener = Some(listener.listener.id.clone());
        let outer = listener.filters.names().map(str::to_owned);
        explanation.filters = outer.chain(std::mem::take(&mut explanation.filters)).collect();
        let now = self.inner.clock.now();
        for (service, _, endpoints) in &mut explanation.targets {
            if let Some(live) = self.inner.parts.registry.find(service) {
                let members = live.members();
                let able = members.endpoints.iter().filter(|endpoint| endpoint.is_eligible(now));
                endpoints.extend(able.map(|endpoint| endpoint.id.clone()));
            }
        }
        explanation
    }
}

fn listener_stats(plan: &ListenerPlan, address: std::net::SocketAddr) -> ListenerStats {
    let counters = &plan.counters;
    let open: i64 = counters.iter().map(|cell| cell.open.get()).sum();
    ListenerStats {
        id: plan.listener.id.clone(),
        address,
        caller: plan.listener.caller.clone(),
        accepted: counters.iter().map(|cell| cell.accepted.get()).sum(),
        open: u64::try_from(open).unwrap_or(0),
        handshakes_failed: counters.iter().map(|cell| cell.handshakes_failed.get()).sum(),
    }
}

fn service_stats(service: &LiveService, now: std::time::Instant) -> ServiceStats {
    ServiceStats {
        name: service.name.clone(),
        requests: service.counters.statuses(),
        in_flight: service.in_flight(),
        held: u64::from(service.held()),
        latency: service.counters.latency(),
        endpoints: service.members().endpoints.iter().map(|e| endpoint_stats(e, now)).collect(),
    }
}

fn endpoint_stats(endpoint: &LiveEndpoint, now: std::time::Instant) -> EndpointStats {
    let in_flight = endpoint.in_flight.load(std::sync::atomic::Ordering::Relaxed);
    EndpointStats {
        id: endpoint.id.clone(),
        address: endpoint.address,
        state: endpoint.state(),
        overridden: endpoint.is_overridden(),
        healthy: endpoint.is_healthy(),
        health_error: endpoint.health_error().map(Into::into),
        ejected: endpoint.is_ejected(now),
        weight: endpoint.weight(),
        in_flight: u64::from(in_flight),
        requests: endpoint.counters.statuses(),
        connect_failures: endpoint.counters.connect_failures(),
        latency: endpoint.counters.latency(),
    }
}
