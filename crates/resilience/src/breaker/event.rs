//! What a breaker tells about itself, as Resilience4j's `CircuitBreakerEvent.Type`.

use std::time::Duration;

use super::State;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A call failed, after this time.
    Error(Duration),
    /// A call failed in a way that does not count.
    IgnoredError(Duration),
    /// A call succeeded, after this time.
    Success(Duration),
    /// A call was not let through.
    NotPermitted,
    /// It changed its state.
    StateTransition {
        /// The state it was in.
        from: State,
        /// The state it is in.
        to: State,
    },
    /// It was set back to what it was at its beginning.
    Reset,
    /// The failure rate, in percent, reached its threshold.
    FailureRateExceeded(f32),
    /// The slow call rate, in percent, reached its threshold.
    SlowCallRateExceeded(f32),
}

impl Event {
    /// Resilience4j's word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Error(_) => "ERROR",
            Self::IgnoredError(_) => "IGNORED_ERROR",
            Self::Success(_) => "SUCCESS",
            Self::NotPermitted => "NOT_PERMITTED",
            Self::StateTransition { .. } => "STATE_TRANSITION",
            Self::Reset => "RESET",
            Self::FailureRateExceeded(_) => "FAILURE_RATE_EXCEEDED",
            Self::SlowCallRateExceeded(_) => "SLOW_CALL_RATE_EXCEEDED",
        }
    }

    /// Whether it is told even in a state that tells nothing.
    pub(super) const fn is_forced(&self) -> bool {
        matches!(self, Self::StateTransition { .. } | Self::Reset)
    }
}
