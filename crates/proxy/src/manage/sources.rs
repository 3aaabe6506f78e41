//! Endpoints that the Model names itself: addresses, other services, names of DNS.
//!
//! Services that somebody else finds (processes of this machine, pods of a cluster) are published
//! from outside. A name that cannot be resolved leaves the endpoints as they were: the resolver
//! serves what it knew for a while, and after that an old address beats none.

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::ServiceName;
use trunkline_model::endpoint::{Endpoint, EndpointSet, EndpointState};
use trunkline_model::route::Authority;
use trunkline_model::service::{Source, StaticEndpoint};

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
            follow(&proxy, &plan, limits::RESOLVE_EVERY).await;
        }
    }
}

/// Publishes the endpoints of every service whose source is static.
pub(super) async fn publish(proxy: &Proxy, plan: &Plan, limit: Duration) {
    for service in &plan.model.services {
        if let Source::Static(written) = &service.source
            && written.iter().all(|one| matches!(one.authority, Authority::Address(_)))
        {
            let endpoints = written.iter().filter_map(|one| literal(&service.name, one)).collect();
            publish_set(proxy, &service.name, endpoints);
        }
    }
    follow(proxy, plan, limit).await;
}

/// Publishes the services that have an endpoint which can change by itself.
async fn follow(proxy: &Proxy, plan: &Plan, limit: Duration) {
    for service in &plan.model.services {
        let Source::Static(written) = &service.source else {
            continue;
        };
        if written.iter().all(|one| matches!(one.authority, Authority::Address(_))) {
            continue;
        }
        let found = tokio::time::timeout(limit, resolve_all(proxy, &service.name, written)).await;
        if let Ok(Some(endpoints)) = found {
            publish_set(proxy, &service.name, endpoints);
        }
    }
}

/// Publishes a set, and has new ones checked; an unchanged set changes nothing.
fn publish_set(proxy: &Proxy, service: &ServiceName, endpoints: Vec<Endpoint>) {
    let service = service.clone();
    proxy.registry().publish(EndpointSet { service, endpoints });
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

/// Every endpoint, or `None` if a name could not be resolved.
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
                let addresses: Arc<[_]> = resolved
                    .inspect_err(|error| tracing::warn!(%service, %error, "name not resolved"))
                    .ok()?;
                endpoints.extend(addresses.iter().map(|address| Endpoint {
                    host: host.clone(),
                    ..as_written(one, Endpoint::ready(service, *address))
                }));
            }
        }
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
