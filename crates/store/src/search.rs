//! Answers from everything that has spans: heads and segments.

mod newest;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Kind, Span};

use crate::head::Head;
use crate::source::{
    Budget, Found, Hit, KnownKey, Level, Operation, QueryError, Search, SpanSource, Spent, arrange,
    as_text,
};
use crate::table::{Cell, KeyId, OperationId};
use newest::Newest;

/// What there was at one moment: everything, and nothing twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// What no segment has yet, oldest first.
    pub(crate) heads: Vec<Arc<Head>>,
}

impl SpanSource for View {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        let mut found = BTreeSet::<Arc<str>>::new();
        for head in &self.heads {
            head.slices(head.len(), budget, |table, slice| {
                let numbers = table.rows.resource.get(slice).unwrap_or_default();
                let numbers: HashSet<u32> = numbers.iter().copied().collect();
                let resources = numbers.into_iter().filter_map(|one| table.resources.get(one));
                for resource in resources {
                    let service = table.texts.text(resource.service);
                    if !found.contains(service) {
                        found.insert(service.into());
                    }
                }
            })?;
        }
        Ok(found.into_iter().collect())
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        let mut found = BTreeSet::new();
        for head in &self.heads {
            let mut here = HashMap::<OperationId, u64>::new();
            head.slices(head.len(), budget, |table, slice| table.operations(slice, &mut here))?;
            let table = head.table();
            for (of, name, kind) in here.into_keys() {
                if service.is_none_or(|service| service == table.texts.text(of)) {
                    let name = table.texts.text(name).into();
                    found.insert(Operation { name, kind: Kind::of(kind.into()) });
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        let mut found = BTreeMap::<(Arc<str>, Level, &'static str), u64>::new();
        for head in &self.heads {
            let mut here = HashMap::<KeyId, u64>::new();
            head.slices(head.len(), budget, |table, slice| table.keys(slice, &mut here))?;
            let table = head.table();
            for ((level, key, kind), count) in here {
                let key = table.texts.text(key).into();
                *found.entry((key, level, kind.name())).or_default() += count;
            }
        }
        let known = found.into_iter();
        Ok(known.map(|((key, level, kind), count)| KnownKey { key, level, kind, count }).collect())
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        let mut found = BTreeSet::<Arc<str>>::new();
        for head in &self.heads {
            let rows = head.len();
            let Some(id) = head.table().texts.find(key.as_bytes()) else { continue };
            let mut here = HashSet::<Cell>::new();
            head.slices(rows, budget, |table, slice| table.values(slice, level, id, &mut here))?;
            let table = head.table();
            for cell in here {
                let value = cell.value(&table.texts);
                keep_least(&mut found, &as_text(&value), prefix, limit);
            }
        }
        Ok(found.into_iter().collect())
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        let mut wanted = HashMap::<TraceId, usize>::new();
        for id in ids {
            let next = wanted.len();
            wanted.entry(*id).or_insert(next);
        }
        let mut found: Vec<Vec<Span>> = vec![Vec::new(); wanted.len()];
        for head in &self.heads {
            head.traces(
                |id| wanted.get(&id).copied(),
                budget,
                |number, span| {
                    if let Some(spans) = found.get_mut(number) {
                        spans.push(span);
                    }
                },
            )?;
        }
        found.iter_mut().for_each(arrange);
        let of = |id| wanted.get(id).and_then(|number| found.get(*number)).cloned();
        Ok(ids.iter().map(|id| of(id).unwrap_or_default()).collect())
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        let mut newest = Newest::new(search.limit, search.after);
        let ended = self.search_into(search, budget, &mut newest);
        Ok(newest.found(ended.is_err()))
    }
}

impl View {
    fn search_into(
        &self,
        search: &Search,
        budget: &mut Budget,
        newest: &mut Newest,
    ) -> Result<(), Spent> {
        if search.after.is_some() {
            for head in &self.heads {
                head.search(search, budget, |hit: Hit| {
                    newest.show(hit);
                })?;
            }
        }
        for head in &self.heads {
            head.search(search, budget, |hit| newest.offer(hit))?;
        }
        Ok(())
    }
}

/// Keeps a text if it begins with `prefix` and is among the first `limit` of them.
fn keep_least(into: &mut BTreeSet<Arc<str>>, text: &str, prefix: &str, limit: usize) {
    if !text.starts_with(prefix) || into.contains(text) {
        return;
    }
    if into.len() >= limit && into.last().is_none_or(|last| **last <= *text) {
        return;
    }
    into.insert(text.into());
    if into.len() > limit {
        into.pop_last();
    }
}
