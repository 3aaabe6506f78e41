//! Endpoints that the Model names itself: addresses, other services, names of DNS.
//!
//! Services that somebody else finds (processes of this machine, pods of a cluster) are published
//! from outside. A name that does not exist any more has no endpoints after a while; one that nobody
//! can resolve leaves the endpoints as they were: the resolver serves what it knew, and after that an
//! old address beats none. An endpoint that is gone from an answer keeps the requests it has.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use trunkline_model::ServiceName;
use trunkline_model::endpoint::{Endpoint, EndpointSet, EndpointState};
use trunkline_model::route::Authority;
use trunkline_model::service::{Initial, Service, Source, StaticEndpoint};
use trunkline_net::resolve::ResolveError;

use crate::limits;
use crate::plan::Plan;
use crate::proxy::Proxy;

/// Resolves names again and again, and follows services that stand for others.
pub(super) async fn keep_resolving(proxy: Proxy) {
    let scope = proxy.scope().clone();
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(limits::RESOLVE_EVERY) => {}
            () = proxy.managed().wait_for_sources() => {}
        }
        if let Some(plan) = proxy.plan() {
            // What a former plan named must not come back.
            let in_force = || proxy.plan().is_some_and(|now| Arc::ptr_eq(&now, &plan));
            follow(&proxy, &plan, limits::RESOLVE_TIME, in_force).await;
        }
    }
}

/// Publishes the endpoints of every service whose source is static.
pub(super) async fn publish(proxy: &Proxy, plan: &Plan, limit: Duration) {
    for service in &plan.model.services {
        if let Source::Static(written) = &service.source
            && written.iter().all(is_literal)
        {
            let endpoints = written.iter().filter_map(|one| literal(&service.name, one)).collect();
            publish_set(proxy, service, endpoints);
        }
    }
    follow(proxy, plan, limit, || true).await;
}

/// Publishes the services that have an endpoint which can change by itself. A name server that does
/// not answer holds up nobody else's names.
async fn follow(proxy: &Proxy, plan: &Plan, limit: Duration, is_wanted: impl Fn() -> bool) {
    let is_wanted = &is_wanted;
    let services = plan.model.services.iter().filter_map(|service| match &service.source {
        Source::Static(written) if !written.iter().all(is_literal) => Some((service, written)),
        _ => None,
    });
    let follow_one = |(service, written): (&Service, &Vec<StaticEndpoint>)| {
        let (service, written) = (service.clone(), written.clone());
        async move {
            let resolving = resolve_all(proxy, &service.name, &written);
            let found = tokio::time::timeout(limit, resolving).await;
            if let Ok(Some(endpoints)) = found
                && is_wanted()
            {
                publish_set(proxy, &service, endpoints);
            }
        }
    };
    let all = futures_util::stream::iter(services.map(follow_one).collect::<Vec<_>>());
    all.for_each_concurrent(limits::RESOLVES_MAX, |one| one).await;
}

fn is_literal(written: &StaticEndpoint) -> bool {
    matches!(written.authority, Authority::Address(_))
}

/// Publishes a set, and has new ones checked; an unchanged set changes nothing.
fn publish_set(proxy: &Proxy, service: &Service, endpoints: Vec<Endpoint>) {
    let set = EndpointSet { service: service.name.clone(), endpoints };
    proxy.registry().publish(set);
    if service.health.as_ref().is_some_and(|health| health.initial == Initial::Unhealthy)
        && let Some(live) = proxy.registry().find(&service.name)
    {
        live.members().endpoints.iter().for_each(|endpoint| endpoint.doubt());
    }
    proxy.managed().followers_changed();
}

fn literal(service: &ServiceName, written: &StaticEndpoint) -> Option<Endpoint> {
    let Authority::Address(address) = written.authority else {
        return None;
    };
    Some(as_written(written, Endpoint::ready(service, address)))
}

/// An endpoint with what is written of it.
fn as_written(written: &StaticEndpoint, endpoint: Endpoint) -> Endpoint {
    let (weight, place, limit) = (written.weight, written.place.clone(), written.limit);
    Endpoint { weight, place, limit, ..endpoint }
}

/// Every endpoint, or `None` if nothing can be said of one of the names.
async fn resolve_all(
    proxy: &Proxy,
    service: &ServiceName,
    written: &[StaticEndpoint],
) -> Option<Vec<Endpoint>> {
    let mut endpoints = Vec::new();
    for one in written {
        match &one.authority {
            Authority::Address(_) => endpoints.extend(literal(service, one)),
            Authority::Service(other) => endpoints.extend(of_service(proxy, service, other, one)),
            Authority::Dns { host, port } => {
                let resolved = proxy.resolver().resolve(host, *port).await;
                let addresses = told(service, resolved)?;
                endpoints.extend(addresses.iter().map(|address| Endpoint {
                    host: host.clone(),
                    ..as_written(one, Endpoint::ready(service, *address))
                }));
            }
            Authority::Srv(name) => {
                endpoints.extend(of_records(proxy, service, name, one.weight).await?);
            }
        }
    }
    Some(distinct(endpoints))
}

/// Each endpoint once, in an order that does not depend on the one in which a server happens to list
/// its addresses: another order would be another set.
fn distinct(mut endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    endpoints.sort_by_key(|endpoint| endpoint.address);
    endpoints.dedup_by(|one, other| one.id == other.id);
    endpoints
}

/// What was resolved: a name that does not exist has no endpoints, and of one that nobody could
/// resolve nothing can be said.
fn told<T>(service: &ServiceName, resolved: Result<Arc<[T]>, ResolveError>) -> Option<Arc<[T]>> {
    match resolved {
        Ok(all) => Some(all),
        Err(ResolveError::Empty { host }) => {
            tracing::debug!(%service, host, "name has no addresses");
            Some(Arc::new([]))
        }
        Err(error @ ResolveError::Paused { .. }) => {
            tracing::debug!(%service, %error, "name not resolved");
            None
        }
        Err(error) => {
            let error = crate::forward::whole(&error);
            tracing::warn!(%service, error, "name not resolved");
            None
        }
    }
}

/// The endpoints that the records of a service tell (RFC 2782): those of the most preferred
/// priority that has any.
async fn of_records(
    proxy: &Proxy,
    service: &ServiceName,
    name: &str,
    weight: u32,
) -> Option<Vec<Endpoint>> {
    let records = told(service, proxy.resolver().services(name).await)?;
    let mut records: Vec<_> = records.to_vec();
    records.sort_by_key(|record| record.priority);
    let mut endpoints = Vec::new();
    let mut priority = None;
    for record in records {
        if !endpoints.is_empty() && priority != Some(record.priority) {
            break;
        }
        priority = Some(record.priority);
        let resolved = proxy.resolver().resolve(&record.host, record.port).await;
        let addresses = told(service, resolved)?;
        // Weight 0 asks for a very small part, which is not none.
        let share = u32::from(record.weight).max(1);
        endpoints.extend(addresses.iter().map(|address| Endpoint {
            host: record.host.clone(),
            weight: weight.saturating_mul(share),
            ..Endpoint::ready(service, *address)
        }));
    }
    Some(endpoints)
}

/// The endpoints of another service, as this one's.
fn of_service(
    proxy: &Proxy,
    service: &ServiceName,
    other: &ServiceName,
    written: &StaticEndpoint,
) -> Vec<Endpoint> {
    let Some(live) = proxy.registry().find(other) else {
        return Vec::new();
    };
    let members = live.members();
    let present = members.endpoints.iter().filter(|e| e.state() != EndpointState::Down);
    let same = present.map(|endpoint| Endpoint {
        host: endpoint.host.to_string(),
        weight: endpoint.weight().saturating_mul(written.weight),
        state: endpoint.state(),
        ..as_written(written, Endpoint::ready(service, endpoint.address))
    });
    same.collect()
}
