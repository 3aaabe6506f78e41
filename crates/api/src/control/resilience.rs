//! `/v1/resilience`: what breakers, retries, bulkheads and their like know, and orders to them.

use axum::Json;
use axum::extract::{Path, State};
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};
use trunkline_model::ops::{
    BreakerOrder, BreakerStats, PolicyStats, ResilienceError, ResilienceEvent, RetryStats,
};

use crate::Wiring;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// What a breaker can be told, and its word in the path.
const ORDERS: &[(&str, BreakerOrder)] = &[
    ("force-open", BreakerOrder::ForceOpen),
    ("disable", BreakerOrder::Disable),
    ("metrics-only", BreakerOrder::MetricsOnly),
    ("close", BreakerOrder::Close),
    ("reset", BreakerOrder::Reset),
];

pub(super) async fn policies(State(wiring): State<Wiring>) -> Json<Value> {
    let policies = wiring.ops.policies();
    let documents: Map<_, _> = policies.iter().map(|p| (p.name.clone(), policy(p))).collect();
    Json(json!({ "policies": documents }))
}

pub(super) async fn events(State(wiring): State<Wiring>, uri: Uri) -> Result<Json<Value>, Problem> {
    let parameters = Parameters::strict(&uri, &["after"])?;
    let after = parameters.one("after")?.unwrap_or("0");
    let after = after.parse().map_err(|_| {
        Problem::bad_request("`after` is the number of an event")
            .hint("begin with 0, and go on with the last number that you saw")
    })?;
    let events: Vec<_> = wiring.ops.resilience_events(after).iter().map(event).collect();
    Ok(Json(json!({ "events": events })))
}

pub(super) async fn order(
    State(wiring): State<Wiring>,
    Path((name, word)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let known = ORDERS.iter().find(|(known, _)| *known == word);
    let (_, order) = known.ok_or_else(|| {
        Problem::not_found(format!("a breaker cannot be told to `{word}`"))
            .hint("known are force-open, disable, metrics-only, close and reset")
    })?;
    wiring.ops.order_breaker(&name, *order).map_err(|error| match error {
        ResilienceError::Unknown(_) => Problem::not_found(error.to_string())
            .hint("GET /v1/resilience lists policies; a `/` in a name is written `%2F`"),
        ResilienceError::NoBreaker => Problem::not_found(error.to_string())
            .hint("write `breaker: true` at the service, or at the route"),
        ResilienceError::Illegal(_) => {
            Problem::new(StatusCode::CONFLICT, "illegal_transition", "the breaker stays as it is")
                .detail(error.to_string())
                .hint("`reset` works from every state")
        }
    })?;
    let policies = wiring.ops.policies();
    let now = policies.iter().find(|policy| policy.name == name);
    let state = now.and_then(|policy| policy.breaker.as_ref()).map(|breaker| breaker.state);
    Ok(Json(json!({ "policy": name, "state": state })))
}

/// An event, for the list and for the stream.
pub(crate) fn event(event: &ResilienceEvent) -> Value {
    json!({
        "number": event.number,
        "at_unix_ms": event.at_unix_ms,
        "policy": event.policy,
        "type": event.kind,
        "detail": event.detail,
    })
}

fn policy(stats: &PolicyStats) -> Value {
    let mut document = json!({
        "shed": stats.shed,
        "dry_run_refused": stats.dry_run_refused,
        "fallbacks": stats.fallbacks,
        "others": stats.others,
    });
    let Some(fields) = document.as_object_mut() else { return document };
    if let Some(found) = &stats.cluster {
        let cluster = json!({ "away": found.away, "decided_alone": found.alone });
        fields.insert("cluster".into(), cluster);
    }
    if let Some(found) = &stats.breaker {
        fields.insert("circuitbreaker".into(), breaker(found));
    }
    if let Some(found) = &stats.retry {
        fields.insert("retry".into(), retry(found));
    }
    if let Some(found) = &stats.hedge {
        let hedge = json!({
            "delaySeconds": found.delay.map(|delay| delay.as_secs_f64()),
            "made": found.made,
            "won": found.won,
            "budgetExhausted": found.budget_exhausted,
            "dry_run": found.dry_run,
        });
        fields.insert("hedge".into(), hedge);
    }
    if let Some(found) = &stats.rate_limiter {
        let limiter = json!({
            "limitForPeriod": found.limit,
            "limitRefreshPeriodSeconds": found.period.as_secs_f64(),
            "availablePermissions": found.available,
            "permitted": found.permitted,
            "refused": found.refused,
            "dry_run": found.dry_run,
        });
        fields.insert("ratelimiter".into(), limiter);
    }
    if let Some(found) = &stats.bulkhead {
        let bulkhead = json!({
            "maxAllowedConcurrentCalls": found.max,
            "availableConcurrentCalls": found.available,
            "waiting": found.waiting,
            "rejected": found.rejected,
            "dry_run": found.dry_run,
        });
        fields.insert("bulkhead".into(), bulkhead);
    }
    if let Some(found) = &stats.adaptive {
        let adaptive = json!({
            "limit": found.limit,
            "running": found.running,
            "rejected": found.rejected,
            "dry_run": found.dry_run,
        });
        fields.insert("adaptive".into(), adaptive);
    }
    document
}

/// With the fields that the actuator of Resilience4j has, numbers as numbers.
fn breaker(stats: &BreakerStats) -> Value {
    let calls: Map<_, _> =
        stats.calls.iter().map(|(kind, calls)| ((*kind).to_owned(), json!(calls.count))).collect();
    json!({
        "state": stats.state,
        "failureRate": stats.failure_rate,
        "slowCallRate": stats.slow_call_rate,
        "failureRateThreshold": stats.failure_rate_threshold,
        "slowCallRateThreshold": stats.slow_call_rate_threshold,
        "bufferedCalls": stats.buffered,
        "failedCalls": stats.failed,
        "slowCalls": stats.slow,
        "slowFailedCalls": stats.slow_failed,
        "notPermittedCalls": stats.not_permitted,
        "retryAfterSeconds": stats.retry_after.map(|after| after.as_secs_f64()),
        "trialsLeft": stats.trials_left,
        "calls": calls,
        "dry_run": stats.dry_run,
    })
}

fn retry(stats: &RetryStats) -> Value {
    let calls: Map<_, _> =
        stats.calls.iter().map(|(kind, count)| ((*kind).to_owned(), json!(count))).collect();
    json!({
        "calls": calls,
        "repeated": stats.repeated,
        "budgetExhausted": stats.budget_exhausted,
        "budget": stats.budget,
    })
}
