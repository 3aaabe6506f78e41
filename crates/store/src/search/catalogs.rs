//! What there is to ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use trunkline_otlp::{Kind, Value};

use super::{View, each_group, or_damaged};
use crate::files::Segment;
use crate::segment::{Index, Mask, Parts};
use crate::source::{Budget, KnownKey, Level, Operation, QueryError, as_text};
use crate::table::{Cell, KeyId, OperationId, Table};

/// The services that have spans.
pub(super) fn services(view: &View, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
    let mut found = BTreeSet::<Arc<str>>::new();
    for head in &view.heads {
        head.slices(head.len(), budget, |table, slice| {
            let numbers = table.rows.resource.get(slice).unwrap_or_default();
            let numbers: HashSet<u32> = numbers.iter().copied().collect();
            for resource in numbers.into_iter().filter_map(|one| table.resources.get(one)) {
                let service = table.texts.text(resource.service);
                if !found.contains(service) {
                    found.insert(service.into());
                }
            }
        })?;
    }
    for segment in &view.segments {
        found.extend(segment.entry.services.iter().map(|service| Arc::clone(&service.name)));
    }
    Ok(found.into_iter().collect())
}

/// The operations of a service, or of all.
pub(super) fn operations(
    view: &View,
    service: Option<&str>,
    budget: &mut Budget,
) -> Result<Vec<Operation>, QueryError> {
    let mut found = BTreeSet::new();
    let wanted = |name: &str| service.is_none_or(|service| service == name);
    for head in &view.heads {
        let mut here = HashMap::<OperationId, u64>::new();
        head.slices(head.len(), budget, |table, slice| table.operations(slice, &mut here))?;
        add_operations(&head.table(), here, &wanted, &mut found);
    }
    for segment in &view.segments {
        if !segment.entry.services.iter().any(|service| wanted(&service.name)) {
            continue;
        }
        let Some(index) = index_of(segment, budget)? else { continue };
        if index.operations_complete {
            let name = |number: u32| index.services.get(number as usize).map(|one| &*one.name);
            let ours = index.operations.iter().filter(|one| name(one.service).is_some_and(&wanted));
            found.extend(ours.map(|one| Operation {
                name: Arc::clone(&one.name),
                kind: Kind::of(one.kind.into()),
            }));
            continue;
        }
        each_group(segment, budget, |reader| {
            let mut table = Table::default();
            reader.read(&Mask::all(reader.rows()), Parts::Summary, &mut table)?;
            let mut here = HashMap::new();
            table.operations(0..table.len(), &mut here);
            add_operations(&table, here, &wanted, &mut found);
            Ok(())
        })?;
    }
    Ok(found.into_iter().collect())
}

fn add_operations(
    table: &Table,
    here: HashMap<OperationId, u64>,
    wanted: &impl Fn(&str) -> bool,
    into: &mut BTreeSet<Operation>,
) {
    for (of, name, kind) in here.into_keys() {
        if wanted(table.texts.text(of)) {
            let name = table.texts.text(name).into();
            into.insert(Operation { name, kind: Kind::of(kind.into()) });
        }
    }
}

/// The keys of attributes.
pub(super) fn keys(view: &View, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
    type Keys = BTreeMap<(Arc<str>, Level, &'static str), u64>;
    fn add(table: &Table, here: HashMap<KeyId, u64>, into: &mut Keys) {
        for ((level, key, kind), count) in here {
            let key = table.texts.text(key).into();
            *into.entry((key, level, kind.name())).or_default() += count;
        }
    }
    let mut found = Keys::new();
    for head in &view.heads {
        let mut here = HashMap::<KeyId, u64>::new();
        head.slices(head.len(), budget, |table, slice| table.keys(slice, &mut here))?;
        add(&head.table(), here, &mut found);
    }
    for segment in &view.segments {
        let Some(index) = index_of(segment, budget)? else { continue };
        if index.keys_complete {
            for one in &index.keys {
                let key = (Arc::clone(&one.key), one.level, one.kind.name());
                *found.entry(key).or_default() += one.count;
            }
            continue;
        }
        each_group(segment, budget, |reader| {
            let mut table = Table::default();
            reader.read(&Mask::all(reader.rows()), Parts::All, &mut table)?;
            let mut here = HashMap::new();
            table.keys(0..table.len(), &mut here);
            add(&table, here, &mut found);
            Ok(())
        })?;
    }
    let known = found.into_iter();
    Ok(known.map(|((key, level, kind), count)| KnownKey { key, level, kind, count }).collect())
}

/// The values of a key.
pub(super) fn values(
    view: &View,
    level: Level,
    key: &str,
    into: &mut Least<'_>,
    budget: &mut Budget,
) -> Result<(), QueryError> {
    for head in &view.heads {
        let rows = head.len();
        let Some(id) = head.table().texts.find(key.as_bytes()) else { continue };
        let mut here = HashSet::<Cell>::new();
        head.slices(rows, budget, |table, slice| table.values(slice, level, id, &mut here))?;
        let table = head.table();
        here.into_iter().for_each(|cell| into.add(&cell.value(&table.texts)));
    }
    for segment in &view.segments {
        each_group(segment, budget, |reader| {
            reader.values(level, key, &mut |value| into.add(value))
        })?;
    }
    Ok(())
}

fn index_of(segment: &Segment, budget: &mut Budget) -> Result<Option<Arc<Index>>, QueryError> {
    budget.spend(1, segment.entry.index_bytes.into())?;
    or_damaged(segment, segment.open().and_then(|opened| opened.index()))
}

/// The first texts of many, by name.
#[derive(Debug)]
pub(super) struct Least<'a> {
    prefix: &'a str,
    limit: usize,
    found: BTreeSet<Arc<str>>,
}

impl<'a> Least<'a> {
    /// At most so many that begin with this.
    pub(super) const fn new(prefix: &'a str, limit: usize) -> Self {
        Self { prefix, limit, found: BTreeSet::new() }
    }

    fn add(&mut self, value: &Value) {
        let text = as_text(value);
        if !text.starts_with(self.prefix) || self.found.contains(&*text) {
            return;
        }
        let full = self.found.len() >= self.limit;
        if full && self.found.last().is_none_or(|last| **last <= *text) {
            return;
        }
        self.found.insert(text.into());
        if self.found.len() > self.limit {
            self.found.pop_last();
        }
    }

    /// By name.
    pub(super) fn found(self) -> Vec<Arc<str>> {
        self.found.into_iter().collect()
    }
}
