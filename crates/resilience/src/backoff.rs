//! How long to wait before trying again: exponential, capped, with jitter. The one back-off of
//! Trunkline.
//!
//! The delay before attempt *n* doubles from `first` up to `max`. Jitter takes a random part *off*
//! the delay, so `max` stays a true maximum, and callers that failed together do not come back
//! together. The random number is an argument: tests pass zero and read exact delays. It is not a
//! retry policy: it does not count attempts or decide whether to try.

use std::time::Duration;

/// The shape of a back-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Delay before the first repetition.
    pub first: Duration,
    /// No delay is longer than this.
    pub max: Duration,
    /// Share of each delay that is random, in percent; values above 100 count as 100.
    pub jitter_percent: u8,
}

impl Config {
    /// A back-off from `first` to `max` whose delays vary by half.
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, jitter_percent: 50 }
    }

    /// The delay before repetition number `attempt` (the first is 0). `random` is any evenly spread
    /// number; zero gives the longest delay, without jitter.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let doubled = 2_u32.checked_pow(attempt).and_then(|factor| self.first.checked_mul(factor));
        let full = doubled.unwrap_or(self.max).min(self.max);
        let full_nanos = full.as_nanos();
        let jitter_nanos = full_nanos * u128::from(self.jitter_percent.min(100)) / 100;
        let taken_off = (jitter_nanos * u128::from(random)) >> u64::BITS;
        let delay_nanos = full_nanos - taken_off;
        debug_assert!(delay_nanos <= self.max.as_nanos());
        Duration::from_nanos(u64::try_from(delay_nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPE: Config = Config::new(Duration::from_millis(100), Duration::from_secs(2));

    #[test]
    fn delays_double_until_the_cap() {
        let delays: Vec<u128> = (0..7).map(|attempt| SHAPE.delay(attempt, 0).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 2000, 2000]);
    }

    #[test]
    fn no_attempt_number_overflows() {
        assert_eq!(SHAPE.delay(u32::MAX, 0), SHAPE.max);
    }

    proptest! {
        #[test]
        fn jitter_keeps_the_delay_between_half_and_whole(attempt in 0_u32..40, random: u64) {
            let full = SHAPE.delay(attempt, 0);
            let delay = SHAPE.delay(attempt, random);
            prop_assert!(delay <= full && delay >= full / 2);
        }
    }
}
