//! What many traces have in common: their course over time, and whom and what they are about.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_store::source::Summary;

use crate::statistics::quantile;

/// Bars of a histogram.
pub const BARS: u64 = 60;
/// Values of a facet at most.
pub const VALUES_MAX: usize = 20;

/// Traces that began in the same part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// From when, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// Traces.
    pub traces: usize,
    /// Those with a failed span.
    pub failed: usize,
}

/// A value, and the traces that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet<T> {
    /// The value.
    pub value: T,
    /// Traces with it.
    pub traces: usize,
    /// Those of them with a failed span.
    pub failed: usize,
    /// How long they took, sorted, nanoseconds.
    pub durations: Vec<u64>,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// Earliest start, nanoseconds since the Unix epoch.
    pub from_unix_nanos: u64,
    /// Latest start.
    pub to_unix_nanos: u64,
    /// How long a bar is.
    pub bar_nanos: u64,
    /// Bars from the first to the last, empty ones too; none without traces.
    pub bars: Vec<Bar>,
    /// How long traces took, sorted, nanoseconds.
    pub durations: Vec<u64>,
    /// Who took part, most frequent first.
    pub services: Vec<Facet<Arc<str>>>,
    /// Service and operation of the root, most frequent first.
    pub entrances: Vec<Facet<(Arc<str>, Arc<str>)>>,
}

/// The overview of these traces.
pub fn overview(summaries: &[Summary]) -> Overview {
    let starts = || summaries.iter().map(|summary| summary.start_unix_nanos);
    let (Some(from), Some(to)) = (starts().min(), starts().max()) else {
        return Overview::default();
    };
    let bar_nanos = ((to - from) / BARS + 1).max(1);
    let mut bars: Vec<Bar> = (0..=(to - from) / bar_nanos)
        .map(|at| Bar { start_unix_nanos: from + at * bar_nanos, traces: 0, failed: 0 })
        .collect();
    for summary in summaries {
        let at = usize::try_from((summary.start_unix_nanos - from) / bar_nanos).unwrap_or(0);
        if let Some(bar) = bars.get_mut(at) {
            bar.traces += 1;
            bar.failed += usize::from(summary.failed > 0);
        }
    }
    let mut durations: Vec<u64> = summaries.iter().map(duration).collect();
    durations.sort_unstable();
    Overview {
        from_unix_nanos: from,
        to_unix_nanos: to,
        bar_nanos,
        bars,
        durations,
        services: facets(summaries, |summary| {
            summary.services.iter().map(|one| Arc::clone(&one.service)).collect()
        }),
        entrances: facets(summaries, |summary| {
            vec![(Arc::clone(&summary.root_service), Arc::clone(&summary.root_operation))]
        }),
    }
}

/// How long a trace took, in nanoseconds.
pub const fn duration(summary: &Summary) -> u64 {
    summary.end_unix_nanos.saturating_sub(summary.start_unix_nanos)
}

/// Traces by the values that they have, each value once, most frequent first.
pub fn facets<T: Ord>(summaries: &[Summary], values: impl Fn(&Summary) -> Vec<T>) -> Vec<Facet<T>> {
    let mut found = BTreeMap::<T, (usize, Vec<u64>)>::new();
    for summary in summaries {
        for value in values(summary) {
            let (failed, durations) = found.entry(value).or_default();
            *failed += usize::from(summary.failed > 0);
            durations.push(duration(summary));
        }
    }
    let facet = |(value, (failed, mut durations)): (T, (usize, Vec<u64>))| {
        durations.sort_unstable();
        Facet { value, traces: durations.len(), failed, durations }
    };
    let mut facets: Vec<_> = found.into_iter().map(facet).collect();
    facets.sort_by_key(|facet| std::cmp::Reverse(facet.traces));
    facets.truncate(VALUES_MAX);
    facets
}

impl<T> Facet<T> {
    /// A quantile of how long its traces took, in nanoseconds.
    pub fn quantile(&self, percent: usize) -> u64 {
        quantile(&self.durations, percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::tests::span;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_trace_is_in_one_bar(starts in prop::collection::vec(0..1_000_u64, 1..50)) {
            let summaries: Vec<_> = starts.iter().map(|start| {
                Summary::of(&[span(1, 0, "web", *start, start + 5)]).unwrap()
            }).collect();
            let found = overview(&summaries);
            prop_assert!(found.bars.len() <= 61);
            prop_assert_eq!(found.bars.iter().map(|bar| bar.traces).sum::<usize>(), starts.len());
            prop_assert_eq!(found.services[0].traces, starts.len());
            prop_assert_eq!(found.durations.len(), starts.len());
        }
    }
}
