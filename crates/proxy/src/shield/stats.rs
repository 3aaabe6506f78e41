//! What a shield knows, for metrics and people, and what people may tell it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trunkline_model::ops::{
    AdaptiveStats, BreakerOrder, BreakerStats, BulkheadStats, ClusterStats, HedgeStats,
    PolicyStats, RateLimiterStats, ResilienceError, RetryStats,
};
use trunkline_resilience::breaker::{self, Stay};
use trunkline_resilience::retry::Ended;
use trunkline_share::Standing;

use super::{Machines, Shared, Shield, State};
use crate::observe::distribution;

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// The breaker as all processes together have it.
fn breaker_of_all(own: BreakerStats, standing: Option<&Standing>) -> BreakerStats {
    let Some(all) = standing.and_then(|standing| standing.breaker) else { return own };
    BreakerStats {
        state: all.state.as_str(),
        failure_rate: all.metrics.failure_rate,
        slow_call_rate: all.metrics.slow_call_rate,
        buffered: all.metrics.buffered,
        failed: all.metrics.failed,
        slow: all.metrics.slow,
        slow_failed: all.metrics.slow_failed,
        retry_after: all.retry_after,
        trials_left: all.trials_left,
        ..own
    }
}

fn bulkhead_of_all(own: BulkheadStats, standing: Option<&Standing>) -> BulkheadStats {
    match standing.and_then(|standing| standing.running) {
        Some(running) => BulkheadStats { available: own.max.saturating_sub(running), ..own },
        None => own,
    }
}

fn rate_of_all(own: RateLimiterStats, standing: Option<&Standing>) -> RateLimiterStats {
    match standing.and_then(|standing| standing.rate_left) {
        Some(available) => RateLimiterStats { available, ..own },
        None => own,
    }
}

impl Shield {
    /// What it knows now.
    pub(crate) fn stats(&self) -> PolicyStats {
        let at = self.at(self.clock.now());
        let mut state = self.lock();
        let breaker = self.breaker_stats(&mut state, at);
        let hedge = self.hedge_stats(&state);
        let rate_limiter = self.rate_stats(&mut state, at);
        let bulkhead = self.bulkhead_stats(&state);
        let adaptive = self.adaptive_stats(&state);
        let budget = state.budget.as_mut().map(|budget| budget.balance(at));
        drop(state);
        let standing = self.shared.as_ref().and_then(Shared::standing);
        let standing = standing.as_ref();
        let cluster = self.shared.as_ref().map(Shared::alone);
        PolicyStats {
            name: self.name.to_string(),
            cluster: cluster.map(|(away, alone)| ClusterStats { away, alone }),
            breaker: breaker.map(|own| breaker_of_all(own, standing)),
            retry: self.retry_stats(budget),
            hedge,
            rate_limiter: rate_limiter.map(|own| rate_of_all(own, standing)),
            bulkhead: bulkhead.map(|own| bulkhead_of_all(own, standing)),
            adaptive,
            shed: read(&self.counted.shed),
            dry_run_refused: read(&self.counted.dry_run),
            fallbacks: read(&self.counted.fallbacks),
            others: self.others(),
        }
    }

    fn breaker_stats(&self, state: &mut State, at: Duration) -> Option<BreakerStats> {
        let breaker = state.breaker.as_mut()?;
        // The one that stands beside another tells nothing.
        let beside = self.shared.as_ref().is_some_and(|all| all.machines.has(Machines::BREAKER));
        let now = breaker.state(at, &mut |event| self.note(&event, beside));
        let metrics = breaker.metrics(at);
        let [successful, failed, ignored] = &self.counted.calls;
        Some(BreakerStats {
            state: now.as_str(),
            failure_rate: metrics.failure_rate,
            slow_call_rate: metrics.slow_call_rate,
            failure_rate_threshold: breaker.config().failure_rate_threshold,
            slow_call_rate_threshold: breaker.config().slow_call_rate_threshold,
            buffered: metrics.buffered,
            failed: metrics.failed,
            slow: metrics.slow,
            slow_failed: metrics.slow_failed,
            not_permitted: read(&self.counted.not_permitted),
            retry_after: breaker.retry_at().map(|retry_at| retry_at.saturating_sub(at)),
            trials_left: breaker.permits_left(),
            calls: [
                ("successful", distribution(std::iter::once(successful))),
                ("failed", distribution(std::iter::once(failed))),
                ("ignored", distribution(std::iter::once(ignored))),
            ],
            dry_run: self.compiled.dry_run.has(Machines::BREAKER),
        })
    }

    fn bulkhead_stats(&self, state: &State) -> Option<BulkheadStats> {
        let bulkhead = state.bulkhead.as_ref()?;
        Some(BulkheadStats {
            max: bulkhead.config().max_concurrent_calls,
            available: bulkhead.available(),
            waiting: bulkhead.waiting(),
            rejected: read(&self.counted.bulkhead_rejected),
            dry_run: self.compiled.dry_run.has(Machines::BULKHEAD),
        })
    }

    fn adaptive_stats(&self, state: &State) -> Option<AdaptiveStats> {
        let adaptive = state.adaptive.as_ref()?;
        Some(AdaptiveStats {
            limit: adaptive.limit(),
            running: adaptive.running(),
            rejected: read(&self.counted.adaptive_rejected),
            dry_run: self.compiled.dry_run.has(Machines::ADAPTIVE),
        })
    }

    fn rate_stats(&self, state: &mut State, at: Duration) -> Option<RateLimiterStats> {
        let limiter = state.limiter.as_mut()?;
        Some(RateLimiterStats {
            limit: limiter.config().limit_for_period,
            period: limiter.config().limit_refresh_period,
            available: limiter.available(at),
            permitted: read(&self.counted.rate_permitted),
            refused: read(&self.counted.rate_refused),
            dry_run: self.compiled.dry_run.has(Machines::RATE_LIMITER),
        })
    }

    fn hedge_stats(&self, state: &State) -> Option<HedgeStats> {
        let hedge = state.hedge.as_ref()?;
        Some(HedgeStats {
            delay: hedge.delay(),
            made: read(&self.counted.hedges.made),
            won: read(&self.counted.hedges.won),
            budget_exhausted: read(&self.counted.hedges.refused),
            dry_run: self.policies.hedge.as_ref().is_some_and(|hedge| hedge.dry_run),
        })
    }

    fn retry_stats(&self, budget: Option<u64>) -> Option<RetryStats> {
        self.policies.retry.as_ref()?;
        Some(RetryStats {
            calls: std::array::from_fn(|index| {
                let ended = Ended::ALL.get(index).map_or("", |ended| ended.as_str());
                (ended, self.counted.retries.get(index).map_or(0, read))
            }),
            repeated: read(&self.counted.repeated),
            budget_exhausted: read(&self.counted.budget_exhausted),
            budget,
        })
    }

    fn others(&self) -> Vec<&'static str> {
        let shed = self.policies.shed.as_ref().map(|_| "shed");
        let fallback = self.policies.fallback.as_ref().map(|_| "fallback");
        shed.into_iter().chain(fallback).collect()
    }

    /// How its breaker is, for another process.
    pub(super) fn stay(&self) -> Option<Stay> {
        let at = self.at(self.clock.now());
        self.lock().breaker.as_ref().map(|breaker| breaker.stay(at))
    }

    /// Has its breaker go on as it was in another process.
    pub(super) fn resume(&self, stay: Stay) {
        let at = self.at(self.clock.now());
        if let Some(breaker) = &mut self.lock().breaker {
            breaker.resume(stay, at);
        }
    }

    /// Carries out what a person says about the breaker.
    pub(crate) fn order(&self, order: BreakerOrder) -> Result<(), ResilienceError> {
        let at = self.at(self.clock.now());
        let sink = &mut |event| self.journal.note(&self.name, &event);
        let mut state = self.lock();
        let machine = state.breaker.as_mut().ok_or(ResilienceError::NoBreaker)?;
        let to = match order {
            BreakerOrder::Reset => {
                machine.reset(at, sink);
                return Ok(());
            }
            BreakerOrder::ForceOpen => breaker::State::ForcedOpen,
            BreakerOrder::Disable => breaker::State::Disabled,
            BreakerOrder::MetricsOnly => breaker::State::MetricsOnly,
            BreakerOrder::Close => breaker::State::Closed,
        };
        let illegal =
            |error: breaker::IllegalTransition| ResilienceError::Illegal(error.to_string());
        machine.transition_to(to, at, sink).map_err(illegal)
    }
}
