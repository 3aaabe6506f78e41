//! Least request: the endpoint with the fewest requests in flight for its weight.
//!
//! Small sets are scanned whole, from a random start so that ties do not all fall on the first.
//! Large sets compare two endpoints chosen at random, which is nearly as even and costs the same
//! for ten endpoints as for ten thousand (Mitzenmacher, "The power of two choices", 2001).
//! Stateless: the caller owns the counts.

/// Sets up to this size are scanned whole.
pub const FULL_SCAN_MAX: usize = 8;

/// How often two random endpoints are drawn before an all-ineligible draw falls back to a scan.
const DRAWS_MAX: u32 = 4;

/// What is known of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Share of the traffic it should carry, relative to the others; 0 takes it out.
    pub weight: u32,
    /// Requests in flight to it.
    pub active: u32,
}

impl Load {
    /// Whether `self` is the better choice: `(active + 1) / weight` is smaller, compared without
    /// division.
    fn lighter_than(self, other: Self) -> bool {
        let ours = (u64::from(self.active) + 1) * u64::from(other.weight);
        let theirs = (u64::from(other.active) + 1) * u64::from(self.weight);
        ours < theirs
    }
}

/// Picks among `endpoints` positions. `load` answers the load of a position, or `None` if it may
/// not be picked; `random` is any evenly spread number. Returns `None` when no endpoint is
/// eligible.
pub fn least_request(
    endpoints: usize,
    random: u64,
    load: impl Fn(usize) -> Option<Load>,
) -> Option<usize> {
    let load = |position| load(position).filter(|load| load.weight > 0);
    if endpoints <= FULL_SCAN_MAX {
        return scan(endpoints, random, load);
    }
    let mut random = random;
    for _ in 0..DRAWS_MAX {
        let first = position(random, endpoints);
        let second = position(random.rotate_left(32), endpoints);
        match (load(first), load(second)) {
            (Some(a), Some(b)) => return Some(if b.lighter_than(a) { second } else { first }),
            (Some(_), None) => return Some(first),
            (None, Some(_)) => return Some(second),
            (None, None) => random = next_random(random),
        }
    }
    scan(endpoints, random, load)
}

fn scan(endpoints: usize, random: u64, load: impl Fn(usize) -> Option<Load>) -> Option<usize> {
    let start = position(random, endpoints.max(1));
    let mut best: Option<(usize, Load)> = None;
    for candidate in (start..endpoints).chain(0..start.min(endpoints)) {
        let Some(candidate_load) = load(candidate) else {
            continue;
        };
        if best.is_none_or(|(_, best_load)| candidate_load.lighter_than(best_load)) {
            best = Some((candidate, candidate_load));
        }
    }
    best.map(|(position, _)| position)
}

/// Maps the upper half of a random number onto `0..endpoints` without division (Lemire).
pub(super) fn position(random: u64, endpoints: usize) -> usize {
    let scaled = u128::from(random) * (endpoints as u128);
    usize::try_from(scaled >> u64::BITS).unwrap_or(0)
}

/// One step of a linear congruential generator (Knuth's MMIX constants): enough to leave a bad draw
/// behind.
fn next_random(random: u64) -> u64 {
    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_set_yields_the_least_loaded_for_its_weight() {
        let loads = [
            Load { weight: 1, active: 3 },
            Load { weight: 4, active: 7 },
            Load { weight: 1, active: 2 },
        ];
        for random in [0, u64::MAX / 2, u64::MAX] {
            assert_eq!(
                least_request(3, random, |i| Some(loads[i])),
                Some(1),
                "8/4 beats 4/1 and 3/1"
            );
        }
    }

    #[test]
    fn ties_fall_on_every_endpoint() {
        let picked: std::collections::BTreeSet<_> = (0..4)
            .filter_map(|i| least_request(4, i << 62, |_| Some(Load { weight: 1, active: 0 })))
            .collect();
        assert_eq!(picked.len(), 4);
    }

    proptest! {
        #[test]
        fn only_eligible_endpoints_are_picked(
            eligible in prop::collection::vec(any::<bool>(), 0..40), random: u64, weight in 0_u32..3
        ) {
            let picked = least_request(eligible.len(), random, |i| eligible[i].then_some(Load { weight, active: 0 }));
            match picked {
                Some(i) => prop_assert!(eligible[i] && weight > 0),
                None => prop_assert!(weight == 0 || !eligible.contains(&true)),
            }
        }

        #[test]
        fn of_two_random_endpoints_the_lighter_wins(random: u64) {
            let busy = |i: usize| Some(Load { weight: 1, active: u32::try_from(i).unwrap() });
            let picked = least_request(100, random, busy).unwrap();
            let other = [position(random, 100), position(random.rotate_left(32), 100)];
            prop_assert_eq!(picked, other[0].min(other[1]));
        }
    }
}
