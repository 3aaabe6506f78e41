//! From what policies know to families, under the names that Resilience4j's Micrometer modules give
//! them, so that dashboards made for those show these.

use trunkline_model::ops::{BreakerStats, PolicyStats};

use super::catalog;
use super::text::Writer;

/// States in the order and with the words of `TaggedCircuitBreakerMetrics`.
const STATES: [(&str, &str); 6] = [
    ("closed", "CLOSED"),
    ("open", "OPEN"),
    ("half_open", "HALF_OPEN"),
    ("disabled", "DISABLED"),
    ("forced_open", "FORCED_OPEN"),
    ("metrics_only", "METRICS_ONLY"),
];

/// Everything that policies know.
pub(super) fn write(writer: &mut Writer, policies: &[PolicyStats]) {
    breakers(writer, policies);
    let mut family = writer.family(&catalog::RETRY_CALLS);
    for policy in policies {
        for (kind, count) in policy.retry.iter().flat_map(|retry| retry.calls) {
            family.number(&[&policy.name, kind], count);
        }
    }
    let mut family = writer.family(&catalog::RETRY_REPEATED);
    for (policy, retry) in policies.iter().filter_map(|p| Some((p, p.retry.as_ref()?))) {
        family.number(&[&policy.name], retry.repeated);
    }
    let mut family = writer.family(&catalog::RETRY_BUDGET_EXHAUSTED);
    for (policy, retry) in policies.iter().filter_map(|p| Some((p, p.retry.as_ref()?))) {
        family.number(&[&policy.name], retry.budget_exhausted);
    }
    hedges(writer, policies);
    rates(writer, policies);
    limits(writer, policies);
    let mut family = writer.family(&catalog::SHED);
    for policy in policies {
        family.number(&[&policy.name], policy.shed);
    }
    let mut family = writer.family(&catalog::DRY_RUN);
    for policy in policies {
        family.number(&[&policy.name], policy.dry_run_refused);
    }
    let mut family = writer.family(&catalog::CLUSTER_ALONE);
    for (policy, cluster) in policies.iter().filter_map(|p| Some((p, p.cluster?))) {
        family.number(&[&policy.name], cluster.alone);
    }
    let mut family = writer.family(&catalog::FALLBACKS);
    for policy in policies {
        family.number(&[&policy.name], policy.fallbacks);
    }
}

fn breakers(writer: &mut Writer, policies: &[PolicyStats]) {
    let all: Vec<(&str, &BreakerStats)> =
        policies.iter().filter_map(|p| Some((p.name.as_str(), p.breaker.as_ref()?))).collect();
    let mut family = writer.family(&catalog::BREAKER_STATE);
    for (name, breaker) in &all {
        for (label, state) in STATES {
            family.number(&[name, label], u64::from(breaker.state == state));
        }
    }
    let mut family = writer.family(&catalog::BREAKER_CALLS);
    for (name, breaker) in &all {
        for (kind, calls) in &breaker.calls {
            family.histogram(&[name, kind], calls);
        }
    }
    let mut family = writer.family(&catalog::BREAKER_NOT_PERMITTED);
    for (name, breaker) in &all {
        family.number(&[name, "not_permitted"], breaker.not_permitted);
    }
    let mut family = writer.family(&catalog::BREAKER_BUFFERED);
    for (name, breaker) in &all {
        family.number(&[name, "failed"], breaker.failed.into());
        family.number(&[name, "successful"], (breaker.buffered - breaker.failed).into());
    }
    let mut family = writer.family(&catalog::BREAKER_SLOW);
    for (name, breaker) in &all {
        family.number(&[name, "failed"], breaker.slow_failed.into());
        family.number(&[name, "successful"], (breaker.slow - breaker.slow_failed).into());
    }
    let mut family = writer.family(&catalog::BREAKER_FAILURE_RATE);
    for (name, breaker) in &all {
        family.float(&[name], breaker.failure_rate.into());
    }
    let mut family = writer.family(&catalog::BREAKER_SLOW_RATE);
    for (name, breaker) in &all {
        family.float(&[name], breaker.slow_call_rate.into());
    }
}

fn hedges(writer: &mut Writer, policies: &[PolicyStats]) {
    let hedges = || policies.iter().filter_map(|p| Some((&p.name, p.hedge?)));
    let mut family = writer.family(&catalog::HEDGES);
    for (name, hedge) in hedges() {
        family.number(&[name, "made"], hedge.made);
        family.number(&[name, "won"], hedge.won);
        family.number(&[name, "budget_exhausted"], hedge.budget_exhausted);
    }
    let mut family = writer.family(&catalog::HEDGE_DELAY);
    for (name, hedge) in hedges() {
        if let Some(delay) = hedge.delay {
            family.float(&[name], delay.as_secs_f64());
        }
    }
}

fn rates(writer: &mut Writer, policies: &[PolicyStats]) {
    let limiters = || policies.iter().filter_map(|p| Some((&p.name, p.rate_limiter?)));
    let mut family = writer.family(&catalog::RATE_AVAILABLE);
    for (name, limiter) in limiters() {
        #[expect(clippy::cast_precision_loss, reason = "a number of calls")]
        family.float(&[name], limiter.available as f64);
    }
    let mut family = writer.family(&catalog::RATE_CALLS);
    for (name, limiter) in limiters() {
        family.number(&[name, "permitted"], limiter.permitted);
        family.number(&[name, "refused"], limiter.refused);
    }
}

fn limits(writer: &mut Writer, policies: &[PolicyStats]) {
    let bulkheads = || policies.iter().filter_map(|p| Some((&p.name, p.bulkhead?)));
    let mut family = writer.family(&catalog::BULKHEAD_AVAILABLE);
    for (name, bulkhead) in bulkheads() {
        family.number(&[name], bulkhead.available.into());
    }
    let mut family = writer.family(&catalog::BULKHEAD_MAX);
    for (name, bulkhead) in bulkheads() {
        family.number(&[name], bulkhead.max.into());
    }
    let mut family = writer.family(&catalog::BULKHEAD_WAITING);
    for (name, bulkhead) in bulkheads() {
        family.number(&[name], bulkhead.waiting as u64);
    }
    let mut family = writer.family(&catalog::BULKHEAD_REJECTED);
    for (name, bulkhead) in bulkheads() {
        family.number(&[name], bulkhead.rejected);
    }
    let adaptive = || policies.iter().filter_map(|p| Some((&p.name, p.adaptive?)));
    let mut family = writer.family(&catalog::ADAPTIVE_LIMIT);
    for (name, adaptive) in adaptive() {
        family.number(&[name], adaptive.limit.into());
    }
    let mut family = writer.family(&catalog::ADAPTIVE_RUNNING);
    for (name, adaptive) in adaptive() {
        family.number(&[name], adaptive.running.into());
    }
    let mut family = writer.family(&catalog::ADAPTIVE_REJECTED);
    for (name, adaptive) in adaptive() {
        family.number(&[name], adaptive.rejected);
    }
}
