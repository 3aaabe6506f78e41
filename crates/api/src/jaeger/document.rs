//! A trace as Jaeger's UI and tools read it.
//!
//! Documents borrow from the spans and are written at once: an answer may hold many large traces,
//! and a tree of JSON values would take ten times its text. What OpenTelemetry keeps outside of
//! attributes and Jaeger among its tags is put there as Jaeger's own translation does it.

mod tag;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Event, Link, Resource, Span, StatusCode, Value};
use trunkline_query::{Trace, paced};
use trunkline_store::source::Budget;

use tag::Tag;

/// One trace with its spans and the processes (services) that they tell of.
#[derive(Serialize)]
pub(super) struct TraceDocument<'a> {
    #[serde(rename = "traceID")]
    id: String,
    spans: Vec<SpanDocument<'a>>,
    processes: BTreeMap<String, ProcessDocument<'a>>,
    warnings: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessDocument<'a> {
    service_name: &'a str,
    tags: Vec<Tag<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanDocument<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    operation_name: &'a str,
    references: Vec<Reference>,
    /// Microseconds since 1970.
    start_time: u64,
    /// Microseconds.
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: Vec<LogDocument<'a>>,
    #[serde(rename = "processID")]
    process_id: Option<String>,
    warnings: Option<&'a [String]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
struct LogDocument<'a> {
    /// Microseconds since 1970.
    timestamp: u64,
    fields: Vec<Tag<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields by reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The document of a trace.
pub(super) fn trace<'a>(trace: &'a Trace, budget: &mut Budget) -> TraceDocument<'a> {
    let mut processes = Processes::default();
    let spans = paced(trace.spans.iter().zip(&trace.warnings), budget).map(|(one, warnings)| {
        let process = processes.id(&one.resource);
        span(one, warnings, process)
    });
    let spans = spans.collect();
    TraceDocument { id: trace_id(trace.id), spans, processes: processes.documents, warnings: None }
}

/// Processes by what they are; `p1` is the first.
#[derive(Default)]
struct Processes<'a> {
    seen: HashMap<*const Resource, String>,
    known: Vec<(&'a Resource, String)>,
    documents: BTreeMap<String, ProcessDocument<'a>>,
}

/// Processes that are compared one by one; traces have few, and equal ones are mostly one object.
const COMPARED_MAX: usize = 64;

impl<'a> Processes<'a> {
    fn id(&mut self, resource: &'a Arc<Resource>) -> String {
        if let Some(id) = self.seen.get(&Arc::as_ptr(resource)) {
            return id.clone();
        }
        let equal = self.known.iter().take(COMPARED_MAX).find(|(known, _)| **known == **resource);
        let id = equal.map(|(_, id)| id.clone());
        let id = id.unwrap_or_else(|| {
            let id = format!("p{}", self.documents.len() + 1);
            let attributes = resource.attributes.iter().filter(|(key, _)| **key != *"service.name");
            let tags = attributes.map(|(key, value)| Tag::of(key, value)).collect();
            let document = ProcessDocument { service_name: resource.service(), tags };
            self.documents.insert(id.clone(), document);
            self.known.push((resource, id.clone()));
            id
        });
        self.seen.insert(Arc::as_ptr(resource), id.clone());
        id
    }
}

/// Jaeger leaves out the high half of an id where it is zero.
pub(super) fn trace_id(id: TraceId) -> String {
    let text = id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(low) => low.to_owned(),
        None => text,
    }
}

fn span<'a>(span: &'a Span, warnings: &'a [String], process: String) -> SpanDocument<'a> {
    let parent = span.parent.map(|parent| Reference {
        ref_type: "CHILD_OF",
        trace_id: trace_id(span.trace),
        span_id: parent.to_string(),
    });
    SpanDocument {
        trace_id: trace_id(span.trace),
        span_id: span.id.to_string(),
        // Beyond the eight bits of W3C, OTLP has its own.
        flags: span.flags & 0xff,
        operation_name: &span.name,
        references: parent.into_iter().chain(span.links.iter().map(reference)).collect(),
        start_time: span.start_unix_nanos / 1_000,
        duration: span.duration_nanos() / 1_000,
        tags: tags(span),
        logs: span.events.iter().map(log).collect(),
        process_id: Some(process),
        warnings: (!warnings.is_empty()).then_some(warnings),
    }
}

fn reference(link: &Link) -> Reference {
    let is_child = link.attributes.iter().any(|(key, value)| {
        **key == *"opentracing.ref_type"
            && matches!(value, Value::Text(text) if **text == *"child_of")
    });
    Reference {
        ref_type: if is_child { "CHILD_OF" } else { "FOLLOWS_FROM" },
        trace_id: trace_id(link.trace),
        span_id: link.span.to_string(),
    }
}

fn log(event: &Event) -> LogDocument<'_> {
    let name = (!event.name.is_empty()).then(|| Tag::text("event", &event.name));
    let fields = event.attributes.iter().map(|(key, value)| Tag::of(key, value));
    LogDocument {
        timestamp: event.time_unix_nanos / 1_000,
        fields: name.into_iter().chain(fields).collect(),
    }
}

/// Attributes, and what OpenTelemetry keeps outside of them and Jaeger among them.
fn tags(span: &Span) -> Vec<Tag<'_>> {
    let mut tags = Vec::with_capacity(span.attributes.len() + 6);
    if !span.scope.name.is_empty() {
        tags.push(Tag::text("otel.scope.name", &span.scope.name));
    }
    if !span.scope.version.is_empty() {
        tags.push(Tag::text("otel.scope.version", &span.scope.version));
    }
    tags.extend(span.attributes.iter().map(|(key, value)| Tag::of(key, value)));
    let own = |key: &str| span.attribute(key).is_some();
    let of_scope = span.scope.attributes.iter().filter(|(key, _)| !own(key));
    tags.extend(of_scope.map(|(key, value)| Tag::of(key, value)));
    if !span.kind.as_str().is_empty() {
        tags.push(Tag::text("span.kind", span.kind.as_str()));
    }
    match span.status.code {
        StatusCode::Unset => {}
        StatusCode::Ok => tags.push(Tag::text("otel.status_code", "OK")),
        StatusCode::Error => {
            tags.push(Tag::text("otel.status_code", "ERROR"));
            tags.push(Tag::bool("error", true));
        }
    }
    if !span.status.message.is_empty() {
        tags.push(Tag::text("otel.status_description", &span.status.message));
    }
    if !span.trace_state.is_empty() {
        tags.push(Tag::text("w3c.tracestate", &span.trace_state));
    }
    tags
}
