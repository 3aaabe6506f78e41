//! Power of two choices by peak EWMA: of two random endpoints, the one that is likely to answer
//! sooner.
//!
//! [`Latency`] is a moving average that jumps to a slower answer at once and comes down over time
//! (Finagle's peak EWMA). It also decays while nothing is asked, so that an endpoint that was slow
//! once is tried again: nobody starves. A failure counts as a slow answer, or an endpoint that
//! fails fast would win all traffic. Packs into 64 bits, for the caller to keep in an atomic.

use std::time::Duration;

use super::least_request::position;

/// A slower answer counts in full at once; its weight halves in about seven tenths of this.
const DECAY: Duration = Duration::from_secs(3);
/// What a failed attempt is taken for, if it took less.
const FAILURE: Duration = Duration::from_secs(1);
/// What an endpoint that has not answered yet is taken for, once it has been asked.
const UNKNOWN_MICROS: f32 = 1_000_000.0;
/// Draws before all endpoints are compared.
const DRAWS_MAX: u32 = 4;

/// Microseconds that an answer takes, averaged, and when that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Latency {
    micros: f32,
    /// Milliseconds after the caller's epoch; it wraps after 49 days, and so does the difference.
    stamp_ms: u32,
}

impl Latency {
    /// From what [`Latency::to_bits`] gave.
    pub const fn from_bits(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "each half is taken apart on purpose")]
        Self { micros: f32::from_bits((bits >> 32) as u32), stamp_ms: bits as u32 }
    }

    /// All of it in 64 bits; a fresh one is 0.
    pub const fn to_bits(self) -> u64 {
        ((self.micros.to_bits() as u64) << 32) | self.stamp_ms as u64
    }

    /// Notes an answer that took so long, at `now` after the epoch.
    #[must_use]
    pub fn record(self, took: Duration, failed: bool, now: Duration) -> Self {
        let took = if failed { took.max(FAILURE) } else { took };
        let micros = took.as_secs_f32() * 1e6;
        let past = self.at(now);
        let averaged = if micros >= past {
            micros
        } else {
            let weight = self.weight(now);
            self.micros * weight + micros * (1.0 - weight)
        };
        // Never exactly nothing: that means unknown.
        Self { micros: averaged.max(1.0), stamp_ms: millis(now) }
    }

    /// The average now, decayed since it was noted.
    fn at(self, now: Duration) -> f32 {
        self.micros * self.weight(now)
    }

    fn weight(self, now: Duration) -> f32 {
        // Another thread's clock may be a little ahead: that is no time at all, and not 49 days.
        let idle = millis(now).wrapping_sub(self.stamp_ms).cast_signed().max(0);
        let idle = Duration::from_millis(u64::from(idle.unsigned_abs()));
        (-idle.as_secs_f32() / DECAY.as_secs_f32()).exp()
    }

    /// What one more request to it costs: lower is better.
    pub fn cost(self, active: u32, weight: u32, now: Duration) -> Cost {
        let unknown = self.micros <= 0.0;
        let micros = if unknown && active > 0 { UNKNOWN_MICROS } else { self.at(now) };
        #[expect(clippy::cast_precision_loss, reason = "costs are compared, not summed")]
        Cost(micros.max(0.001) * (active as f32 + 1.0) / weight.max(1) as f32)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it wraps, as documented")]
fn millis(time: Duration) -> u32 {
    time.as_millis() as u32
}

/// What a request costs; lower is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Cost(f32);

/// Compares two of `endpoints` positions chosen at random. `cost` answers `None` for what may not
/// be picked.
pub fn lowest_cost(
    endpoints: usize,
    random: u64,
    cost: impl Fn(usize) -> Option<Cost>,
) -> Option<usize> {
    if endpoints == 0 {
        return None;
    }
    let mut random = random;
    for _ in 0..DRAWS_MAX {
        let first = position(random, endpoints);
        // Another one, or a set of two would often be no choice at all.
        let step = 1 + position(random.rotate_left(32), endpoints.saturating_sub(1));
        let second = (first + step) % endpoints;
        match (cost(first), cost(second)) {
            (Some(a), Some(b)) => return Some(if b < a { second } else { first }),
            (Some(_), None) => return Some(first),
            (None, Some(_)) => return Some(second),
            (None, None) => random = super::mix(random),
        }
    }
    let all = (0..endpoints).filter_map(|position| Some((position, cost(position)?)));
    all.min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0)).map(|(position, _)| position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_clock_that_is_behind_forgets_nothing() {
        let now = Duration::from_secs(100);
        let known = Latency::default().record(Duration::from_millis(50), false, now);
        let (behind, at) = (known.cost(0, 1, Duration::from_millis(99_999)), known.cost(0, 1, now));
        assert!(
            behind.partial_cmp(&at).is_some_and(std::cmp::Ordering::is_eq),
            "{behind:?} {at:?}"
        );
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_is_forgotten_over_time() {
        let fast = Latency::default().record(ms(1), false, ms(100));
        let slow = fast.record(ms(100), false, ms(200));
        let steady = |one: Latency, now| one.cost(0, 1, ms(now));
        assert!(steady(slow, 200) > steady(fast, 200));
        let recovered = (0..200).fold(slow, |one, i| one.record(ms(1), false, ms(300 + i * 200)));
        assert!(steady(recovered, 40_100) < Cost(3_000.0), "{recovered:?}");
    }

    #[test]
    fn an_idle_endpoint_is_tried_again() {
        let slow = Latency::default().record(ms(100), false, ms(0));
        let busy = Latency::default().record(ms(5), false, ms(60_000));
        assert!(slow.cost(0, 1, ms(60_000)) < busy.cost(0, 1, ms(60_000)));
    }

    #[test]
    fn failing_fast_does_not_win_traffic() {
        let failing = Latency::default().record(ms(0), true, ms(0));
        let working = Latency::default().record(ms(50), false, ms(0));
        assert!(working.cost(3, 1, ms(0)) < failing.cost(0, 1, ms(0)));
    }

    #[test]
    fn an_unknown_endpoint_gets_one_request_and_then_waits_for_its_answer() {
        let known = Latency::default().record(ms(5), false, ms(0));
        let unknown = Latency::default();
        assert!(unknown.cost(0, 1, ms(0)) < known.cost(0, 1, ms(0)));
        assert!(known.cost(5, 1, ms(0)) < unknown.cost(1, 1, ms(0)));
    }

    #[test]
    fn equal_endpoints_share_evenly() {
        // traefik#12306: one slow start-up answer starved an equal endpoint for good.
        let mut all = [Latency::default(); 3];
        let (mut counts, mut random) = ([0_u32; 3], 1);
        for turn in 0..1_500_u64 {
            let now = ms(turn * 20);
            random = super::super::mix(random);
            let one = lowest_cost(3, random, |i| Some(all[i].cost(0, 1, now))).unwrap();
            let took = if turn < 3 { ms(500) } else { ms(3 + (random & 3)) };
            all[one] = all[one].record(took, false, now);
            counts[one] += 1;
        }
        assert!(counts.iter().all(|count| *count > 150), "{counts:?}");
    }

    proptest! {
        #[test]
        fn it_packs_into_64_bits(took in 0_u64..10_000, now in 0_u64..1_000_000) {
            let one = Latency::default().record(ms(took), false, ms(now));
            prop_assert_eq!(Latency::from_bits(one.to_bits()), one);
        }

        #[test]
        fn only_eligible_endpoints_are_picked(
            eligible in prop::collection::vec(any::<bool>(), 0..40), random: u64
        ) {
            let cost = |i: usize| eligible[i].then_some(Cost(1.0));
            match lowest_cost(eligible.len(), random, cost) {
                Some(i) => prop_assert!(eligible[i]),
                None => prop_assert!(!eligible.contains(&true)),
            }
        }
    }
}
