//! `health` of a service: how its endpoints are checked.
//!
//! A check that could never pass or never fail is a mistake, and so is a setting that the kind of
//! check has no use for: it would look as if something were checked that is not.

use trunkline_model::service::{AgentCheck, HealthCheck, HttpProbe, Initial, Probe, STATUSES};

use super::forms::HealthForm;
use super::raw::{InitialWord, ProbeWord, RawAgent, RawHealth, RawService};
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// Lowers the checks of a service.
pub(super) fn lower(service: &RawService, diagnostics: &mut Diagnostics) -> Option<HealthCheck> {
    let form = service.health.as_ref()?;
    let HealthForm::On(raw) = &form.value else {
        return None;
    };
    check_numbers(raw, form.span, diagnostics);
    let usual = if raw.path.is_some() { ProbeWord::Http } else { ProbeWord::Tcp };
    let kind = raw.kind.as_ref().map_or(usual, |kind| kind.value);
    check_uses(raw, kind, diagnostics);
    let probe = match kind {
        ProbeWord::Http => Probe::Http(http(raw, diagnostics)),
        ProbeWord::Tcp => Probe::Tcp,
        ProbeWord::Tls => Probe::Tls,
        ProbeWord::Grpc => Probe::Grpc {
            service: raw.service.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
        },
        ProbeWord::Redis => Probe::Redis,
        ProbeWord::Postgres => Probe::Postgres,
        ProbeWord::Smtp => Probe::Smtp,
    };
    let interval = raw.interval.0;
    Some(HealthCheck {
        probe,
        port: raw.port.as_ref().map(|port| port.value),
        tls: raw.tls,
        interval,
        fast_interval: raw.fast_interval.map_or(interval, |period| period.0),
        down_interval: raw.down_interval.map_or(interval, |period| period.0),
        jitter: raw.jitter,
        timeout: raw.timeout.0,
        rise: raw.rise,
        fall: raw.fall,
        initial: match raw.initial {
            InitialWord::Healthy => Initial::Healthy,
            InitialWord::Unhealthy => Initial::Unhealthy,
        },
        agent: raw.agent.as_ref().map(|agent| self::agent(agent, diagnostics)),
    })
}

fn check_numbers(raw: &RawHealth, span: Span, diagnostics: &mut Diagnostics) {
    let periods = [Some(raw.interval), raw.fast_interval, raw.down_interval, Some(raw.timeout)];
    let zero = periods.iter().flatten().any(|period| period.0.is_zero());
    if raw.rise == 0 || raw.fall == 0 || zero {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                "`rise`, `fall`, `interval` and `timeout` are above zero",
            )
            .at(span, "this check could never pass or fail"),
        );
    }
    if raw.jitter > 100 {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`jitter` is at most 100 percent")
                .at(span, "out of range"),
        );
    }
    if let Some(port) = raw.port.as_ref().filter(|port| port.value == 0) {
        diagnostics
            .push(Diagnostic::new(codes::BAD_VALUE, "0 is not a port").at(port.span, "here"));
    }
}

/// Settings that the kind of check has no use for.
fn check_uses(raw: &RawHealth, kind: ProbeWord, diagnostics: &mut Diagnostics) {
    let http = [
        ("path", raw.path.as_ref().map(|path| path.span)),
        ("host", raw.host.as_ref().map(|host| host.span)),
        ("headers", raw.headers.all.first().map(|(name, _)| name.span)),
        ("status", raw.status.first().map(|status| status.span)),
    ];
    let http = http.into_iter().filter(|_| kind != ProbeWord::Http).map(|one| (one, "http"));
    let grpc = [("service", raw.service.as_ref().map(|service| service.span))];
    let grpc = grpc.into_iter().filter(|_| kind != ProbeWord::Grpc).map(|one| (one, "grpc"));
    for ((key, span), wanted) in http.chain(grpc) {
        let Some(span) = span else { continue };
        diagnostics.push(
            Diagnostic::new(
                codes::CONFLICT,
                format!("`{key}` is for a health check of kind `{wanted}`"),
            )
            .at(span, "this check does not use it")
            .hint(format!("write `kind: {wanted}`, or remove it")),
        );
    }
}

fn http(raw: &RawHealth, diagnostics: &mut Diagnostics) -> HttpProbe {
    let path = raw.path.as_ref().map_or("/", |path| path.value.as_str());
    if let Some(wrong) = raw.path.as_ref().filter(|path| !path.value.starts_with('/')) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{}` is not a path", wrong.value))
                .at(wrong.span, "a path starts with `/`")
                .hint("write it like `/healthz`; `tcp` checks that the port accepts"),
        );
    }
    let statuses: Vec<_> =
        raw.status.iter().filter_map(|status| range(status, diagnostics)).collect();
    HttpProbe {
        method: raw.method.clone(),
        path: path.to_owned(),
        host: raw.host.as_ref().map(|host| host.value.clone()),
        headers: raw
            .headers
            .all
            .iter()
            .map(|(name, value)| (name.value.clone(), value.value.clone()))
            .collect(),
        statuses: if raw.status.is_empty() { vec![STATUSES] } else { statuses },
        contains: raw.contains.clone().filter(|text| !text.is_empty()),
    }
}

/// `200` or `200-299`.
fn range(status: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<(u16, u16)> {
    let (first, last) = status.value.split_once('-').unwrap_or((&status.value, &status.value));
    let parse =
        |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    let found = parse(first).zip(parse(last)).filter(|(first, last)| first <= last);
    if found.is_none() {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                format!("`{}` is neither a status nor a range of them", status.value),
            )
            .at(status.span, "from 100 to 599")
            .hint("write it like `200` or `200-299`"),
        );
    }
    found
}

fn agent(agent: &Spanned<RawAgent>, diagnostics: &mut Diagnostics) -> AgentCheck {
    let raw = &agent.value;
    if raw.port.value == 0 || raw.interval.0.is_zero() || raw.timeout.0.is_zero() {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`port`, `interval` and `timeout` are above zero")
                .at(agent.span, "this agent could never be asked"),
        );
    }
    AgentCheck {
        port: raw.port.value,
        interval: raw.interval.0,
        timeout: raw.timeout.0,
        send: raw.send.clone().unwrap_or_default(),
    }
}
