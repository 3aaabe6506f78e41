//! Counters that each worker writes for itself, summed when somebody asks.
//!
//! A family has one cell per worker, made when that worker first counts: ten thousand idle routes
//! cost a pointer each, and no two workers write to one cache line. Counts by status are exact for
//! every status, however odd: a cell starts with room for a few and grows by chaining.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use trunkline_model::ops::Distribution;
use trunkline_net::http1::Refusal;
use trunkline_net::http2::Excess;
use trunkline_rt::metrics::{Counter, Gauge, Histogram, Snapshot};

/// One value per worker.
#[derive(Debug)]
pub(crate) struct PerWorker<T>(Box<[OnceLock<Box<Padded<T>>>]>);

/// Keeps the cells of two workers off one cache line (128 bytes: lines are fetched in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded<T>(T);

impl<T: Default> PerWorker<T> {
    /// Room for this many workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| OnceLock::new()).collect())
    }

    /// The cell of one worker.
    pub(crate) fn of(&self, worker: usize) -> &T {
        let place = worker % self.0.len();
        let cell = self.0.get(place).or_else(|| self.0.first());
        let cell = cell.expect("there is at least one cell");
        &cell.get_or_init(Box::default).0
    }

    /// The cells that were written to.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|cell| Some(&cell.get()?.0))
    }
}

/// Statuses that a cell has room for before it grows.
const STATUSES: usize = 6;

/// Counts by status; written by one thread.
#[derive(Debug, Default)]
pub(crate) struct ByStatus {
    slots: [Slot; STATUSES],
    more: OnceLock<Box<ByStatus>>,
}

/// A free slot has the status [`FREE`] plus one stored as zero: statuses are kept one higher.
#[derive(Debug, Default)]
struct Slot {
    status_plus_one: AtomicU16,
    count: Counter,
}

impl ByStatus {
    /// Counts one of `status`; 0 stands for no answer.
    pub(crate) fn count(&self, status: u16) {
        let wanted = status.saturating_add(1);
        for slot in &self.slots {
            let found = slot.status_plus_one.load(Ordering::Relaxed);
            if found == 0 {
                slot.status_plus_one.store(wanted, Ordering::Relaxed);
            }
            if found == 0 || found == wanted {
                slot.count.increment_alone();
                return;
            }
        }
        self.more.get_or_init(Box::default).count(status);
    }

    fn add_to(&self, into: &mut BTreeMap<u16, u64>) {
        for slot in &self.slots {
            let Some(status) = slot.status_plus_one.load(Ordering::Relaxed).checked_sub(1) else {
                return;
            };
            *into.entry(status).or_default() += slot.count.get();
        }
        if let Some(more) = self.more.get() {
            more.add_to(into);
        }
    }
}

/// What is counted of requests to a route, service or endpoint.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// By status sent or received.
    pub(crate) statuses: ByStatus,
    /// How long they took.
    pub(crate) latency: Histogram,
    /// Connections that could not be opened; endpoints only.
    pub(crate) connect_failures: Counter,
}

/// What is counted of a listener.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// Accepted so far.
    pub(crate) accepted: Counter,
    /// Open now.
    pub(crate) open: Gauge,
    /// TLS handshakes that began a session.
    pub(crate) handshakes_full: Counter,
    /// TLS handshakes that went on with an earlier session.
    pub(crate) handshakes_resumed: Counter,
    /// TLS handshakes that failed, by [`crate::secure::FAILURES`].
    pub(crate) handshakes_failed: [Counter; crate::secure::FAILURES.len()],
    /// Requests that were refused before they were requests.
    pub(crate) refusals: Refusals,
    /// HTTP/2 connections that were ended, and streams that were left, for what was too much.
    pub(crate) excesses: Excesses,
    /// Connections that were closed because their PROXY header was none.
    pub(crate) headers_failed: Counter,
    /// Bytes that relayed callers sent.
    pub(crate) relayed_received: Counter,
    /// Bytes that relayed callers were sent.
    pub(crate) relayed_sent: Counter,
    /// Datagrams that were dropped.
    pub(crate) dropped: Counter,
}

/// Counts by what was too much.
#[derive(Debug, Default)]
pub(crate) struct Excesses([Counter; Excess::ALL.len()]);

impl Excesses {
    pub(crate) fn count(&self, excess: Excess) {
        if let Some(counter) = self.0.get(excess.index()) {
            counter.increment();
        }
    }

    /// What was counted, with its counts, all workers together.
    pub(crate) fn sum<'a>(cells: impl Iterator<Item = &'a Self>) -> Vec<(&'static str, u64)> {
        let mut sums = Excess::ALL.map(|excess| (excess.token(), 0));
        for cell in cells {
            for ((_, sum), counter) in sums.iter_mut().zip(&cell.0) {
                *sum += counter.get();
            }
        }
        sums.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// Counts by reason.
#[derive(Debug, Default)]
pub(crate) struct Refusals([Counter; Refusal::ALL.len()]);

impl Refusals {
    pub(crate) fn count(&self, refusal: Refusal) {
        if let Some(counter) = self.0.get(refusal.index()) {
            counter.increment();
        }
    }

    /// The reasons that were counted, with their counts, all workers together.
    pub(crate) fn sum<'a>(cells: impl Iterator<Item = &'a Self>) -> Vec<(&'static str, u64)> {
        let mut sums = Refusal::ALL.map(|refusal| (refusal.token(), 0));
        for cell in cells {
            for ((_, sum), counter) in sums.iter_mut().zip(&cell.0) {
                *sum += counter.get();
            }
        }
        sums.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

impl PerWorker<Requests> {
    /// Counts by status, all workers together.
    pub(crate) fn statuses(&self) -> Vec<(u16, u64)> {
        let mut sum = BTreeMap::new();
        self.iter().for_each(|cell| cell.statuses.add_to(&mut sum));
        sum.into_iter().collect()
    }

    /// Durations, all workers together.
    pub(crate) fn latency(&self) -> Distribution {
        distribution(self.iter().map(|cell| &cell.latency))
    }

    /// Connections that could not be opened, all workers together.
    pub(crate) fn connect_failures(&self) -> u64 {
        self.iter().map(|cell| cell.connect_failures.get()).sum()
    }
}

/// Merges histograms into the form of [`trunkline_model::ops`]; empty buckets are left out.
pub(crate) fn distribution<'a>(parts: impl Iterator<Item = &'a Histogram>) -> Distribution {
    let mut sum = Snapshot::default();
    parts.for_each(|part| part.add_to(&mut sum));
    let mut before = 0;
    let buckets = sum.cumulative().filter_map(|(bound, at_most)| {
        let count = at_most - before;
        before = at_most;
        (count > 0).then_some((bound, count))
    });
    Distribution { buckets: buckets.collect(), sum: sum.sum_micros(), count: sum.count() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_status_is_counted_exactly_even_beyond_the_first_slots() {
        let family = PerWorker::<Requests>::new(2);
        for status in [0, 200, 201, 204, 301, 302, 404, 500, 503, 599, 200] {
            family.of(0).statuses.count(status);
        }
        family.of(1).statuses.count(200);
        let statuses = family.statuses();
        assert_eq!(statuses.len(), 10);
        assert_eq!(statuses.iter().find(|(status, _)| *status == 200), Some(&(200, 3)));
        assert_eq!(statuses.first(), Some(&(0, 1)));
    }

    #[test]
    fn durations_of_all_workers_are_merged() {
        let family = PerWorker::<Requests>::new(2);
        family.of(0).latency.record(Duration::from_micros(5));
        family.of(1).latency.record(Duration::from_micros(5));
        family.of(1).latency.record(Duration::from_micros(7));
        let merged = family.latency();
        assert_eq!((merged.count, merged.sum, merged.buckets), (3, 17, vec![(5, 2), (7, 1)]));
    }
}
