//! A store of spans that is right by being simple: the oracle of every other one.
//!
//! It keeps spans as they are and asks each of them. Whoever implements
//! [`SpanSource`] must answer as this does; whoever uses one
//! can be tested with this, without a file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use trunkline_model::trace::TraceId;
use trunkline_otlp::wire::Malformed;
use trunkline_otlp::{Attributes, Span, view};
use trunkline_store::source::{
    Budget, Found, Hit, KnownKey, Level, Operation, QueryError, Search, SpanSource, Spent, arrange,
    as_text, type_name,
};

/// Spans in memory, without bound.
#[derive(Debug, Default)]
pub struct Memory {
    spans: RwLock<Vec<Span>>,
}

impl Memory {
    /// These spans.
    pub fn new(spans: Vec<Span>) -> Self {
        Self { spans: RwLock::new(spans) }
    }

    /// Adds spans.
    pub fn extend(&self, spans: impl IntoIterator<Item = Span>) {
        self.spans.write().unwrap_or_else(PoisonError::into_inner).extend(spans);
    }

    /// Adds the spans of a batch of OTLP; says how many.
    ///
    /// # Errors
    /// It is none.
    pub fn append(&self, request: &[u8]) -> Result<usize, Malformed> {
        let spans = view::spans(request)?;
        let count = spans.len();
        self.extend(spans);
        Ok(count)
    }

    /// Every span, in the order in which they came.
    pub fn all(&self) -> Vec<Span> {
        self.look(<[Span]>::to_vec)
    }

    fn look<T>(&self, read: impl FnOnce(&[Span]) -> T) -> T {
        read(&self.spans.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn each(&self, budget: &mut Budget, mut see: impl FnMut(&Span)) -> Result<(), Spent> {
        self.look(|spans| {
            for piece in spans.chunks(1024) {
                budget.spend(piece.len() as u64, 0)?;
                piece.iter().for_each(&mut see);
            }
            Ok(())
        })
    }
}

/// Every list of attributes of a span, with the level it stands at.
fn levels(span: &Span) -> impl Iterator<Item = (Level, &Attributes)> {
    let own = [
        (Level::Resource, &span.resource.attributes),
        (Level::Scope, &span.scope.attributes),
        (Level::Span, &span.attributes),
    ];
    let events = span.events.iter().map(|event| (Level::Event, &event.attributes));
    let links = span.links.iter().map(|link| (Level::Link, &link.attributes));
    own.into_iter().chain(events).chain(links)
}

impl SpanSource for Memory {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        let mut found = BTreeSet::new();
        self.each(budget, |span| {
            found.insert(Arc::from(span.service()));
        })?;
        Ok(found.into_iter().collect())
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        let mut found = BTreeSet::new();
        self.each(budget, |span| {
            if service.is_none_or(|service| service == span.service()) {
                found.insert(Operation { name: Arc::clone(&span.name), kind: span.kind });
            }
        })?;
        Ok(found.into_iter().collect())
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        let mut found = BTreeMap::<(Arc<str>, Level, &'static str), u64>::new();
        self.each(budget, |span| {
            for (level, attributes) in levels(span) {
                for (key, value) in attributes {
                    *found.entry((Arc::clone(key), level, type_name(value))).or_default() += 1;
                }
            }
        })?;
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
        self.each(budget, |span| {
            for (at, attributes) in levels(span) {
                let here = level == Level::Any || level == at;
                for (_, value) in attributes.iter().filter(|(name, _)| here && **name == *key) {
                    let text = as_text(value);
                    if text.starts_with(prefix) && !found.contains(&*text) {
                        found.insert(Arc::from(text));
                    }
                }
            }
        })?;
        Ok(found.into_iter().take(limit).collect())
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        let mut found: HashMap<TraceId, Vec<Span>> =
            ids.iter().map(|id| (*id, Vec::new())).collect();
        self.each(budget, |span| {
            if let Some(spans) = found.get_mut(&span.trace) {
                spans.push(span.clone());
            }
        })?;
        found.values_mut().for_each(arrange);
        Ok(ids.iter().map(|id| found.get(id).cloned().unwrap_or_default()).collect())
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        let mut newest = HashMap::<TraceId, u64>::new();
        let ended = self.each(budget, |span| {
            let start = span.start_unix_nanos;
            if search.start_unix_nanos.contains(&start) && search.filter.takes(span) {
                newest.entry(span.trace).and_modify(|of| *of = start.max(*of)).or_insert(start);
            }
        });
        let hits = newest.into_iter();
        let mut hits: Vec<Hit> =
            hits.map(|(trace, start_unix_nanos)| Hit { start_unix_nanos, trace }).collect();
        hits.retain(|hit| search.after.is_none_or(|after| *hit < after));
        hits.sort_unstable_by(|a, b| b.cmp(a));
        let more = hits.len() > search.limit;
        hits.truncate(search.limit);
        Ok(Found { hits, more, partial: ended.is_err() })
    }
}
