//! Weighted turns for large sets: whose deadline is earliest is next, at the cost of a heap.
//!
//! Earliest deadline first gives the same shares as smooth weighted round robin in O(log n) instead
//! of O(n): each pick moves an endpoint's deadline on by the inverse of its weight, which is asked
//! anew each time, so that a changed weight counts at once. Bursts of heavy endpoints are less even
//! than with [`super::RoundRobin`], which small sets use.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a weight of 1 waits. At a hundred thousand picks a second of a set of 64 it lasts for
/// decades before a deadline could overflow.
const STEP: u64 = 1 << 32;

/// The deadlines of all endpoints, by position in the caller's list.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(u64, u32)>>,
    /// Those that were passed over by the pick under way; empty between picks.
    aside: Vec<Reverse<(u64, u32)>>,
}

impl Deadlines {
    /// A balancer for `endpoints` endpoints, whose turns begin at `start`: workers that begin at
    /// different places do not all pick the first endpoint first.
    pub fn new(endpoints: usize, start: usize) -> Self {
        let count = endpoints.max(1);
        let place = |position: usize| (position + count - start % count) % count;
        let entry = |position| {
            let turn = u64::try_from(place(position)).unwrap_or(0);
            Reverse((turn, u32::try_from(position).unwrap_or(u32::MAX)))
        };
        Self { heap: (0..endpoints).map(entry).collect(), aside: Vec::with_capacity(endpoints) }
    }

    /// Picks the endpoint whose turn it is. `weight` answers the weight of a position, or `None` if
    /// it may not be picked now. Returns `None` when no endpoint is eligible.
    pub fn pick(&mut self, weight: impl Fn(usize) -> Option<u32>) -> Option<usize> {
        let mut picked = None;
        while let Some(Reverse((deadline, position))) = self.heap.pop() {
            let index = usize::try_from(position).unwrap_or(usize::MAX);
            match weight(index).filter(|weight| *weight > 0) {
                Some(weight) => {
                    let next = deadline.saturating_add((STEP / u64::from(weight)).max(1));
                    self.heap.push(Reverse((next, position)));
                    picked = Some((index, next));
                    break;
                }
                None => self.aside.push(Reverse((deadline, position))),
            }
        }
        // Who was passed over comes after the one that was picked: it gathers no turns meanwhile.
        let after = picked.map_or(0, |(_, next)| next);
        for Reverse((deadline, position)) in self.aside.drain(..) {
            self.heap.push(Reverse((deadline.max(after), position)));
        }
        picked.map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_weights_take_turns_from_the_start() {
        let mut balancer = Deadlines::new(4, 2);
        let turns: Vec<_> = (0..8).filter_map(|_| balancer.pick(|_| Some(1))).collect();
        assert_eq!(turns, [2, 3, 0, 1, 2, 3, 0, 1]);
    }

    #[test]
    fn an_endpoint_that_returns_is_not_flooded() {
        let mut balancer = Deadlines::new(3, 0);
        for _ in 0..100 {
            balancer.pick(|i| (i != 1).then_some(1)).unwrap();
        }
        let after: Vec<_> = (0..6).filter_map(|_| balancer.pick(|_| Some(1))).collect();
        assert_eq!(after.iter().filter(|i| **i == 1).count(), 2, "{after:?}");
        assert_eq!(balancer.pick(|_| None), None);
        assert!(balancer.pick(|_| Some(1)).is_some());
    }

    proptest! {
        #[test]
        fn shares_follow_weights(weights in prop::collection::vec(1_u32..20, 1..80)) {
            let sum: u32 = weights.iter().sum();
            let mut balancer = Deadlines::new(weights.len(), 0);
            let mut count = vec![0_i64; weights.len()];
            for _ in 0..sum * 10 {
                count[balancer.pick(|i| Some(weights[i])).unwrap()] += 1;
            }
            for (count, weight) in count.iter().zip(&weights) {
                prop_assert!((count - i64::from(*weight) * 10).abs() <= 2, "{count} of {weight}");
            }
        }

        #[test]
        fn only_eligible_endpoints_are_picked(eligible in prop::collection::vec(any::<bool>(), 0..40)) {
            let mut balancer = Deadlines::new(eligible.len(), 0);
            for _ in 0..eligible.len() * 2 {
                match balancer.pick(|i| eligible[i].then_some(1)) {
                    Some(i) => prop_assert!(eligible[i]),
                    None => prop_assert!(!eligible.contains(&true)),
                }
            }
        }
    }
}
