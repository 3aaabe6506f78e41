//! Policies in the words of the machines.

use trunkline_model::service::policies::{self, Algorithm, HedgeDelay, Policies, Waits};
use trunkline_resilience::interval::Interval;
use trunkline_resilience::shed::{self, Class};
use trunkline_resilience::{adaptive, breaker, budget, bulkhead, hedge, rate_limiter, retry};

use super::machines::Machines;

/// Configurations of the machines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compiled {
    pub(super) breaker: Option<breaker::Config>,
    pub(super) bulkhead: Option<bulkhead::Config>,
    pub(super) adaptive: Option<adaptive::Config>,
    pub(super) limiter: Option<rate_limiter::Config>,
    pub(super) budget: Option<budget::Config>,
    pub(super) hedge: Option<hedge::Config>,
    pub(super) hedges: Option<budget::Config>,
    shed: Option<shed::Config>,
    /// Machines that only count what they would have refused.
    pub(super) dry_run: Machines,
}

impl Compiled {
    pub(super) fn new(policies: &Policies) -> Self {
        let Policies { breaker, retry, hedge, rate_limiter, bulkhead, adaptive, shed, .. } =
            policies;
        let budget = |budget: policies::RetryBudget| self::budget(&budget);
        Self {
            breaker: breaker.as_ref().map(self::breaker),
            bulkhead: bulkhead.map(|bulkhead| bulkhead::Config {
                max_concurrent_calls: bulkhead.max_calls,
                max_wait_duration: bulkhead.max_wait,
                max_waiting: usize::try_from(bulkhead.queue).unwrap_or(usize::MAX),
            }),
            adaptive: adaptive.map(self::adaptive),
            limiter: rate_limiter.map(|limiter| rate_limiter::Config {
                limit_for_period: limiter.limit,
                limit_refresh_period: limiter.period,
                timeout_duration: limiter.max_wait,
            }),
            budget: retry.as_ref().and_then(|retry| retry.budget).map(budget),
            hedge: hedge.as_ref().map(self::hedge),
            hedges: hedge.as_ref().and_then(|hedge| hedge.budget).map(budget),
            shed: shed.as_ref().map(|shed| shed::Config {
                default_percent: percent(shed.default),
                batch_percent: percent(shed.batch),
            }),
            dry_run: Machines::of(&Policies {
                breaker: breaker.clone().filter(|breaker| breaker.dry_run),
                rate_limiter: rate_limiter.filter(|limiter| limiter.dry_run),
                bulkhead: bulkhead.filter(|bulkhead| bulkhead.dry_run),
                adaptive: adaptive.filter(|adaptive| adaptive.dry_run),
                ..Policies::default()
            }),
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

/// A retry policy.
pub(super) fn retry(policy: &policies::Retry) -> retry::Config {
    retry::Config {
        max_attempts: policy.attempts,
        interval: interval(&policy.wait),
        fail_after_max_attempts: false,
    }
}

fn budget(policy: &policies::RetryBudget) -> budget::Config {
    budget::Config {
        percent: policy.share.fraction() * 100.0,
        min_per_second: policy.min_per_second,
        ttl: policy.ttl,
    }
}

fn hedge(policy: &policies::Hedge) -> hedge::Config {
    hedge::Config {
        delay: match policy.delay {
            HedgeDelay::Fixed(delay) => hedge::Delay::Fixed(delay),
            HedgeDelay::AverageAnd(more) => hedge::Delay::AveragePlus(more),
            HedgeDelay::AverageAndShare(share) => {
                hedge::Delay::AveragePlusPercent(share.fraction() * 100.0)
            }
            HedgeDelay::Quantile(share) => hedge::Delay::Quantile(share.fraction()),
        },
        max_hedges: policy.max,
    }
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
