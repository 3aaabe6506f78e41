//! What can be asked: the store, and the spans that are on their way into it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;
use trunkline_store::Store;
use trunkline_store::source::{
    Budget, Found, Hit, KnownKey, Level, Operation, QueryError, Search, SpanSource, Summary,
};

use super::Keeping;

/// How long a question waits for the store to be open.
const OPENING_MAX: Duration = Duration::from_secs(3);
/// How often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Keeping {
    /// The store; waits a moment for one that is being opened. Questions are asked where it may block.
    pub(super) fn open_store(&self) -> Result<Arc<Store>, QueryError> {
        let end = self.clock.now() + OPENING_MAX;
        while self.store().is_none() && self.clock.now() < end {
            std::thread::sleep(LOOK_EVERY);
        }
        self.store().ok_or_else(|| QueryError::Unreadable {
            file: "the store".to_owned(),
            source: self.why_not().into(),
        })
    }

    /// Adds the own spans of traces that are not in the store yet.
    fn complete(&self, ids: &[TraceId], all: &mut [Vec<Span>]) {
        let places: HashMap<TraceId, usize> = ids.iter().copied().zip(0..).collect();
        let mut own = HashMap::<usize, Vec<Arc<Span>>>::new();
        for span in self.own.select(|span| places.contains_key(&span.trace)) {
            own.entry(places.get(&span.trace).copied().unwrap_or_default()).or_default().push(span);
        }
        for (place, own) in own {
            if let Some(spans) = all.get_mut(place) {
                add(spans, &own);
            }
        }
    }
}

/// Adds own spans to those of their trace. One that was kept a moment ago may be at both places.
fn add(spans: &mut Vec<Span>, own: &[Arc<Span>]) {
    let known: HashSet<_> = spans.iter().map(|span| (span.id, span.start_unix_nanos)).collect();
    let missing = own.iter().filter(|span| !known.contains(&(span.id, span.start_unix_nanos)));
    spans.extend(missing.map(|span| Span::clone(span)));
    spans.sort_by_key(|span| span.start_unix_nanos);
}

impl SpanSource for Keeping {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        let mut all = self.open_store()?.services(budget)?;
        all.extend(self.own.select(|_| true).iter().map(|span| Arc::from(span.service())));
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        let mut all = self.open_store()?.operations(service, budget)?;
        let own = self.own.select(|span| service.is_none_or(|service| span.service() == service));
        all.extend(
            own.iter().map(|span| Operation { name: Arc::clone(&span.name), kind: span.kind }),
        );
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        self.open_store()?.keys(budget)
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        self.open_store()?.values(level, key, prefix, limit, budget)
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        let mut all = self.open_store()?.traces(ids, budget)?;
        self.complete(ids, &mut all);
        Ok(all)
    }

    fn summaries(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Summary>, QueryError> {
        let asked: HashSet<TraceId> = ids.iter().copied().collect();
        let waiting: HashSet<TraceId> = self
            .own
            .select(|span| asked.contains(&span.trace))
            .iter()
            .map(|span| span.trace)
            .collect();
        let (new, old): (Vec<_>, Vec<_>) = ids.iter().partition(|id| waiting.contains(id));
        let mut all = BTreeMap::new();
        let store = self.open_store()?;
        all.extend(store.summaries(&old, budget)?.into_iter().map(|one| (one.trace, one)));
        let spans = self.traces(&new, budget)?;
        all.extend(spans.iter().filter_map(|spans| Summary::of(spans)).map(|one| (one.trace, one)));
        Ok(ids.iter().filter_map(|id| all.remove(id)).collect())
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        let mut found = self.open_store()?.search(search, budget)?;
        let own = self.own.select(|span| {
            search.start_unix_nanos.contains(&span.start_unix_nanos) && search.filter.takes(span)
        });
        if own.is_empty() {
            return Ok(found);
        }
        let mut newest: BTreeMap<TraceId, u64> =
            found.hits.iter().map(|hit| (hit.trace, hit.start_unix_nanos)).collect();
        for span in own {
            let start = newest.entry(span.trace).or_default();
            *start = span.start_unix_nanos.max(*start);
        }
        let hits =
            newest.into_iter().map(|(trace, start_unix_nanos)| Hit { start_unix_nanos, trace });
        found.hits = hits.filter(|hit| search.after.is_none_or(|after| *hit < after)).collect();
        found.hits.sort_unstable_by(|a, b| b.cmp(a));
        found.more |= found.hits.len() > search.limit;
        found.hits.truncate(search.limit);
        Ok(found)
    }
}
