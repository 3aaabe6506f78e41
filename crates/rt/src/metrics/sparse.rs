//! The one histogram as plain data: only the buckets that hold something.
//!
//! Where thousands of histograms are kept, most hold a handful of neighbouring buckets: a pair for
//! each of them is smaller than all [`BUCKETS`] and is written to disk as it is. Amounts need not be
//! counts of one: whoever samples adds what a recorded value stands for. Adding never overflows, it
//! stops at the greatest number.

use super::histogram::{BUCKETS, bucket_of, edges};

const _: () = assert!(BUCKETS <= 256, "a bucket's number is one byte");

/// Amounts by bucket, ascending, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sparse(Vec<(u8, u64)>);

impl Sparse {
    /// Adds an amount at a duration.
    pub fn add(&mut self, micros: u64, amount: u64) {
        // The assertion above makes it fit.
        self.add_to(u8::try_from(bucket_of(micros)).unwrap_or(u8::MAX), amount);
    }

    /// Adds an amount to a bucket; a number that is too great is taken for the last one.
    pub fn add_to(&mut self, bucket: u8, amount: u64) {
        let bucket = bucket.min(LAST);
        if amount == 0 {
            return;
        }
        // What comes is often like what came: the greatest buckets are looked at last.
        match self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => {
                if let Some((_, sum)) = self.0.get_mut(place) {
                    *sum = sum.saturating_add(amount);
                }
            }
            Err(place) => self.0.insert(place, (bucket, amount)),
        }
    }

    /// Adds another histogram's content.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, amount) in &other.0 {
            self.add_to(*bucket, *amount);
        }
    }

    /// Sum of all amounts.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each bucket with its amount, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u8, u64)> + Clone {
        self.0.iter().copied()
    }

    /// See [`quantile`].
    pub fn quantile(&self, share: f64) -> Option<f64> {
        quantile(self.iter().map(|(bucket, amount)| (usize::from(bucket), amount)), share)
    }

    /// Memory that it takes beside itself, in bytes.
    pub const fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u8, u64)>()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "asserted above")]
const LAST: u8 = (BUCKETS - 1) as u8;

/// The duration in microseconds below which `share` (0 to 1) of these amounts lie. Within a bucket
/// they are taken to be spread evenly, as Prometheus' `histogram_quantile` does, so that a series of
/// quantiles moves smoothly. `None` when there are none. Buckets are ascending.
#[expect(clippy::cast_precision_loss, reason = "53 bits of a count are enough for a quantile")]
pub fn quantile(buckets: impl Iterator<Item = (usize, u64)> + Clone, share: f64) -> Option<f64> {
    let total = buckets.clone().fold(0_u64, |sum, (_, amount)| sum.saturating_add(amount));
    if total == 0 {
        return None;
    }
    let rank = total as f64 * share.clamp(0.0, 1.0);
    let (mut below, mut last) = (0.0, 0.0);
    for (bucket, amount) in buckets.filter(|(_, amount)| *amount > 0) {
        let (from, to) = edges(bucket);
        let amount = amount as f64;
        if below + amount >= rank {
            return Some(from as f64 + (to - from) as f64 * ((rank - below) / amount).max(0.0));
        }
        below += amount;
        last = to as f64;
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::super::Histogram;
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn of(values: &[(u64, u64)]) -> Sparse {
        let mut sparse = Sparse::default();
        for (micros, amount) in values {
            sparse.add(*micros, *amount);
        }
        sparse
    }

    #[test]
    fn an_empty_one_has_no_quantile_and_one_value_lies_in_its_bucket() {
        assert_eq!(Sparse::default().quantile(0.5), None);
        let told = of(&[(1_000, 3)]).quantile(0.5).unwrap();
        assert!((960.0..1_024.0).contains(&told), "{told}");
    }

    #[test]
    fn quantiles_are_spread_evenly_within_a_bucket() {
        let (from, to) = edges(bucket_of(1_000));
        let half = of(&[(1_000, 10)]).quantile(0.5).unwrap();
        #[expect(clippy::cast_precision_loss)]
        let middle = (from + to) as f64 / 2.0;
        assert!((half - middle).abs() < 1e-9);
    }

    #[test]
    fn too_much_stops_at_the_greatest_number() {
        let mut sparse = of(&[(5, u64::MAX)]);
        sparse.add(5, 1);
        sparse.add(9, 1);
        assert_eq!(sparse.total(), u64::MAX);
        sparse.add_to(255, 1);
        assert_eq!(sparse.iter().last(), Some((LAST, 1)));
    }

    proptest! {
        #[test]
        fn it_has_the_buckets_of_the_dense_one(values in prop::collection::vec(0_u64..10_000_000, 0..200)) {
            let dense = Histogram::default();
            let mut sparse = Sparse::default();
            for micros in &values {
                dense.record(Duration::from_micros(*micros));
                sparse.add(*micros, 1);
            }
            let snapshot = dense.snapshot();
            prop_assert_eq!(sparse.total(), snapshot.count());
            for (bucket, amount) in sparse.iter() {
                let (from, to) = edges(usize::from(bucket));
                let below = if from == 0 { 0 } else { snapshot.at_most(from - 1) };
                prop_assert_eq!(amount, snapshot.at_most(to - 1) - below);
            }
        }

        #[test]
        fn merging_is_associative_and_adds(
            one in prop::collection::vec((0_u64..1 << 33, 0_u64..1_000), 0..30),
            two in prop::collection::vec((0_u64..1 << 33, 0_u64..1_000), 0..30),
            three in prop::collection::vec((0_u64..1 << 33, 0_u64..1_000), 0..30),
        ) {
            let (mut left, mut right) = (of(&one), of(&two));
            left.merge(&of(&two));
            left.merge(&of(&three));
            right.merge(&of(&three));
            let mut other = of(&one);
            other.merge(&right);
            prop_assert_eq!(&left, &other);
            prop_assert_eq!(left, of(&[one, two, three].concat()));
        }

        #[test]
        fn quantiles_grow_with_their_share(values in prop::collection::vec((0_u64..1 << 33, 1_u64..9), 1..40)) {
            let sparse = of(&values);
            let told: Vec<f64> = [0.0, 0.25, 0.5, 0.9, 1.0].iter().map(|share| sparse.quantile(*share).unwrap()).collect();
            prop_assert!(told.windows(2).all(|pair| pair[0] <= pair[1]), "{told:?}");
        }
    }
}
