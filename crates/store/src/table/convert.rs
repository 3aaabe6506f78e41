//! From a row to the span that it is.

use std::sync::Arc;

use hashbrown::HashMap;
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_otlp::{
    Attributes, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, Value,
};

use super::{Cell, Id, Pairs, Table, Type};

/// Makes spans of one table. Texts, processes and libraries are made once and shared.
#[derive(Debug)]
pub(crate) struct Maker<'a> {
    table: &'a Table,
    texts: HashMap<Id, Arc<str>>,
    resources: HashMap<u32, Arc<Resource>>,
    scopes: HashMap<u32, Arc<Scope>>,
}

impl<'a> Maker<'a> {
    /// Of this table.
    pub(crate) fn new(table: &'a Table) -> Self {
        let (texts, resources, scopes) = Default::default();
        Self { table, texts, resources, scopes }
    }

    /// The span of a row, its attributes by key; `None` for a row that is not there.
    pub(crate) fn span(&mut self, row: usize) -> Option<Span> {
        let rows = &self.table.rows;
        let start_unix_nanos = *rows.start.get(row)?;
        let resource = self.resource(*rows.resource.get(row)?);
        let scope = self.scope(*rows.scope.get(row)?);
        let [dropped_attributes, dropped_events, dropped_links] = *rows.dropped.get(row)?;
        Some(Span {
            trace: TraceId::new(*rows.trace.get(row)?)?,
            id: SpanId::new(*rows.id.get(row)?)?,
            parent: SpanId::new(*rows.parent.get(row)?),
            trace_state: self.text(*rows.trace_state.get(row)?),
            flags: *rows.flags.get(row)?,
            name: self.text(*rows.name.get(row)?),
            kind: Kind::of(u64::from(*rows.kind.get(row)?)),
            start_unix_nanos,
            end_unix_nanos: start_unix_nanos.wrapping_add(*rows.duration.get(row)?),
            attributes: self.by_key(&self.table.attributes, row),
            dropped_attributes,
            events: self.table.events_of(row).filter_map(|event| self.event(event)).collect(),
            dropped_events,
            links: self.table.links_of(row).filter_map(|link| self.link(link)).collect(),
            dropped_links,
            status: Status {
                code: StatusCode::of(u64::from(*rows.status.get(row)?)),
                message: self.text(*rows.status_message.get(row)?),
            },
            resource,
            scope,
        })
    }

    fn event(&mut self, index: usize) -> Option<Event> {
        let events = &self.table.events;
        Some(Event {
            time_unix_nanos: *events.time.get(index)?,
            name: self.text(*events.name.get(index)?),
            attributes: self.attributes(&events.attributes, index),
            dropped_attributes: *events.dropped.get(index)?,
        })
    }

    fn link(&mut self, index: usize) -> Option<Link> {
        let links = &self.table.links;
        Some(Link {
            trace: TraceId::new(*links.trace.get(index)?)?,
            span: SpanId::new(*links.span.get(index)?)?,
            trace_state: self.text(*links.trace_state.get(index)?),
            attributes: self.attributes(&links.attributes, index),
            dropped_attributes: *links.dropped.get(index)?,
            flags: *links.flags.get(index)?,
        })
    }

    /// The process of this number.
    pub(crate) fn resource(&mut self, number: u32) -> Arc<Resource> {
        if let Some(known) = self.resources.get(&number) {
            return Arc::clone(known);
        }
        let source = self.table.resources.get(number).copied().unwrap_or_default();
        let resource = Arc::new(Resource {
            attributes: self.by_key(&self.table.resources.attributes, number as usize),
            dropped_attributes: source.dropped,
            schema_url: self.text(source.schema_url),
        });
        self.resources.insert(number, Arc::clone(&resource));
        resource
    }

    /// The library of this number.
    pub(crate) fn scope(&mut self, number: u32) -> Arc<Scope> {
        if let Some(known) = self.scopes.get(&number) {
            return Arc::clone(known);
        }
        let source = self.table.scopes.get(number).copied().unwrap_or_default();
        let scope = Arc::new(Scope {
            name: self.text(source.scope.name),
            version: self.text(source.scope.version),
            attributes: self.by_key(&self.table.scopes.attributes, number as usize),
            dropped_attributes: source.dropped,
            schema_url: self.text(source.schema_url),
        });
        self.scopes.insert(number, Arc::clone(&scope));
        scope
    }

    fn by_key(&mut self, pairs: &Pairs, list: usize) -> Attributes {
        let mut attributes = self.attributes(pairs, list);
        attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
        attributes
    }

    fn attributes(&mut self, pairs: &Pairs, list: usize) -> Attributes {
        pairs.list(list).map(|(key, cell)| (self.text(key), self.value(cell))).collect()
    }

    fn value(&mut self, cell: Cell) -> Value {
        match (cell.kind, cell.text()) {
            (Type::Text, Some(id)) => Value::Text(self.text(id)),
            _ => cell.value(&self.table.texts),
        }
    }

    /// A text, made once.
    pub(crate) fn text(&mut self, id: Id) -> Arc<str> {
        let table = self.table;
        Arc::clone(self.texts.entry(id).or_insert_with(|| table.texts.text(id).into()))
    }
}
