//! Smooth weighted round robin: turns are proportional to weight and evenly spread.
//!
//! Each turn every eligible endpoint gains its weight in credit; the richest is picked and pays the
//! sum of all weights. With weights 5, 1, 1 the order is `a a b a c a a` instead of `a a a a a b
//! c`, so no endpoint receives a burst. The method is nginx's, by Maxim Dounin (2012). A pick costs
//! one pass over the endpoints.

/// The credit of each endpoint, by position in the caller's list.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    credit: Vec<i64>,
}

impl RoundRobin {
    /// A balancer for `endpoints` endpoints, all without credit.
    pub fn new(endpoints: usize) -> Self {
        Self { credit: vec![0; endpoints] }
    }

    /// Starts turns in the middle of a cycle, so that many workers do not all pick the first
    /// endpoint first.
    pub fn advance(&mut self, turns: usize, weight: impl Fn(usize) -> Option<u32>) {
        for _ in 0..turns {
            self.pick(&weight);
        }
    }

    /// Picks the endpoint whose turn it is. `weight` answers the weight of a position, or `None` if
    /// it may not be picked now. Returns `None` when no endpoint is eligible.
    pub fn pick(&mut self, weight: impl Fn(usize) -> Option<u32>) -> Option<usize> {
        let mut sum = 0_i64;
        let mut richest: Option<(usize, i64)> = None;
        for (position, credit) in self.credit.iter_mut().enumerate() {
            let Some(weight) = weight(position).filter(|weight| *weight > 0) else {
                // An endpoint that is away gathers no credit: it must not be flooded when it comes
                // back.
                *credit = 0;
                continue;
            };
            *credit += i64::from(weight);
            sum += i64::from(weight);
            if richest.is_none_or(|(_, most)| *credit > most) {
                richest = Some((position, *credit));
            }
        }
        let (position, _) = richest?;
        if let Some(credit) = self.credit.get_mut(position) {
            *credit -= sum;
        }
        Some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turns(weights: &[u32], count: usize) -> String {
        let mut balancer = RoundRobin::new(weights.len());
        (0..count)
            .map(|_| {
                char::from(
                    b'a' + u8::try_from(balancer.pick(|i| Some(weights[i])).unwrap()).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn equal_weights_take_turns() {
        assert_eq!(turns(&[1, 1, 1], 6), "abcabc");
    }

    #[test]
    fn heavy_endpoints_are_spread_not_bunched() {
        assert_eq!(turns(&[5, 1, 1], 7), "aabacaa");
    }

    #[test]
    fn weight_zero_is_never_picked() {
        assert_eq!(turns(&[0, 1], 3), "bbb");
        assert_eq!(RoundRobin::new(1).pick(|_| Some(0)), None);
        assert_eq!(RoundRobin::new(0).pick(|_| Some(1)), None);
    }

    #[test]
    fn an_endpoint_that_returns_is_not_flooded() {
        let mut balancer = RoundRobin::new(2);
        for _ in 0..100 {
            assert_eq!(balancer.pick(|i| (i == 0).then_some(1)), Some(0));
        }
        let after: Vec<_> = (0..4).filter_map(|_| balancer.pick(|_| Some(1))).collect();
        assert_eq!(after.iter().filter(|i| **i == 1).count(), 2, "{after:?}");
    }

    proptest! {
        #[test]
        fn a_cycle_gives_each_endpoint_exactly_its_weight(weights in prop::collection::vec(0_u32..20, 1..8)) {
            let sum: u32 = weights.iter().sum();
            let mut balancer = RoundRobin::new(weights.len());
            let mut count = vec![0; weights.len()];
            for _ in 0..sum {
                count[balancer.pick(|i| Some(weights[i])).unwrap()] += 1;
            }
            prop_assert_eq!(count, weights);
        }
    }
}
