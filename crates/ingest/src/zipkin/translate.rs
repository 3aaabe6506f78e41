//! From Zipkin's model to OTLP's.
//!
//! Tags that exporters of OpenTelemetry write for what Zipkin has no place for are taken back:
//! `otel.status_code`, `otel.scope.name`, `otlp.link.0`, annotations of the form
//! `name|attributes|dropped`, `w3c.tracestate`. One thing we see differently than the collector: in
//! Zipkin any `error` tag means that the span failed, whatever its text, so it does here, and the
//! text is the message of the status.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{Attributes, Event, Link, Span, Status, StatusCode, Value};

use super::Process;
use super::model::{self, Annotation, Endpoint, Kind, NoId};
use super::resource::is_of_process;

/// Links that are looked for in tags.
const LINKS_MAX: usize = 128;
/// What stands beside a span that began nobody knows when.
const START_ABSENT: &str = "otel.zipkin.absentField.startTime";

/// A span as OTLP has it.
pub(super) struct Translated {
    pub(super) span: Span,
    pub(super) process: Process,
    /// Name and version of the library.
    pub(super) library: (String, String),
}

type Tags = Vec<(String, String)>;

/// Translates a span. One that tells no start began when it arrived, or with its first annotation.
pub(super) fn span(zipkin: model::Span, now_unix_nanos: u64) -> Result<Translated, NoId> {
    let trace = TraceId::new(zipkin.trace.to_be_bytes()).ok_or(NoId)?;
    let id = SpanId::new(zipkin.id.to_be_bytes()).ok_or(NoId)?;
    let parent = if zipkin.parent == zipkin.id { 0 } else { zipkin.parent };
    let mut tags = zipkin.tags;
    let process = process(&mut tags, &zipkin.local.service);
    let library = library(&mut tags);
    let kind = kind(zipkin.kind, &mut tags);
    let status = status(&mut tags);
    let trace_state = take(&mut tags, "w3c.tracestate").unwrap_or_default();
    let links = links(&mut tags);
    let text = |text: String| Value::Text(text.into());
    let mut attributes: Attributes =
        tags.into_iter().map(|(key, value)| (key.into(), text(value))).collect();
    endpoints(&mut attributes, &zipkin.local, &zipkin.remote);
    let start = zipkin.start_unix_nanos.unwrap_or_else(|| {
        attributes.push((START_ABSENT.into(), Value::Bool(true)));
        let first = zipkin.annotations.iter().map(|annotation| annotation.time_unix_nanos);
        first.filter(|time| *time > 0).min().unwrap_or(now_unix_nanos)
    });
    let span = Span {
        trace,
        id,
        parent: SpanId::new(parent.to_be_bytes()),
        trace_state: trace_state.into(),
        flags: 0,
        name: zipkin.name.into(),
        kind,
        start_unix_nanos: start,
        end_unix_nanos: start.saturating_add(zipkin.duration_nanos),
        attributes,
        dropped_attributes: 0,
        events: zipkin.annotations.into_iter().map(event).collect(),
        dropped_events: 0,
        links,
        dropped_links: 0,
        status,
        resource: Arc::default(),
        scope: Arc::default(),
    };
    Ok(Translated { span, process, library })
}

fn take(tags: &mut Tags, key: &str) -> Option<String> {
    let place = tags.iter().position(|(name, _)| name == key)?;
    Some(tags.remove(place).1)
}

fn process(tags: &mut Tags, service: &str) -> Process {
    let mut process: Tags = tags.extract_if(.., |(key, _)| is_of_process(key)).collect();
    process.sort();
    let key = take(tags, "otlp.service.name.source");
    if !service.is_empty() {
        let key = key.unwrap_or_else(|| "service.name".to_owned());
        process.retain(|(name, _)| *name != key);
        process.insert(0, (key, service.to_owned()));
    }
    process.into()
}

fn library(tags: &mut Tags) -> (String, String) {
    let mut named = |new, old| take(tags, new).or_else(|| take(tags, old));
    let Some(name) = named("otel.scope.name", "otel.library.name") else {
        return Default::default();
    };
    (name, named("otel.scope.version", "otel.library.version").unwrap_or_default())
}

fn kind(kind: Kind, tags: &mut Tags) -> trunkline_otlp::Kind {
    use trunkline_otlp::Kind as Otlp;
    match kind {
        Kind::Client => Otlp::Client,
        Kind::Server => Otlp::Server,
        Kind::Producer => Otlp::Producer,
        Kind::Consumer => Otlp::Consumer,
        Kind::None => match take(tags, "span.kind").as_deref() {
            Some("internal") => Otlp::Internal,
            _ => Otlp::Unspecified,
        },
    }
}

fn status(tags: &mut Tags) -> Status {
    let code = match take(tags, "otel.status_code").as_deref() {
        Some("STATUS_CODE_OK" | "OK" | "Ok") => StatusCode::Ok,
        Some("STATUS_CODE_ERROR" | "ERROR" | "Error") => StatusCode::Error,
        _ => StatusCode::Unset,
    };
    let message = take(tags, "otel.status_description").unwrap_or_default();
    let told = tags.iter().find(|(key, _)| key == "error").map(|(_, value)| value.clone());
    match told.as_deref() {
        None | Some("false") => Status { code, message: message.into() },
        Some("true") => {
            take(tags, "error");
            Status { code: StatusCode::Error, message: message.into() }
        }
        Some(text) => {
            let message = if message.is_empty() { text.into() } else { message.into() };
            Status { code: StatusCode::Error, message }
        }
    }
}

fn endpoints(attributes: &mut Attributes, local: &Endpoint, remote: &Endpoint) {
    let mut add = |key: &str, value: Option<Value>| {
        let known = attributes.iter().any(|(name, _)| **name == *key);
        if let Some(value) = value.filter(|_| !known) {
            attributes.push((key.into(), value));
        }
    };
    let ip = |ip: Option<IpAddr>| ip.map(|ip| Value::Text(ip.to_string().into()));
    let port = |port: u16| (port > 0).then(|| Value::Int(port.into()));
    add("net.host.ip", ip(local.ip));
    add("net.host.port", port(local.port));
    let service = Some(&remote.service).filter(|service| !service.is_empty());
    add("peer.service", service.map(|service| Value::Text(service.as_str().into())));
    add("net.peer.ip", ip(remote.ip));
    add("net.peer.port", port(remote.port));
}

/// `otlp.link.0`, `otlp.link.1` … : `trace|span|state|attributes|dropped`.
fn links(tags: &mut Tags) -> Vec<Link> {
    if !tags.iter().any(|(key, _)| key.starts_with("otlp.link.")) {
        return Vec::new();
    }
    let texts = (0..LINKS_MAX).map_while(|index| take(tags, &format!("otlp.link.{index}")));
    texts.filter_map(|text| link(&text)).collect()
}

fn link(text: &str) -> Option<Link> {
    let mut parts = text.splitn(4, '|');
    let trace = parts.next()?.trim_matches('"').to_ascii_lowercase();
    let span = parts.next()?.trim_matches('"').to_ascii_lowercase();
    let trace_state = parts.next()?.into();
    let (attributes, dropped_attributes) = carried(parts.next()?)?;
    Some(Link {
        trace: trace.parse().ok()?,
        span: span.parse().ok()?,
        trace_state,
        attributes,
        dropped_attributes,
        flags: 0,
    })
}

/// An annotation is its text, or `name|attributes|dropped` if it was an event of OpenTelemetry.
fn event(annotation: Annotation) -> Event {
    let Annotation { time_unix_nanos, value } = annotation;
    let carried = value.split_once('|').and_then(|(name, rest)| Some((name, carried(rest)?)));
    let (name, (attributes, dropped_attributes)) = match carried {
        Some((name, carried)) => (name.into(), carried),
        None => (value.into(), Default::default()),
    };
    Event { time_unix_nanos, name, attributes, dropped_attributes }
}

/// Attributes as a JSON object, and how many were dropped.
fn carried(text: &str) -> Option<(Attributes, u32)> {
    let (object, dropped) = text.rsplit_once('|')?;
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object).ok()?;
    let attributes = object.into_iter().filter_map(|(key, value)| {
        let value = match value {
            serde_json::Value::String(text) => Value::Text(text.into()),
            serde_json::Value::Bool(yes) => Value::Bool(yes),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => Value::Double(number.as_f64()?),
            },
            _ => return None,
        };
        Some((key.into(), value))
    });
    Some((attributes.collect(), dropped.parse().ok()?))
}
