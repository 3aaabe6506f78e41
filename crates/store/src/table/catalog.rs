//! What there is in a table: operations, keys, values.

use std::ops::Range;

use hashbrown::{HashMap, HashSet};

use super::{Cell, Id, Pairs, Table, Type, range};
use crate::source::Level;

/// An operation: service, name, kind.
pub(crate) type OperationId = (Id, Id, u8);

/// A key: where, its name, the type of its values.
pub(crate) type KeyId = (Level, Id, Type);

impl Table {
    /// Adds the operations of these rows, with how often each is there.
    pub(crate) fn operations(&self, rows: Range<usize>, into: &mut HashMap<OperationId, u64>) {
        let names = self.rows.name.get(rows.clone()).unwrap_or_default();
        let kinds = self.rows.kind.get(rows.clone()).unwrap_or_default();
        for ((row, name), kind) in rows.zip(names).zip(kinds) {
            *into.entry((self.service(row), *name, *kind)).or_default() += 1;
        }
    }

    /// Adds the keys of these rows, with how often each is there.
    pub(crate) fn keys(&self, rows: Range<usize>, into: &mut HashMap<KeyId, u64>) {
        count(&self.attributes, rows.clone(), Level::Span, into);
        let rows: Vec<u32> = rows.map(super::short).collect();
        self.other_keys(&rows, into);
    }

    /// [`Table::keys`] of any rows, without the spans' own attributes.
    pub(crate) fn other_keys(&self, rows: &[u32], into: &mut HashMap<KeyId, u64>) {
        let mut add = |level: Level, pairs: &Pairs, list: usize, times: u64| {
            for (key, cell) in pairs.list(list) {
                *into.entry((level, key, cell.kind)).or_default() += times;
            }
        };
        for row in rows {
            for event in self.events_of(*row as usize) {
                add(Level::Event, &self.events.attributes, event, 1);
            }
            for link in self.links_of(*row as usize) {
                add(Level::Link, &self.links.attributes, link, 1);
            }
        }
        let of = [
            (Level::Resource, &self.rows.resource, &self.resources),
            (Level::Scope, &self.rows.scope, &self.scopes),
        ];
        for (level, numbers, sources) in of {
            let mut times = HashMap::<u32, u64>::new();
            for number in rows.iter().filter_map(|row| numbers.get(*row as usize)) {
                *times.entry(*number).or_default() += 1;
            }
            for (number, times) in times {
                add(level, &sources.attributes, number as usize, times);
            }
        }
    }

    /// Adds the values that a key has in these rows.
    pub(crate) fn values(
        &self,
        rows: Range<usize>,
        level: Level,
        key: Id,
        into: &mut HashSet<Cell>,
    ) {
        let at = |wanted: Level| level == Level::Any || level == wanted;
        if at(Level::Span) {
            find(&self.attributes, rows.clone(), key, into);
        }
        if at(Level::Event) {
            find(&self.events.attributes, lists(&self.rows.event_end, &rows), key, into);
        }
        if at(Level::Link) {
            find(&self.links.attributes, lists(&self.rows.link_end, &rows), key, into);
        }
        let of = [
            (Level::Resource, &self.rows.resource, &self.resources),
            (Level::Scope, &self.rows.scope, &self.scopes),
        ];
        for (wanted, numbers, sources) in of {
            if at(wanted) {
                let numbers: HashSet<u32> =
                    numbers.get(rows.clone()).unwrap_or_default().iter().copied().collect();
                for number in numbers {
                    let number = number as usize;
                    find(&sources.attributes, number..number + 1, key, into);
                }
            }
        }
    }
}

/// The lists that belong to these rows.
fn lists(ends: &[u32], rows: &Range<usize>) -> Range<usize> {
    let last = rows.end.checked_sub(1).unwrap_or(rows.start);
    range(ends, rows.start).start..range(ends, last).end
}

/// The pairs of these lists.
fn pairs_of(pairs: &Pairs, lists: &Range<usize>) -> Range<usize> {
    if lists.is_empty() { 0..0 } else { self::lists(&pairs.ends, lists) }
}

fn count(pairs: &Pairs, lists: Range<usize>, level: Level, into: &mut HashMap<KeyId, u64>) {
    let range = pairs_of(pairs, &lists);
    let keys = pairs.keys.get(range.clone()).unwrap_or_default();
    let kinds = pairs.kinds.get(range).unwrap_or_default();
    for (key, kind) in keys.iter().zip(kinds) {
        *into.entry((level, *key, *kind)).or_default() += 1;
    }
}

fn find(pairs: &Pairs, lists: Range<usize>, key: Id, into: &mut HashSet<Cell>) {
    let range = pairs_of(pairs, &lists);
    let keys = pairs.keys.get(range.clone()).unwrap_or_default();
    let kinds = pairs.kinds.get(range.clone()).unwrap_or_default();
    let bits = pairs.bits.get(range).unwrap_or_default();
    for ((name, kind), bits) in keys.iter().zip(kinds).zip(bits) {
        if *name == key {
            into.insert(Cell { kind: *kind, bits: *bits });
        }
    }
}
