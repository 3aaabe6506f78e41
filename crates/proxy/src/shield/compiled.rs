//! Policies in the words of the machines.

use trunkline_model::service::policies::{self, Algorithm, Policies, Waits};
use trunkline_resilience::interval::Interval;
use trunkline_resilience::shed::{self, Class};
use trunkline_resilience::{adaptive, breaker, budget, bulkhead, retry};

/// Configurations of the machines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compiled {
    pub(super) breaker: Option<breaker::Config>,
    pub(super) bulkhead: Option<bulkhead::Config>,
    pub(super) adaptive: Option<adaptive::Config>,
    pub(super) budget: Option<budget::Config>,
    pub(crate) retry: Option<retry::Config>,
    shed: Option<shed::Config>,
    pub(super) dry_run: DryRun,
    /// Whether a request has to pass anything before it is sent.
    pub(crate) admits: bool,
}

/// Which machines only count what they would have refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct DryRun {
    pub(super) breaker: bool,
    pub(super) bulkhead: bool,
    pub(super) adaptive: bool,
}

impl Compiled {
    pub(super) fn new(policies: &Policies) -> Self {
        let Policies { breaker, retry, bulkhead, adaptive, shed, .. } = policies;
        Self {
            breaker: breaker.as_ref().map(self::breaker),
            bulkhead: bulkhead.map(|bulkhead| bulkhead::Config {
                max_concurrent_calls: bulkhead.max_calls,
                max_wait_duration: bulkhead.max_wait,
                max_waiting: usize::try_from(bulkhead.queue).unwrap_or(usize::MAX),
            }),
            adaptive: adaptive.map(self::adaptive),
            budget: retry.as_ref().and_then(|retry| retry.budget).map(|budget| budget::Config {
                percent: budget.share.fraction() * 100.0,
                min_per_second: budget.min_per_second,
                ttl: budget.ttl,
            }),
            retry: retry.as_ref().map(|retry| retry::Config {
                max_attempts: retry.attempts,
                interval: interval(&retry.wait),
                fail_after_max_attempts: false,
            }),
            shed: shed.as_ref().map(|shed| shed::Config {
                default_percent: percent(shed.default),
                batch_percent: percent(shed.batch),
            }),
            dry_run: DryRun {
                breaker: breaker.as_ref().is_some_and(|breaker| breaker.dry_run),
                bulkhead: bulkhead.is_some_and(|bulkhead| bulkhead.dry_run),
                adaptive: adaptive.is_some_and(|adaptive| adaptive.dry_run),
            },
            admits: breaker.is_some() || bulkhead.is_some() || adaptive.is_some(),
        }
    }

    /// Places of a limit that a class may use.
    pub(super) fn share(&self, class: Class, limit: u32) -> u32 {
        self.shed.map_or(limit, |shed| shed.share(class, limit))
    }
}

fn percent(share: trunkline_model::units::Share) -> u8 {
    u8::try_from(share.basis_points() / 100).unwrap_or(100)
}

fn interval(waits: &Waits) -> Interval {
    Interval {
        initial: waits.initial,
        multiplier: f64::from(waits.multiplier_thousandths) / 1_000.0,
        randomization_factor: waits.randomization.fraction(),
        max: waits.max,
    }
}

/// Rates are hundredths of a percent there, and percent here.
fn breaker(policy: &policies::Breaker) -> breaker::Config {
    let rate = |share: trunkline_model::units::Share| f32::from(share.basis_points()) / 100.0;
    breaker::Config {
        failure_rate_threshold: rate(policy.failure_rate),
        slow_call_rate_threshold: rate(policy.slow_call_rate),
        slow_call_duration_threshold: policy.slow_call,
        window: match policy.window {
            policies::Window::Calls(calls) => breaker::Window::Calls(calls),
            policies::Window::Seconds(seconds) => breaker::Window::Seconds(seconds),
        },
        minimum_calls: policy.minimum_calls,
        wait_in_open: interval(&policy.wait),
        permitted_in_half_open: policy.trials,
        max_wait_in_half_open: policy.trial_time,
        after_half_open: if policy.closes_after_trials {
            breaker::AfterHalfOpen::Closed
        } else {
            breaker::AfterHalfOpen::Open
        },
        automatic_transition: policy.automatic,
        own_trials_only: true,
        initial: breaker::State::Closed,
    }
}

fn adaptive(policy: policies::Adaptive) -> adaptive::Config {
    adaptive::Config {
        algorithm: match policy.algorithm {
            Algorithm::Gradient => adaptive::Algorithm::Gradient,
            Algorithm::Vegas => adaptive::Algorithm::Vegas,
            Algorithm::Correlation => adaptive::Algorithm::Correlation,
        },
        initial: policy.initial,
        min: policy.min,
        max: policy.max,
        ..adaptive::Config::default()
    }
}
