//! What there is to ask for in a segment, gathered while it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::super::index::{Index, KeyCount, LISTED_MAX, OperationCount, Service};
use super::super::layout::Dense;
use crate::source::Level;
use crate::table::{Id, KeyId, OperationId, Table, Type};

#[derive(Debug, Default)]
struct Key {
    count: u64,
    distinct: u32,
    groups: u64,
}

/// Services, operations and keys of the row groups so far.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    services: BTreeMap<Arc<str>, (u64, u64)>,
    operations: BTreeMap<(Arc<str>, Arc<str>, u8), u64>,
    operations_left_out: bool,
    keys: BTreeMap<(Level, Arc<str>, Type), Key>,
    keys_left_out: bool,
}

impl Catalog {
    /// Learns of a row group. `own` says how often keys of the spans' own attributes are there.
    pub(super) fn learn(
        &mut self,
        table: &Table,
        order: &[u32],
        own: &HashMap<Id, [u64; 8]>,
        group: u32,
    ) {
        let mut operations = HashMap::<OperationId, u64>::new();
        let mut services = HashMap::<Id, (u64, u64)>::new();
        let mut last: Option<(OperationId, u64)> = None;
        for row in order {
            let row = *row as usize;
            let service = table.service(row);
            let name = table.rows.name.get(row).copied().unwrap_or_default();
            let kind = table.rows.kind.get(row).copied().unwrap_or_default();
            let start = table.rows.start.get(row).copied().unwrap_or_default();
            let known = services.entry(service).or_default();
            *known = (known.0 + 1, known.1.max(start));
            // Rows are sorted: most are of the operation of the row before.
            match &mut last {
                Some((operation, times)) if *operation == (service, name, kind) => *times += 1,
                _ => {
                    if let Some((operation, times)) = last.replace(((service, name, kind), 1)) {
                        *operations.entry(operation).or_default() += times;
                    }
                }
            }
        }
        if let Some((operation, times)) = last {
            *operations.entry(operation).or_default() += times;
        }
        let text = |id: Id| Arc::<str>::from(table.texts.text(id));
        for (service, (spans, latest)) in services {
            let known = self.services.entry(text(service)).or_default();
            *known = (known.0 + spans, known.1.max(latest));
        }
        for ((service, name, kind), times) in operations {
            let operation = (text(service), text(name), kind);
            if self.operations.len() >= LISTED_MAX && !self.operations.contains_key(&operation) {
                self.operations_left_out = true;
            } else {
                *self.operations.entry(operation).or_default() += times;
            }
        }
        let mut keys = HashMap::<KeyId, u64>::new();
        table.other_keys(order, &mut keys);
        for (id, counts) in own {
            for (kind, count) in Type::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0)
            {
                keys.insert((Level::Span, *id, kind), *count);
            }
        }
        for ((level, id, kind), count) in keys {
            let key = (level, text(id), kind);
            if self.keys.len() >= LISTED_MAX && !self.keys.contains_key(&key) {
                self.keys_left_out = true;
            } else {
                let known = self.keys.entry(key).or_default();
                known.count += count;
                known.groups |= 1 << group;
            }
        }
    }

    /// Learns how many values of a key are distinct in the row group that was written last.
    pub(super) fn distinct(&mut self, dense: &Dense, distinct: u32) {
        let key = (Level::Span, Arc::clone(&dense.key), dense.kind);
        if let Some(known) = self.keys.get_mut(&key) {
            known.distinct = known.distinct.max(distinct);
        }
    }

    /// An index that has this and nothing else.
    pub(super) fn finish(self) -> Index {
        let names: Vec<Arc<str>> = self.services.keys().cloned().collect();
        let service = |name: &Arc<str>| names.binary_search(name).unwrap_or_default() as u32;
        let operations = self.operations.into_iter().map(|((of, name, kind), spans)| {
            OperationCount { service: service(&of), name, kind, spans }
        });
        let operations = operations.collect();
        let services = self.services.into_iter();
        let keys = self.keys.into_iter().map(|((level, key, kind), known)| KeyCount {
            level,
            key,
            kind,
            count: known.count,
            distinct: known.distinct,
            groups: known.groups,
        });
        Index {
            services: services
                .map(|(name, (spans, latest))| Service { name, spans, latest })
                .collect(),
            operations,
            operations_complete: !self.operations_left_out,
            keys: keys.collect(),
            keys_complete: !self.keys_left_out,
            ..Index::default()
        }
    }
}
