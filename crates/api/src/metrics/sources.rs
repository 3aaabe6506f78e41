//! From the proxy's numbers to families.

use std::collections::HashMap;

use trunkline_model::Model;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{
    Distribution, EndpointStats, GuardStats, ListenerStats, QueueStats, RouteStats, ServiceStats,
    Stats,
};
use trunkline_model::route::Action;

use super::catalog;
use super::text::{Samples, Writer};
use crate::commands::Instance;

/// What is running.
pub(super) fn instance(writer: &mut Writer, instance: &Instance, stats: &Stats) {
    let labels = [&*instance.version, instance.role, &*instance.project];
    writer.family(&catalog::BUILD).number(&labels, 1);
    writer.family(&catalog::UPTIME).float(&[], stats.uptime.as_secs_f64());
    writer.family(&catalog::GENERATION).number(&[], stats.generation);
    writer.family(&catalog::WORKERS).number(&[], stats.workers as u64);
    writer.family(&catalog::RECORDS_DROPPED).number(&[], stats.records_dropped);
    let mut family = writer.family(&catalog::CACHE_REQUESTS);
    for (outcome, count) in &stats.cache.outcomes {
        family.number(&[outcome], *count);
    }
    writer.family(&catalog::CACHE_OBJECTS).number(&[], stats.cache.objects);
    writer.family(&catalog::CACHE_BYTES).number(&[], stats.cache.bytes);
    guard(writer, &stats.guard);
    writer.family(&catalog::LOOP_STALL).histogram(&[], &stats.loop_stall);
}

fn guard(writer: &mut Writer, guard: &GuardStats) {
    let level = match guard.level {
        "critical" => 2,
        "high" => 1,
        _ => 0,
    };
    writer.family(&catalog::OVERLOAD).number(&[], level);
    let mut family = writer.family(&catalog::OVERLOAD_USAGE);
    for (resource, thousandths) in &guard.usage {
        family.float(&[resource], f64::from(*thousandths) / 1_000.0);
    }
    writer.family(&catalog::CONNECTIONS_SHED).number(&[], guard.shed);
    writer.family(&catalog::OVERLOAD_REFUSED).number(&[], guard.refused);
    writer.family(&catalog::SOURCES).number(&[], guard.sources as u64);
    let mut family = writer.family(&catalog::SOURCE_LIMITED);
    for (limit, action, count) in &guard.limited {
        family.number(&[limit, action], *count);
    }
}

/// Listeners, routes, services and endpoints.
pub(super) fn stats(writer: &mut Writer, stats: &Stats, model: Option<&Model>) {
    let mut family = writer.family(&catalog::CONNECTIONS);
    for l in &stats.listeners {
        family.number(&[l.id.as_str()], l.accepted);
    }
    let mut family = writer.family(&catalog::CONNECTIONS_OPEN);
    for l in &stats.listeners {
        family.number(&[l.id.as_str()], l.open);
    }
    handshakes(writer, &stats.listeners);
    let mut family = writer.family(&catalog::REQUESTS_REFUSED);
    for l in &stats.listeners {
        for (reason, count) in &l.refused {
            family.number(&[l.id.as_str(), reason], *count);
        }
    }
    relays(writer, &stats.listeners);
    routes(writer, &stats.routes, model);
    services(writer, &stats.services);
    endpoints(writer, &stats.services);
}

fn relays(writer: &mut Writer, listeners: &[ListenerStats]) {
    let mut family = writer.family(&catalog::PROXY_HEADERS_FAILED);
    for l in listeners.iter().filter(|l| l.headers_failed > 0) {
        family.number(&[l.id.as_str()], l.headers_failed);
    }
    let mut family = writer.family(&catalog::DATAGRAMS_DROPPED);
    for l in listeners {
        if let Some(relayed) = l.relayed.filter(|relayed| relayed.dropped > 0) {
            family.number(&[l.id.as_str()], relayed.dropped);
        }
    }
    let mut family = writer.family(&catalog::RELAYED);
    for l in listeners {
        let Some(relayed) = l.relayed else { continue };
        family.number(&[l.id.as_str(), "received"], relayed.received);
        family.number(&[l.id.as_str(), "sent"], relayed.sent);
    }
}

fn handshakes(writer: &mut Writer, listeners: &[ListenerStats]) {
    // A plain listener has neither certificates nor handshakes.
    let secure: Vec<_> = listeners.iter().filter(|l| !l.certificates.is_empty()).collect();
    let mut family = writer.family(&catalog::HANDSHAKES);
    for l in &secure {
        family.number(&[l.id.as_str(), "full"], l.handshakes_full);
        family.number(&[l.id.as_str(), "resumed"], l.handshakes_resumed);
    }
    let mut family = writer.family(&catalog::HANDSHAKES_FAILED);
    for l in &secure {
        for (reason, count) in &l.handshake_failures {
            family.number(&[l.id.as_str(), reason], *count);
        }
    }
    let mut family = writer.family(&catalog::CERTIFICATE_END);
    for l in &secure {
        for (place, certificate) in l.certificates.iter().enumerate() {
            let Some(end) = certificate.not_after else { continue };
            // Two certificates of one name would be one sample twice.
            let name = certificate.names.first().map_or("", String::as_str);
            let before = l.certificates.iter().take(place);
            let twice =
                before.filter(|other| other.names.first().map_or("", String::as_str) == name);
            if twice.count() == 0 {
                family.number(&[l.id.as_str(), name, certificate.source], super::unix_seconds(end));
            }
        }
    }
}

fn routes(writer: &mut Writer, routes: &[RouteStats], model: Option<&Model>) {
    let targets: HashMap<&str, &str> = model
        .iter()
        .flat_map(|model| &model.routes)
        .filter_map(|route| match &route.action {
            Action::Forward(targets) => match targets.as_slice() {
                [only] => Some((route.id.as_str(), only.service.as_str())),
                _ => None,
            },
            Action::Redirect(_) | Action::Respond { .. } => None,
        })
        .collect();
    let service = |route: &RouteStats| targets.get(route.id.as_str()).copied().unwrap_or_default();
    let mut family = writer.family(&catalog::REQUESTS);
    for route in routes {
        by_status(&mut family, &[route.id.as_str(), service(route)], &route.requests);
    }
    let mut family = writer.family(&catalog::REQUEST_DURATION);
    for route in routes {
        busy(&mut family, &[route.id.as_str(), service(route)], &route.latency);
    }
}

/// A histogram has some twenty lines: ten thousand idle routes shall not cost a scrape anything.
fn busy(family: &mut Samples<'_>, labels: &[&str], latency: &Distribution) {
    if latency.count > 0 {
        family.histogram(labels, latency);
    }
}

fn by_status(family: &mut Samples<'_>, labels: &[&str], requests: &[(u16, u64)]) {
    for (status, count) in requests {
        let status = status.to_string();
        let labels: Vec<&str> = labels.iter().copied().chain([status.as_str()]).collect();
        family.number(&labels, *count);
    }
}

fn services(writer: &mut Writer, services: &[ServiceStats]) {
    let mut family = writer.family(&catalog::SERVICE_REQUESTS);
    for service in services {
        by_status(&mut family, &[service.name.as_str()], &service.requests);
    }
    let mut family = writer.family(&catalog::SERVICE_DURATION);
    for s in services {
        busy(&mut family, &[s.name.as_str()], &s.latency);
    }
    let mut family = writer.family(&catalog::SERVICE_IN_FLIGHT);
    for s in services {
        family.number(&[s.name.as_str()], s.in_flight);
    }
    let mut family = writer.family(&catalog::SERVICE_HELD);
    for s in services {
        family.number(&[s.name.as_str()], s.held);
    }
    queues(writer, services);
}

fn queues(writer: &mut Writer, services: &[ServiceStats]) {
    let numbers = [
        (&catalog::SERVICE_QUEUED, QUEUED),
        (&catalog::SERVICE_QUEUED_MAX, |queue: &QueueStats| queue.longest),
        (&catalog::SERVICE_QUEUE_TIMEOUTS, |queue: &QueueStats| queue.timeouts),
        (&catalog::SERVICE_QUEUE_REFUSED, |queue: &QueueStats| queue.refused),
    ];
    for (metric, number) in numbers {
        let mut family = writer.family(metric);
        for s in services {
            family.number(&[s.name.as_str()], number(&s.queue));
        }
    }
    let mut family = writer.family(&catalog::SERVICE_QUEUE_WAIT);
    for s in services {
        busy(&mut family, &[s.name.as_str()], &s.queue.wait);
    }
}

const QUEUED: fn(&QueueStats) -> u64 = |queue| queue.length;

fn endpoints(writer: &mut Writer, services: &[ServiceStats]) {
    let all: Vec<([&str; 2], &EndpointStats)> = services
        .iter()
        .flat_map(|service| {
            let name = service.name.as_str();
            service.endpoints.iter().map(move |endpoint| ([name, endpoint.id.as_str()], endpoint))
        })
        .collect();
    let mut family = writer.family(&catalog::ENDPOINT_REQUESTS);
    for (labels, e) in &all {
        by_status(&mut family, labels, &e.requests);
    }
    let mut family = writer.family(&catalog::ENDPOINT_DURATION);
    for (labels, e) in &all {
        busy(&mut family, labels, &e.latency);
    }
    let mut gauge = |family, value: fn(&EndpointStats) -> u64| {
        let mut family = writer.family(family);
        for (labels, endpoint) in &all {
            family.number(labels, value(endpoint));
        }
    };
    gauge(&catalog::ENDPOINT_IN_FLIGHT, |e| e.in_flight);
    gauge(&catalog::ENDPOINT_CONNECT_FAILURES, |e| e.connect_failures);
    gauge(&catalog::ENDPOINT_HEALTHY, |e| u64::from(e.healthy));
    gauge(&catalog::ENDPOINT_HEALTH_CHANGES, |e| e.health_changes);
    gauge(&catalog::ENDPOINT_EJECTED, |e| u64::from(e.ejected));
    let mut family = writer.family(&catalog::ENDPOINT_STATE);
    for ([service, endpoint], stats) in &all {
        for state in STATES {
            let labels = [*service, *endpoint, state.as_str()];
            family.number(&labels, u64::from(stats.state == *state));
        }
    }
    let mut family = writer.family(&catalog::ENDPOINT_WEIGHT);
    for (labels, e) in &all {
        family.number(labels, u64::from(e.weight));
    }
    let mut family = writer.family(&catalog::ENDPOINT_LIMIT);
    for (labels, e) in &all {
        family.number(labels, u64::from(e.limit));
    }
}

const STATES: &[EndpointState] = &[
    EndpointState::Ready,
    EndpointState::Starting,
    EndpointState::Draining,
    EndpointState::Maint,
    EndpointState::Down,
];
