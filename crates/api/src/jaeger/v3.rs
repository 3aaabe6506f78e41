//! Version 3 of Jaeger's query API over HTTP: OTLP's own documents.
//!
//! Parameters may be written in camel case or in the older snake case; searches may be posted as
//! JSON. Beyond Jaeger's release of today: structured filters (RFC 0005), pages (RFC 0014) and
//! searches without a service (RFC 0013) are always served. Where several bounds of an answer end
//! it early, the header `x-trunkline-partial: true` tells so.

pub(crate) mod filter;
pub(super) mod query;
pub(super) mod token;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use serde_json::{Value, json};
use trunkline_otlp::Span;
use trunkline_otlp::json::{EmptyValue, append_traces};
use trunkline_query::{Trace, paced};
use trunkline_store::source::Summary;

use crate::Wiring;
use crate::parameters::{ParameterError, Parameters};
use query::{Asked, Ready, TraceAsked};

const PARTIAL: HeaderName = HeaderName::from_static("x-trunkline-partial");

/// What Jaeger says when nothing was found.
const NOT_FOUND: &str = "No traces found";

pub(super) fn router() -> Router<Wiring> {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/dependencies", get(dependencies))
        .route("/api/v3/capabilities", get(capabilities))
        .route("/api/v3/traces", get(find_traces).post(post_traces))
        .route("/api/v3/traces/{id}", get(trace))
        .route("/api/v3/trace-summaries", get(find_summaries).post(post_summaries))
}

/// A request that got no answer: `{"error":{"httpCode":400,"message":"…"}}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Failure {
    pub(crate) const fn new(status: StatusCode, message: String) -> Self {
        Self { status, message }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message.into())
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, NOT_FOUND.to_owned())
    }
}

impl From<trunkline_query::Error> for Failure {
    fn from(error: trunkline_query::Error) -> Self {
        Self::new(super::failure::status(&error), error.to_string())
    }
}

impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({ "httpCode": self.status.as_u16(), "message": self.message });
        text_response(self.status, json!({ "error": error }).to_string(), false)
    }
}

fn text_response(status: StatusCode, text: String, partial: bool) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    noted(response, partial)
}

/// With a note that it is not complete, if it is not.
pub(super) fn noted(mut response: Response, partial: bool) -> Response {
    if partial {
        response.headers_mut().insert(PARTIAL, HeaderValue::from_static("true"));
    }
    response
}

fn document(value: &Value) -> Response {
    text_response(StatusCode::OK, value.to_string(), false)
}

async fn services(State(wiring): State<Wiring>) -> Result<Response, Failure> {
    let services = wiring.reader.services().await?;
    let names: Vec<&str> = services.iter().map(|name| &**name).collect();
    Ok(document(&json!({ "services": names })))
}

async fn operations(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let service = parameters.all("service").next().map(str::to_owned);
    let kind = query::either(&parameters, "spanKind", "span_kind").map(|(value, _)| value);
    let found = wiring.reader.operations(service).await?;
    let wanted = |word: &str| kind.is_none_or(|kind| kind.eq_ignore_ascii_case(word));
    let operations: Vec<_> = found
        .iter()
        .filter(|operation| wanted(operation.kind.as_str()))
        .map(|operation| json!({ "name": &*operation.name, "spanKind": operation.kind.as_str() }))
        .collect();
    Ok(document(&json!({ "operations": operations })))
}

async fn dependencies(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let time = query::interval(&Parameters::of(&uri)?)?;
    let (edges, exact) = wiring.reader.edges(time).await?;
    let dependencies: Vec<_> = calls(&edges)
        .into_iter()
        .map(|(parent, child, calls)| {
            json!({ "parent": parent, "child": child, "callCount": calls.to_string() })
        })
        .collect();
    let text = json!({ "dependencies": dependencies }).to_string();
    Ok(text_response(StatusCode::OK, text, !exact))
}

/// Calls by caller and callee between services that have spans or are behind the proxy, within a
/// service as well: what Jaeger's memory counts.
pub(super) fn calls(edges: &[trunkline_query::edges::Edge]) -> Vec<(&str, &str, u64)> {
    let mut calls = BTreeMap::<(&str, &str), u64>::new();
    for edge in edges.iter().filter(|edge| edge.is_dependency()) {
        *calls.entry((&edge.caller, &edge.callee)).or_default() += edge.calls;
    }
    calls.into_iter().map(|((caller, callee), calls)| (caller, callee, calls)).collect()
}

async fn capabilities() -> Response {
    document(&json!({ "search": {
        "withoutServiceName": true,
        "sameSpanConjunction": true,
        "filter": { "levels": filter::LEVELS, "operators": filter::OPERATORS },
        "paginated": true,
    } }))
}

async fn trace(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let asked = TraceAsked::of(&id, &Parameters::of(&uri)?)?;
    let _room = wiring.reader.room().await?;
    let found =
        wiring.reader.trace(asked.trace, asked.raw).await?.ok_or_else(Failure::not_found)?;
    traces_response(&wiring, vec![found], asked.raw, None, false).await
}

async fn find_traces(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    answer_traces(&wiring, move || Asked::of(&parameters)).await
}

async fn post_traces(State(wiring): State<Wiring>, body: Bytes) -> Result<Response, Failure> {
    answer_traces(&wiring, move || Asked::of_json(&body)).await
}

/// Reads what is asked for off the threads that serve.
async fn ready(
    wiring: &Wiring,
    read: impl FnOnce() -> Result<Asked, Failure> + Send + 'static,
) -> Result<Ready, Failure> {
    wiring.reader.compute(move |_| Ready::of(read()?)).await?
}

async fn answer_traces(
    wiring: &Wiring,
    read: impl FnOnce() -> Result<Asked, Failure> + Send + 'static,
) -> Result<Response, Failure> {
    let ready = ready(wiring, read).await?;
    let raw = ready.raw();
    let _room = wiring.reader.room().await?;
    let (traces, found) = wiring.reader.find_traces(ready.query.clone(), raw).await?;
    if traces.is_empty() && !found.partial {
        return Err(Failure::not_found());
    }
    let next = ready.next(&found);
    traces_response(wiring, traces, raw, next, found.partial).await
}

async fn traces_response(
    wiring: &Wiring,
    traces: Vec<Trace>,
    raw: bool,
    next: Option<String>,
    partial: bool,
) -> Result<Response, Failure> {
    let text = wiring.reader.compute(move |budget| {
        let mut text = String::from("{\"result\":");
        // What is asked for raw is told as it is; else the UI is to be able to show it.
        let empty = if raw { EmptyValue::AsIs } else { EmptyValue::AsText };
        let spans = traces.iter().flat_map(|trace| grouped(&trace.spans));
        append_traces(&mut text, paced(spans, budget), empty);
        if let Some(next) = next {
            // Its letters need no escape.
            text.extend([",\"nextPageToken\":\"", &next, "\""]);
        }
        text.push('}');
        text
    });
    Ok(text_response(StatusCode::OK, text.await?, partial))
}

/// The spans of each process and library together, in the order of their first ones.
pub(super) fn grouped(spans: &[Span]) -> Vec<&Span> {
    fn place<T>(places: &mut HashMap<*const T, usize>, of: &Arc<T>) -> usize {
        let next = places.len();
        *places.entry(Arc::as_ptr(of)).or_insert(next)
    }
    let (mut resources, mut scopes) = (HashMap::new(), HashMap::new());
    let mut all: Vec<_> = spans
        .iter()
        .map(|span| {
            let resource = place(&mut resources, &span.resource);
            (resource, place(&mut scopes, &span.scope), span)
        })
        .collect();
    all.sort_by_key(|(resource, scope, _)| (*resource, *scope));
    all.into_iter().map(|(_, _, span)| span).collect()
}

async fn find_summaries(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    answer_summaries(&wiring, move || Asked::of(&parameters)).await
}

async fn post_summaries(State(wiring): State<Wiring>, body: Bytes) -> Result<Response, Failure> {
    answer_summaries(&wiring, move || Asked::of_json(&body)).await
}

async fn answer_summaries(
    wiring: &Wiring,
    read: impl FnOnce() -> Result<Asked, Failure> + Send + 'static,
) -> Result<Response, Failure> {
    let ready = ready(wiring, read).await?;
    let (summaries, found) = wiring.reader.find_summaries(ready.query.clone()).await?;
    let partial = found.partial;
    let text = wiring.reader.compute(move |budget| {
        let summaries: Vec<_> = paced(&summaries, budget).map(summary).collect();
        let mut answer = json!({ "summaries": summaries });
        if let (Some(next), Value::Object(answer)) = (ready.next(&found), &mut answer) {
            answer.insert("nextPageToken".into(), json!(next));
        }
        answer.to_string()
    });
    Ok(text_response(StatusCode::OK, text.await?, partial))
}

fn summary(summary: &Summary) -> Value {
    let services: Vec<_> = summary
        .services
        .iter()
        .map(|one| {
            json!({ "name": &*one.service, "spanCount": one.spans, "errorSpanCount": one.failed })
        })
        .collect();
    json!({
        "traceId": summary.trace.to_string(),
        "rootServiceName": &*summary.root_service,
        "rootOperationName": &*summary.root_operation,
        "minStartTimeUnixNano": summary.start_unix_nanos.to_string(),
        "maxEndTimeUnixNano": summary.end_unix_nanos.to_string(),
        "spanCount": summary.spans,
        "errorSpanCount": summary.failed,
        "orphanSpanCount": summary.orphans,
        "services": services,
    })
}
