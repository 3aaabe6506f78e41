//! OTLP's JSON read for tests: enough of it to check what is written, and nothing more.

use std::sync::Arc;

use serde_json::Value;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{
    Attributes, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value as Of,
};

/// The spans of a document.
pub(crate) fn spans(text: &[u8]) -> Result<Vec<Span>, String> {
    let document: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if !document["resourceSpans"].is_array() {
        return Err("there are no resourceSpans".into());
    }
    let mut all = Vec::new();
    for of_resource in list(&document["resourceSpans"]) {
        let resource = Arc::new(Resource {
            attributes: attributes(&of_resource["resource"]["attributes"]),
            dropped_attributes: count(&of_resource["resource"]["droppedAttributesCount"]),
            schema_url: text_of(&of_resource["schemaUrl"]),
        });
        for of_scope in list(&of_resource["scopeSpans"]) {
            let scope = Arc::new(Scope {
                name: text_of(&of_scope["scope"]["name"]),
                version: text_of(&of_scope["scope"]["version"]),
                attributes: attributes(&of_scope["scope"]["attributes"]),
                dropped_attributes: count(&of_scope["scope"]["droppedAttributesCount"]),
                schema_url: text_of(&of_scope["schemaUrl"]),
            });
            all.extend(list(&of_scope["spans"]).map(|one| span(one, &resource, &scope)));
        }
    }
    Ok(all)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text_of(value: &Value) -> Arc<str> {
    value.as_str().unwrap_or_default().into()
}

/// A number that may not be written as text.
fn count(value: &Value) -> u32 {
    if value.is_null() { 0 } else { value.as_u64().unwrap().try_into().unwrap() }
}

/// A number that must be written as text.
fn long(value: &Value) -> u64 {
    if value.is_null() { 0 } else { value.as_str().unwrap().parse().unwrap() }
}

fn trace(value: &Value) -> TraceId {
    value.as_str().unwrap().parse().unwrap()
}

fn id(value: &Value) -> SpanId {
    value.as_str().unwrap().parse().unwrap()
}

fn span(value: &Value, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Span {
    let parent = &value["parentSpanId"];
    Span {
        trace: trace(&value["traceId"]),
        id: id(&value["spanId"]),
        parent: (!parent.is_null()).then(|| id(parent)),
        trace_state: text_of(&value["traceState"]),
        flags: count(&value["flags"]),
        name: text_of(&value["name"]),
        kind: Kind::of(u64::from(count(&value["kind"]))),
        start_unix_nanos: long(&value["startTimeUnixNano"]),
        end_unix_nanos: long(&value["endTimeUnixNano"]),
        attributes: attributes(&value["attributes"]),
        dropped_attributes: count(&value["droppedAttributesCount"]),
        events: list(&value["events"]).map(event).collect(),
        dropped_events: count(&value["droppedEventsCount"]),
        links: list(&value["links"]).map(link).collect(),
        dropped_links: count(&value["droppedLinksCount"]),
        status: Status {
            code: StatusCode::of(u64::from(count(&value["status"]["code"]))),
            message: text_of(&value["status"]["message"]),
        },
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    }
}

fn event(value: &Value) -> Event {
    Event {
        time_unix_nanos: long(&value["timeUnixNano"]),
        name: text_of(&value["name"]),
        attributes: attributes(&value["attributes"]),
        dropped_attributes: count(&value["droppedAttributesCount"]),
    }
}

fn link(value: &Value) -> Link {
    Link {
        trace: trace(&value["traceId"]),
        span: id(&value["spanId"]),
        trace_state: text_of(&value["traceState"]),
        attributes: attributes(&value["attributes"]),
        dropped_attributes: count(&value["droppedAttributesCount"]),
        flags: count(&value["flags"]),
    }
}

fn attributes(value: &Value) -> Attributes {
    list(value).map(|pair| (text_of(&pair["key"]), any(&pair["value"]))).collect()
}

fn any(value: &Value) -> Of {
    let members = value.as_object().unwrap();
    let Some((kind, value)) = members.iter().next() else { return Of::Empty };
    assert_eq!(members.len(), 1, "a value has one type: {members:?}");
    match kind.as_str() {
        "stringValue" => Of::Text(value.as_str().unwrap().into()),
        "boolValue" => Of::Bool(value.as_bool().unwrap()),
        "intValue" => Of::Int(value.as_str().unwrap().parse().unwrap()),
        "doubleValue" => match value {
            Value::String(text) => Of::Double(text.to_lowercase().parse().unwrap()),
            number => Of::Double(number.as_f64().unwrap()),
        },
        "bytesValue" => Of::Bytes(bytes(value.as_str().unwrap()).into()),
        "arrayValue" => Of::Array(list(&value["values"]).map(any).collect()),
        "kvlistValue" => Of::Map(attributes(&value["values"])),
        other => panic!("there is no {other}"),
    }
}

fn bytes(base64: &str) -> Vec<u8> {
    assert_eq!(base64.len() % 4, 0, "{base64} has its padding");
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = base64
        .trim_end_matches('=')
        .chars()
        .flat_map(|c| {
            let six = digits.find(c).unwrap();
            (0..6).rev().map(move |bit| u8::from(six >> bit & 1 == 1))
        })
        .collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
}
