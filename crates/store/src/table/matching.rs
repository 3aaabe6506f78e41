//! Which rows of a table satisfy a filter.
//!
//! It says of a row what [`Filter::takes`] says of its span, without making the span. A test of a
//! text is made once for each text, not for each row.

use hashbrown::HashMap;
use trunkline_otlp::{Kind, StatusCode, Value};

use super::{Cell, Id, Pairs, Table, Type};
use crate::source::{Field, Filter, Level, Test};

/// A filter and what is known of one table's texts. It holds for the rows that were there when it
/// was made.
#[derive(Debug)]
pub(crate) enum Matcher<'a> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Where(Leaf<'a>),
}

/// A test of one field.
#[derive(Debug)]
pub(crate) struct Leaf<'a> {
    field: &'a Field,
    test: &'a Test,
    /// Of an attribute; none where no row has it.
    key: Option<Id>,
    known: HashMap<(Type, u64), bool>,
    known_resources: HashMap<u32, bool>,
    known_scopes: HashMap<u32, bool>,
}

impl<'a> Matcher<'a> {
    /// Of this table.
    pub(crate) fn new(filter: &'a Filter, table: &Table) -> Self {
        let each =
            |filters: &'a [Filter]| filters.iter().map(|one| Self::new(one, table)).collect();
        match filter {
            Filter::All(filters) => Self::All(each(filters)),
            Filter::Any(filters) => Self::Any(each(filters)),
            Filter::Not(filter) => Self::Not(Box::new(Self::new(filter, table))),
            Filter::Where(field, test) => Self::Where(Leaf::new(field, test, table)),
        }
    }

    /// Whether a row satisfies the filter.
    pub(crate) fn takes(&mut self, table: &Table, row: usize) -> bool {
        match self {
            Self::All(parts) => parts.iter_mut().all(|part| part.takes(table, row)),
            Self::Any(parts) => parts.iter_mut().any(|part| part.takes(table, row)),
            Self::Not(part) => !part.takes(table, row),
            Self::Where(leaf) => leaf.passes(table, row),
        }
    }
}

impl<'a> Leaf<'a> {
    fn new(field: &'a Field, test: &'a Test, table: &Table) -> Self {
        let key = match field {
            Field::Attribute(_, key) => table.texts.find(key.as_bytes()),
            _ => None,
        };
        let (known, known_resources, known_scopes) = Default::default();
        Self { field, test, key, known, known_resources, known_scopes }
    }

    fn passes(&mut self, table: &Table, row: usize) -> bool {
        let rows = &table.rows;
        match self.field {
            Field::Service => self.text(table, table.service(row)),
            Field::Operation => self.text(table, at(&rows.name, row)),
            Field::StatusMessage => self.text(table, at(&rows.status_message, row)),
            Field::TraceState => self.text(table, at(&rows.trace_state, row)),
            Field::ScopeName => self.text(table, scope(table, row).name),
            Field::ScopeVersion => self.text(table, scope(table, row).version),
            Field::Kind => self.test.passes_kind(Kind::of(at(&rows.kind, row).into())),
            Field::Status => self.test.passes_status(StatusCode::of(at(&rows.status, row).into())),
            Field::Duration => {
                let nanos = duration_nanos(at(&rows.start, row), at(&rows.duration, row));
                self.test.passes_int(nanos.cast_signed())
            }
            Field::EventName => {
                let mut names = table.events_of(row);
                names.any(|event| self.text(table, at(&table.events.name, event)))
            }
            Field::Attribute(level, _) => self.attribute(*level, table, row),
        }
    }

    fn attribute(&mut self, level: Level, table: &Table, row: usize) -> bool {
        let Some(key) = self.key else { return false };
        let at_level = |wanted: Level| level == Level::Any || level == wanted;
        at_level(Level::Span) && self.list(&table.attributes, row, key, table)
            || at_level(Level::Resource) && self.resource(table, row, key)
            || at_level(Level::Scope) && self.scope(table, row, key)
            || at_level(Level::Event) && {
                let mut events = table.events_of(row);
                events.any(|event| self.list(&table.events.attributes, event, key, table))
            }
            || at_level(Level::Link) && {
                let mut links = table.links_of(row);
                links.any(|link| self.list(&table.links.attributes, link, key, table))
            }
    }

    fn resource(&mut self, table: &Table, row: usize, key: Id) -> bool {
        let number = at(&table.rows.resource, row);
        if let Some(known) = self.known_resources.get(&number) {
            return *known;
        }
        let passes = self.list(&table.resources.attributes, number as usize, key, table);
        self.known_resources.insert(number, passes);
        passes
    }

    fn scope(&mut self, table: &Table, row: usize, key: Id) -> bool {
        let number = at(&table.rows.scope, row);
        if let Some(known) = self.known_scopes.get(&number) {
            return *known;
        }
        let passes = self.list(&table.scopes.attributes, number as usize, key, table);
        self.known_scopes.insert(number, passes);
        passes
    }

    fn list(&mut self, pairs: &Pairs, index: usize, key: Id, table: &Table) -> bool {
        pairs.list(index).any(|(name, cell)| name == key && self.cell(cell, table))
    }

    fn cell(&mut self, cell: Cell, table: &Table) -> bool {
        match (cell.kind, self.test) {
            (_, Test::Exists) => true,
            (Type::Int, test) => test.passes(&Value::Int(cell.bits.cast_signed())),
            (Type::Double, test) => test.passes(&Value::Double(f64::from_bits(cell.bits))),
            (_, test) => {
                let known = self.known.entry((cell.kind, cell.bits));
                *known.or_insert_with(|| test.passes(&cell.value(&table.texts)))
            }
        }
    }

    fn text(&mut self, table: &Table, id: Id) -> bool {
        let known = self.known.entry((Type::Text, id.into()));
        *known.or_insert_with(|| self.test.passes_text(table.texts.text(id)))
    }
}

fn scope(table: &Table, row: usize) -> super::Scope {
    let number = at(&table.rows.scope, row);
    table.scopes.get(number).map(|source| source.scope).unwrap_or_default()
}

fn at<T: Copy + Default>(column: &[T], index: usize) -> T {
    column.get(index).copied().unwrap_or_default()
}

/// How long a span took: 0 where its end is before its start, which is where start and difference
/// go around the corner.
pub(crate) const fn duration_nanos(start: u64, difference: u64) -> u64 {
    if start.checked_add(difference).is_some() { difference } else { 0 }
}
