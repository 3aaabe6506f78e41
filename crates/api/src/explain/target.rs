//! A service that a route leads to: its settings in force, its process, its endpoints now.

use serde_json::{Value, json};
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{EndpointStats, ServiceStats};
use trunkline_model::route::{Authority, Route};
use trunkline_model::service::{Service, Source};
use trunkline_model::{EndpointId, ServiceName};

use super::{Known, place, setting, texts};
use crate::commands::{Object, Process, Setting};

/// The settings that are told: those that a request meets.
const TOLD: &[&str] = &[
    "timeout.",
    "health",
    "balance",
    "passive.",
    "protocol",
    "tls.",
    "breaker.",
    "retry.",
    "hedge.",
    "rate_limiter.",
    "bulkhead.",
    "adaptive.",
    "shed.",
    "fallback",
];

/// A service that a route leads to.
pub(super) struct Seen<'a> {
    pub(super) name: &'a ServiceName,
    pub(super) percent: f64,
    /// Endpoints that can take a request now.
    able: &'a [EndpointId],
    service: Option<&'a Service>,
    pub(super) stats: Option<&'a ServiceStats>,
    pub(super) process: Option<&'a Process>,
    settings: Vec<Setting>,
    callers: Vec<&'a str>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(
        (name, percent, able): &'a (ServiceName, f64, Vec<EndpointId>),
        route: Option<&Route>,
        known: &Known<'a>,
    ) -> Self {
        let of_service = known.settings(&Object::Service(name.clone()));
        let told = |setting: &&Setting| TOLD.iter().any(|key| setting.key.starts_with(key));
        let mut settings: Vec<_> = of_service.iter().filter(told).cloned().collect();
        // What a route has of its own is in force in place of the service's.
        let own = route.map(|route| known.settings(&Object::Route(route.id.clone())));
        for own in own.unwrap_or_default() {
            settings.retain(|setting| setting.key != own.key);
            settings.push(own.clone());
        }
        let services = known.stats.iter().flat_map(|stats| &stats.services);
        Self {
            name,
            percent: *percent,
            able,
            service: known.model.service(name),
            stats: services.into_iter().find(|service| service.name == *name),
            process: known.process(name),
            settings,
            callers: known.callers(name),
        }
    }

    /// The endpoints that can take a request now.
    pub(super) fn able(&self) -> impl Iterator<Item = &EndpointStats> {
        let all = self.stats.iter().flat_map(|stats| &stats.endpoints);
        all.filter(|endpoint| self.able.contains(&endpoint.id))
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "service": self.name.as_str(),
            "percent": self.percent,
            "endpoints": texts(self.able),
            "origin": self.service.map(|service| place(&service.origin)),
            "kind": self.service.map(|service| kind(&service.source)),
            "settings": self.settings.iter().map(setting).collect::<Vec<_>>(),
            "called_by": self.callers,
            "process": self.service.and_then(|service| self.process_document(&service.source)),
            "endpoint_detail": self.endpoints(),
        })
    }

    fn process_document(&self, source: &Source) -> Option<Value> {
        let Source::Process(wanted) = source else {
            return None;
        };
        let process = self.process;
        Some(json!({
            "command": process.map_or(&wanted.command, |process| &process.command),
            "directory": wanted.directory,
            "pid": process.and_then(|process| process.pid),
            "state": process.map(|process| process.state.as_str()),
            "detail": process.and_then(|process| process.detail.as_deref()),
        }))
    }

    /// What runs, or else what was written.
    fn endpoints(&self) -> Vec<Value> {
        if let Some(stats) = self.stats {
            return stats.endpoints.iter().map(|one| self.endpoint(one)).collect();
        }
        let written = match self.service.map(|service| &service.source) {
            Some(Source::Static(list)) => {
                list.iter().map(|endpoint| address(&endpoint.authority)).collect()
            }
            Some(Source::Process(process)) => {
                process.port.map(|port| format!("127.0.0.1:{port}")).into_iter().collect()
            }
            None => Vec::new(),
        };
        written.into_iter().map(|address| json!({ "address": address })).collect()
    }

    fn endpoint(&self, stats: &EndpointStats) -> Value {
        let able = self.able.contains(&stats.id);
        json!({
            "id": stats.id.as_str(),
            "address": stats.address,
            "state": stats.state.as_str(),
            "healthy": stats.healthy,
            "able": able,
            "because": (!able).then(|| why_not(stats)),
        })
    }
}

const fn kind(source: &Source) -> &'static str {
    match source {
        Source::Static(_) => "external",
        Source::Process(_) => "process",
    }
}

fn address(authority: &Authority) -> String {
    match authority {
        Authority::Service(name) => name.to_string(),
        Authority::Address(address) => address.to_string(),
        Authority::Dns { host, port } => format!("{host}:{port}"),
        Authority::Srv(name) => format!("srv:{name}"),
    }
}

/// Why an endpoint would not be picked.
fn why_not(stats: &EndpointStats) -> String {
    match stats.state {
        state if stats.overridden && state != EndpointState::Ready => {
            format!("set to {} by hand", state.as_str())
        }
        EndpointState::Starting => "still starting".to_owned(),
        EndpointState::Draining => "finishes what it has".to_owned(),
        EndpointState::Maint => "taken out".to_owned(),
        EndpointState::Down => "not there".to_owned(),
        EndpointState::Ready if !stats.healthy => match &stats.health_error {
            Some(error) => format!("its health check fails: {error}"),
            None => "its health check fails".to_owned(),
        },
        EndpointState::Ready if stats.ejected => "ejected: its requests failed".to_owned(),
        EndpointState::Ready if stats.weight == 0 => "its weight is 0".to_owned(),
        EndpointState::Ready => "it changed while this was asked".to_owned(),
    }
}
