//! Jaeger's query API on port 16686: version 1 and version 3, for tools that speak it already.
//!
//! Paths, parameters, envelopes and documents are Jaeger's, errors included; the same paths are
//! served below `/jaeger`, which many installations use as base path. Version 3 is served over gRPC
//! as well ([`grpc`]). What is served and what is not is one table ([`compatibility`]). Own tools
//! ask [`control`](crate::control) instead.

pub mod compatibility;
mod deep;
mod document;
mod envelope;
pub(crate) mod failure;
pub mod grpc;
mod ids;
mod metrics;
mod query;
pub(crate) mod v3;
mod wanted;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use trunkline_query::Trace;

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
        .route("/api/traces/{id}", get(trace))
        .route("/api/archive/{id}", post(archive))
        // The guard has read the body, within its own limit.
        .route("/api/transform", post(transform).layer(DefaultBodyLimit::disable()))
        .route("/api/dependencies", get(dependencies))
        .route("/api/deep-dependencies", get(deep::dependencies))
        .route("/analytics/v1/dependencies", get(deep::dependencies))
        .route("/api/metrics/minstep", get(metrics::minstep))
        .route("/api/metrics/{measure}", get(metrics::metrics))
        .route("/api/quality-metrics", get(quality))
        .merge(v3::router());
    Router::new()
        .nest("/jaeger", api.clone())
        .merge(api)
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(wiring.clone())
}

async fn unknown_path(uri: Uri) -> Response {
    let message = format!("there is no path {}", uri.path());
    failed(&uri, StatusCode::NOT_FOUND, message)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    failed(&uri, StatusCode::METHOD_NOT_ALLOWED, message)
}

/// What is answered when the answers to others take all the room that there is.
pub(crate) fn busy(uri: &Uri) -> Response {
    let message = "too many answers are being taken: ask again in a moment".to_owned();
    failed(uri, StatusCode::SERVICE_UNAVAILABLE, message)
}

/// In the shape of the version that was asked.
fn failed(uri: &Uri, status: StatusCode, message: String) -> Response {
    use axum::response::IntoResponse as _;
    let path = uri.path().trim_start_matches("/jaeger");
    if path.starts_with("/api/v3/") {
        return v3::Failure::new(status, message).into_response();
    }
    Failure::new(status, message).into_response()
}

async fn services(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let services = wiring.reader.services().await?;
    Ok(Envelope::list(services.iter().map(|name| json!(&**name)).collect()).response(&uri))
}

/// The older form: names only, each once.
async fn operation_names(
    State(wiring): State<Wiring>,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let operations = wiring.reader.operations(Some(service)).await?;
    let mut names: Vec<_> = operations.into_iter().map(|operation| operation.name).collect();
    names.sort_unstable();
    names.dedup();
    Ok(Envelope::list(names.iter().map(|name| json!(&**name)).collect()).response(&uri))
}

async fn operations(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let service = parameters.one("service")?.ok_or_else(query::service_required)?;
    let kind = parameters.one("spanKind")?;
    let found = wiring.reader.operations(Some(service.to_owned())).await?;
    let wanted = |word: &str| kind.is_none_or(|kind| kind.eq_ignore_ascii_case(word));
    let operations = found
        .iter()
        .filter(|operation| wanted(operation.kind.as_str()))
        .map(|operation| json!({ "name": &*operation.name, "spanKind": operation.kind.as_str() }));
    Ok(Envelope::list(operations.collect()).response(&uri))
}

async fn search(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let raw = query::flag(&parameters, "raw")?;
    let mut errors = Vec::new();
    let now = wiring.clock.wall_nanos();
    let asked = wiring.reader.compute(move |_| query::search(&parameters, now)).await??;
    let _room = wiring.reader.room().await?;
    let found = match asked {
        Search::Traces(query) => {
            let (traces, found) = wiring.reader.find_traces(query, raw).await?;
            errors.extend(found.partial.then(envelope::partial));
            traces
        }
        Search::Ids(ids) => {
            let (traces, all) = wiring.reader.traces(ids.clone(), raw).await?;
            if all {
                let there = |id| traces.iter().any(|trace| trace.id == id);
                let missing = ids.into_iter().filter(|id| !there(*id));
                errors.extend(missing.map(|id| envelope::trace_not_found(Some(id))));
            } else {
                errors.push(envelope::partial());
            }
            traces
        }
    };
    traces_response(&wiring, found, errors, uri).await
}

/// Large traces are written off the threads that serve.
async fn traces_response(
    wiring: &Wiring,
    traces: Vec<Trace>,
    errors: Vec<Value>,
    uri: Uri,
) -> Result<Response, Failure> {
    let text = wiring.reader.compute(move |budget| {
        let documents: Vec<_> = traces.iter().map(|trace| document::trace(trace, budget)).collect();
        let mut envelope = Envelope::of(documents);
        envelope.errors = errors;
        envelope.paced_text(&uri, budget)
    });
    Ok(envelope::response(StatusCode::OK, text.await?))
}

async fn trace(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let raw = query::flag(&Parameters::of(&uri)?, "raw")?;
    let id = query::trace_id(&id)?;
    let _room = wiring.reader.room().await?;
    let trace = wiring.reader.trace(id, raw).await?.ok_or_else(Failure::trace_not_found)?;
    traces_response(&wiring, vec![trace], Vec::new(), uri).await
}

/// Everything is kept by the same rules: there is no second place for some traces.
async fn archive(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = query::trace_id(&id)?;
    wiring.reader.skeleton(id).await?.ok_or_else(Failure::trace_not_found)?;
    let message =
        "archive span storage was not configured: traces are kept for the time of `telemetry.keep`";
    Err(Failure::new(StatusCode::NOT_IMPLEMENTED, message.into()))
}

/// Traces of OTLP's JSON as Jaeger's UI shows them: what a person opens from a file.
async fn transform(
    State(wiring): State<Wiring>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Failure> {
    let read = wiring
        .read_json
        .clone()
        .ok_or_else(|| Failure::new(StatusCode::NOT_IMPLEMENTED, "OTLP is not read here".into()))?;
    let traces = wiring.reader.compute(move |_| {
        let mut traces = BTreeMap::<_, Vec<_>>::new();
        for span in read(&body)? {
            traces.entry(span.trace).or_default().push(span);
        }
        Ok(traces.into_values().filter_map(Trace::stored).collect())
    });
    let traces = traces.await?.map_err(Failure::bad_request)?;
    traces_response(&wiring, traces, Vec::new(), uri).await
}

async fn dependencies(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let service = parameters.one("service")?;
    let time = query::dependencies(&parameters, wiring.clock.wall_nanos())?;
    let (edges, exact) = wiring.reader.edges(time).await?;
    let wanted = |name: &str| service.is_none_or(|service| service == name);
    let links = v3::calls(&edges)
        .into_iter()
        .filter(|(caller, callee, _)| wanted(caller) || wanted(callee))
        .map(|(caller, callee, calls)| {
            json!({ "parent": caller, "child": callee, "callCount": calls })
        });
    let mut envelope = Envelope::of(links.collect::<Vec<_>>());
    envelope.errors.extend((!exact).then(envelope::partial));
    Ok(envelope.response(&uri))
}

async fn quality() -> Failure {
    let message = "there are no quality metrics here";
    Failure::new(StatusCode::NOT_IMPLEMENTED, message.into())
}

#[cfg(test)]
mod tests;
