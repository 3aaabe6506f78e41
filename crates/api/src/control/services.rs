//! `/v1/services?window=1m`: every service with its state, its numbers over a window and their course.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use trunkline_model::ServiceName;
use trunkline_model::ops::ServiceStats;
use trunkline_model::service::{Service, Source};

use super::routes::origin;
use super::status::{endpoint, quantiles, state_of, url_of};
use super::watched::{SERVICES_WINDOW, Seen};
use crate::Wiring;
use crate::commands::UrlTarget;
use crate::console::book::Key;
use crate::console::history::{Point, View};
use crate::console::window::window;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// Points of a series.
const POINTS: u32 = 60;

/// How much is told of each service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All of it.
    Full,
    /// Without series and endpoints.
    Short,
}

pub(super) async fn services(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["window"])?;
    let window = window(&parameters, SERVICES_WINDOW)?;
    let seen = Seen::now(&wiring).await;
    let view = seen.view(window);
    Ok(Json(json!({
        "schema": super::SCHEMA,
        "window_seconds": view.window().as_secs(),
        "covered_seconds": view.seconds(),
        "generation": seen.generation,
        "ready": seen.ready,
        "project": seen.project,
        "services": list(&seen, &view, Detail::Full),
    })))
}

/// Every service, in the order of names.
pub(crate) fn list(seen: &Seen, view: &View, detail: Detail) -> Vec<Value> {
    names(seen).into_iter().map(|name| document(seen, view, name, detail)).collect()
}

/// The names of all services: those of the Model, and what the proxy and the machine still run.
pub(crate) fn names(seen: &Seen) -> BTreeSet<&str> {
    let model = seen.model.iter().flat_map(|model| &model.services);
    let model = model.map(|service| service.name.as_str());
    let proxy = seen.stats.services.iter().map(|service| service.name.as_str());
    model.chain(proxy).chain(seen.processes.keys().map(String::as_str)).collect()
}

/// How a service is, in the words of `/v1/status`.
pub(crate) fn state(seen: &Seen, name: &str) -> &'static str {
    match (seen.processes.get(name), counters(seen, name)) {
        (Some(process), _) => process.state.as_str(),
        (None, Some(stats)) => state_of(&stats.endpoints),
        (None, None) => "down",
    }
}

fn counters<'a>(seen: &'a Seen, name: &str) -> Option<&'a ServiceStats> {
    seen.stats.services.iter().find(|service| service.name.as_str() == name)
}

fn wanted<'a>(seen: &'a Seen, name: &str) -> Option<&'a Service> {
    seen.model
        .iter()
        .flat_map(|model| &model.services)
        .find(|service| service.name.as_str() == name)
}

/// Which kind of thing a service is for this run.
pub(crate) fn kind(seen: &Seen, name: &str) -> &'static str {
    let is_process = match wanted(seen, name) {
        Some(service) => matches!(service.source, Source::Process(_)),
        None => seen.processes.contains_key(name),
    };
    if is_process { "process" } else { "external" }
}

fn document(seen: &Seen, view: &View, name: &str, detail: Detail) -> Value {
    let process = seen.processes.get(name);
    let service = wanted(seen, name);
    let stats = counters(seen, name);
    let run = service.and_then(|service| match &service.source {
        Source::Process(process) => Some(process),
        Source::Static(_) => None,
    });
    let key = name.parse::<ServiceName>().map_or(Key::Entrance, Key::Service);
    let tally = view.of(&key);
    let target = name.parse().ok().map(UrlTarget::Service);
    let mut document = json!({
        "name": name,
        "kind": kind(seen, name),
        "state": state(seen, name),
        "detail": process.and_then(|process| process.detail.as_deref()),
        "language": run.and_then(|run| run.language.as_deref()),
        "command": process.map(|process| process.command.as_str()).or(run.map(|run| run.command.as_str())),
        "url": target.and_then(|target| url_of(&seen.urls, &target)),
        "origin": service.map(|service| origin(&service.origin)),
        "pid": process.and_then(|process| process.pid),
        "address": process.and_then(|process| process.address).or(stats.and_then(|stats| stats.endpoints.first()).map(|endpoint| endpoint.address)),
        "restarts": process.map(|process| process.restarts),
        "since_seconds": process.map(|process| process.since.as_secs_f64()),
        "calls": service.map(|service| service.calls.iter().map(ServiceName::as_str).collect::<Vec<_>>()).unwrap_or_default(),
        "called_by": callers(seen, name),
        "rate_per_second": tally.rate(view.seconds()),
        "error_share": tally.error_share(),
        "requests": tally.requests,
        "failed": tally.failed,
        "in_flight": stats.map_or(0, |stats| stats.in_flight),
        "held": stats.map_or(0, |stats| stats.held),
        "latency_ms": quantiles(&tally.latency()),
    });
    if let (Detail::Full, Some(fields)) = (detail, document.as_object_mut()) {
        let endpoints = stats.map(|stats| stats.endpoints.iter().map(endpoint).collect::<Vec<_>>());
        fields.insert("series".into(), series(seen, view, &key));
        fields.insert("endpoints".into(), json!(endpoints.unwrap_or_default()));
    }
    document
}

/// The services that say they call this one.
fn callers<'a>(seen: &'a Seen, name: &str) -> Vec<&'a str> {
    let services = seen.model.iter().flat_map(|model| &model.services);
    let callers = services.filter(|service| service.calls.iter().any(|call| call.as_str() == name));
    callers.map(|service| service.name.as_str()).collect()
}

fn series(seen: &Seen, view: &View, key: &Key) -> Value {
    let now = Duration::from_nanos(seen.now_unix_nanos);
    let point = |point: Point| {
        json!({
            "at_unix": now.saturating_sub(point.age).as_secs_f64(),
            "requests": point.requests,
            "failed": point.failed,
            "p99_ms": point.p99.map(|micros| crate::console::tally::float(micros) / 1_000.0),
        })
    };
    view.series(key, POINTS).into_iter().map(point).collect()
}
