//! What a breaker is told, with Resilience4j's names and defaults, and what it refuses to be told.

use std::time::Duration;

use super::State;
use crate::interval::Interval;

/// The settings of a breaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Share of failed calls, in percent, from which it opens: above 0, at most 100.
    pub failure_rate_threshold: f32,
    /// Share of slow calls, in percent, from which it opens: above 0, at most 100.
    pub slow_call_rate_threshold: f32,
    /// A call that takes longer than this is slow.
    pub slow_call_duration_threshold: Duration,
    /// Which calls count.
    pub window: Window,
    /// No rate is known before so many calls; a window of calls is its upper limit.
    pub minimum_calls: u32,
    /// How long it stays open.
    pub wait_in_open: OpenWait,
    /// Calls that `HALF_OPEN` lets through; they decide.
    pub permitted_in_half_open: u32,
    /// The longest time in `HALF_OPEN`; zero waits for ever for a trial that never ends, which is the
    /// default of Resilience4j and a way to be stuck.
    pub max_wait_in_half_open: Duration,
    /// What follows when `HALF_OPEN` has lasted that long.
    pub after_half_open: AfterHalfOpen,
    /// Whether OPEN ends by itself; else it ends with the first call after the wait.
    pub automatic_transition: bool,
    /// Whether `HALF_OPEN` is decided by its own trials alone. `false` counts, as Resilience4j does,
    /// results of calls that were let through before as well.
    pub own_trials_only: bool,
    /// The state it begins in.
    pub initial: State,
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many calls.
    Calls(u32),
    /// Those of the last so many seconds, the current one included.
    Seconds(u32),
}

/// What follows a `HALF_OPEN` that lasted too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterHalfOpen {
    /// It opens again.
    Open,
    /// It closes.
    Closed,
}

/// How long a breaker stays open: the interval of its n-th opening since it was closed.
pub type OpenWait = Interval;

impl Default for Config {
    fn default() -> Self {
        Self {
            failure_rate_threshold: 50.0,
            slow_call_rate_threshold: 100.0,
            slow_call_duration_threshold: Duration::from_secs(60),
            window: Window::Calls(100),
            minimum_calls: 100,
            wait_in_open: Interval::fixed(Duration::from_secs(60)),
            permitted_in_half_open: 10,
            max_wait_in_half_open: Duration::from_secs(60),
            after_half_open: AfterHalfOpen::Open,
            automatic_transition: false,
            own_trials_only: true,
            initial: State::Closed,
        }
    }
}

/// A setting that no breaker can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A rate of nothing, or of more than all.
    #[error("a rate is above 0 % and at most 100 %")]
    Rate,
    /// A window of nothing, or of more than [`Window::CALLS_MAX`] or [`Window::SECONDS_MAX`].
    #[error("a window is 1 to 1000000 calls or 1 to 3600 seconds")]
    Window,
    /// Without a call there is no rate.
    #[error("the least number of calls is 1")]
    MinimumCalls,
    /// Without a trial `HALF_OPEN` never ends.
    #[error("the number of trial calls is 1 to 1000000")]
    Permitted,
    /// No time to be open.
    #[error("the wait is at least a millisecond")]
    Wait,
}

impl Window {
    /// The largest window of calls.
    pub const CALLS_MAX: u32 = 1_000_000;
    /// The largest window of seconds.
    pub const SECONDS_MAX: u32 = 3_600;
}

impl Config {
    /// Whether a breaker can be made of it.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<(), Invalid> {
        let rates = [self.failure_rate_threshold, self.slow_call_rate_threshold];
        if !rates.iter().all(|rate| *rate > 0.0 && *rate <= 100.0) {
            return Err(Invalid::Rate);
        }
        let fits = match self.window {
            Window::Calls(calls) => (1..=Window::CALLS_MAX).contains(&calls),
            Window::Seconds(seconds) => (1..=Window::SECONDS_MAX).contains(&seconds),
        };
        if !fits {
            return Err(Invalid::Window);
        }
        if self.minimum_calls == 0 {
            return Err(Invalid::MinimumCalls);
        }
        if !(1..=Window::CALLS_MAX).contains(&self.permitted_in_half_open) {
            return Err(Invalid::Permitted);
        }
        if !self.wait_in_open.is_valid() {
            return Err(Invalid::Wait);
        }
        Ok(())
    }
}
