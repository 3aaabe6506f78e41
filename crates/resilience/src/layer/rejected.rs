//! Why a call through layers has no response: which policy decided, and on what numbers.

use std::time::Duration;

use crate::breaker::State;

/// Why a call has no response. One type for a whole stack of layers, `E` being the error of the
/// service at its heart: who decided is told by the variant, however deep it was.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Rejected<E> {
    /// The breaker let no call pass; the service was not called.
    #[error("the circuit breaker is {state}")]
    CircuitBreaker {
        /// The state that refused it.
        state: State,
        /// Share of failed calls in its window, in percent; `None` while there are too few.
        failure_rate: Option<f32>,
        /// Share of slow calls in its window, in percent; `None` while there are too few.
        slow_call_rate: Option<f32>,
        /// How long until calls may pass again, as far as that is known. In `HALF_OPEN` it is the
        /// longest that it can take.
        retry_after: Option<Duration>,
    },
    /// As many calls ran as may, and none ended while this one waited; the service was not called.
    #[error("the bulkhead is full with {running} of {max_concurrent_calls} calls")]
    Bulkhead {
        /// Calls that ran.
        running: u32,
        /// Calls that may run at one time.
        max_concurrent_calls: u32,
        /// Others that went on waiting for a permit.
        waiting: usize,
        /// How long this one waited.
        waited: Duration,
    },
    /// No permit would have come in time; the service was not called.
    #[error("the rate limit of {limit_for_period} calls in {limit_refresh_period:?} is used up")]
    RateLimiter {
        /// Calls in each period.
        limit_for_period: u32,
        /// The period.
        limit_refresh_period: Duration,
        /// How long until a permit would be there, if nobody else takes it.
        retry_after: Duration,
    },
    /// The service gave no response in time, and its call was dropped.
    #[error("there was no response within {timeout:?}")]
    TimeLimiter {
        /// The longest time of a call.
        timeout: Duration,
    },
    /// The last attempt brought a response that is not wanted either, and
    /// [`fail_after_max_attempts`](crate::retry::Config::fail_after_max_attempts) makes that an
    /// error.
    #[error("no attempt of {attempts} brought a response that is wanted")]
    Retry {
        /// Attempts that were made.
        attempts: u32,
        /// Whether the budget forbade a further one; else they were used up.
        budget_spent: bool,
    },
    /// No policy decided: this is the error of the service itself.
    #[error(transparent)]
    Inner(E),
}

impl<E> Rejected<E> {
    /// Whether a policy kept the call away from the service, which is thus neither to blame nor
    /// relieved: a breaker around such a policy does not count it.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::CircuitBreaker { .. } | Self::Bulkhead { .. } | Self::RateLimiter { .. }
        )
    }

    /// After how long another call may pass, where the policy knows.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CircuitBreaker { retry_after, .. } => *retry_after,
            Self::RateLimiter { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// Resilience4j's name of the policy that decided; `None` if none did.
    pub const fn policy(&self) -> Option<&'static str> {
        match self {
            Self::CircuitBreaker { .. } => Some("circuitbreaker"),
            Self::Bulkhead { .. } => Some("bulkhead"),
            Self::RateLimiter { .. } => Some("ratelimiter"),
            Self::TimeLimiter { .. } => Some("timelimiter"),
            Self::Retry { .. } => Some("retry"),
            Self::Inner(_) => None,
        }
    }
}
