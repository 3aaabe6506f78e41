//! From a received batch into a table, without a copy of a span in between.

use trunkline_otlp::span::UNKNOWN_SERVICE;
use trunkline_otlp::view::{
    AttributesView, RequestView, ResourceSpansView, ScopeSpansView, SpanView,
};
use trunkline_otlp::wire::Malformed;

use super::sources::service_of;
use super::{Cell, Id, Pairs, Scope, Source, Table, Texts, short};

impl Table {
    /// Adds the valid spans of an `ExportTraceServiceRequest`; says how many.
    ///
    /// # Errors
    /// It is none. What stands before the mistake was added: check batches before.
    pub(crate) fn append(&mut self, request: &[u8]) -> Result<usize, Malformed> {
        let before = self.len();
        for resource in RequestView(request).resource_spans() {
            let resource = resource?;
            let number = self.view_resource(&resource)?;
            for scope in resource.scope_spans() {
                let scope = scope?;
                let scope_number = self.view_scope(&scope)?;
                for span in scope.spans() {
                    self.span(&span?, number, scope_number)?;
                }
            }
        }
        Ok(self.len() - before)
    }

    /// The number of this process.
    pub(crate) fn view_resource(&mut self, view: &ResourceSpansView<'_>) -> Result<u32, Malformed> {
        let mut pairs = listed(view.attributes, &mut self.texts)?;
        let source = Source {
            dropped: view.dropped_attributes,
            schema_url: self.texts.add(view.schema_url.as_bytes()),
            ..Source::default()
        };
        Ok(self.add_resource(source, &mut pairs))
    }

    /// Its service follows from the attributes.
    fn add_resource(&mut self, source: Source, pairs: &mut [(Id, Cell)]) -> u32 {
        let key = self.texts.find(b"service.name");
        let unknown = self.texts.add(UNKNOWN_SERVICE.as_bytes());
        let service = service_of(key, pairs, unknown);
        self.resources.add(Source { service, ..source }, pairs)
    }

    /// The number of this library.
    pub(crate) fn view_scope(&mut self, view: &ScopeSpansView<'_>) -> Result<u32, Malformed> {
        let mut pairs = listed(view.attributes, &mut self.texts)?;
        let scope = Scope {
            name: self.texts.add(view.name.as_bytes()),
            version: self.texts.add(view.version.as_bytes()),
        };
        let schema_url = self.texts.add(view.schema_url.as_bytes());
        let dropped = view.dropped_attributes;
        let source = Source { dropped, schema_url, scope, ..Source::default() };
        Ok(self.scopes.add(source, &mut pairs))
    }

    fn span(&mut self, view: &SpanView<'_>, resource: u32, scope: u32) -> Result<(), Malformed> {
        let (Some(trace), Some(id)) = (view.trace, view.id) else {
            return Ok(());
        };
        let (texts, rows) = (&mut self.texts, &mut self.rows);
        add(view.attributes(), texts, &mut self.attributes)?;
        for event in view.events() {
            let event = event?;
            self.events.time.push(event.time_unix_nanos);
            self.events.name.push(texts.add(event.name.as_bytes()));
            self.events.dropped.push(event.dropped_attributes);
            add(event.attributes, texts, &mut self.events.attributes)?;
        }
        let mut dropped_links = view.dropped_links;
        for link in view.links() {
            let link = link?;
            let (Some(trace), Some(span)) = (link.trace, link.span) else {
                dropped_links = dropped_links.saturating_add(1);
                continue;
            };
            self.links.trace.push(*trace.bytes());
            self.links.span.push(*span.bytes());
            self.links.trace_state.push(texts.add(link.trace_state.as_bytes()));
            self.links.flags.push(link.flags);
            self.links.dropped.push(link.dropped_attributes);
            add(link.attributes, texts, &mut self.links.attributes)?;
        }
        rows.trace.push(*trace.bytes());
        rows.id.push(*id.bytes());
        rows.parent.push(view.parent.map_or([0; 8], |parent| *parent.bytes()));
        rows.duration.push(view.end_unix_nanos.wrapping_sub(view.start_unix_nanos));
        rows.name.push(texts.add(view.name.as_bytes()));
        rows.trace_state.push(texts.add(view.trace_state.as_bytes()));
        rows.status_message.push(texts.add(view.status_message.as_bytes()));
        rows.kind.push(view.kind as u8);
        rows.status.push(view.status as u8);
        rows.flags.push(view.flags);
        rows.resource.push(resource);
        rows.scope.push(scope);
        rows.dropped.push([view.dropped_attributes, view.dropped_events, dropped_links]);
        rows.event_end.push(short(self.events.time.len()));
        rows.link_end.push(short(self.links.flags.len()));
        // Last: its length is the number of rows.
        rows.start.push(view.start_unix_nanos);
        Ok(())
    }
}

/// Adds a list.
fn add(view: AttributesView<'_>, texts: &mut Texts, into: &mut Pairs) -> Result<(), Malformed> {
    for pair in view.iter() {
        let (key, value) = pair?;
        let key = texts.add(key.as_bytes());
        into.push(key, Cell::of_view(value, texts)?);
    }
    into.end();
    Ok(())
}

/// A list by itself.
fn listed(view: AttributesView<'_>, texts: &mut Texts) -> Result<Vec<(Id, Cell)>, Malformed> {
    view.iter()
        .map(|pair| {
            let (key, value) = pair?;
            Ok((texts.add(key.as_bytes()), Cell::of_view(value, texts)?))
        })
        .collect()
}
