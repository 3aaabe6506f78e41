//! The breaker itself. All changes of state go through [`Breaker::enter`].

mod stay;

use std::fmt;
use std::time::Duration;

use super::config::{AfterHalfOpen, Config, Invalid, Window};
use super::event::Event;
use super::window::{Counts, Ring};

pub use stay::Stay;

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// They pass and are counted.
    Closed,
    /// They are refused until a wait is over.
    Open,
    /// Some pass, to find out how things are.
    HalfOpen,
    /// They pass and nothing is counted.
    Disabled,
    /// They are refused until somebody says otherwise.
    ForcedOpen,
    /// They pass, are counted, and are told about.
    MetricsOnly,
}

/// How a call ended, as the caller's predicates judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Success,
    /// In a failure.
    Error,
    /// In a way that says nothing about the callee.
    Ignored,
}

/// The right to make one call; it is given back with its result, or by [`Breaker::release`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not given back is lost to HALF_OPEN"]
pub struct Permit {
    epoch: u64,
}

/// A call that is not let through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotPermitted {
    /// The state that refused it.
    pub state: State,
    /// When calls may pass again; `None` where no time is known.
    pub retry_at: Option<Duration>,
}

/// No breaker goes from the one state to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a breaker does not go from {from} to {to}")]
pub struct IllegalTransition {
    /// The state it is in.
    pub from: State,
    /// The state it was to be in.
    pub to: State,
}

/// What a breaker knows, as Resilience4j's `CircuitBreaker.Metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metrics {
    /// In percent; -1 while there are too few calls.
    pub failure_rate: f32,
    /// In percent; -1 while there are too few calls.
    pub slow_call_rate: f32,
    /// Calls in the window.
    pub buffered: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// Those of them that were slow.
    pub slow: u32,
    /// Those of them that were slow and failed.
    pub slow_failed: u32,
    /// Calls refused since the window was begun.
    pub not_permitted: u64,
}

/// Takes what a breaker tells.
pub type Sink<'a> = &'a mut dyn FnMut(Event);

/// A circuit breaker. Allocates its windows when it is made, and never again.
#[derive(Debug, Clone)]
pub struct Breaker {
    config: Config,
    phase: Phase,
    /// The calls of CLOSED and `METRICS_ONLY`; OPEN goes on with the window it came from.
    calls: Ring,
    /// The calls of `HALF_OPEN`.
    trials: Ring,
    counted_by: CountedBy,
    not_permitted: u64,
    /// Number of the present stay in a state: tells whose permit it is.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open { attempts: u32, until: Duration },
    HalfOpen { attempts: u32, permits: u32, since: Duration },
    Disabled,
    ForcedOpen { attempts: u32 },
    MetricsOnly { failure_told: bool, slow_told: bool },
}

/// The window that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CountedBy {
    Calls,
    Trials,
    Nobody,
}

impl State {
    /// Every state, in the order of Resilience4j.
    pub const ALL: [Self; 6] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::Disabled,
        Self::ForcedOpen,
        Self::MetricsOnly,
    ];

    /// Resilience4j's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
            Self::Disabled => "DISABLED",
            Self::ForcedOpen => "FORCED_OPEN",
            Self::MetricsOnly => "METRICS_ONLY",
        }
    }

    /// Whether there is a way from one to the other (`CircuitBreaker.StateTransition`: 33 ways).
    pub const fn leads_to(self, to: Self) -> bool {
        !matches!(
            (self, to),
            (Self::Closed, Self::HalfOpen) | (Self::MetricsOnly, Self::Open | Self::HalfOpen)
        )
    }

    /// Whether events other than the forced ones are told in it.
    const fn tells(self) -> bool {
        !matches!(self, Self::Disabled | Self::ForcedOpen)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Breaker {
    /// A breaker in its initial state.
    ///
    /// # Errors
    /// A configuration that fails [`Config::check`].
    pub fn new(config: Config, now: Duration) -> Result<Self, Invalid> {
        config.check()?;
        let mut breaker = Self {
            phase: Phase::Closed,
            calls: Ring::new(config.window, now),
            trials: Ring::new(Window::Calls(config.permitted_in_half_open), now),
            counted_by: CountedBy::Calls,
            not_permitted: 0,
            epoch: 0,
            config,
        };
        breaker.enter(config.initial, 1, now);
        Ok(breaker)
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Asks to make a call.
    ///
    /// # Errors
    /// The call is not to be made.
    pub fn try_acquire(&mut self, now: Duration, sink: Sink<'_>) -> Result<Permit, NotPermitted> {
        self.pass_time(now, sink);
        if let Phase::Open { until, .. } = self.phase
            && now > until
        {
            self.go(State::HalfOpen, now, sink);
        }
        match &mut self.phase {
            Phase::Closed | Phase::Disabled | Phase::MetricsOnly { .. } => return Ok(self.permit()),
            Phase::HalfOpen { permits, .. } if *permits > 0 => {
                *permits -= 1;
                return Ok(self.permit());
            }
            Phase::HalfOpen { .. } | Phase::Open { .. } | Phase::ForcedOpen { .. } => {}
        }
        self.not_permitted += 1;
        self.tell(Event::NotPermitted, sink);
        Err(NotPermitted { state: self.phase.state(), retry_at: self.phase.retry_at(&self.config) })
    }

    /// Gives a permit back without a result.
    #[expect(clippy::needless_pass_by_value, reason = "it is gone: nobody gives it back twice")]
    pub fn release(&mut self, permit: Permit) {
        let permitted = self.config.permitted_in_half_open;
        if let Phase::HalfOpen { permits, .. } = &mut self.phase
            && permit.epoch == self.epoch
        {
            debug_assert!(*permits < permitted, "a permit of this stay was taken before");
            *permits = (*permits + 1).min(permitted);
        }
    }

    /// Notes how a call ended, and how long it took.
    pub fn on_result(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        took: Duration,
        now: Duration,
        sink: Sink<'_>,
    ) {
        self.pass_time(now, sink);
        let failed = match outcome {
            Outcome::Ignored => {
                self.release(permit);
                return self.tell(Event::IgnoredError(took), sink);
            }
            Outcome::Success => false,
            Outcome::Error => true,
        };
        self.tell(if failed { Event::Error(took) } else { Event::Success(took) }, sink);
        let foreign = permit.epoch != self.epoch && self.config.own_trials_only;
        if matches!(self.phase, Phase::HalfOpen { .. }) && foreign {
            return;
        }
        let slow = took > self.config.slow_call_duration_threshold;
        let counts = match self.counted_by {
            CountedBy::Calls => self.calls.record(failed, slow, now),
            CountedBy::Trials => self.trials.record(failed, slow, now),
            CountedBy::Nobody => return,
        };
        self.decide(counts, now, sink);
    }

    /// The state at `now`.
    pub fn state(&mut self, now: Duration, sink: Sink<'_>) -> State {
        self.pass_time(now, sink);
        self.phase.state()
    }

    /// When calls may pass again, as far as that is known.
    pub fn retry_at(&self) -> Option<Duration> {
        self.phase.retry_at(&self.config)
    }

    /// Calls that `HALF_OPEN` would still let through; `None` in other states.
    pub fn permits_left(&self) -> Option<u32> {
        match self.phase {
            Phase::HalfOpen { permits, .. } => Some(permits),
            _ => None,
        }
    }

    /// What is known at `now`.
    pub fn metrics(&mut self, now: Duration) -> Metrics {
        let counts = match self.counted_by {
            CountedBy::Calls => self.calls.counts(now),
            CountedBy::Trials => self.trials.counts(now),
            CountedBy::Nobody => Counts::default(),
        };
        let (failure_rate, slow_call_rate) = self.rates(counts).unwrap_or((-1.0, -1.0));
        Metrics {
            failure_rate,
            slow_call_rate,
            buffered: counts.calls,
            failed: counts.failed,
            slow: counts.slow,
            slow_failed: counts.slow_failed,
            not_permitted: self.not_permitted,
        }
    }

    /// Goes to another state because somebody says so.
    ///
    /// # Errors
    /// There is no way from this state to that one.
    pub fn transition_to(
        &mut self,
        to: State,
        now: Duration,
        sink: Sink<'_>,
    ) -> Result<(), IllegalTransition> {
        self.pass_time(now, sink);
        let from = self.phase.state();
        if !from.leads_to(to) {
            return Err(IllegalTransition { from, to });
        }
        self.go(to, now, sink);
        Ok(())
    }

    /// Opens for a time that is told, without a step in the sequence of waits.
    ///
    /// # Errors
    /// There is no way from this state to OPEN.
    pub fn open_for(
        &mut self,
        wait: Duration,
        now: Duration,
        sink: Sink<'_>,
    ) -> Result<(), IllegalTransition> {
        let attempts = self.phase.attempts();
        self.transition_to(State::Open, now, sink)?;
        let until = now.saturating_add(wait);
        self.phase = Phase::Open { attempts, until };
        Ok(())
    }

    /// Closes with empty windows.
    pub fn reset(&mut self, now: Duration, sink: Sink<'_>) {
        self.pass_time(now, sink);
        if self.phase.state() == State::Closed {
            self.enter(State::Closed, 0, now);
        } else {
            self.go(State::Closed, now, sink);
        }
        self.tell(Event::Reset, sink);
    }

    /// What a timer would have done by now.
    fn pass_time(&mut self, now: Duration, sink: Sink<'_>) {
        match self.phase {
            Phase::Open { until, .. } if self.config.automatic_transition && now >= until => {
                self.go(State::HalfOpen, now, sink);
            }
            Phase::HalfOpen { since, .. } => {
                let max = self.config.max_wait_in_half_open;
                if max >= Duration::from_millis(1) && now >= since.saturating_add(max) {
                    let to = match self.config.after_half_open {
                        AfterHalfOpen::Open => State::Open,
                        AfterHalfOpen::Closed => State::Closed,
                    };
                    self.go(to, now, sink);
                }
            }
            _ => {}
        }
    }

    /// What follows from the counts after a record.
    fn decide(&mut self, counts: Counts, now: Duration, sink: Sink<'_>) {
        let Some((failure_rate, slow_rate)) = self.rates(counts) else {
            return;
        };
        let failing = failure_rate >= self.config.failure_rate_threshold;
        let slow = slow_rate >= self.config.slow_call_rate_threshold;
        match &mut self.phase {
            Phase::Closed if failing || slow => {
                self.tell_rates((failing, failure_rate), (slow, slow_rate), sink);
                self.go(State::Open, now, sink);
            }
            Phase::MetricsOnly { failure_told, slow_told } => {
                let failure_due =
                    failing && !std::mem::replace(failure_told, *failure_told || failing);
                let slow_due = slow && !std::mem::replace(slow_told, *slow_told || slow);
                self.tell_rates((failure_due, failure_rate), (slow_due, slow_rate), sink);
            }
            Phase::HalfOpen { .. } => {
                let to = if failing || slow { State::Open } else { State::Closed };
                self.go(to, now, sink);
            }
            _ => {}
        }
    }

    /// Failure rate and slow call rate, once there are calls enough.
    fn rates(&self, counts: Counts) -> Option<(f32, f32)> {
        let minimum = match self.config.window {
            Window::Calls(size) => self.config.minimum_calls.min(size),
            Window::Seconds(_) => self.config.minimum_calls,
        };
        let minimum = match self.counted_by {
            CountedBy::Calls => minimum,
            CountedBy::Trials | CountedBy::Nobody => {
                minimum.min(self.config.permitted_in_half_open)
            }
        };
        let known = counts.calls > 0 && counts.calls >= minimum;
        known.then(|| (counts.percent(counts.failed), counts.percent(counts.slow)))
    }

    fn tell_rates(&self, failing: (bool, f32), slow: (bool, f32), sink: Sink<'_>) {
        if failing.0 {
            self.tell(Event::FailureRateExceeded(failing.1), sink);
        }
        if slow.0 {
            self.tell(Event::SlowCallRateExceeded(slow.1), sink);
        }
    }

    /// Changes the state, and tells so unless it is the same.
    fn go(&mut self, to: State, now: Duration, sink: Sink<'_>) {
        let from = self.phase.state();
        let attempts = self.phase.attempts();
        let opens = matches!(to, State::Open | State::ForcedOpen);
        self.enter(to, if opens { attempts.saturating_add(1) } else { attempts }, now);
        if from != to {
            self.tell(Event::StateTransition { from, to }, sink);
        }
    }

    /// Begins a stay in a state.
    fn enter(&mut self, state: State, attempts: u32, now: Duration) {
        self.epoch += 1;
        match state {
            State::Closed | State::MetricsOnly => {
                self.calls.clear(now);
                self.count_by(CountedBy::Calls);
            }
            State::HalfOpen => {
                self.trials.clear(now);
                self.count_by(CountedBy::Trials);
            }
            State::Disabled | State::ForcedOpen => self.count_by(CountedBy::Nobody),
            State::Open => {}
        }
        let permits = self.config.permitted_in_half_open;
        self.phase = match state {
            State::Closed => Phase::Closed,
            State::Open => {
                let wait = self.config.wait_in_open.get(attempts.max(1), 0.5);
                Phase::Open { attempts, until: now.saturating_add(wait) }
            }
            State::HalfOpen => Phase::HalfOpen { attempts, permits, since: now },
            State::Disabled => Phase::Disabled,
            State::ForcedOpen => Phase::ForcedOpen { attempts },
            State::MetricsOnly => Phase::MetricsOnly { failure_told: false, slow_told: false },
        };
    }

    fn count_by(&mut self, counted_by: CountedBy) {
        self.counted_by = counted_by;
        self.not_permitted = 0;
    }

    fn permit(&self) -> Permit {
        Permit { epoch: self.epoch }
    }

    fn tell(&self, event: Event, sink: Sink<'_>) {
        if event.is_forced() || self.phase.state().tells() {
            sink(event);
        }
    }
}

impl Phase {
    const fn state(&self) -> State {
        match self {
            Self::Closed => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen { .. } => State::HalfOpen,
            Self::Disabled => State::Disabled,
            Self::ForcedOpen { .. } => State::ForcedOpen,
            Self::MetricsOnly { .. } => State::MetricsOnly,
        }
    }

    /// Openings since it was last closed.
    const fn attempts(&self) -> u32 {
        match self {
            Self::Closed | Self::Disabled | Self::MetricsOnly { .. } => 0,
            Self::Open { attempts, .. }
            | Self::HalfOpen { attempts, .. }
            | Self::ForcedOpen { attempts } => *attempts,
        }
    }

    fn retry_at(&self, config: &Config) -> Option<Duration> {
        match self {
            Self::Open { until, .. } => Some(*until),
            Self::HalfOpen { since, .. } if !config.max_wait_in_half_open.is_zero() => {
                Some(since.saturating_add(config.max_wait_in_half_open))
            }
            _ => None,
        }
    }
}
