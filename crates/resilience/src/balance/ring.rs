//! A hash ring: each endpoint owns many points, a key belongs to the next point.
//!
//! An endpoint that comes or goes moves only the keys of its own points (Karger et al., 1997; the
//! form with many points is known as ketama). The number of points is in proportion to the weight,
//! and a lookup is a binary search.

use super::hash::mix;

/// Points of an endpoint of weight 1, while all fit.
const POINTS: u64 = 160;
/// Points of a ring: 2 MiB. Beyond it, every endpoint has half as many, until they fit.
const POINTS_MAX: u64 = 1 << 17;

/// The points of all endpoints, by position in the caller's list.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    points: Box<[(u64, u32)]>,
}

impl Ring {
    /// Builds the ring of these endpoints: the hash of each one's name, and its weight. Allocates.
    pub fn new(endpoints: &[(u64, u32)]) -> Self {
        let weights: u64 = endpoints.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut halvings = 0;
        while weights.saturating_mul(POINTS) >> halvings > POINTS_MAX {
            halvings += 1;
        }
        let mut points = Vec::new();
        for ((name, weight), position) in endpoints.iter().zip(0..) {
            if *weight == 0 {
                continue;
            }
            let count = (u64::from(*weight).saturating_mul(POINTS) >> halvings).max(1);
            let point = |number: u64| (mix(name ^ mix(number)), position);
            points.extend((0..count).map(point));
        }
        points.sort_unstable();
        Self { points: points.into() }
    }

    /// The position that owns a hash; `None` if the ring is empty.
    pub fn at(&self, hash: u64) -> Option<usize> {
        let next = self.points.partition_point(|(point, _)| *point < hash);
        let (_, position) = self.points.get(next).or_else(|| self.points.first())?;
        usize::try_from(*position).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Endpoints with these names and weights.
    pub(crate) fn named(weights: &[(u64, u32)]) -> Vec<(u64, u32)> {
        weights.iter().map(|(name, weight)| (mix(*name), *weight)).collect()
    }

    /// How many of many keys each position owns.
    pub(crate) fn owned(count: usize, at: impl Fn(u64) -> Option<usize>) -> Vec<u32> {
        let mut owned = vec![0; count];
        (0..50_000_u64).for_each(|key| owned[at(mix(key)).unwrap()] += 1);
        owned
    }

    #[test]
    fn shares_follow_weights() {
        let ring = Ring::new(&named(&[(1, 1), (2, 2), (3, 5), (4, 0)]));
        let owned = owned(4, |hash| ring.at(hash));
        assert_eq!(owned[3], 0);
        for (owned, weight) in owned.iter().zip([1.0, 2.0, 5.0]) {
            let expected = 50_000.0 * weight / 8.0;
            assert!((f64::from(*owned) / expected - 1.0).abs() < 0.25, "{owned} {expected}");
        }
        assert_eq!(Ring::new(&[]).at(1), None);
    }

    #[test]
    fn only_the_keys_of_an_endpoint_that_leaves_move() {
        let all: Vec<_> = (0..10).map(|name| (name, 1)).collect();
        let before = Ring::new(&named(&all));
        let after = Ring::new(&named(&all[..9]));
        for key in 0..10_000 {
            let owner = before.at(mix(key)).unwrap();
            assert!(owner == 9 || after.at(mix(key)) == Some(owner));
        }
    }

    #[test]
    fn many_heavy_endpoints_fit() {
        let all: Vec<_> = (0..4_096).map(|name| (name, 256)).collect();
        let ring = Ring::new(&named(&all));
        assert!(ring.points.len() as u64 <= POINTS_MAX);
        assert!(
            owned(4_096, |hash| ring.at(hash)).iter().filter(|owned| **owned == 0).count() < 200
        );
    }
}
