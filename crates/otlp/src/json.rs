//! Writes spans as OTLP's JSON: `TracesData`, which `ExportTraceServiceRequest` equals.
//!
//! It is proto3's JSON mapping with the exceptions that OTLP makes: ids are hex digits, enums are
//! numbers. 64-bit numbers are texts, bytes are base64, fields with their default value are left
//! out; `status`, `spans` and `scopeSpans` are always there, because clients rely on them. It
//! reads nothing.

mod text;

use crate::span::{Attributes, Event, Kind, Link, Resource, Scope, Span, StatusCode, Value};

pub use text::{base64, quoted};

/// What to write for an attribute without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyValue {
    /// `{}`, as the mapping has it.
    #[default]
    AsIs,
    /// An empty text: Jaeger's UI refuses a whole trace for one value of no type.
    AsText,
}

/// `{"resourceSpans":[…]}`. Neighbours with the same resource and scope are written together, in
/// the order in which they are given.
pub fn traces<'a>(spans: impl IntoIterator<Item = &'a Span>, empty: EmptyValue) -> String {
    let mut writer = Writer { text: String::new(), empty };
    writer.traces(spans);
    writer.text
}

/// Appends [`traces`] to a text.
pub fn append_traces<'a>(
    into: &mut String,
    spans: impl IntoIterator<Item = &'a Span>,
    empty: EmptyValue,
) {
    let mut writer = Writer { text: std::mem::take(into), empty };
    writer.traces(spans);
    *into = writer.text;
}

struct Writer {
    text: String,
    empty: EmptyValue,
}

impl Writer {
    fn traces<'a>(&mut self, spans: impl IntoIterator<Item = &'a Span>) {
        let spans: Vec<&Span> = spans.into_iter().collect();
        self.text.reserve(spans.len() * 512);
        self.object(|object| {
            object.list("resourceSpans", spans.chunk_by(|a, b| a.same_resource(b)), |w, spans| {
                w.resource_spans(spans);
            });
        });
    }

    fn resource_spans(&mut self, spans: &[&Span]) {
        let Some(first) = spans.first() else { return self.text.push_str("{}") };
        self.object(|object| {
            object.nested("resource", |w| w.resource(&first.resource));
            object.list("scopeSpans", spans.chunk_by(|a, b| a.same_scope(b)), |w, spans| {
                w.scope_spans(spans);
            });
            object.text("schemaUrl", &first.resource.schema_url);
        });
    }

    fn scope_spans(&mut self, spans: &[&Span]) {
        let Some(first) = spans.first() else { return self.text.push_str("{}") };
        self.object(|object| {
            object.nested("scope", |w| w.scope(&first.scope));
            object.list("spans", spans.iter(), |w, span| w.span(span));
            object.text("schemaUrl", &first.scope.schema_url);
        });
    }

    fn resource(&mut self, resource: &Resource) {
        self.object(|object| {
            object.attributes(&resource.attributes);
            object.count("droppedAttributesCount", resource.dropped_attributes);
        });
    }

    fn scope(&mut self, scope: &Scope) {
        self.object(|object| {
            object.text("name", &scope.name);
            object.text("version", &scope.version);
            object.attributes(&scope.attributes);
            object.count("droppedAttributesCount", scope.dropped_attributes);
        });
    }

    fn span(&mut self, span: &Span) {
        self.object(|object| {
            object.plain("traceId", format_args!("\"{}\"", span.trace));
            object.plain("spanId", format_args!("\"{}\"", span.id));
            object.text("traceState", &span.trace_state);
            if let Some(parent) = span.parent {
                object.plain("parentSpanId", format_args!("\"{parent}\""));
            }
            object.count("flags", span.flags);
            object.text("name", &span.name);
            if span.kind != Kind::Unspecified {
                object.plain("kind", format_args!("{}", span.kind as u8));
            }
            object.moment("startTimeUnixNano", span.start_unix_nanos);
            object.moment("endTimeUnixNano", span.end_unix_nanos);
            object.attributes(&span.attributes);
            object.count("droppedAttributesCount", span.dropped_attributes);
            if !span.events.is_empty() {
                object.list("events", span.events.iter(), Self::event);
            }
            object.count("droppedEventsCount", span.dropped_events);
            if !span.links.is_empty() {
                object.list("links", span.links.iter(), Self::link);
            }
            object.count("droppedLinksCount", span.dropped_links);
            object.nested("status", |w| {
                w.object(|object| {
                    object.text("message", &span.status.message);
                    if span.status.code != StatusCode::Unset {
                        object.plain("code", format_args!("{}", span.status.code as u8));
                    }
                });
            });
        });
    }

    fn event(&mut self, event: &Event) {
        self.object(|object| {
            object.moment("timeUnixNano", event.time_unix_nanos);
            object.text("name", &event.name);
            object.attributes(&event.attributes);
            object.count("droppedAttributesCount", event.dropped_attributes);
        });
    }

    fn link(&mut self, link: &Link) {
        self.object(|object| {
            object.plain("traceId", format_args!("\"{}\"", link.trace));
            object.plain("spanId", format_args!("\"{}\"", link.span));
            object.text("traceState", &link.trace_state);
            object.attributes(&link.attributes);
            object.count("droppedAttributesCount", link.dropped_attributes);
            object.count("flags", link.flags);
        });
    }

    fn pair(&mut self, key: &str, value: &Value) {
        self.object(|object| {
            object.key("key");
            quoted(&mut object.writer.text, key);
            object.nested("value", |w| w.value(value));
        });
    }

    fn value(&mut self, value: &Value) {
        self.object(|object| match value {
            Value::Empty if object.writer.empty == EmptyValue::AsText => {
                object.plain("stringValue", format_args!("\"\""));
            }
            Value::Empty => {}
            Value::Text(text) => {
                object.key("stringValue");
                quoted(&mut object.writer.text, text);
            }
            Value::Bool(yes) => object.plain("boolValue", format_args!("{yes}")),
            Value::Int(number) => object.plain("intValue", format_args!("\"{number}\"")),
            Value::Double(number) => {
                object.key("doubleValue");
                text::double(&mut object.writer.text, *number);
            }
            Value::Bytes(bytes) => {
                object.plain("bytesValue", format_args!("\"{}\"", base64(bytes)));
            }
            Value::Array(values) => object.nested("arrayValue", |w| {
                w.object(|object| {
                    if !values.is_empty() {
                        object.list("values", values.iter(), Self::value);
                    }
                });
            }),
            Value::Map(pairs) => object.nested("kvlistValue", |w| {
                w.object(|object| {
                    if !pairs.is_empty() {
                        object.list("values", pairs.iter(), |w, (key, value)| w.pair(key, value));
                    }
                });
            }),
        });
    }

    fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.text.push('{');
        fill(&mut Object { writer: self, first: true });
        self.text.push('}');
    }
}

/// An object under construction.
struct Object<'a> {
    writer: &'a mut Writer,
    first: bool,
}

impl Object<'_> {
    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.writer.text.push(',');
        }
        self.writer.text.push('"');
        self.writer.text.push_str(key);
        self.writer.text.push_str("\":");
    }

    fn plain(&mut self, key: &str, value: std::fmt::Arguments<'_>) {
        self.key(key);
        // Writing into a String cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut self.writer.text, value);
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.key(key);
            quoted(&mut self.writer.text, value);
        }
    }

    fn count(&mut self, key: &str, value: u32) {
        if value != 0 {
            self.plain(key, format_args!("{value}"));
        }
    }

    fn moment(&mut self, key: &str, nanos: u64) {
        if nanos != 0 {
            self.plain(key, format_args!("\"{nanos}\""));
        }
    }

    fn nested(&mut self, key: &str, write: impl FnOnce(&mut Writer)) {
        self.key(key);
        write(self.writer);
    }

    fn attributes(&mut self, attributes: &Attributes) {
        if !attributes.is_empty() {
            self.list("attributes", attributes.iter(), |w, (key, value)| w.pair(key, value));
        }
    }

    fn list<T>(
        &mut self,
        key: &str,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Writer, T),
    ) {
        self.key(key);
        self.writer.text.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.writer.text.push(',');
            }
            write(self.writer, item);
        }
        self.writer.text.push(']');
    }
}
