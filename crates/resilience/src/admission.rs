//! Admission control: a caller that sees its calls fail makes fewer of them by itself.
//!
//! The client-side throttling of Google's SRE book (chapter "Handling Overload"), in the form that
//! Envoy's admission control has: with `n` calls and `s` successes in the window, a call is refused
//! with the probability `((n - s / threshold) / (n + 1)) ^ (1 / aggression)`, at most
//! `max_rejection`. Refused calls count as calls, so that it reacts while nothing passes.

use std::time::Duration;

/// The settings of admission control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Calls of the last so long count: 1 s to 1 h.
    pub window: Duration,
    /// The share of successes, above 0 to 1, below which calls are refused.
    pub success_threshold: f64,
    /// 1 refuses in proportion; above it, earlier.
    pub aggression: f64,
    /// No larger share of calls, 0 to 1, is refused.
    pub max_rejection: f64,
    /// With fewer calls in the window none is refused.
    pub minimum_calls: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            success_threshold: 0.95,
            aggression: 1.0,
            max_rejection: 0.8,
            minimum_calls: 100,
        }
    }
}

const SLICES: usize = 30;

/// What the last calls came to. Of a fixed size.
#[derive(Debug, Clone)]
pub struct Admission {
    config: Config,
    slices: [(u32, u32); SLICES],
    slice: u64,
    calls: u32,
    successes: u32,
}

impl Admission {
    /// Knows of no call.
    pub fn new(config: Config) -> Self {
        Self { config, slices: [(0, 0); SLICES], slice: 0, calls: 0, successes: 0 }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The probability, 0 to 1, with which a call is refused now.
    pub fn rejection(&mut self, now: Duration) -> f64 {
        self.advance(now);
        if self.calls < self.config.minimum_calls {
            return 0.0;
        }
        let calls = f64::from(self.calls);
        let wanted = f64::from(self.successes) / self.config.success_threshold.clamp(0.01, 1.0);
        let share = ((calls - wanted) / (calls + 1.0)).max(0.0);
        let share = share.powf(1.0 / self.config.aggression.max(0.01));
        share.min(self.config.max_rejection)
    }

    /// Whether a call may be made; `random` is evenly spread over 0 to 1, without 1.
    #[must_use]
    pub fn admits(&mut self, now: Duration, random: f64) -> bool {
        let admitted = random >= self.rejection(now);
        if !admitted {
            self.add(1, 0);
        }
        admitted
    }

    /// Notes how an admitted call ended.
    pub fn record(&mut self, success: bool, now: Duration) {
        self.advance(now);
        self.add(1, u32::from(success));
    }

    fn add(&mut self, calls: u32, successes: u32) {
        let index = usize::try_from(self.slice % SLICES as u64).unwrap_or(0);
        if let Some(slice) = self.slices.get_mut(index) {
            slice.0 += calls;
            slice.1 += successes;
            self.calls += calls;
            self.successes += successes;
        }
    }

    fn advance(&mut self, now: Duration) {
        let length = (self.config.window.as_nanos() / SLICES as u128).max(1);
        let present = u64::try_from(now.as_nanos() / length).unwrap_or(u64::MAX);
        let passed = present.saturating_sub(self.slice).min(SLICES as u64);
        for step in 1..=passed {
            let index = usize::try_from((present - passed + step) % SLICES as u64).unwrap_or(0);
            let (calls, successes) =
                self.slices.get_mut(index).map(std::mem::take).unwrap_or_default();
            self.calls -= calls;
            self.successes -= successes;
        }
        self.slice = self.slice.max(present);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In thousandths.
    #[expect(clippy::cast_possible_truncation, reason = "a share")]
    fn rejection(successes: u32, failures: u32) -> i64 {
        let mut admission = Admission::new(Config::default());
        let now = Duration::from_secs(100);
        (0..successes).for_each(|_| admission.record(true, now));
        (0..failures).for_each(|_| admission.record(false, now));
        let rejection = admission.rejection(now);
        assert!(admission.rejection(now + Duration::from_secs(31)) < 0.001);
        (rejection * 1_000.0).round() as i64
    }

    #[test]
    fn it_refuses_in_proportion_to_what_fails() {
        assert_eq!(rejection(96, 4), 0);
        assert_eq!(rejection(0, 50), 0, "too few to judge");
        let half = rejection(500, 500);
        assert!((450..500).contains(&half), "{half}");
        assert_eq!(rejection(0, 1_000), 800);
    }

    #[test]
    fn a_share_of_calls_always_passes_to_find_out() {
        let (mut admission, now) = (Admission::new(Config::default()), Duration::from_secs(1));
        (0..200).for_each(|_| admission.record(false, now));
        let passed = (0..1_000).filter(|one| admission.admits(now, f64::from(*one) / 1_000.0));
        assert_eq!(passed.count(), 200);
    }
}
