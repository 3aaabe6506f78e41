//! Rate limiters: so many calls in each period, by cycles with reservations, by fixed or sliding
//! windows. ([`crate::rate`] has the one whose whole state is a time.)
//!
//! [`Cycles`] is Resilience4j's `AtomicRateLimiter`: periods are counted from its making, a call may
//! take a permit of a period to come and wait for it, and permits that are not used are not saved.
//! [`Sliding`] never lets more than the limit pass in *any* period, at the cost of remembering the
//! times of as many calls.

use std::time::Duration;

/// The settings of a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Calls in each period; at least 1.
    pub limit_for_period: u32,
    /// The period; at least a nanosecond.
    pub limit_refresh_period: Duration,
    /// The longest wait for a permit.
    pub timeout_duration: Duration,
}

impl Default for Config {
    /// 50 calls per second. Resilience4j's default is 50 per 500 ns, which is no limit at all.
    fn default() -> Self {
        Self {
            limit_for_period: 50,
            limit_refresh_period: Duration::from_secs(1),
            timeout_duration: Duration::from_secs(5),
        }
    }
}

/// What one who asks is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// Now, or after this wait: the permit is taken already.
    After(Duration),
    /// Not in time; a permit would be there after this.
    Refused(Duration),
}

/// A limiter by cycles.
#[derive(Debug, Clone)]
pub struct Cycles {
    config: Config,
    start: Duration,
    cycle: u64,
    /// Below zero where permits of cycles to come are taken.
    permits: i64,
}

impl Cycles {
    /// A limiter whose first cycle begins at `now`.
    pub fn new(config: Config, now: Duration) -> Self {
        Self { config, start: now, cycle: 0, permits: i64::from(config.limit_for_period.max(1)) }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the settings; permits that are there or owed stay.
    pub fn change(&mut self, config: Config, now: Duration) {
        self.refill(now);
        if config.limit_refresh_period != self.config.limit_refresh_period {
            (self.start, self.cycle) = (now, 0);
        }
        self.config = config;
    }

    /// Takes `permits`, of this cycle or of one that comes in time.
    pub fn reserve(&mut self, permits: u32, now: Duration) -> Reservation {
        let elapsed = self.refill(now);
        let wait = self.wait(i64::from(permits), elapsed);
        if wait > self.config.timeout_duration {
            return Reservation::Refused(wait);
        }
        self.permits -= i64::from(permits);
        Reservation::After(wait)
    }

    /// Takes all permits that are there.
    pub fn drain(&mut self, now: Duration) {
        self.refill(now);
        self.permits = self.permits.min(0);
    }

    /// Permits at `now`; below zero where some of cycles to come are taken.
    pub fn available(&mut self, now: Duration) -> i64 {
        self.refill(now);
        self.permits
    }

    /// Adds what the cycles since brought. Returns the nanoseconds since the start.
    fn refill(&mut self, now: Duration) -> u128 {
        let elapsed = now.saturating_sub(self.start).as_nanos();
        let cycle = u64::try_from(elapsed / self.period()).unwrap_or(u64::MAX);
        let passed = i64::try_from(cycle.saturating_sub(self.cycle)).unwrap_or(i64::MAX);
        if passed > 0 {
            let brought = passed.saturating_mul(self.limit());
            self.permits = self.permits.saturating_add(brought).min(self.limit());
            self.cycle = cycle;
        }
        elapsed
    }

    /// Until `permits` are there: the rest of this cycle, and whole ones.
    fn wait(&self, permits: i64, elapsed: u128) -> Duration {
        if self.permits >= permits {
            return Duration::ZERO;
        }
        let rest = self.period() - elapsed % self.period();
        let missing = permits - self.permits - self.limit();
        let cycles = if missing > 0 { (missing + self.limit() - 1) / self.limit() } else { 0 };
        let nanos = self.period() * u128::try_from(cycles).unwrap_or(0) + rest;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn limit(&self) -> i64 {
        i64::from(self.config.limit_for_period.max(1))
    }

    fn period(&self) -> u128 {
        self.config.limit_refresh_period.as_nanos().max(1)
    }
}

/// A limiter by fixed windows that begin at whole periods: no waiting, a burst at each edge.
#[derive(Debug, Clone, Default)]
pub struct Fixed {
    window: u128,
    taken: u32,
}

impl Fixed {
    /// Takes one.
    ///
    /// # Errors
    /// Nothing is left; how long until the next window.
    pub fn take(&mut self, config: &Config, now: Duration) -> Result<(), Duration> {
        let period = config.limit_refresh_period.as_nanos().max(1);
        let window = now.as_nanos() / period;
        if window > self.window {
            (self.window, self.taken) = (window, 0);
        }
        if self.taken >= config.limit_for_period {
            let rest = (self.window + 1) * period - now.as_nanos();
            return Err(Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX)));
        }
        self.taken += 1;
        Ok(())
    }

    /// What is left in this window.
    pub fn available(&self, config: &Config, now: Duration) -> u32 {
        let same = now.as_nanos() / config.limit_refresh_period.as_nanos().max(1) == self.window;
        config.limit_for_period.saturating_sub(if same { self.taken } else { 0 })
    }
}

/// A limiter that never lets more than its limit pass in any period. Remembers the time of each call
/// that passed in the last period: allocates when it is made.
#[derive(Debug, Clone)]
pub struct Sliding {
    config: Config,
    /// A ring of the last calls; `next` is the oldest.
    passed: Box<[Option<Duration>]>,
    next: usize,
}

impl Sliding {
    /// An unused limiter; 8 to 16 bytes for each call of the limit.
    pub fn new(config: Config) -> Self {
        let size = usize::try_from(config.limit_for_period.max(1)).unwrap_or(usize::MAX);
        Self { config, passed: vec![None; size].into(), next: 0 }
    }

    /// Takes one.
    ///
    /// # Errors
    /// Nothing is left; how long until the oldest call is out of the window.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let Some(oldest) = self.passed.get_mut(self.next) else {
            return Err(self.config.limit_refresh_period);
        };
        let free = oldest.map(|oldest| oldest.saturating_add(self.config.limit_refresh_period));
        if let Some(wait) = free.and_then(|free| free.checked_sub(now)).filter(|w| !w.is_zero()) {
            return Err(wait);
        }
        *oldest = Some(now);
        self.next = (self.next + 1) % self.passed.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn config(limit: u32, period: u32, timeout: u32) -> Config {
        Config {
            limit_for_period: limit,
            limit_refresh_period: MILLI * period,
            timeout_duration: MILLI * timeout,
        }
    }

    #[test]
    fn permits_of_cycles_to_come_are_reserved() {
        use Reservation::{After, Refused};
        let mut limiter = Cycles::new(config(2, 10, 25), Duration::ZERO);
        let told: Vec<_> = (0..8).map(|_| limiter.reserve(1, MILLI * 4)).collect();
        let expect = [0, 0, 6, 6, 16, 16].map(|millis| After(MILLI * millis));
        assert_eq!(told[..6], expect);
        assert_eq!(told[6..], [Refused(MILLI * 26); 2]);
        assert_eq!(limiter.available(MILLI * 4), -4);
        assert_eq!((limiter.available(MILLI * 21), limiter.available(MILLI * 500)), (0, 2));
    }

    #[test]
    fn what_is_not_used_is_not_saved() {
        let mut limiter = Cycles::new(config(2, 10, 0), Duration::ZERO);
        let passed =
            (0..9).filter(|_| limiter.reserve(1, MILLI * 95) == Reservation::After(Duration::ZERO));
        assert_eq!(passed.count(), 2);
        limiter.drain(MILLI * 100);
        assert_eq!(limiter.available(MILLI * 100), 0);
    }

    #[test]
    fn a_fixed_window_begins_at_whole_periods() {
        let (config, mut limiter) = (config(2, 10, 0), Fixed::default());
        let mut take = |millis| limiter.take(&config, MILLI * millis);
        assert_eq!([take(7), take(8), take(9)], [Ok(()), Ok(()), Err(MILLI)]);
        assert_eq!(take(10), Ok(()));
    }

    proptest! {
        #[test]
        fn a_cycle_never_admits_more_than_its_bound(
            steps in prop::collection::vec(0_u32..7, 1..300), limit in 1_u32..6, timeout in 0_u32..40,
        ) {
            let mut limiter = Cycles::new(config(limit, 10, timeout), Duration::ZERO);
            let (mut now, mut cycles) = (0, std::collections::HashMap::<u128, u32>::new());
            for step in steps {
                now += step;
                if let Reservation::After(wait) = limiter.reserve(1, MILLI * now) {
                    let cycle = (MILLI * now + wait).as_millis() / 10;
                    let taken = cycles.entry(cycle).or_default();
                    *taken += 1;
                    prop_assert!(*taken <= limit, "cycle {cycle}");
                }
            }
        }

        #[test]
        fn no_period_sees_more_than_the_sliding_limit(
            steps in prop::collection::vec(0_u32..9, 1..300), limit in 1_u32..6,
        ) {
            let mut limiter = Sliding::new(config(limit, 20, 0));
            let (mut now, mut passed) = (0, Vec::<u32>::new());
            for step in steps {
                now += step;
                match limiter.take(MILLI * now) {
                    Ok(()) => passed.push(now),
                    Err(wait) => prop_assert!(limiter.clone().take(MILLI * now + wait).is_ok()),
                }
                let last = passed.iter().filter(|time| **time + 20 > now).count();
                prop_assert!(last <= limit as usize);
            }
        }
    }
}
