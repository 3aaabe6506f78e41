//! What to start: each service with a process, with its port and environment, callees first.
//!
//! A plan is a value: two plans can be compared to see what a changed file means for what runs.
//! Ports that nobody wrote are chosen once and remembered, so that URLs do not change from run to
//! run. The order is not a list: each service names the ones it waits for, and those that do not
//! wait for each other start together.

mod certificates;
mod environment;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use trunkline_model::service::{Probe, Process, Source};
use trunkline_model::{Model, ServiceName};

use environment::Places;

pub use certificates::bundle;
pub use environment::{BUILD_VARIABLE, Surroundings};
pub use ports::{Moved, PortBook, Reservation, claim, is_free};

use crate::outbound;
use crate::run::RunId;
use crate::toolchains::Missing;

/// One service to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: ServiceName,
    /// How it is run.
    pub process: Process,
    /// Where it is expected to listen.
    pub address: SocketAddr,
    /// The path that answers below 400 when it is ready; `None` if accepting is enough.
    pub health: Option<String>,
    /// The planned services that must be ready before it starts.
    pub after: Vec<ServiceName>,
    /// All variables it is given, later ones win.
    pub environment: Vec<(String, String)>,
}

/// Everything to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The services by name.
    pub services: BTreeMap<ServiceName, Planned>,
    /// Services that are not started, because what runs them is not installed.
    pub skipped: BTreeMap<ServiceName, Skipped>,
}

/// A service that is not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it would listen; its callers are told so.
    pub address: SocketAddr,
    /// What would run it.
    pub command: String,
    /// What is not there.
    pub missing: Missing,
}

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Services call each other in a circle, so none can be first.
    #[error("services wait for each other: {}", join(.0))]
    Circular(Vec<ServiceName>),
    /// Every port of the range is taken.
    #[error("no port is free for `{0}`")]
    NoPort(ServiceName),
}

fn join(names: &[ServiceName]) -> String {
    names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" → ")
}

impl Plan {
    /// Makes the plan of a Model. `ports` chooses and remembers; the caller stores it afterwards.
    pub fn of(
        model: &Model,
        around: &Surroundings,
        ports: &mut PortBook,
    ) -> Result<Self, PlanError> {
        let processes: BTreeMap<&ServiceName, &Process> = model
            .services
            .iter()
            .filter_map(|service| match &service.source {
                Source::Process(process) => Some((&service.name, process)),
                Source::Static(_) => None,
            })
            .collect();
        let places = Places {
            own: choose(&processes, ports, around.run)?,
            outbound: outbound::addresses(model),
        };
        let (mut services, mut skipped) = (BTreeMap::new(), BTreeMap::new());
        for service in &model.services {
            let Some(process) = processes.get(&service.name) else {
                continue;
            };
            let Some(address) = places.own.get(&service.name).copied() else {
                continue;
            };
            if let Some(missing) = missing(around, process) {
                let command = process.command.clone();
                skipped.insert(service.name.clone(), Skipped { address, command, missing });
                continue;
            }
            let probe = service.health.as_ref().map(|health| &health.probe);
            let health = probe.and_then(|probe| match probe {
                // Readiness asks by a plain `GET`, whatever the check looks like later.
                Probe::Http(probe) => Some(probe.path.clone()),
                _ => None,
            });
            // What is never started is not waited for.
            let starts = |callee: &&ServiceName| {
                processes.get(callee).is_some_and(|process| missing(around, process).is_none())
            };
            let after = service.calls.iter().filter(starts);
            let planned = Planned {
                name: service.name.clone(),
                process: (*process).clone(),
                address,
                health,
                after: after.cloned().collect(),
                environment: around.environment(model, service, process, address, &places),
            };
            services.insert(service.name.clone(), planned);
        }
        let plan = Self { services, skipped };
        plan.waves()?;
        Ok(plan)
    }

    /// Leaves only these services and what they call, directly or not.
    pub fn keep(&mut self, wanted: &[ServiceName]) {
        let mut kept = BTreeSet::new();
        let mut left: Vec<ServiceName> = wanted.to_vec();
        while let Some(name) = left.pop() {
            if kept.insert(name.clone())
                && let Some(planned) = self.services.get(&name)
            {
                left.extend(planned.after.iter().cloned());
            }
        }
        self.services.retain(|name, _| kept.contains(name));
    }

    /// The services in waves: those of one wave wait only for those of earlier ones.
    pub fn waves(&self) -> Result<Vec<Vec<ServiceName>>, PlanError> {
        let mut left: BTreeMap<&ServiceName, &Planned> = self.services.iter().collect();
        let mut waves = Vec::new();
        while !left.is_empty() {
            let waits =
                |planned: &Planned| planned.after.iter().any(|name| left.contains_key(name));
            let wave: Vec<ServiceName> =
                left.values().filter(|planned| !waits(planned)).map(|p| p.name.clone()).collect();
            if wave.is_empty() {
                return Err(PlanError::Circular(circle(&left)));
            }
            for name in &wave {
                left.remove(name);
            }
            waves.push(wave);
        }
        Ok(waves)
    }
}

fn missing(around: &Surroundings, process: &Process) -> Option<Missing> {
    let path = process.env.iter().rev().find(|(name, _)| name == "PATH");
    let path = path.map(|(_, path)| path.as_str());
    let language = process.language.as_deref();
    around.toolchains.missing(process.build.as_deref(), &process.command, language, path)
}

fn choose(
    processes: &BTreeMap<&ServiceName, &Process>,
    ports: &mut PortBook,
    run: RunId,
) -> Result<BTreeMap<ServiceName, SocketAddr>, PlanError> {
    let mut taken: BTreeSet<u16> = processes.values().filter_map(|process| process.port).collect();
    let mut addresses = BTreeMap::new();
    for (name, process) in processes {
        let chosen = match process.port {
            Some(port) => ports.written(name.as_str(), port, &taken, run),
            None => ports.choose(name.as_str(), &taken),
        };
        let port = chosen.ok_or_else(|| PlanError::NoPort((*name).clone()))?;
        taken.insert(port);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        addresses.insert((*name).clone(), address);
    }
    Ok(addresses)
}

/// One circle among services that all wait for one another, its first repeated at the end.
fn circle(left: &BTreeMap<&ServiceName, &Planned>) -> Vec<ServiceName> {
    let mut path: Vec<ServiceName> = Vec::new();
    let mut next = left.keys().next().map(|name| (*name).clone());
    while let Some(name) = next {
        if let Some(begin) = path.iter().position(|seen| *seen == name) {
            path.drain(..begin);
            path.push(name);
            break;
        }
        let planned = left.get(&name);
        next = planned.and_then(|p| p.after.iter().find(|n| left.contains_key(n)).cloned());
        path.push(name);
    }
    path
}
