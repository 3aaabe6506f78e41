//! The processes of `up`, as the control API and the screen see them: a thin view of
//! `local::Supervisor`.

mod reading;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use trunkline_api::commands::{LogLine, LogQuery, Process, ProcessState, Refused};
use trunkline_local::plan::{Plan, Skipped};
use trunkline_local::supervisor::{RestartError, State, Status, Supervisor};
use trunkline_model::ServiceName;
use trunkline_model::endpoint::{Endpoint, EndpointSet, EndpointState};
use trunkline_proxy::{Proxy, State as Said};
use trunkline_rt::{Clock, Scope};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The running services; cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    /// Who runs them.
    pub supervisor: Supervisor,
    /// Where their logs are.
    pub logs: PathBuf,
    /// Tasks of readers belong here.
    pub scope: Scope,
    /// What time it is.
    pub clock: Clock,
    /// What each was started with.
    pub commands: Arc<Mutex<BTreeMap<ServiceName, String>>>,
    /// Those that are not started, and since when.
    pub skipped: Arc<Mutex<BTreeMap<ServiceName, (Skipped, SystemTime)>>>,
    /// Who answers for those.
    pub proxy: Proxy,
}

impl Services {
    /// Remembers what a plan starts, and lets the data plane say why it does not start the rest.
    pub(crate) fn learn(&self, plan: &Plan) {
        let commands =
            plan.services.values().map(|one| (one.name.clone(), one.process.command.clone()));
        *self.commands.lock().unwrap_or_else(PoisonError::into_inner) = commands.collect();
        let now = self.clock.wall();
        let mut skipped = self.skipped();
        skipped.retain(|name, _| plan.skipped.contains_key(name));
        for (name, one) in &plan.skipped {
            skipped.entry(name.clone()).or_insert_with(|| (one.clone(), now));
            let endpoint =
                Endpoint { state: EndpointState::Down, ..Endpoint::ready(name, one.address) };
            let said = (endpoint.id.clone(), format!("skipped: {}", one.missing));
            self.proxy.publish(EndpointSet { service: name.clone(), endpoints: vec![endpoint] });
            self.proxy.import_state(&Said { unhealthy: vec![said], ..Said::default() });
        }
    }

    /// Services that are not ready, in the order of their names.
    pub(crate) fn not_ready(&self) -> Vec<String> {
        let statuses = self.supervisor.statuses();
        let waiting = statuses.iter().filter(|(_, status)| status.state != State::Ready);
        waiting.map(|(name, _)| name.to_string()).collect()
    }

    /// Every service.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let statuses = self.supervisor.statuses();
        let process = |(name, status): (ServiceName, Status)| Process {
            state: state_of(status.state),
            pid: status.pid,
            address: Some(status.address),
            command: commands.get(&name).cloned().unwrap_or_default(),
            since: self.clock.wall().duration_since(status.since).unwrap_or(Duration::ZERO),
            restarts: u32::try_from(status.starts.saturating_sub(1)).unwrap_or(u32::MAX),
            detail: status.build.or(status.reason.filter(|_| status.state != State::Ready)),
            service: name,
        };
        let mut all: Vec<Process> = statuses.into_iter().map(process).collect();
        all.extend(self.skipped().iter().map(|(name, (skipped, since))| Process {
            service: name.clone(),
            state: ProcessState::Skipped,
            pid: None,
            address: Some(skipped.address),
            command: skipped.command.clone(),
            since: self.clock.wall().duration_since(*since).unwrap_or(Duration::ZERO),
            restarts: 0,
            detail: Some(skipped.missing.to_string()),
        }));
        all.sort_by(|one, other| one.service.cmp(&other.service));
        all
    }

    fn skipped(&self) -> MutexGuard<'_, BTreeMap<ServiceName, (Skipped, SystemTime)>> {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a service cannot be asked for anything, if it was skipped.
    fn refuse_skipped(&self, name: &str, command: &'static str) -> Result<(), Refused> {
        match self.skipped().get(name) {
            None => Ok(()),
            Some((skipped, _)) => {
                let reason = format!("`{name}` was skipped: {}", skipped.missing);
                Err(Refused::Failed { command, reason })
            }
        }
    }

    /// Restarts one, and with `dependants` those that call it; returns when they are ready again,
    /// with the names of those.
    pub(crate) async fn restart(
        &self,
        service: &ServiceName,
        dependants: bool,
    ) -> Result<Vec<ServiceName>, Refused> {
        self.refuse_skipped(service.as_str(), "restart")?;
        let restarted = if dependants {
            self.supervisor.restart_with_callers(service).await
        } else {
            self.supervisor.restart(service).await.map(|_| Vec::new())
        };
        restarted.map_err(|error| match error {
            RestartError::Unknown(name) => Refused::UnknownService(name.to_string()),
            error @ RestartError::NotReady { .. } => {
                Refused::Failed { command: "restart", reason: error.to_string() }
            }
        })
    }

    /// Lines of the services, from their files.
    pub(crate) fn logs(&self, query: LogQuery) -> Result<mpsc::Receiver<LogLine>, Refused> {
        query.services.iter().try_for_each(|name| self.refuse_skipped(name, "logs"))?;
        let known: Vec<String> =
            self.supervisor.statuses().keys().map(ToString::to_string).collect();
        if let Some(unknown) = query.services.iter().find(|name| !known.contains(name)) {
            return Err(Refused::UnknownService(unknown.clone()));
        }
        Ok(reading::start(self, known, query))
    }
}

const fn state_of(state: State) -> ProcessState {
    match state {
        State::Waiting => ProcessState::Waiting,
        State::Building => ProcessState::Building,
        State::Starting => ProcessState::Starting,
        State::Ready => ProcessState::Ready,
        State::Draining => ProcessState::Stopping,
        State::BackingOff => ProcessState::BackingOff,
        State::Failed => ProcessState::Failed,
        State::Stopped => ProcessState::Stopped,
    }
}
