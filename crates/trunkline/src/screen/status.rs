//! `status`: what runs, how it is, how much it does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::{age, span_ms};
use crate::print::{Align, Paint, Role, Table, clean};

/// The part of `/v1/status` that is shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    project: String,
    version: String,
    pid: u32,
    ready: bool,
    #[serde(default)]
    waiting_for: Vec<String>,
    generation: u64,
    uptime_seconds: f64,
    workers: usize,
    #[serde(default)]
    listeners: Vec<Listener>,
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    id: String,
    address: String,
    /// Whose calls come in here; a person has no use for it.
    caller: Option<String>,
    url: Option<String>,
    open: u64,
}

#[derive(Debug, Deserialize)]
struct Service {
    state: String,
    detail: Option<String>,
    process: Option<Process>,
    requests: Option<Requests>,
    in_flight: Option<u64>,
    latency_ms: Option<Latency>,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
    #[serde(default)]
    breakers: Vec<Breaker>,
}

/// A breaker that is not closed.
#[derive(Debug, Deserialize)]
struct Breaker {
    name: String,
    state: String,
    failure_rate: f64,
    retry_after_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Process {
    pid: Option<u32>,
    restarts: u32,
}

#[derive(Debug, Deserialize)]
struct Requests {
    total: u64,
    failed: u64,
}

#[derive(Debug, Deserialize)]
struct Latency {
    p50: Option<f64>,
    p99: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    id: String,
    state: String,
    healthy: bool,
    ejected: bool,
    overridden: bool,
    weight_ordered: Option<u32>,
    limit_ordered: Option<u32>,
    agent: Option<String>,
    health_error: Option<String>,
}

impl Status {
    /// Whether everything is as it should be.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }
}

impl Breaker {
    /// What it does, for people.
    fn tell(&self) -> String {
        let mut text = format!("the breaker is {}", self.state);
        if self.failure_rate >= 0.0 {
            let _ = write!(text, ", {:.1}% of its calls failed", self.failure_rate);
        }
        if let Some(seconds) = self.retry_after_seconds {
            let _ = write!(text, ", tried again in {}", age(seconds));
        }
        text
    }
}

/// The screen. `earlier` is the same status a moment before, for rates.
pub(crate) fn render(now: &Status, earlier: &Status, paint: Paint) -> String {
    let mut text = head(now, paint);
    text.push('\n');
    let listeners = listeners(now);
    if !listeners.is_empty() {
        let _ = writeln!(text, "{}", listeners.render(paint));
    }
    let mut services = services(now, earlier);
    if let Some(columns) = paint.columns() {
        services.narrow(columns, NARROW);
    }
    if services.is_empty() {
        text.push_str("  no services\n");
    } else {
        text.push_str(&services.render(paint));
    }
    text.push_str(&troubles(now, paint));
    text
}

fn head(now: &Status, paint: Paint) -> String {
    let state = if now.ready {
        paint.apply(Role::Good, "ready")
    } else if now.waiting_for.is_empty() {
        paint.apply(Role::Warning, "not ready")
    } else {
        paint.apply(
            Role::Warning,
            format_args!("waiting for {}", clean(&now.waiting_for.join(", "))),
        )
    };
    format!(
        "{} · {state} · up {} · process {} · {} workers · configuration {} · trunkline {}\n",
        paint.apply(Role::Strong, clean(&now.project)),
        age(now.uptime_seconds),
        now.pid,
        now.workers,
        now.generation,
        clean(&now.version),
    )
}

fn listeners(now: &Status) -> Table {
    let mut table =
        Table::new(&[("listener", Align::Left), ("open", Align::Right), ("url", Align::Left)]);
    for listener in now.listeners.iter().filter(|listener| listener.caller.is_none()) {
        let url = listener.url.as_deref().unwrap_or(&listener.address);
        table.row(vec![
            (clean(&listener.id).into_owned(), None),
            (listener.open.to_string(), None),
            (clean(url).into_owned(), Some(Role::Hint)),
        ]);
    }
    table
}

const COLUMNS: &[(&str, Align)] = &[
    ("service", Align::Left),
    ("state", Align::Left),
    ("endpoints", Align::Right),
    ("requests", Align::Right),
    ("failed", Align::Right),
    ("rate", Align::Right),
    ("in flight", Align::Right),
    ("p50", Align::Right),
    ("p99", Align::Right),
    ("pid", Align::Right),
    ("restarts", Align::Right),
];

/// What is left out on narrow terminals, in this order.
const NARROW: &[&str] = &["in flight", "restarts", "endpoints", "pid", "p50", "failed"];

fn services(now: &Status, earlier: &Status) -> Table {
    let mut table = Table::new(COLUMNS);
    let seconds = now.uptime_seconds - earlier.uptime_seconds;
    for (name, service) in &now.services {
        let before = earlier.services.get(name).map_or(0, total);
        let usable = service.endpoints.iter().filter(|endpoint| endpoint.is_usable()).count();
        let failed = service.requests.as_ref().map_or(0, |requests| requests.failed);
        let latency = |pick: fn(&Latency) -> Option<f64>| {
            service.latency_ms.as_ref().and_then(pick).map(span_ms).unwrap_or_default()
        };
        let process = service.process.as_ref();
        table.row(vec![
            (clean(name).into_owned(), Some(Role::Strong)),
            (clean(&service.state).into_owned(), Some(role_of(&service.state))),
            (format!("{usable}/{}", service.endpoints.len()), None),
            (total(service).to_string(), None),
            (failed.to_string(), (failed > 0).then_some(Role::Warning)),
            (rate(total(service).saturating_sub(before), seconds), None),
            (service.in_flight.unwrap_or_default().to_string(), None),
            (latency(|latency| latency.p50), None),
            (latency(|latency| latency.p99), None),
            (process.and_then(|p| p.pid).map(|pid| pid.to_string()).unwrap_or_default(), None),
            (process.map(|p| p.restarts.to_string()).unwrap_or_default(), None),
        ]);
    }
    table
}

fn total(service: &Service) -> u64 {
    service.requests.as_ref().map_or(0, |requests| requests.total)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with one digit")]
fn rate(requests: u64, seconds: f64) -> String {
    if seconds <= 0.0 { String::new() } else { format!("{:.1}/s", requests as f64 / seconds) }
}

fn role_of(state: &str) -> Role {
    match state {
        "ready" => Role::Good,
        "failed" | "unhealthy" | "down" => Role::Error,
        _ => Role::Warning,
    }
}

impl Endpoint {
    fn is_usable(&self) -> bool {
        self.state == "ready" && self.healthy && !self.ejected
    }
}

/// What a person should look at, one line each.
fn troubles(now: &Status, paint: Paint) -> String {
    let mut text = String::new();
    let mut tell = |name: &str, what: String| {
        let _ = write!(
            text,
            "\n  {} {}: {}",
            paint.apply(Role::Warning, "!"),
            clean(name),
            clean(&what)
        );
    };
    for (name, service) in &now.services {
        if let Some(detail) = &service.detail {
            tell(name, detail.clone());
        }
        for breaker in &service.breakers {
            tell(&breaker.name, breaker.tell());
        }
        for endpoint in &service.endpoints {
            if let Some(error) = &endpoint.health_error {
                tell(&endpoint.id, format!("unhealthy: {error}"));
            }
            if endpoint.ejected {
                tell(&endpoint.id, "ejected for failing live traffic".to_owned());
            }
            if endpoint.overridden {
                tell(&endpoint.id, format!("held in state `{}` by a person", endpoint.state));
            } else if let Some(agent) = &endpoint.agent
                && endpoint.state != "ready"
            {
                tell(
                    &endpoint.id,
                    format!("in state `{}`: its agent says `{agent}`", endpoint.state),
                );
            }
            if let Some(weight) = endpoint.weight_ordered {
                tell(&endpoint.id, format!("held at weight {weight} by a person"));
            }
            if let Some(limit) = endpoint.limit_ordered {
                tell(&endpoint.id, format!("held at {limit} requests at one time by a person"));
            }
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
