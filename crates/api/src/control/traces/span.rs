//! Spans with everything that is known of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use trunkline_otlp::{Attributes, Event, Link, Resource, Scope, Span};
use trunkline_query::skeleton::{Cause, Row};
use trunkline_query::trace::status_word;
use trunkline_query::{Skeleton, Trace, paced};
use trunkline_store::source::{Budget, as_text};

use super::{milliseconds, rfc3339};

/// Spans above one that are named, the nearest ones.
const ANCESTORS_MAX: usize = 50;

/// Greatest whole number that JavaScript reads exactly; greater ones are sent as text.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// The whole trace, its spans in pre-order: a span is followed by its children. Of more than
/// `spans_max` the first.
pub(super) fn whole(
    trace: &Trace,
    skeleton: &Skeleton,
    spans_max: usize,
    budget: &mut Budget,
) -> Value {
    let mut resources = Resources::default();
    let rows = skeleton.rows.iter().zip(&trace.spans).zip(&trace.warnings).take(spans_max);
    let spans: Vec<Value> = paced(rows, budget)
        .map(|((row, span), warnings)| {
            let mut document = document(skeleton, row, span, warnings);
            document.insert("resource".into(), json!(resources.place(&span.resource)));
            Value::Object(document)
        })
        .collect();
    json!({
        "schema": crate::control::SCHEMA,
        "id": trace.id.to_string(),
        "start": rfc3339(skeleton.start_unix_nanos),
        "start_unix_nanos": skeleton.start_unix_nanos.to_string(),
        "duration_ms": milliseconds(skeleton.duration_nanos()),
        "services": skeleton.services.iter().map(|name| &**name).collect::<Vec<&str>>(),
        "failed": skeleton.failed(),
        "span_count": trace.spans.len(),
        "truncated": trace.spans.len() > spans_max,
        "warnings": skeleton.warnings,
        "causes": causes(skeleton),
        "resources": resources.documents,
        "spans": spans,
    })
}

/// Processes by the place at which they are told.
#[derive(Default)]
struct Resources {
    places: HashMap<*const Resource, usize>,
    documents: Vec<Value>,
}

impl Resources {
    fn place(&mut self, of: &Arc<Resource>) -> usize {
        let next = self.documents.len();
        let place = *self.places.entry(Arc::as_ptr(of)).or_insert(next);
        if place == next {
            self.documents.push(resource(of));
        }
        place
    }
}

fn resource(resource: &Resource) -> Value {
    json!({ "service": resource.service(), "attributes": attributes(&resource.attributes) })
}

/// One span, with what is above and below it.
pub(super) fn one(trace: &Trace, skeleton: &Skeleton, at: usize) -> Option<Value> {
    let (row, span) = (skeleton.rows.get(at)?, trace.spans.get(at)?);
    let warnings = trace.warnings.get(at).map(Vec::as_slice).unwrap_or_default();
    let mut document = document(skeleton, row, span, warnings);
    let mut ancestors: Vec<Value> = skeleton
        .ancestors(row)
        .take(ANCESTORS_MAX)
        .map(|row| {
            json!({ "id": row.id.to_string(), "service": &**skeleton.service(row), "name": &*row.name })
        })
        .collect();
    ancestors.reverse();
    let critical = skeleton.critical_nanos().get(at).copied().unwrap_or(0);
    let more = [
        ("schema", json!(crate::control::SCHEMA)),
        ("trace", json!(trace.id.to_string())),
        ("resource", resource(&span.resource)),
        ("children", json!(row.children)),
        ("descendants", json!(row.size - 1)),
        ("critical_ms", json!(milliseconds(critical))),
        ("ancestors", json!(ancestors)),
    ];
    document.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Some(Value::Object(document))
}

fn document(
    skeleton: &Skeleton,
    row: &Row,
    span: &Span,
    warnings: &[String],
) -> Map<String, Value> {
    let document = json!({
        "id": span.id.to_string(),
        "parent": span.parent.map(|parent| parent.to_string()),
        "service": span.service(),
        "name": &*span.name,
        "kind": span.kind.as_str(),
        "start": rfc3339(span.start_unix_nanos),
        "offset_ms": milliseconds(skeleton.offset(span.start_unix_nanos)),
        "duration_ms": milliseconds(row.duration_nanos()),
        "self_ms": milliseconds(row.own_nanos),
        "depth": row.depth,
        "critical": row.critical,
        "failed": span.failed(),
        "status": status_word(span.status.code),
        "status_message": &*span.status.message,
        "attributes": attributes(&span.attributes),
        "scope": scope(&span.scope),
        "events": span.events.iter().map(|one| event(skeleton, one)).collect::<Vec<_>>(),
        "links": span.links.iter().map(link).collect::<Vec<_>>(),
        "trace_state": &*span.trace_state,
        "warnings": warnings,
    });
    match document {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn scope(scope: &Scope) -> Value {
    if scope.name.is_empty() && scope.version.is_empty() && scope.attributes.is_empty() {
        return Value::Null;
    }
    json!({
        "name": &*scope.name,
        "version": &*scope.version,
        "attributes": attributes(&scope.attributes),
    })
}

fn event(skeleton: &Skeleton, event: &Event) -> Value {
    json!({
        "name": &*event.name,
        "offset_ms": milliseconds(skeleton.offset(event.time_unix_nanos)),
        "time": rfc3339(event.time_unix_nanos),
        "attributes": attributes(&event.attributes),
    })
}

fn link(link: &Link) -> Value {
    json!({
        "trace": link.trace.to_string(),
        "span": link.span.to_string(),
        "attributes": attributes(&link.attributes),
    })
}

/// Where failures came from.
pub(super) fn causes(skeleton: &Skeleton) -> Vec<Value> {
    let cause = |cause: &Cause| {
        json!({
            "span": cause.span.to_string(),
            "service": &*cause.service,
            "name": &*cause.name,
            "message": cause.message,
            "exception": cause.exception,
            "offset_ms": milliseconds(skeleton.offset(cause.start_unix_nanos)),
            "path": cause.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    skeleton.causes.iter().map(cause).collect()
}

/// Keys with their values; of one that is there twice the first.
fn attributes(attributes: &Attributes) -> Map<String, Value> {
    let mut members = Map::new();
    for (key, value) in attributes {
        members.entry(&**key).or_insert_with(|| value_of(value));
    }
    members
}

fn value_of(value: &trunkline_otlp::Value) -> Value {
    use trunkline_otlp::Value as Of;
    match value {
        Of::Empty => Value::Null,
        Of::Text(text) => json!(&**text),
        Of::Bool(yes) => json!(yes),
        Of::Int(number) if number.unsigned_abs() > SAFE_INTEGER_MAX => json!(number.to_string()),
        Of::Int(number) => json!(number),
        // JSON has no infinity and no NaN.
        Of::Double(number) if !number.is_finite() => json!(number.to_string()),
        Of::Double(number) => json!(number),
        Of::Bytes(_) => json!(as_text(value)),
        Of::Array(values) => Value::Array(values.iter().map(value_of).collect()),
        Of::Map(pairs) => Value::Object(attributes(pairs)),
    }
}
