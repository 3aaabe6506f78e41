//! Time limits: how long a call may take when several limits hold at one time.
//!
//! A call ends at the earliest of three: the end of all attempts, the end of this attempt, and the
//! deadline that its caller told. Work whose time is over before it begins is not begun.

use std::time::Duration;

/// The settings of a time limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The longest time of a call. Resilience4j's default is 1 s.
    pub timeout_duration: Duration,
    /// Whether what runs is cancelled when its time is over, or goes on without being waited for.
    pub cancel_running: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { timeout_duration: Duration::from_secs(1), cancel_running: true }
    }
}

/// Which limit is the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// That of all attempts.
    Request,
    /// That of one attempt.
    Attempt,
    /// The caller's deadline.
    Deadline,
}

/// The limits of one call; the times are since the origin that `now` is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// End of all attempts.
    pub request: Duration,
    /// The longest time of one attempt.
    pub attempt: Option<Duration>,
    /// When its caller stops waiting.
    pub deadline: Option<Duration>,
}

impl Limits {
    /// What is left for an attempt that begins at `now`, and by which limit; `None` if nothing is.
    pub fn left(&self, now: Duration) -> Option<(Duration, Limit)> {
        let mut end = (self.request, Limit::Request);
        if let Some(attempt) = self.attempt
            && now.saturating_add(attempt) < end.0
        {
            end = (now.saturating_add(attempt), Limit::Attempt);
        }
        if let Some(deadline) = self.deadline
            && deadline < end.0
        {
            end = (deadline, Limit::Deadline);
        }
        let left = end.0.checked_sub(now).filter(|left| !left.is_zero())?;
        Some((left, end.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_limit_holds() {
        let second = Duration::from_secs(1);
        let limits = |attempt: Option<u32>, deadline: Option<u32>| Limits {
            request: second * 10,
            attempt: attempt.map(|seconds| second * seconds),
            deadline: deadline.map(|seconds| second * seconds),
        };
        let left = |limits: Limits, now| limits.left(second * now);
        assert_eq!(left(limits(None, None), 4), Some((second * 6, Limit::Request)));
        assert_eq!(left(limits(Some(2), Some(9)), 4), Some((second * 2, Limit::Attempt)));
        assert_eq!(left(limits(Some(2), Some(5)), 4), Some((second, Limit::Deadline)));
        assert_eq!(left(limits(Some(2), Some(5)), 5), None);
        assert_eq!(left(limits(None, None), 11), None);
    }
}
