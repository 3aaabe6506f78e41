//! The generic cell rate algorithm: a token bucket whose whole state is one time.
//!
//! The state is when the next event would be on schedule, in nanoseconds of any clock (ITU-T I.371
//! annex A, virtual scheduling). An event that is ahead of schedule by more than the burst allows
//! is too early, and it is known by how much.

use std::time::Duration;

/// How many events, in the long run and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// Nanoseconds between two events that are on schedule.
    interval: u64,
    /// By how much an event may be early.
    tolerance: u64,
}

impl Gcra {
    /// `count` events in each `per`, and `burst` at once after a rest; both at least 1.
    pub fn new(count: u32, per: Duration, burst: u32) -> Self {
        let per = u64::try_from(per.as_nanos()).unwrap_or(u64::MAX);
        let interval = (per / u64::from(count.max(1))).max(1);
        Self { interval, tolerance: interval.saturating_mul(u64::from(burst.max(1) - 1)) }
    }

    /// One event at `now`. `Ok` with the next state, or how long it has to wait.
    pub fn take(&self, scheduled: u64, now: u64) -> Result<u64, Duration> {
        let scheduled = scheduled.max(now);
        match (scheduled - now).checked_sub(self.tolerance) {
            None | Some(0) => Ok(scheduled.saturating_add(self.interval)),
            Some(early) => Err(Duration::from_nanos(early)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_then_one_by_one() {
        let gcra = Gcra::new(10, Duration::from_secs(1), 3);
        let (mut state, now) = (0, 50 * SECOND);
        for _ in 0..3 {
            state = gcra.take(state, now).unwrap();
        }
        assert_eq!(gcra.take(state, now), Err(Duration::from_millis(100)));
        state = gcra.take(state, now + SECOND / 10).unwrap();
        assert!(gcra.take(state, now + SECOND / 10).is_err());
        // A rest fills the bucket, and no more than that.
        let later = now + 60 * SECOND;
        for _ in 0..3 {
            state = gcra.take(state, later).unwrap();
        }
        assert!(gcra.take(state, later).is_err());
    }

    proptest! {
        #[test]
        fn never_more_than_rate_and_burst(
            steps in prop::collection::vec(0_u64..SECOND / 5, 1..300),
            count in 1_u32..100,
            burst in 1_u32..20,
        ) {
            let gcra = Gcra::new(count, Duration::from_secs(1), burst);
            let (mut state, mut now, mut passed) = (0, SECOND, 0_u64);
            let begin = now;
            for step in steps {
                now += step;
                match gcra.take(state, now) {
                    Ok(next) => { state = next; passed += 1; }
                    Err(wait) => {
                        let then = now + u64::try_from(wait.as_nanos()).unwrap();
                        prop_assert!(gcra.take(state, then).is_ok());
                    }
                }
                let most = u64::from(burst) + (now - begin) / (SECOND / u64::from(count)) ;
                prop_assert!(passed <= most + 1, "{passed} {most}");
            }
        }
    }
}
