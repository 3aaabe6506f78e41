//! Counts of one object: as they stand ([`Total`]), and what was added between two looks ([`Tally`]).
//!
//! A histogram of the proxy only grows, and all have the same buckets, so the difference of two looks
//! is exact, and so are sums of differences: a quantile of a window is as good as one of the whole.

use std::collections::BTreeMap;

use trunkline_model::ops::Distribution;

/// Statuses from here on are failures of the service, as in `/v1/status`.
const FAILED_FROM: u16 = 500;

/// Everything that was counted since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    latency: BTreeMap<u64, u64>,
    /// All durations together, in microseconds.
    sum_micros: u64,
}

impl Total {
    /// Adds the counters of one object.
    pub(crate) fn add(&mut self, by_status: &[(u16, u64)], latency: &Distribution) {
        for (status, count) in by_status {
            self.requests += count;
            if *status >= FAILED_FROM {
                self.failed += count;
            }
        }
        for (bound, count) in &latency.buckets {
            *self.latency.entry(*bound).or_default() += count;
        }
        self.sum_micros = self.sum_micros.wrapping_add(latency.sum);
    }

    /// What was added since `before`. Counters that went back belong to an object that was made anew:
    /// all that it counted is new.
    pub(crate) fn since(&self, before: Option<&Self>) -> Tally {
        let before = before.filter(|before| {
            before.requests <= self.requests
                && before.failed <= self.failed
                && before.latency.iter().all(|(bound, count)| self.in_bucket(*bound) >= *count)
        });
        let Some(before) = before else {
            return Tally::of(
                self.requests,
                self.failed,
                self.latency.iter().map(|(b, c)| (*b, *c)),
            );
        };
        let grown =
            self.latency.iter().map(|(bound, count)| (*bound, count - before.in_bucket(*bound)));
        Tally::of(self.requests - before.requests, self.failed - before.failed, grown)
    }

    /// The durations that were added since `before`, in microseconds.
    pub(crate) const fn sum_since(&self, before: Option<&Self>) -> u64 {
        match before {
            Some(before) if before.sum_micros <= self.sum_micros => {
                self.sum_micros - before.sum_micros
            }
            _ => self.sum_micros,
        }
    }

    fn in_bucket(&self, bound: u64) -> u64 {
        self.latency.get(&bound).copied().unwrap_or_default()
    }
}

/// What was counted between two looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// (upper bound in microseconds, count), ascending; narrow, because thousands are kept.
    latency: Vec<(u32, u32)>,
}

impl Tally {
    fn of(requests: u64, failed: u64, latency: impl Iterator<Item = (u64, u64)>) -> Self {
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let latency = latency.filter(|(_, count)| *count > 0);
        let latency = latency.map(|(bound, count)| (narrow(bound), narrow(count))).collect();
        Self { requests, failed, latency }
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests == 0 && self.failed == 0 && self.latency.is_empty()
    }

    /// Adds what was counted at another time.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        let mut merged = Vec::with_capacity(self.latency.len().max(other.latency.len()));
        let (mut own, mut others) =
            (self.latency.iter().peekable(), other.latency.iter().peekable());
        loop {
            let next = match (own.peek(), others.peek()) {
                (Some(one), Some(two)) if one.0 == two.0 => (one.0, one.1.saturating_add(two.1)),
                (Some(one), Some(two)) => **if one.0 < two.0 { one } else { two },
                (Some(one), None) | (None, Some(one)) => **one,
                (None, None) => break,
            };
            own.next_if(|bucket| bucket.0 == next.0);
            others.next_if(|bucket| bucket.0 == next.0);
            merged.push(next);
        }
        self.latency = merged;
    }

    /// Its histogram, for quantiles.
    pub(crate) fn latency(&self) -> Distribution {
        let buckets = self.latency.iter().map(|(b, c)| (u64::from(*b), u64::from(*c)));
        let count = self.latency.iter().map(|(_, count)| u64::from(*count)).sum();
        Distribution { buckets: buckets.collect(), sum: 0, count }
    }

    /// Failures as a part of all requests; 0 without any.
    pub(crate) fn error_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { float(self.failed) / float(self.requests) }
    }

    /// Requests per second over so many seconds.
    pub(crate) fn rate(&self, seconds: f64) -> f64 {
        if seconds > 0.0 { float(self.requests) / seconds } else { 0.0 }
    }

    /// Memory that it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.latency.capacity() * size_of::<(u32, u32)>()
    }
}

/// A count for arithmetic with fractions.
#[expect(clippy::cast_precision_loss, reason = "counts fit into 53 bits")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(statuses: &[(u16, u64)], buckets: &[(u64, u64)]) -> Total {
        let mut total = Total::default();
        let count = buckets.iter().map(|(_, count)| count).sum();
        total.add(statuses, &Distribution { buckets: buckets.to_vec(), sum: 0, count });
        total
    }

    #[test]
    fn differences_and_their_sums_are_exact() {
        let looks = [
            total(&[(200, 3)], &[(10, 2), (90, 1)]),
            total(&[(200, 5), (503, 1)], &[(10, 2), (20, 1), (90, 3)]),
            total(&[(200, 9), (503, 1)], &[(10, 6), (20, 1), (90, 3)]),
        ];
        let [first, second, third] = &looks;
        let mut sum = second.since(Some(first));
        assert_eq!((sum.requests, sum.failed), (3, 1));
        assert_eq!(sum.latency().buckets, [(20, 1), (90, 2)]);
        sum.merge(&third.since(Some(second)));
        assert_eq!(sum, third.since(Some(first)));
        assert_eq!(sum.latency().quantile(0.5), Some(10));
    }

    #[test]
    fn an_object_that_was_made_anew_counts_from_zero() {
        let (before, now) = (total(&[(200, 8)], &[(10, 8)]), total(&[(200, 2)], &[(10, 2)]));
        assert_eq!(now.since(Some(&before)).requests, 2);
        assert_eq!(now.since(None), now.since(Some(&before)));
        assert!(now.since(Some(&now)).is_empty());
    }
}
