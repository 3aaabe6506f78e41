//! From a view to the owned form.

use std::collections::HashSet;
use std::sync::Arc;

use super::{
    AttributesView, EventView, LinkView, RequestView, ResourceSpansView, ScopeSpansView, SpanView,
    ValueView,
};
use crate::span::{Attributes, Event, Link, Resource, Scope, Span, Status, Value};
use crate::wire::Malformed;

/// Every valid span of a batch, owned; spans without valid ids are left out.
///
/// # Errors
/// It is not an `ExportTraceServiceRequest`.
pub fn spans(request: &[u8]) -> Result<Vec<Span>, Malformed> {
    let mut owner = Owner::default();
    let mut all = Vec::new();
    for resource_spans in RequestView(request).resource_spans() {
        let resource_spans = resource_spans?;
        let resource = Arc::new(owner.resource(&resource_spans)?);
        for scope_spans in resource_spans.scope_spans() {
            let scope_spans = scope_spans?;
            let scope = Arc::new(owner.scope(&scope_spans)?);
            for span in scope_spans.spans() {
                all.extend(owner.span(&span?, &resource, &scope)?);
            }
        }
    }
    Ok(all)
}

/// The value of an `AnyValue` message.
///
/// # Errors
/// It is none, or nested too deep.
pub fn value(message: &[u8]) -> Result<Value, Malformed> {
    let view = ValueView::read(message)?;
    view.check(0)?;
    Owner::default().value(view)
}

/// Copies what is read. Equal texts are kept once as long as it lives: keys and names repeat.
#[derive(Debug, Default)]
pub struct Owner {
    texts: HashSet<Arc<str>>,
}

/// Texts longer than this are hardly ever equal: they are not looked for.
const SHARED_BYTES_MAX: usize = 128;
/// So many texts are remembered; then it begins anew.
const TEXTS_MAX: usize = 65_536;

impl Owner {
    /// The process of these spans.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn resource(&mut self, view: &ResourceSpansView<'_>) -> Result<Resource, Malformed> {
        Ok(Resource {
            attributes: self.attributes(view.attributes)?,
            dropped_attributes: view.dropped_attributes,
            schema_url: self.text(view.schema_url),
        })
    }

    /// The library of these spans.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn scope(&mut self, view: &ScopeSpansView<'_>) -> Result<Scope, Malformed> {
        Ok(Scope {
            name: self.text(view.name),
            version: self.text(view.version),
            attributes: self.attributes(view.attributes)?,
            dropped_attributes: view.dropped_attributes,
            schema_url: self.text(view.schema_url),
        })
    }

    /// A span; `None` when its ids are not valid. Links without valid ids count as dropped.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn span(
        &mut self,
        view: &SpanView<'_>,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<Option<Span>, Malformed> {
        let (Some(trace), Some(id)) = (view.trace, view.id) else {
            return Ok(None);
        };
        let events: Result<_, _> = view.events().map(|event| self.event(&event?)).collect();
        let mut links = Vec::new();
        let mut dropped_links = view.dropped_links;
        for link in view.links() {
            match self.link(&link?)? {
                Some(link) => links.push(link),
                None => dropped_links = dropped_links.saturating_add(1),
            }
        }
        Ok(Some(Span {
            trace,
            id,
            parent: view.parent,
            trace_state: self.text(view.trace_state),
            flags: view.flags,
            name: self.text(view.name),
            kind: view.kind,
            start_unix_nanos: view.start_unix_nanos,
            end_unix_nanos: view.end_unix_nanos,
            attributes: self.attributes(view.attributes())?,
            dropped_attributes: view.dropped_attributes,
            events: events?,
            dropped_events: view.dropped_events,
            links,
            dropped_links,
            status: Status { code: view.status, message: self.text(view.status_message) },
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        }))
    }

    fn event(&mut self, view: &EventView<'_>) -> Result<Event, Malformed> {
        Ok(Event {
            time_unix_nanos: view.time_unix_nanos,
            name: self.text(view.name),
            attributes: self.attributes(view.attributes)?,
            dropped_attributes: view.dropped_attributes,
        })
    }

    fn link(&mut self, view: &LinkView<'_>) -> Result<Option<Link>, Malformed> {
        let (Some(trace), Some(span)) = (view.trace, view.span) else {
            return Ok(None);
        };
        Ok(Some(Link {
            trace,
            span,
            trace_state: self.text(view.trace_state),
            attributes: self.attributes(view.attributes)?,
            dropped_attributes: view.dropped_attributes,
            flags: view.flags,
        }))
    }

    /// Keys and values, owned.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn attributes(&mut self, view: AttributesView<'_>) -> Result<Attributes, Malformed> {
        view.iter()
            .map(|pair| {
                let (key, value) = pair?;
                Ok((self.text(key), self.value(value)?))
            })
            .collect()
    }

    /// A value, owned.
    ///
    /// # Errors
    /// What is in it cannot be read.
    pub fn value(&mut self, view: ValueView<'_>) -> Result<Value, Malformed> {
        Ok(match view {
            ValueView::Empty => Value::Empty,
            ValueView::Text(text) => Value::Text(self.text(text)),
            ValueView::Bool(yes) => Value::Bool(yes),
            ValueView::Int(number) => Value::Int(number),
            ValueView::Double(number) => Value::Double(number),
            ValueView::Bytes(bytes) => Value::Bytes(Arc::from(bytes)),
            ValueView::Array(values) => {
                let values: Result<_, _> = values.iter().map(|value| self.value(value?)).collect();
                Value::Array(values?)
            }
            ValueView::Map(pairs) => Value::Map(self.attributes(pairs)?),
        })
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if text.len() > SHARED_BYTES_MAX {
            return Arc::from(text);
        }
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        let text: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&text));
        text
    }
}
