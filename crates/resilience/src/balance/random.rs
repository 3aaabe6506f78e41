//! Random: each endpoint with a probability in proportion to its weight.
//!
//! A position drawn evenly is accepted with the probability `weight / weight_max` (rejection
//! sampling): exact for weights that change at any moment, without a table. After some refused
//! draws all weights are summed instead, which is exact as well.

use super::hash::mix;
use super::least_request::position;

/// Draws before all weights are summed.
const DRAWS_MAX: u32 = 8;

/// Picks among `endpoints` positions. `weight` answers the weight of a position, at most
/// `weight_max`, or `None` if it may not be picked; `random` is any evenly spread number.
pub fn random(
    endpoints: usize,
    random: u64,
    weight_max: u32,
    weight: impl Fn(usize) -> Option<u32>,
) -> Option<usize> {
    if endpoints == 0 {
        return None;
    }
    let mut random = random;
    for _ in 0..DRAWS_MAX {
        let candidate = position(random, endpoints);
        random = mix(random);
        let accepted = ((random >> 32) * u64::from(weight_max)) >> 32;
        if weight(candidate).is_some_and(|weight| accepted < u64::from(weight)) {
            return Some(candidate);
        }
        random = mix(random);
    }
    weighted(endpoints, random, weight)
}

/// Picks by summing all weights: exact, and linear in the number of endpoints.
pub fn weighted(
    endpoints: usize,
    random: u64,
    weight: impl Fn(usize) -> Option<u32>,
) -> Option<usize> {
    let weight = |position| u64::from(weight(position).unwrap_or(0));
    let sum: u64 = (0..endpoints).map(&weight).sum();
    let drawn = (u128::from(random) * u128::from(sum)) >> u64::BITS;
    let mut left = u64::try_from(drawn).unwrap_or(0);
    (0..endpoints).find(|position| {
        let own = weight(*position);
        let found = left < own;
        left = left.saturating_sub(own);
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_follow_weights() {
        let weights = [1, 2, 7, 0];
        let mut counts = [0_u32; 4];
        let mut number = 1;
        for _ in 0..20_000 {
            number = mix(number);
            counts[random(4, number, 7, |i| Some(weights[i])).unwrap()] += 1;
        }
        assert_eq!(counts[3], 0);
        assert!((1_800..2_200).contains(&counts[0]), "{counts:?}");
        assert!((3_700..4_300).contains(&counts[1]), "{counts:?}");
    }

    proptest! {
        #[test]
        fn only_eligible_endpoints_are_picked(
            eligible in prop::collection::vec(any::<bool>(), 0..40), number: u64
        ) {
            match random(eligible.len(), number, 1, |i| eligible[i].then_some(1)) {
                Some(i) => prop_assert!(eligible[i]),
                None => prop_assert!(!eligible.contains(&true)),
            }
        }
    }
}
