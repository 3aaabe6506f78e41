//! `/v1/status`, `/v1/urls`, `/v1/ready`, `/v1/live`: how everything is.
//!
//! The document of `/v1/status` is what `trunkline status --format json` prints; scripts rely on
//! `services.<name>.state`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};
use trunkline_model::ServiceName;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{
    CertificateStats, Distribution, EndpointStats, ListenerStats, PolicyStats, ServiceStats, Stats,
};

use super::SCHEMA;
use crate::Wiring;
use crate::commands::{Process, Readiness, Url, UrlTarget};

pub(super) async fn status(State(wiring): State<Wiring>) -> Json<Value> {
    let stats = wiring.ops.stats().await;
    let processes = wiring.commands.processes().await;
    let urls = wiring.commands.urls();
    let instance = wiring.commands.instance();
    let readiness = wiring.commands.readiness();
    let surfaces: Vec<_> = urls.iter().filter_map(surface).collect();
    let listeners: Vec<_> = stats.listeners.iter().map(|stats| listener(stats, &urls)).collect();
    Json(json!({
        "schema": SCHEMA,
        "project": instance.project,
        "version": instance.version,
        "role": instance.role,
        "pid": instance.pid,
        "ready": readiness == Readiness::Ready,
        "waiting_for": waiting_for(&readiness),
        "generation": stats.generation,
        "uptime_seconds": stats.uptime.as_secs_f64(),
        "workers": stats.workers,
        "listeners": listeners,
        "surfaces": surfaces,
        "services": with_breakers(services(&stats, processes, &urls), &wiring.ops.policies()),
        "routes": stats.routes.len(),
        "records_dropped": stats.records_dropped,
        "loop_stall_ms": quantiles(&stats.loop_stall),
    }))
}

fn listener(stats: &ListenerStats, urls: &[Url]) -> Value {
    json!({
        "id": stats.id.as_str(),
        "address": stats.address,
        "caller": stats.caller.as_ref().map(ServiceName::as_str),
        "url": url_of(urls, &UrlTarget::Listener(stats.id.clone())),
        "accepted": stats.accepted,
        "open": stats.open,
        "handshakes_full": stats.handshakes_full,
        "handshakes_resumed": stats.handshakes_resumed,
        "handshakes_failed": stats.handshakes_failed,
        "refused": stats.refused.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        "certificates": stats.certificates.iter().map(certificate).collect::<Vec<_>>(),
    })
}

fn certificate(stats: &CertificateStats) -> Value {
    let end = stats.not_after.map(crate::metrics::unix_seconds);
    json!({
        "names": stats.names,
        "source": stats.source,
        "not_after_seconds": end,
        "stapled": stats.stapled,
        "problem": stats.problem,
    })
}

fn surface(url: &Url) -> Option<Value> {
    let UrlTarget::Surface(surface) = url.target else {
        return None;
    };
    let entry = surface.entry();
    Some(json!({ "name": entry.name, "purpose": entry.purpose, "url": url.url }))
}

pub(super) fn url_of<'a>(urls: &'a [Url], target: &UrlTarget) -> Option<&'a str> {
    urls.iter().find(|url| url.target == *target).map(|url| url.url.as_str())
}

/// Every service by name: those that the proxy knows, and processes that it does not know yet.
fn services(stats: &Stats, processes: Vec<Process>, urls: &[Url]) -> Map<String, Value> {
    let mut processes: BTreeMap<_, _> =
        processes.into_iter().map(|process| (process.service.clone(), process)).collect();
    let mut services = Map::new();
    for stats in &stats.services {
        let process = processes.remove(&stats.name);
        let document = service(&stats.name, Some(stats), process.as_ref(), urls);
        services.insert(stats.name.to_string(), document);
    }
    for (name, process) in processes {
        let document = service(&name, None, Some(&process), urls);
        services.insert(name.to_string(), document);
    }
    services
}

/// Each service with its breakers that are not closed.
fn with_breakers(mut services: Map<String, Value>, policies: &[PolicyStats]) -> Map<String, Value> {
    for policy in policies {
        let Some(breaker) = policy.breaker.as_ref().filter(|one| one.state != "CLOSED") else {
            continue;
        };
        let told = json!({
            "name": policy.name,
            "state": breaker.state,
            "failure_rate": breaker.failure_rate,
            "retry_after_seconds": breaker.retry_after.map(|after| after.as_secs_f64()),
        });
        let service = services.get_mut(policy.service()).and_then(Value::as_object_mut);
        let breakers =
            service.map(|service| service.entry("breakers").or_insert_with(|| json!([])));
        if let Some(breakers) = breakers.and_then(Value::as_array_mut) {
            breakers.push(told);
        }
    }
    services
}

fn service(
    name: &ServiceName,
    stats: Option<&ServiceStats>,
    process: Option<&Process>,
    urls: &[Url],
) -> Value {
    let word = match (process, stats) {
        (Some(process), _) => process.state.as_str(),
        (None, Some(stats)) => state_of(&stats.endpoints),
        (None, None) => "down",
    };
    let mut document = json!({
        "state": word,
        "detail": process.and_then(|process| process.detail.clone()),
        "url": url_of(urls, &UrlTarget::Service(name.clone())),
        "process": process.map(process_document),
    });
    if let (Some(stats), Some(document)) = (stats, document.as_object_mut()) {
        let endpoints: Vec<_> = stats.endpoints.iter().map(endpoint).collect();
        document.insert("requests".into(), requests(&stats.requests));
        document.insert("in_flight".into(), json!(stats.in_flight));
        document.insert("held".into(), json!(stats.held));
        document.insert("latency_ms".into(), quantiles(&stats.latency));
        document.insert("endpoints".into(), json!(endpoints));
    }
    document
}

/// The best that one of the endpoints is.
pub(super) fn state_of(endpoints: &[EndpointStats]) -> &'static str {
    let usable = |e: &&EndpointStats| e.state == EndpointState::Ready && e.healthy && !e.ejected;
    let any = |state| endpoints.iter().any(|endpoint| endpoint.state == state);
    if endpoints.iter().any(|endpoint| usable(&endpoint)) {
        "ready"
    } else if any(EndpointState::Starting) {
        "starting"
    } else if any(EndpointState::Ready) {
        "unhealthy"
    } else if any(EndpointState::Draining) {
        "draining"
    } else if any(EndpointState::Maint) {
        "maint"
    } else {
        "down"
    }
}

fn process_document(process: &Process) -> Value {
    json!({
        "pid": process.pid,
        "address": process.address,
        "command": process.command,
        "since_seconds": process.since.as_secs_f64(),
        "restarts": process.restarts,
    })
}

pub(super) fn endpoint(stats: &EndpointStats) -> Value {
    json!({
        "id": stats.id.as_str(),
        "address": stats.address,
        "state": stats.state.as_str(),
        "overridden": stats.overridden,
        "weight_ordered": stats.weight_ordered,
        "limit_ordered": stats.limit_ordered,
        "healthy": stats.healthy,
        "health_error": stats.health_error,
        "health_changes": stats.health_changes,
        "agent": stats.agent,
        "ejected": stats.ejected,
        "weight": stats.weight,
        "in_flight": stats.in_flight,
        "requests": requests(&stats.requests),
        "connect_failures": stats.connect_failures,
        "latency_ms": quantiles(&stats.latency),
    })
}

/// Counts by status, and what people ask for first: how many, and how many failed.
pub(super) fn requests(by_status: &[(u16, u64)]) -> Value {
    let total: u64 = by_status.iter().map(|(_, count)| count).sum();
    let failed = by_status.iter().filter(|(status, _)| *status >= 500).map(|(_, count)| count);
    let by_status: BTreeMap<_, _> =
        by_status.iter().map(|(status, count)| (status.to_string(), count)).collect();
    json!({ "total": total, "failed": failed.sum::<u64>(), "by_status": by_status })
}

/// Median and tails of a distribution of microseconds, in milliseconds; `null` without values. Each
/// is the upper bound of the bucket that holds it.
pub(super) fn quantiles(distribution: &Distribution) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "microseconds fit into 53 bits for 285 years")]
    let at = |q| distribution.quantile(q).map(|micros| micros as f64 / 1_000.0);
    json!({ "count": distribution.count, "p50": at(0.5), "p90": at(0.9), "p99": at(0.99) })
}

pub(super) async fn urls(State(wiring): State<Wiring>) -> Json<Value> {
    let urls = wiring.commands.urls();
    let urls: Vec<_> = urls
        .iter()
        .map(|url| {
            let (kind, name) = match &url.target {
                UrlTarget::Listener(id) => ("gateway", id.as_str()),
                UrlTarget::Service(name) => ("service", name.as_str()),
                UrlTarget::Surface(surface) => ("surface", surface.entry().name),
            };
            json!({ "kind": kind, "name": name, "url": url.url, "also": url.also })
        })
        .collect();
    Json(json!({ "schema": SCHEMA, "urls": urls }))
}

fn waiting_for(readiness: &Readiness) -> &[String] {
    match readiness {
        Readiness::Waiting(names) => names,
        Readiness::Ready | Readiness::Draining => &[],
    }
}

pub(super) async fn ready(State(wiring): State<Wiring>) -> Response {
    let readiness = wiring.commands.readiness();
    let (status, word) = match &readiness {
        Readiness::Ready => (StatusCode::OK, "ready"),
        Readiness::Waiting(_) => (StatusCode::SERVICE_UNAVAILABLE, "waiting"),
        Readiness::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    };
    (status, Json(json!({ "state": word }))).into_response()
}

pub(super) async fn live() -> Json<Value> {
    Json(json!({ "state": "live" }))
}
