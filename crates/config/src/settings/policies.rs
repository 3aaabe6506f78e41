//! Policies in the words of the file.

use trunkline_model::service::policies::{
    Fallback, HedgeDelay, Instead, Policies, Scope, Shared, Waits, Window,
};
use trunkline_model::units::format_duration;

/// A key, its value, and whether the short form of the map says it.
pub(super) type Said = (&'static str, String, bool);

/// What policies say, without what goes without saying.
pub(super) fn list(policies: &Policies) -> Vec<Said> {
    let mut all = Vec::new();
    breaker(policies, &mut all);
    retry(policies, &mut all);
    if let Some(hedge) = &policies.hedge {
        all.push(("hedge.delay", delay(hedge.delay), true));
        all.push(("hedge.max", hedge.max.to_string(), false));
    }
    limits(policies, &mut all);
    if let Some(fallback) = &policies.fallback {
        all.push(("fallback", self::fallback(fallback), false));
    }
    all
}

fn breaker(policies: &Policies, all: &mut Vec<Said>) {
    let Some(breaker) = &policies.breaker else { return };
    all.push(("breaker.open_at", breaker.failure_rate.to_string(), true));
    let window = match breaker.window {
        Window::Calls(calls) => calls.to_string(),
        Window::Seconds(seconds) => format!("{seconds}s"),
    };
    all.push(("breaker.window", window, false));
    all.push(("breaker.min_calls", breaker.minimum_calls.to_string(), false));
    all.push(("breaker.wait", waits(&breaker.wait), false));
    all.push(("breaker.trials", breaker.trials.to_string(), false));
    if breaker.scope == Scope::Endpoint {
        all.push(("breaker.scope", "endpoint".to_owned(), false));
    }
    if breaker.shared == Shared::Cluster {
        all.push(("breaker.share", "cluster".to_owned(), false));
    }
}

fn retry(policies: &Policies, all: &mut Vec<Said>) {
    let Some(retry) = &policies.retry else { return };
    all.push(("retry.attempts", retry.attempts.to_string(), true));
    all.push(("retry.backoff", waits(&retry.wait), false));
    let budget = retry.budget.map_or_else(|| "off".to_owned(), |budget| budget.share.to_string());
    all.push(("retry.budget", budget, false));
}

fn limits(policies: &Policies, all: &mut Vec<Said>) {
    if let Some(limiter) = policies.rate_limiter {
        let rate = format!("{}/{}", limiter.limit, format_duration(limiter.period));
        all.push(("rate_limiter.limit", rate, true));
        all.push(("rate_limiter.max_wait", format_duration(limiter.max_wait), false));
    }
    if let Some(bulkhead) = policies.bulkhead {
        all.push(("bulkhead.max_calls", bulkhead.max_calls.to_string(), true));
        all.push(("bulkhead.max_wait", format_duration(bulkhead.max_wait), false));
    }
    if let Some(adaptive) = policies.adaptive {
        all.push(("adaptive.max", adaptive.max.to_string(), true));
    }
    if let Some(shed) = &policies.shed {
        all.push(("shed.header", shed.header.to_string(), true));
    }
}

fn waits(waits: &Waits) -> String {
    match waits.max {
        Some(max) => format!("{}..{}", format_duration(waits.initial), format_duration(max)),
        None => format_duration(waits.initial),
    }
}

fn delay(delay: HedgeDelay) -> String {
    crate::native::policies::hedge::DelayForm(delay).to_string()
}

fn fallback(fallback: &Fallback) -> String {
    let stale = fallback.stale.map(|stale| format!("stale for {}", format_duration(stale)));
    let instead = fallback.instead.as_ref().map(|instead| match instead {
        Instead::Respond { status, .. } => format!("respond {status}"),
        Instead::Service(name) => format!("to {name}"),
    });
    stale.into_iter().chain(instead).collect::<Vec<_>>().join(", then ")
}
