//! Durations in buckets whose bounds grow by a fixed factor: sums of histograms are histograms, and
//! a quantile is off by at most 4.5 %.

use std::collections::BTreeMap;

/// Buckets for each doubling.
const PARTS: f64 = 8.0;

/// Durations by bucket. A bucket is known by its number: bucket `n` has what is longer than
/// 2^((n-1)/8) ns and at most 2^(n/8) ns; bucket 0 has what is at most 1 ns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram(BTreeMap<u16, u64>);

impl Histogram {
    /// The bucket of a duration.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "64 doublings have 512 buckets"
    )]
    pub fn bucket(nanos: u64) -> u16 {
        if nanos <= 1 { 0 } else { ((nanos as f64).log2() * PARTS).ceil() as u16 }
    }

    /// Durations of a bucket.
    pub fn put(&mut self, bucket: u16, count: u64) {
        if count > 0 {
            *self.0.entry(bucket).or_default() += count;
        }
    }

    /// One duration.
    pub fn record(&mut self, nanos: u64) {
        self.put(Self::bucket(nanos), 1);
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.put(*bucket, *count);
        }
    }

    /// Takes away what was added.
    pub fn remove(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            if let Some(left) = self.0.get_mut(bucket) {
                *left = left.saturating_sub(*count);
                if *left == 0 {
                    self.0.remove(bucket);
                }
            }
        }
    }

    /// Buckets that are not empty, with their counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().map(|(bucket, count)| (*bucket, *count))
    }

    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The duration that this share (0 to 1) of all did not exceed, in nanoseconds; between the
    /// bounds of its bucket by proportion. `None` when there are none.
    #[expect(clippy::cast_precision_loss, reason = "a quantile is an estimate")]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = share.clamp(0.0, 1.0) * count as f64;
        let mut before = 0.0;
        for (bucket, count) in &self.0 {
            let here = *count as f64;
            if before + here >= rank {
                let upper = bound(*bucket);
                let lower = bucket.checked_sub(1).map_or(0.0, bound);
                return Some(lower + (upper - lower) * ((rank - before) / here).clamp(0.0, 1.0));
            }
            before += here;
        }
        self.0.last_key_value().map(|(bucket, _)| bound(*bucket))
    }
}

/// The greatest duration of a bucket, nanoseconds.
fn bound(bucket: u16) -> f64 {
    (f64::from(bucket) / PARTS).exp2()
}
