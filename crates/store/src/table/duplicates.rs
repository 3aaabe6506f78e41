//! Spans that are there twice: a batch was sent again because its acknowledgement was lost.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::{Cell, Id, Pairs, Table};

impl Table {
    /// Takes rows away that are equal to another one of them in everything.
    pub(crate) fn drop_duplicates(&self, rows: &mut Vec<u32>) {
        let key = |row: u32| {
            let row = row as usize;
            let columns = &self.rows;
            (columns.trace.get(row), columns.id.get(row), columns.start.get(row))
        };
        let mut order = rows.clone();
        order.sort_unstable_by(|a, b| key(*a).cmp(&key(*b)).then(a.cmp(b)));
        let mut twice = Vec::new();
        let hasher = DefaultHashBuilder::default();
        for group in order.chunk_by(|a, b| key(*a) == key(*b)).filter(|group| group.len() > 1) {
            // Only what has one hash is compared: many different spans may have one id.
            let mut first = HashMap::<u64, Vec<u32>>::new();
            for row in group {
                let alike = first.entry(self.hash_of(*row as usize, &hasher)).or_default();
                if alike.iter().any(|other| self.is_same(*other as usize, *row as usize)) {
                    twice.push(*row);
                } else {
                    alike.push(*row);
                }
            }
        }
        twice.sort_unstable();
        rows.retain(|row| twice.binary_search(row).is_err());
    }

    /// A hash of what differs between spans that are not one.
    fn hash_of(&self, row: usize, hasher: &DefaultHashBuilder) -> u64 {
        let rows = &self.rows;
        let texts = (rows.name.get(row), rows.trace_state.get(row), rows.status_message.get(row));
        let numbers = (rows.parent.get(row), rows.duration.get(row), rows.flags.get(row));
        let small = (rows.kind.get(row), rows.status.get(row), rows.dropped.get(row));
        let sources = (rows.resource.get(row), rows.scope.get(row));
        let (events, links) = (self.events_of(row), self.links_of(row));
        let of_events =
            (self.events.time.get(events.clone()), self.events.name.get(events.clone()));
        let of_links = (self.links.trace.get(links.clone()), self.links.span.get(links.clone()));
        let mut state = hasher.build_hasher();
        (texts, numbers, small, sources, of_events, of_links).hash(&mut state);
        by_key(&self.attributes, row).hash(&mut state);
        for event in events {
            self.events.attributes.list(event).for_each(|pair| pair.hash(&mut state));
        }
        for link in links {
            self.links.attributes.list(link).for_each(|pair| pair.hash(&mut state));
        }
        state.finish()
    }

    /// Whether two rows are equal. Equal texts and sources have equal numbers.
    fn is_same(&self, a: usize, b: usize) -> bool {
        let rows = &self.rows;
        let events = &self.events;
        let links = &self.links;
        same(&rows.parent, a, b)
            && same(&rows.duration, a, b)
            && same(&rows.name, a, b)
            && same(&rows.trace_state, a, b)
            && same(&rows.status_message, a, b)
            && same(&rows.kind, a, b)
            && same(&rows.status, a, b)
            && same(&rows.flags, a, b)
            && same(&rows.resource, a, b)
            && same(&rows.scope, a, b)
            && same(&rows.dropped, a, b)
            && by_key(&self.attributes, a) == by_key(&self.attributes, b)
            && all_same(self.events_of(a), self.events_of(b), |a, b| {
                same(&events.time, a, b)
                    && same(&events.name, a, b)
                    && same(&events.dropped, a, b)
                    && events.attributes.list(a).eq(events.attributes.list(b))
            })
            && all_same(self.links_of(a), self.links_of(b), |a, b| {
                same(&links.trace, a, b)
                    && same(&links.span, a, b)
                    && same(&links.trace_state, a, b)
                    && same(&links.flags, a, b)
                    && same(&links.dropped, a, b)
                    && links.attributes.list(a).eq(links.attributes.list(b))
            })
    }
}

/// Attributes of spans have no order, but for those of one key.
fn by_key(pairs: &Pairs, list: usize) -> Vec<(Id, Cell)> {
    let mut pairs: Vec<_> = pairs.list(list).collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs
}

fn same<T: PartialEq>(column: &[T], a: usize, b: usize) -> bool {
    column.get(a) == column.get(b)
}

fn all_same(
    a: std::ops::Range<usize>,
    b: std::ops::Range<usize>,
    same: impl Fn(usize, usize) -> bool,
) -> bool {
    a.len() == b.len() && a.zip(b).all(|(a, b)| same(a, b))
}
