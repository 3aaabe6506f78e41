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
    pub(crate) breaker_words: Vec<u8>,
    pub(crate) rate_words: Vec<u8>,
    pub(crate) bulkhead_words: Vec<u8>,
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
fn write_breaker(config: &breaker::Config) -> Vec<u8> {
    let (by_time, size) = match config.window {
        Window::Calls(size) => (false, size),
        Window::Seconds(size) => (true, size),
    };
    let wait = config.wait_in_open;
    let after = match config.after_half_open {
        AfterHalfOpen::Open => State::Open,
        AfterHalfOpen::Closed => State::Closed,
    };
    pack(&[
        config.failure_rate_threshold.into(),
        config.slow_call_rate_threshold.into(),
        by_time.into(),
        size.into(),
        config.minimum_calls.into(),
        exact(u64::try_from(wait.initial.as_millis()).unwrap_or(u64::MAX)),
        wait.multiplier,
        wait.randomization_factor,
        exact(micros(wait.max.unwrap_or(Duration::MAX))),
        config.permitted_in_half_open.into(),
        exact(micros(config.max_wait_in_half_open)),
        index(after).into(),
        config.automatic_transition.into(),
        config.own_trials_only.into(),
        index(config.initial).into(),
    ])
}

fn write_rate(config: &rate_limiter::Config) -> Vec<u8> {
    let period = micros(config.limit_refresh_period).max(1);
    let timeout = micros(config.timeout_duration);
    pack(&[config.limit_for_period.max(1).into(), exact(period), exact(timeout)])
}

fn write_bulkhead(bulkhead: &Bulkhead) -> Vec<u8> {
    pack(&[bulkhead.max.into(), exact(micros(bulkhead.lease).max(1))])
}

/// As `numbers` in `common.lua` reads them.
fn pack(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// As a number of a script.
#[expect(clippy::cast_precision_loss, reason = "it is exact below 2^53, and cut to that")]
fn exact(number: u64) -> f64 {
    number.min(1 << 53) as f64
}

/// In microseconds, as scripts count.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(TIME_MAX)
}

/// The number of a state in the scripts.
pub(crate) const fn index(state: State) -> i8 {
    match state {
        State::Closed => 0,
        State::Open => 1,
        State::HalfOpen => 2,
        State::Disabled => 3,
        State::ForcedOpen => 4,
        State::MetricsOnly => 5,
    }
}
