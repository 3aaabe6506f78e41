//! What protects one name, written down for the scripts once, and not with every call.
//!
//! All processes are to have the same policies for a name. While they do not, as during a change of
//! configuration, each decides by its own numbers over the same state; nothing breaks.

use std::time::Duration;

use trunkline_resilience::breaker::{self, AfterHalfOpen, State, Window};
use trunkline_resilience::rate_limiter;

/// So many calls at one time, over all processes. Nobody waits: who finds no place is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulkhead {
    /// Calls at one time; zero lets none pass.
    pub max: u32,
    /// How long a place is held for a call of which nothing is heard, in case its process died: the
    /// time limit of calls, or more. A call that may take longer calls [`crate::Link::renew`].
    pub lease: Duration,
}

/// The policies of one name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policies {
    breaker: Option<breaker::Config>,
    pub(crate) breaker_words: String,
    pub(crate) rate_words: String,
    pub(crate) bulkhead_words: String,
}

/// No time is longer than this (ten years): sums of times stay exact in a script's numbers.
const TIME_MAX: u64 = 315_360_000_000_000;

impl Policies {
    /// The policies that are there; each may be missing.
    ///
    /// Times below a microsecond count as one; a limit of calls per period below 1 as 1.
    ///
    /// # Errors
    /// A breaker's settings that fail [`breaker::Config::check`].
    pub fn new(
        breaker: Option<breaker::Config>,
        rate: Option<rate_limiter::Config>,
        bulkhead: Option<Bulkhead>,
    ) -> Result<Self, breaker::Invalid> {
        breaker.iter().try_for_each(breaker::Config::check)?;
        Ok(Self {
            breaker_words: breaker.as_ref().map(write_breaker).unwrap_or_default(),
            rate_words: rate.as_ref().map(write_rate).unwrap_or_default(),
            bulkhead_words: bulkhead.as_ref().map(write_bulkhead).unwrap_or_default(),
            breaker,
        })
    }

    /// Whether there is nothing to ask Redis about.
    pub fn is_empty(&self) -> bool {
        let words = [&self.breaker_words, &self.rate_words, &self.bulkhead_words];
        words.iter().all(|words| words.is_empty())
    }

    /// Whether a call that took so long counts as slow.
    pub(crate) fn is_slow(&self, took: Duration) -> bool {
        self.breaker.is_some_and(|breaker| took > breaker.slow_call_duration_threshold)
    }
}

/// In the order of `settings` in `breaker.lua`.
fn write_breaker(config: &breaker::Config) -> String {
    let (by_time, size) = match config.window {
        Window::Calls(size) => (0, size),
        Window::Seconds(size) => (1, size),
    };
    let wait = config.wait_in_open;
    let after = match config.after_half_open {
        AfterHalfOpen::Open => State::Open,
        AfterHalfOpen::Closed => State::Closed,
    };
    [
        // As 64 bits, whose decimals are the exact value of the 32 bits.
        f64::from(config.failure_rate_threshold).to_string(),
        f64::from(config.slow_call_rate_threshold).to_string(),
        by_time.to_string(),
        size.to_string(),
        config.minimum_calls.to_string(),
        wait.initial.as_millis().to_string(),
        wait.multiplier.to_string(),
        wait.randomization_factor.to_string(),
        micros(wait.max.unwrap_or(Duration::MAX)).to_string(),
        config.permitted_in_half_open.to_string(),
        micros(config.max_wait_in_half_open).to_string(),
        index(after).to_string(),
        u8::from(config.automatic_transition).to_string(),
        u8::from(config.own_trials_only).to_string(),
        index(config.initial).to_string(),
    ]
    .join(",")
}

fn write_rate(config: &rate_limiter::Config) -> String {
    let period = micros(config.limit_refresh_period).max(1);
    format!("{},{period},{}", config.limit_for_period.max(1), micros(config.timeout_duration))
}

fn write_bulkhead(bulkhead: &Bulkhead) -> String {
    format!("{},{}", bulkhead.max, micros(bulkhead.lease).max(1))
}

/// In microseconds, as scripts count.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(TIME_MAX)
}

/// The number of a state in the scripts.
pub(crate) const fn index(state: State) -> i64 {
    match state {
        State::Closed => 0,
        State::Open => 1,
        State::HalfOpen => 2,
        State::Disabled => 3,
        State::ForcedOpen => 4,
        State::MetricsOnly => 5,
    }
}
