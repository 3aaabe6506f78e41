//! Hedging: when an answer takes longer than most do, the call is made a second time elsewhere, and
//! the first answer wins.
//!
//! The delay is fixed, or follows from the last calls: their average with something added
//! (Resilience4j's `HedgeConfig`), or a quantile of them. How much more load that makes is bounded by
//! a [`crate::budget`], not here.

use std::time::Duration;

/// Calls that a delay is learnt from.
const WINDOW: usize = 100;
/// A learnt delay is looked at anew after so many calls.
const RENEW: u32 = 10;

/// After how long a second call is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// After this time.
    Fixed(Duration),
    /// After the average of the last 100 calls and this share of it, in percent.
    AveragePlusPercent(f64),
    /// After the average of the last 100 calls and this time.
    AveragePlus(Duration),
    /// After the time within which this share of the last 100 calls ended, 0 to 1.
    Quantile(f64),
}

/// The settings of hedging.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// After how long a second call is made.
    pub delay: Delay,
    /// Further calls at most; each waits for the delay again.
    pub max_hedges: u32,
}

/// What is known of the last calls. Of a fixed size.
#[derive(Debug, Clone)]
pub struct Hedge {
    config: Config,
    /// Durations in microseconds, a ring.
    last: [u32; WINDOW],
    known: usize,
    next: usize,
    since: u32,
    delay: Option<Duration>,
}

impl Hedge {
    /// Knows of no call.
    pub fn new(config: Config) -> Self {
        let delay = match config.delay {
            Delay::Fixed(delay) => Some(delay),
            _ => None,
        };
        Self { config, last: [0; WINDOW], known: 0, next: 0, since: 0, delay }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// After how long a further call is to be made; `None` while too little is known.
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// Notes how long a call took.
    pub fn record(&mut self, took: Duration) {
        if matches!(self.config.delay, Delay::Fixed(_)) {
            return;
        }
        if let Some(place) = self.last.get_mut(self.next) {
            *place = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        }
        self.next = (self.next + 1) % WINDOW;
        self.known = (self.known + 1).min(WINDOW);
        self.since += 1;
        if self.since >= RENEW {
            self.since = 0;
            self.delay = Some(self.learn());
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank is between 0 and 99"
    )]
    fn learn(&self) -> Duration {
        let known = self.last.get(..self.known).unwrap_or_default();
        let sum: u64 = known.iter().map(|micros| u64::from(*micros)).sum();
        let average = Duration::from_micros(sum / (known.len().max(1) as u64));
        match self.config.delay {
            Delay::Fixed(delay) => delay,
            Delay::AveragePlus(more) => average + more,
            Delay::AveragePlusPercent(percent) => average.mul_f64(1.0 + percent.max(0.0) / 100.0),
            Delay::Quantile(share) => {
                let mut sorted = self.last;
                let sorted = sorted.get_mut(..self.known).unwrap_or_default();
                sorted.sort_unstable();
                let rank = (share.clamp(0.0, 1.0) * self.known as f64).ceil().max(1.0) as usize - 1;
                let micros = sorted.get(rank).or(sorted.last()).copied().unwrap_or(0);
                Duration::from_micros(u64::from(micros))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(delay: Delay) -> Option<u128> {
        let mut hedge = Hedge::new(Config { delay, max_hedges: 1 });
        (1..=100).for_each(|millis| hedge.record(Duration::from_millis(millis)));
        hedge.delay().map(|delay| delay.as_micros())
    }

    #[test]
    fn the_delay_follows_from_the_last_calls() {
        assert_eq!(learnt(Delay::Quantile(0.95)), Some(95_000));
        assert_eq!(learnt(Delay::Quantile(0.0)), Some(1_000));
        assert_eq!(learnt(Delay::AveragePlusPercent(100.0)), Some(101_000));
        assert_eq!(learnt(Delay::AveragePlus(Duration::from_millis(5))), Some(55_500));
        assert_eq!(learnt(Delay::Fixed(Duration::from_millis(7))), Some(7_000));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let mut hedge = Hedge::new(Config { delay: Delay::Quantile(0.9), max_hedges: 1 });
        (0..9).for_each(|_| hedge.record(Duration::from_millis(1)));
        assert_eq!(hedge.delay(), None);
    }
}
