//! Picking by a hash, so that what belongs together meets the same endpoint.
//!
//! A table ([`super::Ring`], [`super::Maglev`]) leads from a hash to a position. Who may not be
//! picked is passed over by hashing again ("Consistent Hashing with Random Jumps", Chen et al.,
//! 2021): its keys spread over all others instead of falling on one neighbour, and return to it
//! when it does. The hash never changes, so that several processes and versions agree.

/// Jumps before the rest is looked at one by one.
const JUMPS_MAX: u32 = 16;

/// Constants of `SplitMix64` (Steele, Lea, Flood, 2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes a number: each bit of the result depends on each bit of it. One to one.
pub const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash that is the same in every process: not for tables that an attacker could fill.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let mut hash = u64::try_from(bytes.len()).unwrap_or(0);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        hash = mix(hash ^ u64::from_le_bytes(word));
    }
    mix(hash)
}

/// How many requests one endpoint may have when others have fewer ("Consistent Hashing with
/// Bounded Loads", Mirrokni, Thorup, Zadimoghaddam, 2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Of the average, in percent; at least 100.
    pub percent: u32,
    /// Requests in flight to all endpoints, the one to be placed included.
    pub total: u64,
    /// Weights of all endpoints that may be picked.
    pub weights: u64,
}

impl Bound {
    /// Whether an endpoint of this weight may have one more than `active`.
    pub fn allows(self, weight: u32, active: u32) -> bool {
        let share = u128::from(self.total) * u128::from(self.percent) * u128::from(weight);
        let whole = u128::from(self.weights.max(1)) * 100;
        u128::from(active) < share.div_ceil(whole)
    }
}

/// Picks among `endpoints` positions by `key`. `at` leads from a hash to a position, `takes` says
/// whether that may be picked. The same key meets the same endpoint while the answers stay.
pub fn by_hash(
    endpoints: usize,
    key: u64,
    at: impl Fn(u64) -> Option<usize>,
    takes: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut hash = key;
    let mut last = 0;
    for _ in 0..JUMPS_MAX {
        last = at(hash)?;
        if takes(last) {
            return Some(last);
        }
        hash = mix(hash);
    }
    (last..endpoints).chain(0..last.min(endpoints)).find(|position| takes(*position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_never_changes() {
        assert_ne!(stable_hash(b"a"), stable_hash(b"a\0"));
        assert_eq!(stable_hash(b"user-4711"), 737_545_225_968_544_142);
    }

    proptest! {
        #[test]
        fn a_bound_always_leaves_one_that_takes(
            weights in prop::collection::vec(1_u32..5, 1..20), percent in 100_u32..200, placed in 0_usize..400
        ) {
            let sum = weights.iter().map(|weight| u64::from(*weight)).sum();
            let mut active = vec![0_u32; weights.len()];
            for number in 0..placed {
                let bound = Bound { percent, total: number as u64 + 1, weights: sum };
                let takes = |i: usize| bound.allows(weights[i], active[i]);
                let at = |hash: u64| Some(usize::try_from(hash % weights.len() as u64).unwrap());
                let picked = by_hash(weights.len(), 7, at, takes);
                prop_assert!(picked.is_some());
                active[picked.unwrap()] += 1;
                let limit = (u64::from(percent) * (number as u64 + 1) * u64::from(weights[picked.unwrap()])).div_ceil(sum * 100);
                prop_assert!(u64::from(active[picked.unwrap()]) <= limit);
            }
        }
    }
}
