//! How long to wait before the n-th repetition: the arithmetic of Resilience4j's
//! `IntervalFunction`, to the millisecond.
//!
//! Exponential intervals are iterated, and cut to whole milliseconds at each step; the cap comes
//! after the random part. The random number is an argument. Trunkline's own back-off, which takes
//! the random part off so that a cap stays a cap and callers do not return together, is
//! [`crate::backoff`].

use std::time::Duration;

/// The shape of a sequence of intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The first one; whole milliseconds, at least 1.
    pub initial: Duration,
    /// What each one is multiplied by to become the next; 1 for intervals that stay the same.
    pub multiplier: f64,
    /// By which share, 0 to 1, an interval varies to both sides.
    pub randomization_factor: f64,
    /// None is longer than this.
    pub max: Option<Duration>,
}

/// Steps after which an exponential interval is not iterated any further.
const STEPS_MAX: u32 = 10_000;

impl Interval {
    /// Resilience4j's default multiplier.
    pub const MULTIPLIER: f64 = 1.5;
    /// Resilience4j's default factor.
    pub const RANDOMIZATION_FACTOR: f64 = 0.5;

    /// The same interval each time.
    pub const fn fixed(interval: Duration) -> Self {
        Self { initial: interval, multiplier: 1.0, randomization_factor: 0.0, max: None }
    }

    /// Intervals that grow.
    pub const fn exponential(initial: Duration, multiplier: f64) -> Self {
        Self { initial, multiplier, randomization_factor: 0.0, max: None }
    }

    /// Whether intervals can be made of it.
    pub fn is_valid(&self) -> bool {
        self.initial >= Duration::from_millis(1)
            && self.multiplier.is_finite()
            && self.multiplier >= 0.0
            && (0.0..=1.0).contains(&self.randomization_factor)
            && self.max.is_none_or(|max| max >= Duration::from_millis(1))
    }

    /// Whether intervals differ.
    #[expect(clippy::float_cmp, reason = "exactly one: any other factor changes something")]
    fn grows(&self) -> bool {
        self.multiplier != 1.0
    }

    /// The interval before repetition number `attempt`, the first being 1. `random` is evenly
    /// spread over 0 to 1, without 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "casts saturate, as Java's do; milliseconds below 2^53 are exact"
    )]
    pub fn get(&self, attempt: u32, random: f64) -> Duration {
        let mut millis = u64::try_from(self.initial.as_millis()).unwrap_or(u64::MAX);
        let ceiling = i64::MAX as u64;
        if self.grows() {
            for _ in 1..attempt.min(STEPS_MAX) {
                let next = ((millis as f64 * self.multiplier) as u64).min(ceiling);
                if next == millis {
                    break;
                }
                millis = next;
            }
        }
        if self.randomization_factor > 0.0 {
            let current = millis as f64;
            let delta = self.randomization_factor * current;
            let (min, max) = (current - delta, current + delta);
            millis = (min + random * (max - min + 1.0)).max(1.0) as u64;
        }
        let interval = Duration::from_millis(millis);
        self.max.map_or(interval, |max| interval.min(max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(interval: Interval, random: f64) -> Vec<u128> {
        (1..=6).map(|attempt| interval.get(attempt, random).as_millis()).collect()
    }

    #[test]
    fn each_step_is_cut_to_whole_milliseconds() {
        let odd = Interval::exponential(Duration::from_millis(3), 1.5);
        assert_eq!(millis(odd, 0.0), [3, 4, 6, 9, 13, 19]);
        let fixed = Interval::fixed(Duration::from_millis(500));
        assert_eq!(millis(fixed, 0.9), [500; 6]);
    }

    #[test]
    fn the_cap_comes_after_the_random_part() {
        let interval = Interval {
            randomization_factor: 0.5,
            max: Some(Duration::from_millis(1_000)),
            ..Interval::exponential(Duration::from_millis(400), 2.0)
        };
        assert_eq!(millis(interval, 0.0), [200, 400, 800, 1_000, 1_000, 1_000]);
        assert_eq!(interval.get(1, 0.999).as_millis(), 600);
    }

    #[test]
    fn no_attempt_number_takes_for_ever_or_overflows() {
        let interval = Interval::exponential(Duration::from_millis(2), 1.5);
        assert!(interval.get(u32::MAX, 0.0) >= Duration::from_millis(i64::MAX as u64 / 2));
    }
}
