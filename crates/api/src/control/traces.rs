//! `/v1/traces` and what is below it: stored traces, in our own shape, for the console, the command
//! line and scripts.
//!
//! Lists, pictures and numbers are computed here, so that a trace of 100 000 spans costs its reader
//! a page of rows. Shapes are documented in `docs/reference/api.md`.

mod asked;
mod attributes;
mod dependencies;
mod filter;
mod overview;
mod red;
mod span;
mod table;
mod views;
mod waterfall;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, Uri, header};
use serde_json::{Value, json};
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::json::{EmptyValue, traces};
use trunkline_query::reader::Room;
use trunkline_query::{Error, Skeleton, Trace, paced};
use trunkline_store::source::{Budget, QueryError, Summary};

use super::logs::rfc3339;
use crate::Wiring;
use crate::parameters::{Parameters, invalid};
use crate::problem::{Problem, QUERY_BUSY};

/// The paths of stored traces.
pub(super) fn router() -> Router<Wiring> {
    Router::new()
        .route("/v1/traces", get(find))
        .route("/v1/traces/services", get(attributes::services))
        .route("/v1/traces/operations", get(attributes::operations))
        .route("/v1/traces/compare", get(views::compare))
        .route("/v1/traces/{id}", get(one))
        .route("/v1/traces/{id}/spans/{span}", get(one_span))
        .route("/v1/traces/{id}/waterfall", get(waterfall::get).post(waterfall::post))
        .route("/v1/traces/{id}/table", get(table::table))
        .route("/v1/traces/{id}/critical-path", get(views::critical_path))
        .route("/v1/traces/{id}/flame", get(views::flame))
        .route("/v1/traces/{id}/statistics", get(views::statistics))
        .route("/v1/attributes", get(attributes::attributes))
        .route("/v1/dependencies", get(dependencies::dependencies))
        .route("/v1/red", get(red::red))
}

/// Spans of a whole trace in an answer; the waterfall shows all of them.
const SPANS_MAX: usize = 20_000;

/// `/v1/traces`.
async fn find(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Problem> {
    let clock = wiring.clock.clone();
    let asked = wiring.reader.compute(move |_| asked::Asked::of(&uri, &clock)).await??;
    let (summaries, found) = wiring.reader.find_summaries(asked.query.clone()).await?;
    let overview = match asked.overview {
        0 => None,
        _ => Some(overview::document(&wiring, asked).await?),
    };
    let text = wiring.reader.compute(move |budget| {
        let next = found.hits.last().filter(|_| found.more).map(ToString::to_string);
        let mut document = json!({
            "schema": super::SCHEMA,
            "traces": paced(&summaries, budget).map(summary).collect::<Vec<_>>(),
            "next": next,
            "partial": found.partial,
        });
        if let (Some(overview), Value::Object(members)) = (overview, &mut document) {
            members.insert("overview".into(), overview);
        }
        document.to_string()
    });
    Ok(answer(text.await?))
}

/// One line of a list: enough to choose a trace by.
fn summary(summary: &Summary) -> Value {
    let services: Vec<&str> = summary.services.iter().map(|one| &*one.service).collect();
    let by_service: Vec<_> = summary
        .services
        .iter()
        .map(|one| json!({ "service": &*one.service, "spans": one.spans, "failed": one.failed }))
        .collect();
    json!({
        "id": summary.trace.to_string(),
        "service": &*summary.root_service,
        "name": &*summary.root_operation,
        "status": summary.root_status,
        "start": rfc3339(summary.start_unix_nanos),
        "start_unix_nanos": summary.start_unix_nanos.to_string(),
        "duration_ms": milliseconds(trunkline_query::overview::duration(summary)),
        "spans": summary.spans,
        "failed": summary.failed,
        "orphans": summary.orphans,
        "services": services,
        "by_service": by_service,
    })
}

/// `/v1/traces/{id}`.
async fn one(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::strict(&uri, &["raw", "format"])?;
    let raw = parameters.flag("raw")?;
    let id = trace_id(&id)?;
    match parameters.one("format")? {
        None => {}
        Some("otlp") => {
            let _room = wiring.reader.room().await?;
            let trace = wiring.reader.trace(id, raw).await?.ok_or_else(|| not_found(id))?;
            let text = wiring.reader.compute(move |_| traces(&trace.spans, EmptyValue::AsIs));
            return Ok(answer(text.await?));
        }
        Some(other) => return Err(invalid("format", other, "expected `otlp`").into()),
    }
    let text = if raw {
        let _room = wiring.reader.room().await?;
        let trace = wiring.reader.trace(id, true).await?.ok_or_else(|| not_found(id))?;
        let whole = move |budget: &mut Budget| {
            let mut trace: Trace = trace;
            let skeleton = Skeleton::of(&mut trace);
            span::whole(&trace, &skeleton, SPANS_MAX, budget).to_string()
        };
        wiring.reader.compute(whole).await?
    } else {
        let (_room, trace, skeleton) = whole(&wiring, id).await?;
        let whole = move |budget: &mut Budget| {
            span::whole(&trace, &skeleton, SPANS_MAX, budget).to_string()
        };
        wiring.reader.compute(whole).await?
    };
    Ok(answer(text))
}

/// `/v1/traces/{id}/spans/{span}`.
async fn one_span(
    State(wiring): State<Wiring>,
    Path((id, span)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::strict(&uri, &[])?;
    let (id, span) = (trace_id(&id)?, span_id(&span)?);
    let (_room, trace, skeleton) = whole(&wiring, id).await?;
    let found = skeleton.find(span).and_then(|at| span::one(&trace, &skeleton, at));
    let document = found
        .ok_or_else(|| Problem::not_found(format!("there is no span {span} in the trace {id}")))?;
    Ok(answer(document.to_string()))
}

/// A trace, its skeleton, and the place of both, to be kept as long as they are.
async fn whole(wiring: &Wiring, id: TraceId) -> Result<(Room, Trace, Arc<Skeleton>), Problem> {
    let room = wiring.reader.room().await?;
    let found = wiring.reader.trace_and_skeleton(id).await?;
    let (trace, skeleton) = found.ok_or_else(|| not_found(id))?;
    Ok((room, trace, skeleton))
}

async fn skeleton(wiring: &Wiring, id: &str) -> Result<Arc<Skeleton>, Problem> {
    let id = trace_id(id)?;
    wiring.reader.skeleton(id).await?.ok_or_else(|| not_found(id))
}

fn trace_id(text: &str) -> Result<TraceId, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_request(format!("`{text}` is not a trace id: it has 32 lower-case hex digits"))
    })
}

fn span_id(text: &str) -> Result<SpanId, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_request(format!("`{text}` is not a span id: it has 16 lower-case hex digits"))
    })
}

fn not_found(id: TraceId) -> Problem {
    Problem::not_found(format!("there is no trace {id}"))
        .hint("only sampled traces are kept, and the oldest make room for new ones")
}

fn answer(text: String) -> Response {
    let mut response = Body::from(text).into_response();
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds of a trace fit into 53 bits for 104 days"
)]
fn milliseconds(nanos: u64) -> f64 {
    nanos as f64 / 1_000_000.0
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (code, title, hint) = match &error {
            Error::Busy => {
                (QUERY_BUSY, "too many questions are asked at once", "ask again in a moment")
            }
            Error::Query(QueryError::Budget(_)) => (
                "query_budget",
                "the question costs too much",
                "ask for a shorter time, or for more conditions",
            ),
            Error::TooFine(_) => ("bad_request", "the request is not valid", ""),
            Error::NoRollups => ("not_here", "this run cannot do that", ""),
            Error::Query(QueryError::Unreadable { .. }) => {
                ("unreadable", "what is stored cannot be read", "see `trunkline store fsck`")
            }
            Error::Failed(_) => ("failed", "the question could not be answered", ""),
        };
        let status = match crate::jaeger::failure::status(&error) {
            StatusCode::GATEWAY_TIMEOUT => StatusCode::UNPROCESSABLE_ENTITY,
            StatusCode::NOT_IMPLEMENTED => StatusCode::NOT_FOUND,
            status => status,
        };
        Self::new(status, code, title).detail(chain(&error)).hint(hint)
    }
}

/// An error with its causes, as one sentence.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
