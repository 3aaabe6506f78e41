//! `/v1/routes`: the routes in force with their counters, the preferred one first.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use trunkline_model::ops::RouteStats;
use trunkline_model::route::{Action, HostPattern, Match, PathPattern, Route, ValuePattern};
use trunkline_model::{ListenerId, Origin};

use super::status::{quantiles, requests};
use crate::Wiring;
use crate::problem::Problem;

pub(super) async fn routes(State(wiring): State<Wiring>) -> Result<Json<Value>, Problem> {
    let model = wiring.commands.model();
    let stats = wiring.ops.stats().await;
    let by_id: HashMap<_, _> =
        stats.routes.iter().map(|stats| (stats.id.as_str(), stats)).collect();
    let mut routes: Vec<&Route> = model.iter().flat_map(|model| &model.routes).collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.order));
    let routes: Vec<_> =
        routes.iter().map(|route| document(route, by_id.get(route.id.as_str()).copied())).collect();
    // Requests that no route took are counted under an id of their own.
    let none = by_id.get("none").map(|stats| requests(&stats.requests));
    Ok(Json(json!({ "generation": stats.generation, "routes": routes, "unrouted": none })))
}

fn document(route: &Route, stats: Option<&RouteStats>) -> Value {
    json!({
        "id": route.id.as_str(),
        "origin": origin(&route.origin),
        "listeners": route.listeners.iter().map(ListenerId::as_str).collect::<Vec<_>>(),
        "match": matching(&route.matching),
        "action": action(&route.action),
        "filters": route.filters.len(),
        "requests": stats.map(|stats| requests(&stats.requests)),
        "latency_ms": stats.map(|stats| quantiles(&stats.latency)),
    })
}

/// A place in a file, as every document writes it.
pub(super) fn origin(origin: &Origin) -> Value {
    json!({ "file": &*origin.file, "line": origin.line, "column": origin.column })
}

pub(super) fn matching(matching: &Match) -> Value {
    let hosts: Vec<_> = matching.hosts.iter().map(host).collect();
    let headers =
        matching.headers.iter().map(|(name, pattern)| condition(&name.to_string(), pattern));
    let query = matching.query.iter().map(|(name, pattern)| condition(name, pattern));
    json!({
        "hosts": hosts,
        "path": path(&matching.path),
        "methods": matching.methods,
        "headers": headers.collect::<Vec<_>>(),
        "query": query.collect::<Vec<_>>(),
    })
}

fn host(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Wildcard(suffix) => format!("*.{suffix}"),
    }
}

fn path(path: &PathPattern) -> Value {
    let (kind, text) = match path {
        PathPattern::Exact(text) => ("exact", text),
        PathPattern::Prefix(text) => ("prefix", text),
        PathPattern::Glob(text) => ("glob", text),
        PathPattern::Regex(text) => ("regex", text),
    };
    json!({ "kind": kind, "value": text })
}

fn condition(name: &str, pattern: &ValuePattern) -> Value {
    let (kind, value) = match pattern {
        ValuePattern::Exact(value) => ("exact", Some(value)),
        ValuePattern::Prefix(value) => ("prefix", Some(value)),
        ValuePattern::Regex(value) => ("regex", Some(value)),
        ValuePattern::Present => ("present", None),
        ValuePattern::Absent => ("absent", None),
    };
    json!({ "name": name, "kind": kind, "value": value })
}

pub(super) fn action(action: &Action) -> Value {
    match action {
        Action::Forward(targets) => {
            let targets = targets.iter().map(
                |target| json!({ "service": target.service.as_str(), "weight": target.weight }),
            );
            json!({ "kind": "forward", "targets": targets.collect::<Vec<_>>() })
        }
        Action::Redirect(redirect) => json!({
            "kind": "redirect",
            "status": redirect.status,
            "scheme": redirect.scheme,
            "authority": redirect.authority,
            "path": redirect.path,
        }),
        Action::Respond { status, .. } => json!({ "kind": "respond", "status": status }),
    }
}
