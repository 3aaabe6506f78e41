//! Counters that only grow, since this process began: what Prometheus scrapes.

use std::collections::BTreeMap;

use crate::rollup::Config;
use crate::rollup::cell::{Cell, EdgeCell};
use crate::rollup::period::{EdgeKey, EdgeKind, Recorder, Rollup, SeriesKey};

/// Counters that were not counted for so many times as long as series may be idle are forgotten: a
/// scraper has seen them by then, and takes what comes later for a restart.
const IDLE_TIMES: u64 = 4;

/// Counters by series.
pub type TotalSeries = BTreeMap<SeriesKey, Total<Cell>>;
/// Counters by edge.
pub type TotalEdges = BTreeMap<EdgeKey, Total<EdgeCell>>;

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Total<C> {
    /// What was counted.
    pub cell: C,
    /// When it last grew, nanoseconds since the Unix epoch.
    last: u64,
}

/// All counters, as of the last commit.
#[derive(Debug)]
pub struct Totals {
    /// Of series.
    pub series: TotalSeries,
    /// Of edges between services; local ones are no calls.
    pub edges: TotalEdges,
    /// Counts that are in no counter: there are too many.
    pub refused: u64,
    max: usize,
    idle_nanos: u64,
}

impl Totals {
    pub(super) fn new(config: &Config) -> Self {
        let idle_nanos = config.idle_nanos().saturating_mul(IDLE_TIMES);
        let (series, edges) = (BTreeMap::new(), BTreeMap::new());
        Self { series, edges, refused: 0, max: config.series_max, idle_nanos }
    }

    pub(super) fn add(&mut self, part: &Rollup, now: u64) {
        for (key, cell) in &part.series {
            match entry(&mut self.series, key, self.max, now) {
                Some(total) => total.merge(cell),
                None => self.refused += 1,
            }
        }
        for (key, cell) in part.edges.iter().filter(|(key, _)| key.kind != EdgeKind::Local) {
            match entry(&mut self.edges, key, self.max, now) {
                Some(total) => total.merge(cell),
                None => self.refused += 1,
            }
        }
    }

    pub(super) fn forget_idle(&mut self, now: u64) {
        let first = now.saturating_sub(self.idle_nanos);
        self.series.retain(|_, total| total.last >= first);
        self.edges.retain(|_, total| total.last >= first);
    }

    /// The series that count where both a service and the proxy recorded spans of a kind: the
    /// service's own.
    pub fn counting(&self) -> impl Iterator<Item = (&SeriesKey, &Cell)> {
        let all = self.series.iter().map(|(key, total)| (key, &total.cell));
        all.filter(|(key, _)| key.recorder == Recorder::Own || !self.records(key))
    }

    /// Whether a service records spans of this kind itself.
    fn records(&self, of: &SeriesKey) -> bool {
        let first = SeriesKey {
            recorder: Recorder::Own,
            operation: "".into(),
            kind: trunkline_otlp::Kind::Unspecified,
            status: trunkline_otlp::StatusCode::Unset,
            service: of.service.clone(),
        };
        let own = self.series.range(first..).map(|(key, _)| key);
        let mut own =
            own.take_while(|key| key.service == of.service && key.recorder == Recorder::Own);
        own.any(|key| key.kind == of.kind)
    }
}

fn entry<'a, K: Ord + Clone, C: Default>(
    totals: &'a mut BTreeMap<K, Total<C>>,
    key: &K,
    max: usize,
    now: u64,
) -> Option<&'a mut C> {
    if totals.len() >= max && !totals.contains_key(key) {
        return None;
    }
    let total = totals.entry(key.clone()).or_default();
    total.last = total.last.max(now);
    Some(&mut total.cell)
}
