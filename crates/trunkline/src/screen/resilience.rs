//! `resilience`: one line for each policy, and one for each event.

use serde_json::Value;

use crate::print::{Align, Paint, Role, Table, clean};

const COLUMNS: &[(&str, Align)] = &[
    ("policy", Align::Left),
    ("breaker", Align::Left),
    ("failing", Align::Right),
    ("slow", Align::Right),
    ("calls", Align::Right),
    ("refused", Align::Right),
    ("retries", Align::Right),
    ("hedges", Align::Right),
    ("rate", Align::Right),
    ("bulkhead", Align::Right),
    ("limit", Align::Right),
];

const EVENTS: &[(&str, Align)] = &[
    ("number", Align::Right),
    ("policy", Align::Left),
    ("event", Align::Left),
    ("detail", Align::Left),
];

type Cell = (String, Option<Role>);

/// The policies.
pub(crate) fn policies(document: &Value, paint: Paint) -> String {
    let Some(all) = document.get("policies").and_then(Value::as_object).filter(|p| !p.is_empty())
    else {
        return "no policies; write `breaker: true` or `retry: true` at a service\n".to_owned();
    };
    let mut table = Table::new(COLUMNS);
    for (name, policy) in all {
        table.row(row(name, policy));
    }
    table.render(paint)
}

fn row(name: &str, policy: &Value) -> Vec<Cell> {
    let breaker = policy.get("circuitbreaker");
    let state = breaker.and_then(|breaker| breaker.get("state")).and_then(Value::as_str);
    let role = state.map(|state| match state {
        "CLOSED" => Role::Good,
        "OPEN" | "FORCED_OPEN" => Role::Error,
        _ => Role::Warning,
    });
    let rate = |key: &str| match breaker.and_then(|b| b.get(key)).and_then(Value::as_f64) {
        Some(rate) if rate >= 0.0 => format!("{rate:.1}%"),
        Some(_) => "-".to_owned(),
        None => String::new(),
    };
    let number = |of: Option<&Value>, key: &str| {
        of.and_then(|of| of.get(key)).and_then(Value::as_u64).map(|n| n.to_string())
    };
    let bulkhead = policy.get("bulkhead");
    let places = number(bulkhead, "availableConcurrentCalls")
        .zip(number(bulkhead, "maxAllowedConcurrentCalls"))
        .map(|(free, max)| format!("{free} of {max} free"));
    let hedge = policy.get("hedge");
    let hedges = number(hedge, "won").zip(number(hedge, "made"));
    let hedges = hedges.map(|(won, made)| format!("{won} of {made} won"));
    let limiter = policy.get("ratelimiter");
    let left = limiter.and_then(|limiter| limiter.get("availablePermissions")?.as_i64());
    let rate_left = left
        .zip(number(limiter, "limitForPeriod"))
        .map(|(left, limit)| format!("{left} of {limit} left"));
    let plain = |text: Option<String>| (text.unwrap_or_default(), None);
    vec![
        (clean(name).into_owned(), None),
        (state.map(|state| clean(state).into_owned()).unwrap_or_default(), role),
        (rate("failureRate"), None),
        (rate("slowCallRate"), None),
        plain(number(breaker, "bufferedCalls")),
        plain(number(breaker, "notPermittedCalls")),
        plain(number(policy.get("retry"), "repeated")),
        plain(hedges),
        plain(rate_left),
        plain(places),
        plain(number(policy.get("adaptive"), "limit")),
    ]
}

/// The events, oldest first.
pub(crate) fn events(document: &Value, paint: Paint) -> String {
    let events = document.get("events").and_then(Value::as_array);
    let Some(events) = events.filter(|events| !events.is_empty()) else {
        return "nothing happened yet\n".to_owned();
    };
    let mut table = Table::new(EVENTS);
    for event in events {
        let text = |key: &str| {
            let text = event.get(key).and_then(Value::as_str).unwrap_or_default();
            (clean(text).into_owned(), None)
        };
        let number = event.get("number").and_then(Value::as_u64).unwrap_or_default();
        table.row(vec![(number.to_string(), None), text("policy"), text("type"), text("detail")]);
    }
    table.render(paint)
}
