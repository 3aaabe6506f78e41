//! Trying again: how often, after which wait, and how it ended.
//!
//! The attempts, counters and waits are those of Resilience4j's `RetryImpl`. What is worth a
//! repetition is judged by the caller, because only it knows what a call means; whether the whole
//! system can bear one is [`crate::budget`]'s question. A wait that the callee asks for
//! (`Retry-After`) replaces a shorter one of ours.

use std::time::Duration;

use crate::interval::Interval;

/// The settings of a retry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Calls in all, the first one included; at least 1.
    pub max_attempts: u32,
    /// The waits between them.
    pub interval: Interval,
    /// Whether a result that is still not wanted after the last attempt is an error; else it is
    /// the result.
    pub fail_after_max_attempts: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            interval: Interval::fixed(Duration::from_millis(500)),
            fail_after_max_attempts: false,
        }
    }
}

/// How an attempt went, as the caller's predicates judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// A result that is wanted.
    Success,
    /// A result that another attempt may better.
    Unwanted,
    /// An error that another attempt may better.
    Error,
    /// An error that stays one.
    Ignored,
}

/// What follows on an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another attempt after this wait.
    Again(Duration),
    /// None. The attempt's result stands.
    Done(Ended),
}

/// How all attempts together ended; the words of `resilience4j_retry_calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ended {
    /// The first attempt succeeded.
    SuccessfulWithoutRetry,
    /// A later attempt succeeded.
    SuccessfulWithRetry,
    /// The first attempt failed in a way that no other betters.
    FailedWithoutRetry,
    /// Attempts were used up.
    FailedWithRetry,
}

/// The attempts of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    failed: u32,
}

impl Ended {
    /// Every way.
    pub const ALL: [Self; 4] = [
        Self::SuccessfulWithoutRetry,
        Self::SuccessfulWithRetry,
        Self::FailedWithoutRetry,
        Self::FailedWithRetry,
    ];

    /// The value of the label `kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuccessfulWithoutRetry => "successful_without_retry",
            Self::SuccessfulWithRetry => "successful_with_retry",
            Self::FailedWithoutRetry => "failed_without_retry",
            Self::FailedWithRetry => "failed_with_retry",
        }
    }
}

impl Retry {
    /// Attempts that failed so far.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Notes an attempt. `asked` is the wait that the callee asks for, `random` is evenly spread
    /// over 0 to 1, without 1.
    pub fn next(
        &mut self,
        config: &Config,
        attempt: Attempt,
        asked: Option<Duration>,
        random: f64,
    ) -> Step {
        match attempt {
            Attempt::Success if self.failed > 0 => return Step::Done(Ended::SuccessfulWithRetry),
            Attempt::Success => return Step::Done(Ended::SuccessfulWithoutRetry),
            // As Resilience4j counts it, whatever came before.
            Attempt::Ignored => return Step::Done(Ended::FailedWithoutRetry),
            Attempt::Unwanted | Attempt::Error => {}
        }
        self.failed = self.failed.saturating_add(1);
        if self.failed >= config.max_attempts {
            return Step::Done(Ended::FailedWithRetry);
        }
        let own = config.interval.get(self.failed, random);
        Step::Again(asked.map_or(own, |asked| asked.max(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits in milliseconds, then how it ended.
    fn run(config: &Config, attempts: &[Attempt]) -> (Vec<u128>, Option<Ended>) {
        let (mut retry, mut waits) = (Retry::default(), vec![]);
        for attempt in attempts {
            match retry.next(config, *attempt, None, 0.0) {
                Step::Again(wait) => waits.push(wait.as_millis()),
                Step::Done(ended) => return (waits, Some(ended)),
            }
        }
        (waits, None)
    }

    #[test]
    fn the_first_attempt_counts() {
        use Attempt::{Error, Ignored, Success, Unwanted};
        let config = Config::default();
        let check = |attempts: &[Attempt], waits: &[u128], ended| {
            assert_eq!(run(&config, attempts), (waits.to_vec(), Some(ended)), "{attempts:?}");
        };
        check(&[Success], &[], Ended::SuccessfulWithoutRetry);
        check(&[Error, Success], &[500], Ended::SuccessfulWithRetry);
        check(&[Unwanted, Error, Error], &[500, 500], Ended::FailedWithRetry);
        check(&[Ignored], &[], Ended::FailedWithoutRetry);
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_but_never_shortens_ours() {
        let (config, asked) = (Config::default(), |millis| Some(Duration::from_millis(millis)));
        let wait = |asked| Retry::default().next(&config, Attempt::Error, asked, 0.0);
        assert_eq!(wait(asked(2_000)), Step::Again(Duration::from_secs(2)));
        assert_eq!(wait(asked(1)), Step::Again(Duration::from_millis(500)));
    }
}
