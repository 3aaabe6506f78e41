//! What a running proxy can be asked and told: [`Ops`] for the management APIs.

use std::net::SocketAddr;

use trunkline_model::ops::{
    BoxFuture, BreakerOrder, EndpointOrder, EndpointStats, Explanation, Fault, ListenerStats, Ops,
    PolicyStats, Question, Relayed, ResilienceError, ResilienceEvent, RouteStats, ServiceStats,
    Session, SessionFilter, Stats, UnknownEndpoint, UnknownService,
};
use trunkline_model::{EndpointId, ListenerId, Origin, RouteId, ServiceName};
use trunkline_rt::Policy;

use super::Proxy;
use crate::balance::{LiveEndpoint, LiveService};
use crate::explain::{self, Entrance};
use crate::observe::{Excesses, Refusals, distribution};
use crate::plan::ListenerPlan;
use crate::secure::{FAILURES, ListenerTls};
use crate::worker;

impl Ops for Proxy {
    fn stats(&self) -> BoxFuture<'_, Stats> {
        Box::pin(async { self.sum() })
    }

    fn sessions(&self, which: SessionFilter, limit: usize) -> BoxFuture<'_, Vec<Session>> {
        Box::pin(self.tell_sessions(which, limit))
    }

    fn cut_sessions(&self, which: SessionFilter) -> BoxFuture<'_, usize> {
        Box::pin(self.cut_meant(which))
    }

    fn purge_cache(&self, host: Option<&str>, prefix: &str) -> usize {
        self.inner.parts.cache.purge(host, prefix)
    }

    fn policies(&self) -> Vec<PolicyStats> {
        self.inner.parts.shields.stats()
    }

    fn order_breaker(&self, policy: &str, order: BreakerOrder) -> Result<(), ResilienceError> {
        let shield = self.inner.parts.shields.find(policy);
        let shield = shield.ok_or_else(|| ResilienceError::Unknown(policy.to_owned()))?;
        let store = self.plan().and_then(|plan| plan.destinations.cluster.clone());
        let shared = shield.is_shared() && shield.policies.breaker.is_some();
        match store.filter(|_| shared) {
            Some(store) => {
                let told = async move { shield.order_all(&store, order).await };
                self.scope().spawn("order", Policy::Best, told);
                Ok(())
            }
            None => shield.order(order),
        }
    }

    fn resilience_events(&self, after: u64) -> Vec<ResilienceEvent> {
        self.inner.parts.shields.events(after)
    }

    fn inject(&self, service: &ServiceName, fault: Fault) -> Result<(), UnknownService> {
        let known = self.inner.parts.registry.find(service);
        let live = known.ok_or_else(|| UnknownService(service.clone()))?;
        tracing::warn!(service = %service, ?fault, "faults are injected as ordered");
        live.faults.set(fault);
        Ok(())
    }

    fn order_endpoint(
        &self,
        endpoint: EndpointId,
        order: EndpointOrder,
    ) -> BoxFuture<'_, Result<(), UnknownEndpoint>> {
        Box::pin(async move {
            let known = self.inner.parts.registry.order(&endpoint, order);
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
            guard: self.guard().stats(),
            cache: self.inner.parts.cache.stats(),
            loop_stall: distribution(workers.iter().map(|worker| &*worker.stall)),
            ..Stats::default()
        };
        let Some(plan) = plan else { return stats };
        stats.listeners = plan
            .listeners
            .iter()
            .map(|listener| listener_stats(listener, address_of(listener, &addresses)))
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

    fn explain_now(&self, question: Question) -> Explanation {
        let running = self.running();
        let (plan, addresses) = (running.plan.clone(), running.addresses());
        drop(running);
        let listeners = plan.iter().flat_map(|plan| &plan.listeners);
        // Nothing can be explained of what is not understood.
        let entrances = listeners.filter(|plan| plan.relay.is_none()).map(|plan| Entrance {
            listener: &plan.listener,
            address: address_of(plan, &addresses),
            table: &plan.table,
        });
        let mut explanation = explain::explain(&entrances.collect::<Vec<_>>(), question);
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

/// Where a listener really is: its port may have been left to the machine.
fn address_of(plan: &ListenerPlan, addresses: &[(ListenerId, SocketAddr)]) -> SocketAddr {
    let found = addresses.iter().find(|(id, _)| *id == plan.listener.id);
    found.map_or(plan.listener.address, |(_, address)| *address)
}

fn listener_stats(plan: &ListenerPlan, address: SocketAddr) -> ListenerStats {
    let counters = &plan.counters;
    let open: i64 = counters.iter().map(|cell| cell.open.get()).sum();
    let failed = |reason: usize| -> u64 {
        let cells = counters.iter().filter_map(|cell| cell.handshakes_failed.get(reason));
        cells.map(trunkline_rt::metrics::Counter::get).sum()
    };
    let failures = FAILURES.iter().enumerate().map(|(index, reason)| (*reason, failed(index)));
    let failures: Vec<_> = failures.filter(|(_, count)| *count > 0).collect();
    let mut refused = Refusals::sum(counters.iter().map(|cell| &cell.refusals));
    refused.extend(Excesses::sum(counters.iter().map(|cell| &cell.excesses)));
    ListenerStats {
        id: plan.listener.id.clone(),
        address,
        caller: plan.listener.caller.clone(),
        accepted: counters.iter().map(|cell| cell.accepted.get()).sum(),
        open: u64::try_from(open).unwrap_or(0),
        handshakes_full: counters.iter().map(|cell| cell.handshakes_full.get()).sum(),
        handshakes_resumed: counters.iter().map(|cell| cell.handshakes_resumed.get()).sum(),
        handshakes_failed: failures.iter().map(|(_, count)| count).sum(),
        handshake_failures: failures,
        refused,
        certificates: plan.tls.as_ref().map(ListenerTls::stats).unwrap_or_default(),
        headers_failed: counters.iter().map(|cell| cell.headers_failed.get()).sum(),
        relayed: plan.relay.as_ref().map(|_| Relayed {
            received: counters.iter().map(|cell| cell.relayed_received.get()).sum(),
            sent: counters.iter().map(|cell| cell.relayed_sent.get()).sum(),
            dropped: counters.iter().map(|cell| cell.dropped.get()).sum(),
        }),
    }
}

fn service_stats(service: &LiveService, now: std::time::Instant) -> ServiceStats {
    ServiceStats {
        name: service.name.clone(),
        requests: service.counters.statuses(),
        in_flight: service.in_flight(),
        held: u64::from(service.held()),
        queue: service.room.stats(),
        latency: service.counters.latency(),
        endpoints: service.members().endpoints.iter().map(|e| endpoint_stats(e, now)).collect(),
    }
}

fn endpoint_stats(endpoint: &LiveEndpoint, now: std::time::Instant) -> EndpointStats {
    let in_flight = endpoint.in_flight.load(std::sync::atomic::Ordering::Relaxed);
    let (orders, agent) = (endpoint.orders(), endpoint.agent());
    let agent_error = agent.down.then(|| format!("its agent says `{}`", agent.line));
    EndpointStats {
        id: endpoint.id.clone(),
        address: endpoint.address,
        state: endpoint.state(),
        overridden: orders.state.is_some(),
        weight_ordered: orders.weight,
        limit_ordered: orders.limit,
        healthy: endpoint.is_healthy(),
        health_error: endpoint.health_error().map(Into::into).or(agent_error),
        health_changes: endpoint.health_changes(),
        agent: Some(agent.line.into()).filter(|line: &String| !line.is_empty()),
        ejected: endpoint.is_ejected(now),
        weight: endpoint.weight(),
        in_flight: u64::from(in_flight),
        limit: endpoint.limit(),
        requests: endpoint.counters.statuses(),
        connect_failures: endpoint.counters.connect_failures(),
        latency: endpoint.counters.latency(),
    }
}
