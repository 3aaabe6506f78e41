//! The control API: what the command line, the console and scripts use. JSON, under `/v1`.
//!
//! `docs/reference/api.md` documents it; there is no private API beside it. Fields may be added
//! within a version, and are never renamed or removed.

mod act;
mod cache;
mod configuration;
mod endpoints;
mod events;
mod explain;
mod fault;
mod graph;
mod logs;
mod requests;
pub(crate) mod resilience;
mod routes;
mod services;
mod sessions;
mod status;
mod traces;
pub(crate) mod watched;

use axum::Json;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, Uri};
use serde_json::json;

use crate::Wiring;
use crate::console::page;
use crate::parameters::ParameterError;
use crate::problem::Problem;

/// Version of the documents' shape.
const SCHEMA: u32 = 1;

/// Every path with its method and what it is for. The first answer of the API and its reference.
pub const PATHS: &[(&str, &str, &str)] = &[
    ("GET", "/v1/status", "everything that runs, with its state and numbers"),
    ("GET", "/v1/urls", "where everything can be reached"),
    ("GET", "/v1/routes", "the routes in force, the preferred one first"),
    ("GET", "/v1/explain", "which route would take a request, and why"),
    ("GET", "/v1/sessions", "open connections of callers, and what they ask for now"),
    ("GET", "/v1/services", "every service with its numbers over a window and their course"),
    ("GET", "/v1/graph", "who calls whom, as written and as seen"),
    ("GET", "/v1/requests", "the last requests of callers, newest first"),
    ("GET", "/v1/configuration", "the files in force, and every setting with its place"),
    ("GET", "/v1/events", "what changes, as it changes (server-sent events)"),
    ("GET", "/v1/resilience", "what breakers, retries, bulkheads and limits know"),
    ("GET", "/v1/resilience/events", "what happened to policies"),
    ("GET", "/v1/logs", "log lines of services, one JSON object per line"),
    ("GET", "/v1/traces", "traces, newest first"),
    ("GET", "/v1/traces/services", "the services that have spans"),
    ("GET", "/v1/traces/operations", "the operations of a service"),
    ("GET", "/v1/traces/compare", "two traces side by side"),
    ("GET", "/v1/traces/{id}", "one trace with all its spans"),
    ("GET", "/v1/traces/{id}/spans/{span}", "one span with all that is known of it"),
    ("GET", "/v1/traces/{id}/waterfall", "a page of a trace's rows, subtrees folded"),
    ("POST", "/v1/traces/{id}/waterfall", "the same, with more folded spans than a URL takes"),
    ("GET", "/v1/traces/{id}/table", "the spans of a trace as a list, sorted"),
    ("GET", "/v1/traces/{id}/critical-path", "what a trace waited for"),
    ("GET", "/v1/traces/{id}/flame", "where the time of a trace went"),
    ("GET", "/v1/traces/{id}/statistics", "numbers of a trace by group"),
    ("GET", "/v1/attributes", "keys of attributes, and values of one"),
    ("GET", "/v1/dependencies", "who calls whom, as stored traces tell"),
    ("GET", "/v1/red", "rates, errors and durations of a service, from spans"),
    ("GET", "/v1/ready", "200 when requests are served, else 503"),
    ("GET", "/v1/live", "200 while the process answers"),
    ("POST", "/v1/reload", "read the configuration again"),
    ("POST", "/v1/endpoints/{id}/state", "override the state of an endpoint"),
    ("POST", "/v1/endpoints/{id}/weight", "override the weight of an endpoint"),
    (
        "POST",
        "/v1/endpoints/{id}/maxconn",
        "override the requests an endpoint is given at one time",
    ),
    ("POST", "/v1/resilience/{name}/{order}", "open, close or reset a breaker"),
    ("POST", "/v1/services/{name}/fault", "inject latency or errors, or stop it"),
    ("POST", "/v1/cache/purge", "take stored responses out of the cache"),
    ("POST", "/v1/sessions/cut", "cut open connections of callers"),
    ("POST", "/v1/services/{name}/restart", "restart a service"),
    ("POST", "/v1/shutdown", "drain and stop"),
    ("POST", "/v1/upgrade", "hand over to a new process of the binary"),
];

/// The routes of the control API.
pub(crate) fn router(wiring: &Wiring) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/v1/status", get(status::status))
        .route("/v1/urls", get(status::urls))
        .route("/v1/ready", get(status::ready))
        .route("/v1/live", get(status::live))
        .route("/v1/routes", get(routes::routes))
        .route("/v1/explain", get(explain::explain))
        .route("/v1/sessions", get(sessions::sessions))
        .route("/v1/services", get(services::services))
        .route("/v1/graph", get(graph::graph))
        .route("/v1/requests", get(requests::requests))
        .route("/v1/configuration", get(configuration::configuration))
        .route("/v1/events", get(events::events))
        .route("/v1/logs", get(logs::logs))
        .merge(traces::router())
        .route("/v1/reload", post(act::reload))
        .route("/v1/endpoints/{id}/state", post(endpoints::set_state))
        .route("/v1/endpoints/{id}/weight", post(endpoints::set_weight))
        .route("/v1/endpoints/{id}/maxconn", post(endpoints::set_limit))
        .route("/v1/resilience", get(resilience::policies))
        .route("/v1/resilience/events", get(resilience::events))
        .route("/v1/resilience/{name}/{order}", post(resilience::order))
        .route("/v1/services/{name}/fault", post(fault::inject))
        .route("/v1/cache/purge", post(cache::purge))
        .route("/v1/sessions/cut", post(sessions::cut))
        .route("/v1/services/{name}/restart", post(act::restart))
        .route("/v1/shutdown", post(act::shutdown))
        .route("/v1/upgrade", post(act::upgrade))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn(page::serve))
        .with_state(wiring.clone())
}

async fn index() -> Response {
    let paths: Vec<_> = PATHS
        .iter()
        .map(|(method, path, purpose)| json!({"method": method, "path": path, "purpose": purpose}))
        .collect();
    Json(json!({ "api": "trunkline control", "versions": ["v1"], "paths": paths })).into_response()
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::not_found(format!("the control API has no path `{}`", uri.path()))
        .hint("GET / lists all paths")
}

async fn wrong_method(method: http::Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "the path has other methods")
        .detail(format!("`{}` does not take {method}", uri.path()))
        .hint("GET / lists all paths with their methods")
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        Self::bad_request(error.to_string())
    }
}
