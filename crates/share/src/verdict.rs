//! What Redis is asked for and answers.

use std::time::Duration;

use trunkline_resilience::breaker::{Metrics, State};

/// What became of a question, and of the breaker by it.
#[derive(Debug, PartialEq)]
pub struct Admission {
    /// Whether the call may be made.
    pub verdict: Verdict,
    /// What the question changed: as a wait that was over was noticed with it.
    pub change: Option<Change>,
}

/// Whether a call may be made.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It may.
    Admitted {
        /// To be given to [`crate::Link::done`].
        permit: Permit,
        /// How long to wait first: the place of a later cycle of the rate limiter is taken for it.
        wait: Duration,
    },
    /// The breaker refuses it.
    Breaker(Refusal),
    /// The rate limiter refuses it.
    Rate {
        /// Calls in each period.
        limit: u32,
        /// When a place would have been free.
        retry_after: Duration,
    },
    /// The bulkhead is full.
    Bulkhead {
        /// Calls at one time.
        max: u32,
        /// Calls that run, of all processes.
        running: u32,
    },
}

/// Why a breaker refuses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refusal {
    /// The state it is in.
    pub state: State,
    /// In percent; -1 while there are too few calls.
    pub failure_rate: f32,
    /// In percent; -1 while there are too few calls.
    pub slow_call_rate: f32,
    /// Calls in the window.
    pub buffered: u32,
    /// When calls may pass again; `None` where no time is known.
    pub retry_after: Option<Duration>,
}

/// The right to make one call, over all processes.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what a permit holds is held until it is done, or its lease is over"]
pub struct Permit {
    /// The stay of the breaker in the state that let it through; 0 without a breaker.
    pub(crate) epoch: u64,
    pub(crate) lease: Lease,
}

impl Permit {
    /// The name of what it holds, for [`crate::Link::renew`].
    pub fn lease(&self) -> Lease {
        self.lease
    }
}

/// A name for what a call holds, which no other call of any process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Random number of the link.
    pub(crate) link: u64,
    pub(crate) number: u64,
}

/// A breaker changed its state. Of all processes, only the one that caused it is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The state it was in.
    pub from: State,
    /// The state it is in; the same where `METRICS_ONLY` tells that a threshold was reached.
    pub to: State,
    /// The failure rate, in percent, if it reached its threshold now.
    pub failure_rate: Option<f32>,
    /// The slow call rate, in percent, if it reached its threshold now.
    pub slow_call_rate: Option<f32>,
}

/// How things are with one name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// The breaker; `None` where there is none.
    pub breaker: Option<BreakerStanding>,
    /// Permits of the rate limiter that are left in this cycle; below zero where some of cycles to
    /// come are taken. `None` where there is none.
    pub rate_left: Option<i64>,
    /// Calls in the bulkhead; `None` where there is none.
    pub running: Option<u32>,
}

/// How a breaker is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerStanding {
    /// The state it is in.
    pub state: State,
    /// Its rates and counts.
    pub metrics: Metrics,
    /// When calls may pass again; `None` where no time is known.
    pub retry_after: Option<Duration>,
    /// Calls that `HALF_OPEN` would still let through; `None` in other states.
    pub trials_left: Option<u32>,
}
