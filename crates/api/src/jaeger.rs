//! Jaeger's query API, version 1, on port 16686: for tools that speak it already.
//!
//! Paths, parameters, envelope and documents are Jaeger's, errors included; the same paths are
//! served below `/jaeger`, which many installations use as base path. Own tools ask
//! [`control`](crate::control) instead.

pub mod compatibility;
mod document;
mod envelope;
mod query;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use trunkline_model::trace::SpanKind;

use crate::Wiring;
use crate::parameters::Parameters;
use envelope::{Envelope, Failure};
use query::Search;

/// The routes of the Jaeger surface.
pub(crate) fn router(wiring: &Wiring) -> Router {
    let api = Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operation_names))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(trace));
    Router::new()
        .nest("/jaeger", api.clone())
        .merge(api)
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(wiring.clone())
}

async fn unknown_path(uri: Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is no path {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
}

async fn services(State(wiring): State<Wiring>, uri: Uri) -> Response {
    let services: Vec<Value> = wiring.traces.services().iter().map(|name| json!(&**name)).collect();
    Envelope::list(services).response(&uri)
}

/// The older form: names only, each once.
async fn operation_names(
    State(wiring): State<Wiring>,
    Path(service): Path<String>,
    uri: Uri,
) -> Response {
    let mut names: Vec<_> =
        wiring.traces.operations(&service).into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Envelope::list(names.iter().map(|name| json!(&**name)).collect()).response(&uri)
}

async fn operations(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let service = parameters.one("service")?.ok_or_else(query::service_required)?;
    let kind = parameters.one("spanKind")?;
    let wanted = |of: SpanKind| kind.is_none_or(|kind| kind.eq_ignore_ascii_case(of.as_str()));
    let operations = wiring.traces.operations(service).into_iter();
    let operations = operations
        .filter(|(_, kind)| wanted(*kind))
        .map(|(name, kind)| json!({ "name": &*name, "spanKind": kind.as_str() }));
    Ok(Envelope::list(operations.collect()).response(&uri))
}

async fn search(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let mut errors = Vec::new();
    let found = match query::search(&parameters, wiring.clock.wall_nanos())? {
        Search::Traces(query) => wiring.traces.find(&query),
        Search::Ids(ids) => {
            let mut found = Vec::new();
            for id in ids {
                match wiring.traces.trace(id) {
                    Some(trace) => found.push(trace),
                    None => errors.push(envelope::trace_not_found(Some(id))),
                }
            }
            found
        }
    };
    let documents: Vec<_> = found.iter().map(document::trace).collect();
    let mut envelope = Envelope::of(documents);
    envelope.errors = errors;
    Ok(envelope.response(&uri))
}

async fn trace(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let id = query::trace_id(&id)?;
    let trace = wiring.traces.trace(id).ok_or_else(Failure::trace_not_found)?;
    Ok(Envelope::of([document::trace(&trace)]).response(&uri))
}

#[cfg(test)]
mod tests;
