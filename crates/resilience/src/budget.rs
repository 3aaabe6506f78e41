//! A retry budget: repetitions are a small part of all calls, so that a service that is down is not
//! struck by several times its load.
//!
//! Each call pays a part of a token into the budget, each repetition takes a whole one; what was paid
//! in is forgotten after `ttl`. A small number of repetitions per second is free, so that a quiet
//! service may retry at all (Finagle's `RetryBudget`: 20 %, 10 per second, 10 s).

use std::time::Duration;

/// The settings of a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Repetitions per 100 calls: 0 to 1000.
    pub percent: f64,
    /// Repetitions in each second that need no calls.
    pub min_per_second: u32,
    /// For how long a call counts: 1 s to 60 s.
    pub ttl: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { percent: 20.0, min_per_second: 10, ttl: Duration::from_secs(10) }
    }
}

/// Parts that the time of a budget is divided into.
const SLICES: usize = 10;

/// Parts of a token, so that whole numbers do.
const TOKEN: i64 = 1_000;

/// What may still be repeated. Of a fixed size; nothing is allocated.
#[derive(Debug, Clone)]
pub struct Budget {
    config: Config,
    /// What was paid in less what was taken, by slice of time.
    slices: [i64; SLICES],
    /// Number of the present slice since the origin of time.
    slice: u64,
    /// Sum of the slices.
    total: i64,
}

impl Budget {
    /// An empty budget but for what is free.
    pub fn new(config: Config) -> Self {
        Self { config, slices: [0; SLICES], slice: 0, total: 0 }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A call is made.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and 10000 is plenty")]
    pub fn deposit(&mut self, now: Duration) {
        let paid = (self.config.percent.clamp(0.0, 1_000.0) * 10.0).round() as i64;
        self.add(now, paid);
    }

    /// Asks for a repetition.
    #[must_use]
    pub fn try_withdraw(&mut self, now: Duration) -> bool {
        if self.balance(now) < 1 {
            return false;
        }
        self.add(now, -TOKEN);
        true
    }

    /// Repetitions that are left at `now`.
    pub fn balance(&mut self, now: Duration) -> u64 {
        self.advance(now);
        u64::try_from((self.total + self.free()) / TOKEN).unwrap_or(0)
    }

    /// What needs no calls, over the whole time that is looked at.
    fn free(&self) -> i64 {
        let per_ttl = u128::from(self.config.min_per_second) * self.config.ttl.as_millis() / 1_000;
        i64::try_from(per_ttl).unwrap_or(i64::MAX / TOKEN / 2).saturating_mul(TOKEN)
    }

    fn add(&mut self, now: Duration, tokens: i64) {
        self.advance(now);
        let index = index(self.slice);
        if let Some(slice) = self.slices.get_mut(index) {
            *slice += tokens;
            self.total += tokens;
        }
    }

    /// Forgets the slices that are over. A debt is forgotten like a deposit, each after its time.
    fn advance(&mut self, now: Duration) {
        let length = (self.config.ttl.as_nanos() / SLICES as u128).max(1);
        let present = u64::try_from(now.as_nanos() / length).unwrap_or(u64::MAX);
        let passed = present.saturating_sub(self.slice).min(SLICES as u64);
        for step in 1..=passed {
            let index = index(present - passed + step);
            if let Some(slice) = self.slices.get_mut(index) {
                self.total -= std::mem::take(slice);
            }
        }
        self.slice = self.slice.max(present);
    }
}

fn index(slice: u64) -> usize {
    usize::try_from(slice % SLICES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn taken(budget: &mut Budget, now: Duration) -> u64 {
        (0..1_000).take_while(|_| budget.try_withdraw(now)).count() as u64
    }

    #[test]
    fn a_fifth_of_the_calls_may_be_repeated() {
        let mut budget = Budget::new(Config { min_per_second: 0, ..Config::default() });
        assert_eq!(taken(&mut budget, SECOND), 0);
        (0..100).for_each(|_| budget.deposit(SECOND));
        assert_eq!(taken(&mut budget, SECOND), 20);
        (0..10).for_each(|_| budget.deposit(SECOND));
        assert_eq!((budget.balance(SECOND), budget.balance(SECOND * 30)), (2, 0));
    }

    #[test]
    fn a_quiet_service_may_retry_too() {
        let mut budget = Budget::new(Config::default());
        assert_eq!(taken(&mut budget, SECOND), 100);
        assert_eq!(taken(&mut budget, SECOND * 5), 0);
        assert_eq!(taken(&mut budget, SECOND * 12), 100);
    }

    proptest! {
        #[test]
        fn retries_never_exceed_the_budget(
            steps in prop::collection::vec((0_u64..2_000, 0_u32..30, 0_u32..30), 1..100),
            percent in 0_u32..100,
            free in 0_u32..5,
        ) {
            let config = Config {
                percent: f64::from(percent), min_per_second: free, ttl: SECOND * 10,
            };
            let mut budget = Budget::new(config);
            let (mut now, mut calls, mut repeated) = (SECOND, 0_u64, 0_u64);
            for (millis, made, tried) in steps {
                now += Duration::from_millis(millis);
                for _ in 0..made { budget.deposit(now); calls += 1; }
                for _ in 0..tried { repeated += u64::from(budget.try_withdraw(now)); }
                // Windows of slices: what is free is free once in each, and once more at its edge.
                let windows = now.as_secs() / 9 + 2;
                let free = u64::from(free) * 10 * windows;
                let most = (calls * u64::from(percent)).div_ceil(100) + free;
                prop_assert!(repeated <= most, "{repeated} of {most}");
            }
        }
    }
}
