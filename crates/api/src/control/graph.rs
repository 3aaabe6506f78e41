//! `/v1/graph?window=5m`: who calls whom, as written and as seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use trunkline_model::route::Route;
use trunkline_model::{Model, Origin, ServiceName};

use super::routes::origin;
use super::services;
use super::status::quantiles;
use super::watched::{GRAPH_WINDOW, Seen};
use crate::Wiring;
use crate::console::book::{Key, caller_of, targets};
use crate::console::history::View;
use crate::console::tally::Tally;
use crate::console::window::window;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// The id of the gateway's node. A service of this name would be drawn as the same node.
const GATEWAY: &str = "gateway";

/// A caller that has taken so many requests without making a call that is written will not make it.
/// That is said of calls that would have been seen only.
const MISSING_FROM: u64 = 20;

pub(super) async fn graph(State(wiring): State<Wiring>, uri: Uri) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["window"])?;
    let window = window(&parameters, GRAPH_WINDOW)?;
    let seen = Seen::now(&wiring).await;
    let view = seen.view(window);
    Ok(Json(document(&seen, &view)))
}

/// An edge: the gateway calls as `None`.
type Pair = (Option<ServiceName>, ServiceName);

/// The whole graph.
pub(crate) fn document(seen: &Seen, view: &View) -> Value {
    let written = written(seen);
    let counted = seen.book.iter().filter_map(|(key, total)| match key {
        Key::Edge(from, to) if total.requests > 0 => Some((from.clone(), to.clone())),
        _ => None,
    });
    let pairs: BTreeSet<Pair> = written.keys().cloned().chain(counted).collect();
    let led = led(seen);
    let edge = |pair| {
        edge(seen, view, pair, Known { place: written.get(pair).copied(), led: led.contains(pair) })
    };
    let edges: Vec<_> = pairs.iter().map(edge).collect();
    json!({
        "schema": super::SCHEMA,
        "window_seconds": view.window().as_secs(),
        "covered_seconds": view.seconds(),
        "nodes": nodes(seen, view, &pairs),
        "edges": edges,
    })
}

/// Every edge that is written, with the place of it.
fn written(seen: &Seen) -> BTreeMap<Pair, &Origin> {
    let mut written = BTreeMap::new();
    let Some(model) = &seen.model else {
        return written;
    };
    for service in &model.services {
        for call in &service.calls {
            written.entry((Some(service.name.clone()), call.clone())).or_insert(&service.origin);
        }
    }
    for route in model.routes.iter().filter(|route| caller_of(model, route).is_none()) {
        for target in targets(route).filter(|target| !is_implied(model, route, target)) {
            written.entry((None, target.clone())).or_insert(&route.origin);
        }
    }
    written
}

/// Whether a route was not written: each service of a laptop has one for its own name, whose place is
/// the service itself. Nobody expects calls by it.
fn is_implied(model: &Model, route: &Route, service: &ServiceName) -> bool {
    let place = |origin: &Origin| (Arc::clone(&origin.file), origin.line, origin.column);
    model.service(service).is_some_and(|service| place(&service.origin) == place(&route.origin))
}

/// Every edge whose calls come through the proxy: no call of them is missed.
fn led(seen: &Seen) -> BTreeSet<Pair> {
    let routes = seen.model.iter().flat_map(|model| {
        model.routes.iter().map(move |route| (caller_of(model, route).cloned(), route))
    });
    routes
        .flat_map(|(from, route)| targets(route).map(move |to| (from.clone(), to.clone())))
        .collect()
}

/// What is known of an edge without having seen a call.
#[derive(Clone, Copy)]
struct Known<'a> {
    place: Option<&'a Origin>,
    led: bool,
}

fn edge(seen: &Seen, view: &View, pair: &Pair, known: Known<'_>) -> Value {
    let (from, to) = pair;
    let place = known.place;
    let key = Key::Edge(from.clone(), to.clone());
    let tally = view.of(&key);
    let ever = seen.book.get(&key).map_or(0, |total| total.requests);
    let taken = from.as_ref().map_or(0, |from| {
        seen.book.get(&Key::Service(from.clone())).map_or(0, |total| total.requests)
    });
    let status = match (place, ever) {
        // What comes from outside has come by a route.
        (None, _) if from.is_some() => "undeclared",
        (None, _) | (Some(_), 1..) => "observed",
        (Some(_), 0) if known.led && taken >= MISSING_FROM => "missing",
        (Some(_), 0) => "declared",
    };
    json!({
        "from": from.as_ref().map_or(GATEWAY, ServiceName::as_str),
        "to": to.as_str(),
        "status": status,
        "declared": place.is_some(),
        "led": known.led,
        "requests": tally.requests,
        "requests_ever": ever,
        "rate_per_second": tally.rate(view.seconds()),
        "error_share": tally.error_share(),
        "latency_ms": quantiles(&tally.latency()),
        "origin": place.map(origin),
    })
}

/// The gateway, every service, and who else has been seen in a call.
fn nodes(seen: &Seen, view: &View, pairs: &BTreeSet<Pair>) -> Vec<Value> {
    let known = services::names(seen);
    let strangers = pairs.iter().flat_map(|(from, to)| from.iter().chain([to]));
    let strangers = strangers.map(ServiceName::as_str).filter(|name| !known.contains(name));
    let strangers: BTreeSet<&str> = strangers.collect();
    let gateway_state = if seen.ready { "ready" } else { "starting" };
    let gateway = node(GATEWAY, "gateway", gateway_state, &view.of(&Key::Entrance), view);
    let tally =
        |name: &str| name.parse().map(|name| view.of(&Key::Service(name))).unwrap_or_default();
    let services = known.iter().map(|name| {
        let kind = if services::kind(seen, name) == "process" { "service" } else { "external" };
        node(name, kind, services::state(seen, name), &tally(name), view)
    });
    let strangers =
        strangers.iter().map(|name| node(name, "external", "unknown", &tally(name), view));
    std::iter::once(gateway).chain(services).chain(strangers).collect()
}

fn node(id: &str, kind: &str, state: &str, tally: &Tally, view: &View) -> Value {
    json!({
        "id": id,
        "kind": kind,
        "state": state,
        "requests": tally.requests,
        "rate_per_second": tally.rate(view.seconds()),
        "error_share": tally.error_share(),
        "latency_ms": quantiles(&tally.latency()),
    })
}
