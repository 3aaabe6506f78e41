//! From Jaeger's model to OTLP's.
//!
//! Tags that say what OTLP has a field for become that field: `span.kind`, `error`,
//! `otel.status_code` and `otel.status_description`, `w3c.tracestate`, `otel.scope.name` and
//! `otel.scope.version` (and their older names with `library`). References beyond the parent become
//! links, logs become events whose `event` field is their name.

use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Attributes, Event, Kind, Link, Resource, Span, Status, StatusCode, Value};

use super::model::{self, Log, Process, Reference, Tag, TagValue};

/// Name and version of the library that made a span.
pub(super) type Library = (String, String);

/// The span and its library; `None` when its ids are none.
pub(super) fn span(jaeger: model::Span) -> Option<(Span, Library)> {
    let trace = TraceId::new(jaeger.trace.to_be_bytes())?;
    let id = SpanId::new(jaeger.id.to_be_bytes())?;
    let parent = parent(&jaeger);
    let mut attributes = attributes(jaeger.tags);
    let library = library(&mut attributes);
    let kind = match take_text(&mut attributes, "span.kind") {
        Some(word) => kind(&word),
        None => Kind::Unspecified,
    };
    let status = status(&mut attributes, kind);
    let trace_state = take_text(&mut attributes, "w3c.tracestate").unwrap_or_default();
    let references = jaeger.references.iter();
    let links = references.filter(|reference| !is_parent(reference, parent, jaeger.trace));
    let span = Span {
        trace,
        id,
        parent: SpanId::new(parent.to_be_bytes()),
        trace_state,
        // Bit 0 means the same to both; debug is no W3C flag.
        flags: jaeger.flags & 1,
        name: jaeger.name.into(),
        kind,
        start_unix_nanos: jaeger.start_unix_nanos,
        end_unix_nanos: jaeger.start_unix_nanos.saturating_add(jaeger.duration_nanos),
        attributes,
        dropped_attributes: 0,
        events: jaeger.logs.into_iter().map(event).collect(),
        dropped_events: 0,
        links: links.filter_map(link).collect(),
        dropped_links: 0,
        status,
        resource: Arc::default(),
        scope: Arc::default(),
    };
    Some((span, library))
}

/// What is known of a process.
pub(super) fn resource(process: Process) -> Resource {
    let mut attributes = attributes(process.tags);
    rename(&mut attributes, "hostname", "host.name", |value| value);
    rename(&mut attributes, "jaeger.version", "opencensus.exporterversion", |value| match value {
        Value::Text(version) => Value::Text(format!("Jaeger-{version}").into()),
        other => other,
    });
    if !process.service.is_empty() {
        attributes.retain(|(key, _)| **key != *"service.name");
        attributes.insert(0, ("service.name".into(), Value::Text(process.service.into())));
    }
    Resource { attributes, ..Resource::default() }
}

fn rename(attributes: &mut Attributes, from: &str, to: &str, change: impl Fn(Value) -> Value) {
    if attributes.iter().any(|(key, _)| **key == *to) {
        return;
    }
    if let Some((key, value)) = attributes.iter_mut().find(|(key, _)| **key == *from) {
        *key = to.into();
        *value = change(std::mem::take(value));
    }
}

/// The parent is told by itself, or else by the first reference within the trace: one that waits
/// for this span before one that does not.
fn parent(span: &model::Span) -> u64 {
    if span.parent != 0 {
        return span.parent;
    }
    let mut within = span.references.iter().filter(|reference| reference.trace == span.trace);
    let follows = within.clone().find(|reference| !reference.child_of);
    within.find(|reference| reference.child_of).or(follows).map_or(0, |reference| reference.span)
}

fn is_parent(reference: &Reference, parent: u64, trace: u128) -> bool {
    reference.child_of && reference.span == parent && reference.trace == trace
}

fn link(reference: &Reference) -> Option<Link> {
    let kind = if reference.child_of { "child_of" } else { "follows_from" };
    Some(Link {
        trace: TraceId::new(reference.trace.to_be_bytes())?,
        span: SpanId::new(reference.span.to_be_bytes())?,
        trace_state: Arc::default(),
        attributes: vec![("opentracing.ref_type".into(), Value::Text(kind.into()))],
        dropped_attributes: 0,
        flags: 0,
    })
}

fn event(log: Log) -> Event {
    let mut attributes = attributes(log.fields);
    Event {
        time_unix_nanos: log.time_unix_nanos,
        name: take_text(&mut attributes, "event").unwrap_or_default(),
        attributes,
        dropped_attributes: 0,
    }
}

fn attributes(tags: Vec<Tag>) -> Attributes {
    tags.into_iter().map(|tag| (tag.key.into(), value(tag.value))).collect()
}

fn value(value: TagValue) -> Value {
    match value {
        TagValue::Text(text) => Value::Text(text.into()),
        TagValue::Bool(yes) => Value::Bool(yes),
        TagValue::Int(number) => Value::Int(number),
        TagValue::Double(number) => Value::Double(number),
        TagValue::Bytes(bytes) => Value::Bytes(bytes.into()),
        TagValue::Unknown(number) => {
            Value::Text(format!("<Unknown Jaeger TagType {number}>").into())
        }
    }
}

fn kind(word: &str) -> Kind {
    match word {
        "client" => Kind::Client,
        "server" => Kind::Server,
        "producer" => Kind::Producer,
        "consumer" => Kind::Consumer,
        "internal" => Kind::Internal,
        _ => Kind::Unspecified,
    }
}

fn library(attributes: &mut Attributes) -> Library {
    let mut named = |new, old| {
        let text = take_text(attributes, new).or_else(|| take_text(attributes, old));
        text.map(|text| text.to_string())
    };
    let Some(name) = named("otel.scope.name", "otel.library.name") else {
        return Library::default();
    };
    (name, named("otel.scope.version", "otel.library.version").unwrap_or_default())
}

/// `error` is the last word when it says yes; then `otel.status_code`; then the status of HTTP.
fn status(attributes: &mut Attributes, kind: Kind) -> Status {
    let failed = take(attributes, "error", |value| *value == Value::Bool(true)).is_some();
    let told = take_text(attributes, "otel.status_code");
    if failed {
        let message = take_text(attributes, "otel.status_description");
        let message = message.or_else(|| text(attributes, "http.status_message"));
        return Status { code: StatusCode::Error, message: message.unwrap_or_default() };
    }
    if let Some(told) = told {
        let code = if told.eq_ignore_ascii_case("OK") {
            StatusCode::Ok
        } else if told.eq_ignore_ascii_case("ERROR") {
            StatusCode::Error
        } else {
            StatusCode::Unset
        };
        let message = take_text(attributes, "otel.status_description").unwrap_or_default();
        return Status { code, message };
    }
    if http_failed(attributes, kind) {
        let message = text(attributes, "http.status_message").unwrap_or_default();
        return Status { code: StatusCode::Error, message };
    }
    Status::default()
}

/// Whether the status of HTTP is a failure: one of the caller's is none of the server's
/// (OpenTelemetry's conventions for HTTP spans).
fn http_failed(attributes: &Attributes, kind: Kind) -> bool {
    let code = attributes.iter().find(|(key, _)| **key == *"http.status_code");
    let code = match code {
        Some((_, Value::Int(code))) => *code,
        Some((_, Value::Text(text))) => match text.parse() {
            Ok(code) => code,
            Err(_) => return false,
        },
        _ => return false,
    };
    match code {
        100..400 => false,
        400..500 => kind != Kind::Server,
        _ => true,
    }
}

fn text(attributes: &Attributes, key: &str) -> Option<Arc<str>> {
    attributes.iter().find_map(|(name, value)| match value {
        Value::Text(text) if **name == *key => Some(Arc::clone(text)),
        _ => None,
    })
}

/// Takes the text with this key out.
fn take_text(attributes: &mut Attributes, key: &str) -> Option<Arc<str>> {
    match take(attributes, key, |value| matches!(value, Value::Text(_)))? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn take(attributes: &mut Attributes, key: &str, is: impl Fn(&Value) -> bool) -> Option<Value> {
    let place = attributes.iter().position(|(name, value)| **name == *key && is(value))?;
    Some(attributes.remove(place).1)
}
