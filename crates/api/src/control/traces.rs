//! `/v1/traces` and `/v1/traces/{id}`: the traces of this process, in our own shape.

mod tree;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde_json::{Map, Value, json};
use trunkline_model::trace::{Attribute, Span, Trace, TraceQuery};
use trunkline_rt::Clock;

use super::logs::{moment, rfc3339};
use crate::Wiring;
use crate::parameters::{ParameterError, Parameters, invalid};
use crate::problem::Problem;

/// Traces in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 20;

/// Most traces in an answer.
const LIMIT_MAX: usize = 1_000;

const PARAMETERS: &[&str] = &[
    "service",
    "operation",
    "attribute",
    "since",
    "until",
    "min_duration",
    "max_duration",
    "limit",
];

pub(super) async fn find(State(wiring): State<Wiring>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = query(&uri, &wiring.clock)?;
    let traces: Vec<_> = wiring.traces.find(&query).iter().map(summary).collect();
    Ok(Json(json!({ "schema": super::SCHEMA, "traces": traces })))
}

pub(super) async fn one(
    State(wiring): State<Wiring>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = id.parse().map_err(|_| {
        Problem::bad_request(format!("`{id}` is not a trace id: it has 32 lower-case hex digits"))
    })?;
    let trace = wiring.traces.trace(id).ok_or_else(|| {
        Problem::not_found(format!("there is no trace {id}"))
            .hint("only sampled traces are kept, and the oldest make room for new ones")
    })?;
    Ok(Json(whole(&trace)))
}

fn query(uri: &Uri, clock: &Clock) -> Result<TraceQuery, ParameterError> {
    let parameters = Parameters::strict(uri, PARAMETERS)?;
    let attributes = parameters.all("attribute").map(|pair| {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| invalid("attribute", pair, "expected `name=value`"))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let limit = parameters.parsed("limit", "expected a number")?.unwrap_or(LIMIT_DEFAULT);
    Ok(TraceQuery {
        service: parameters.one("service")?.map(str::to_owned),
        operation: parameters.one("operation")?.map(str::to_owned),
        attributes: attributes.collect::<Result<_, _>>()?,
        start_unix_nanos_min: moment(&parameters, "since", clock)?,
        start_unix_nanos_max: moment(&parameters, "until", clock)?,
        duration_min: parameters.duration("min_duration")?,
        duration_max: parameters.duration("max_duration")?,
        limit: limit.min(LIMIT_MAX),
    })
}

/// One line of a list: enough to choose a trace by.
fn summary(trace: &Trace) -> Value {
    // Spans are in order of start: without a root, the earliest one stands for the trace.
    let first = trace.spans.iter().find(|span| span.parent.is_none()).or(trace.spans.first());
    let services: BTreeSet<_> = trace.spans.iter().map(|span| &*span.service).collect();
    let start = trace.spans.iter().map(|span| span.start_unix_nanos).min().unwrap_or_default();
    let end = trace.spans.iter().map(end_unix_nanos).max().unwrap_or_default();
    json!({
        "id": trace.id.to_string(),
        "service": first.map(|span| &*span.service),
        "name": first.map(|span| &*span.name),
        "status": first.and_then(status),
        "start": rfc3339(start),
        "duration_ms": milliseconds(end.saturating_sub(start)),
        "spans": trace.spans.len(),
        "failed": trace.spans.iter().filter(|span| span.failed).count(),
        "services": services,
    })
}

fn end_unix_nanos(span: &Span) -> u64 {
    let duration = u64::try_from(span.duration.as_nanos()).unwrap_or(u64::MAX);
    span.start_unix_nanos.saturating_add(duration)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds of a trace fit into 53 bits for 104 days"
)]
fn milliseconds(nanos: u64) -> f64 {
    nanos as f64 / 1_000_000.0
}

fn status(span: &Span) -> Option<Value> {
    let found = span.attributes.iter().find(|(name, _)| **name == *"http.response.status_code");
    found.map(|(_, value)| json_of(value))
}

/// The whole trace, its spans in pre-order: a span is followed by its children.
fn whole(trace: &Trace) -> Value {
    let tree = tree::Tree::of(&trace.spans);
    let spans = tree.places.iter().filter_map(|place| {
        let span = trace.spans.get(place.span)?;
        Some(span_document(span, place, tree.start))
    });
    let services: BTreeSet<_> = trace.spans.iter().map(|span| &*span.service).collect();
    json!({
        "schema": super::SCHEMA,
        "id": trace.id.to_string(),
        "start": rfc3339(tree.start),
        "duration_ms": milliseconds(tree.end.saturating_sub(tree.start)),
        "services": services,
        "failed": trace.spans.iter().filter(|span| span.failed).count(),
        "spans": spans.collect::<Vec<_>>(),
    })
}

fn span_document(span: &Span, place: &tree::Place, start: u64) -> Value {
    let attributes: Map<_, _> =
        span.attributes.iter().map(|(name, value)| (name.to_string(), json_of(value))).collect();
    json!({
        "id": span.id.to_string(),
        "parent": span.parent.map(|parent| parent.to_string()),
        "service": &*span.service,
        "name": &*span.name,
        "kind": span.kind.as_str(),
        "start": rfc3339(span.start_unix_nanos),
        "duration_ms": span.duration.as_secs_f64() * 1_000.0,
        "failed": span.failed,
        "offset_ms": milliseconds(span.start_unix_nanos.saturating_sub(start)),
        "depth": place.depth,
        "self_ms": milliseconds(place.own),
        "critical": place.critical,
        "attributes": attributes,
    })
}

/// An attribute as JSON value; a number that JSON cannot write becomes `null`.
pub(crate) fn json_of(attribute: &Attribute) -> Value {
    match attribute {
        Attribute::Text(text) => json!(&**text),
        Attribute::Int(number) => json!(number),
        Attribute::Float(number) => json!(number),
        Attribute::Bool(value) => json!(value),
    }
}
