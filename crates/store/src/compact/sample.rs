//! Tail sampling: which traces stay when more come than are wanted.
//!
//! Until they are old enough every trace is there, so that what is decided on is the trace as a
//! whole, late spans included, and nothing waits in memory for it. Traces that failed, were slow,
//! have a rare operation or are pinned stay. Of the others a share stays that gives each service
//! its budget; which ones follows from their ids, so that all parts of a trace fare alike wherever
//! they are. A trace stays for the service of which the largest share stays.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use trunkline_model::trace::TraceId;
use trunkline_otlp::StatusCode;

use super::{Source, each};
use crate::files::Segment;
use crate::manifest::{Change, Entry};
use crate::segment::{Mask, Parts, trace_hash};
use crate::store::{MaintainError, Sampling, Shared};
use crate::table::{Id, Table, duration_nanos};

/// Spans that are decided on together: their traces are in memory.
const SPANS_MAX: u64 = 2_000_000;
/// Longest time that spans which are decided on together are taken to be from.
const SPAN_MAX_NANOS: u64 = 24 * 3600 * 1_000_000_000;
/// Row groups that are decided on together, as one file has them afterwards.
const GROUPS_MAX: u32 = 32;

/// Decides on traces.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Traces that go; none if every trace stays.
    gone: Option<HashSet<[u8; 16]>>,
}

/// What is known of a trace.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The largest share of one of its services.
    share: f64,
    stays: bool,
}

impl Sampler {
    /// Keeps everything.
    pub(super) const fn none() -> Self {
        Self { gone: None }
    }

    /// Decides on the traces of these segments.
    pub(super) fn new(
        shared: &Shared,
        sampling: &Sampling,
        sources: &[Source],
    ) -> Result<Self, MaintainError> {
        let entries = sources.iter().map(|source| &*source.segment.entry);
        let shares = shares(sampling, &entries.collect::<Vec<_>>());
        let common = common_operations(sampling, sources);
        let pinned: BTreeSet<TraceId> = shared.manifest().with(|state| state.pinned.clone());
        let mut traces = HashMap::<[u8; 16], Seen>::new();
        for source in sources {
            for group in 0..source.index.groups.len() {
                let mut table = Table::default();
                each(shared, source, group, |reader| {
                    reader.read(&Mask::all(reader.rows()), Parts::Summary, &mut table)
                })?;
                learn(&table, sampling, &shares, &common, &mut traces);
            }
        }
        let goes = |(trace, seen): (&[u8; 16], &Seen)| {
            let picked = unit(trace_hash(trace)) < seen.share;
            let is_pinned = TraceId::new(*trace).is_some_and(|id| pinned.contains(&id));
            !seen.stays && !picked && !is_pinned
        };
        traces.retain(|trace, seen| goes((trace, seen)));
        Ok(Self { gone: Some(traces.into_keys().collect()) })
    }

    /// Takes the rows away whose trace is not to stay.
    pub(super) fn drop(&self, table: &Table, rows: &mut Vec<u32>) {
        let Some(gone) = &self.gone else { return };
        let trace = |row: &u32| table.rows.trace.get(*row as usize);
        rows.retain(|row| trace(row).is_none_or(|trace| !gone.contains(trace)));
    }
}

/// A number from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "the upper bits decide")]
fn unit(hash: u64) -> f64 {
    hash as f64 / u64::MAX as f64
}

/// The share of each service's spans that makes its budget.
#[expect(clippy::cast_precision_loss, reason = "shares are about right")]
fn shares(sampling: &Sampling, entries: &[&Entry]) -> HashMap<Arc<str>, f64> {
    let most = entries.iter().map(|entry| entry.latest()).max().unwrap_or(0);
    let least = entries.iter().map(|entry| entry.start.0).min().unwrap_or(0);
    // Of spans whose clock had not been set nothing is learned.
    let least = least.max(most.saturating_sub(SPAN_MAX_NANOS));
    let seconds = ((most - least.min(most)) as f64 / 1e9).max(1.0);
    let mut spans = HashMap::<Arc<str>, u64>::new();
    for service in entries.iter().flat_map(|entry| &entry.services) {
        *spans.entry(Arc::clone(&service.name)).or_default() += service.spans;
    }
    let share = |spans: u64| (sampling.spans_per_second * seconds / spans.max(1) as f64).min(1.0);
    spans.into_iter().map(|(service, spans)| (service, share(spans))).collect()
}

/// Operations, by service and name, that are not rare.
fn common_operations(sampling: &Sampling, sources: &[Source]) -> HashSet<(Arc<str>, Arc<str>)> {
    let mut spans = HashMap::<(Arc<str>, Arc<str>), u64>::new();
    for Source { index, .. } in sources {
        for operation in &index.operations {
            if let Some(service) = index.services.get(operation.service as usize) {
                let key = (Arc::clone(&service.name), Arc::clone(&operation.name));
                *spans.entry(key).or_default() += operation.spans;
            }
        }
    }
    spans.retain(|_, spans| *spans >= sampling.rare);
    spans.into_keys().collect()
}

/// Learns of the traces of a row group.
fn learn(
    table: &Table,
    sampling: &Sampling,
    shares: &HashMap<Arc<str>, f64>,
    common: &HashSet<(Arc<str>, Arc<str>)>,
    into: &mut HashMap<[u8; 16], Seen>,
) {
    let slow =
        sampling.slow.map_or(u64::MAX, |slow| u64::try_from(slow.as_nanos()).unwrap_or(u64::MAX));
    let mut known = HashMap::<(Id, Id), (f64, bool)>::new();
    for (row, trace) in table.rows.trace.iter().enumerate() {
        let at = |column: &[u64]| column.get(row).copied().unwrap_or_default();
        let service = table.service(row);
        let name = table.rows.name.get(row).copied().unwrap_or_default();
        let (share, rare) = *known.entry((service, name)).or_insert_with(|| {
            let text = |id: Id| Arc::<str>::from(table.texts.text(id));
            let share = shares.get(table.texts.text(service)).copied().unwrap_or(1.0);
            (share, !common.contains(&(text(service), text(name))))
        });
        let failed = table.rows.status.get(row).copied() == Some(StatusCode::Error as u8);
        let took = duration_nanos(at(&table.rows.start), at(&table.rows.duration));
        let seen = into.entry(*trace).or_default();
        seen.share = seen.share.max(share);
        seen.stays |= failed || rare || took > slow;
    }
}

impl Shared {
    /// Whether segments are to be sampled.
    pub(super) fn sampling_is_due(&self) -> bool {
        !self.to_sample().is_empty()
    }

    /// Samples segments that are old enough; says whether there were some.
    pub(super) fn sample(
        &self,
        between: &dyn Fn() -> Result<(), MaintainError>,
    ) -> Result<bool, MaintainError> {
        let segments = self.to_sample();
        let Some(sampling) = self.config().sampling.as_ref().filter(|_| !segments.is_empty())
        else {
            return Ok(false);
        };
        let entries: Vec<&Entry> = segments.iter().map(|segment| &*segment.entry).collect();
        if shares(sampling, &entries).values().all(|share| *share >= 1.0) {
            // All of them are within their budget: they stay as they are.
            let marked = |entry: &Entry| Arc::new(Entry { sampled: true, ..entry.clone() });
            let add = entries.into_iter().map(marked).collect();
            self.relist(&Change { add, ..Change::default() })?;
            return Ok(true);
        }
        self.rewrite(&segments, true, between)?;
        Ok(true)
    }

    /// The oldest segments that are old enough and were not sampled.
    fn to_sample(&self) -> Vec<Arc<Segment>> {
        let Some(sampling) = &self.config().sampling else { return Vec::new() };
        let after = u64::try_from(sampling.after.as_nanos()).unwrap_or(u64::MAX);
        let oldest = self.clock().wall_nanos().saturating_sub(after);
        let mut all = self.mergeable();
        all.retain(|one| !one.entry.sampled && one.entry.latest() < oldest);
        all.sort_by_key(|one| (one.entry.start, one.entry.number));
        let (mut spans, mut groups) = (0, 0);
        let mut room = |segment: &Arc<Segment>| {
            spans += segment.entry.spans;
            groups += segment.entry.groups;
            spans <= SPANS_MAX && groups <= GROUPS_MAX
        };
        let fitting = all.iter().take_while(|segment| room(segment)).count();
        // One by itself, however large it is.
        all.truncate(fitting.max(1));
        all
    }
}
