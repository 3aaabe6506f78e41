//! The one histogram: latencies in microseconds in fixed log-linear buckets.
//!
//! Each power of two is cut into eight equal buckets, so a bucket is never wider than an eighth of
//! its value: quantiles are right within 12.5 %, from 1 µs to 71 minutes, without configuration.
//! All histograms have the same buckets, so merging is adding. Buckets are allocated at the first
//! record: ten thousand idle routes cost nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets per power of two, as a power of two.
const PRECISION_BITS: u32 = 3;
/// Buckets per power of two.
const PER_POWER: usize = 1 << PRECISION_BITS;
/// Values are kept below two to this power (71 minutes in microseconds); longer ones fall into the
/// last bucket.
const VALUE_BITS: u32 = 32;
/// Number of buckets.
pub const BUCKETS: usize = PER_POWER * (VALUE_BITS - PRECISION_BITS + 1) as usize;

/// Collects durations.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: OnceLock<Box<[AtomicU64]>>,
    sum_micros: AtomicU64,
}

/// The content of one or several histograms at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    counts: Vec<u64>,
    sum_micros: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let buckets =
            self.buckets.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        if let Some(count) = buckets.get(bucket_of(micros)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts one duration, where no other thread counts at the same time: without locking the bus.
    pub fn record_alone(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let add = |to: &AtomicU64, amount: u64| {
            to.store(to.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
        };
        let buckets =
            self.buckets.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        if let Some(count) = buckets.get(bucket_of(micros)) {
            add(count, 1);
        }
        add(&self.sum_micros, micros);
    }

    /// Adds what was counted so far to `into`.
    pub fn add_to(&self, into: &mut Snapshot) {
        if let Some(buckets) = self.buckets.get() {
            for (sum, count) in into.counts.iter_mut().zip(buckets) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        into.sum_micros = into.sum_micros.wrapping_add(self.sum_micros.load(Ordering::Relaxed));
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.add_to(&mut snapshot);
        snapshot
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], sum_micros: 0 }
    }
}

impl Snapshot {
    /// Adds another histogram's content.
    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count;
        }
        self.sum_micros = self.sum_micros.wrapping_add(other.sum_micros);
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of all durations, in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum_micros
    }

    /// The duration below which `share` (0 to 1) of all durations lie: the upper edge of the bucket
    /// where it falls. `None` when nothing was recorded.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank off by one in 2^53 is far below the width of a bucket"
        )]
        let rank = ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        self.cumulative()
            .find(|(_, below)| *below >= rank)
            .map(|(upper, _)| Duration::from_micros(upper))
    }

    /// How many durations were at most `micros`; exact when `micros` is an upper edge of a bucket.
    pub fn at_most(&self, micros: u64) -> u64 {
        self.cumulative()
            .take_while(|(upper, _)| *upper <= micros)
            .last()
            .map_or(0, |(_, count)| count)
    }

    /// For each bucket its upper edge in microseconds (inclusive) and how many durations were at
    /// most that.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter().enumerate().scan(0, |sum, (bucket, count)| {
            *sum += count;
            Some((upper_edge(bucket), *sum))
        })
    }
}

/// The bucket of a value: below `2 * PER_POWER` the value itself, above it the power and the bits
/// after the first.
pub fn bucket_of(micros: u64) -> usize {
    let value = micros.min((1 << VALUE_BITS) - 1);
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(PRECISION_BITS + 1);
    let bucket = (value >> shift) + u64::from(shift) * PER_POWER as u64;
    usize::try_from(bucket).unwrap_or(BUCKETS - 1)
}

/// From where to where a bucket goes, in microseconds: it holds what is at least the first and below
/// the second. The last bucket also holds everything above it.
pub fn edges(bucket: usize) -> (u64, u64) {
    let bucket = bucket.min(BUCKETS - 1);
    (bucket.checked_sub(1).map_or(0, |below| upper_edge(below) + 1), upper_edge(bucket) + 1)
}

/// The greatest value of a bucket, in microseconds.
fn upper_edge(bucket: usize) -> u64 {
    let shift = (bucket / PER_POWER).saturating_sub(1);
    let step = bucket - shift * PER_POWER;
    ((step as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_values_have_their_own_bucket_and_the_greatest_the_last() {
        assert_eq!((0..16).map(bucket_of).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(upper_edge(BUCKETS - 1), (1 << VALUE_BITS) - 1);
    }

    #[test]
    fn buckets_are_in_order_and_without_gap() {
        for bucket in 0..BUCKETS - 1 {
            assert_eq!(bucket_of(upper_edge(bucket)), bucket);
            assert_eq!(bucket_of(upper_edge(bucket) + 1), bucket + 1);
            let (from, to) = edges(bucket);
            assert_eq!((bucket_of(from), bucket_of(to)), (bucket, bucket + 1));
        }
    }

    #[test]
    fn merged_workers_equal_one_worker() {
        let (one, other, both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for millis in 0..1000 {
            let duration = Duration::from_millis(millis);
            if millis % 3 == 0 { &one } else { &other }.record(duration);
            both.record(duration);
        }
        let mut merged = one.snapshot();
        other.add_to(&mut merged);
        assert_eq!(merged, both.snapshot());
        assert_eq!((merged.count(), merged.sum_micros()), (1000, 499_500_000));
        assert_eq!(merged.at_most(u64::MAX), 1000);
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(Histogram::default().snapshot().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_right_within_an_eighth(mut values in prop::collection::vec(0_u64..10_000_000, 1..200)) {
            let histogram = Histogram::default();
            for micros in &values {
                histogram.record(Duration::from_micros(*micros));
            }
            values.sort_unstable();
            for share in [0.5, 0.9, 0.99, 1.0] {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
                let exact = values[((values.len() as f64 * share).ceil() as usize).max(1) - 1];
                let told = u64::try_from(histogram.snapshot().quantile(share).unwrap().as_micros()).unwrap();
                prop_assert!(told >= exact && told <= exact + exact / 8 + 1, "{exact} was told as {told}");
            }
        }
    }
}
