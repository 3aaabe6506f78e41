//! Runs a plan: starts each service when its callees are ready, keeps it running, and stops all.
//!
//! Each service is one task with a life of its own (`life`); they meet only on the board, where
//! each shows its status and waits for that of others. The supervisor changes what runs by telling
//! the tasks: restart, stop, be another plan. Endpoints go to the [`EndpointSink`], so a proxy
//! holds requests while a service starts, without knowing that there are processes.

mod board;
mod build;
mod drain;
mod freshness;
mod life;
mod output;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use trunkline_model::ServiceName;
use trunkline_model::endpoint::{EndpointSet, EndpointState};
use trunkline_model::ops::Ops;
use trunkline_resilience::backoff;
use trunkline_rt::{Clock, Policy, Scope};

use crate::child::Spawner;
use crate::event::{Event, Events, What};
use crate::logs::LogWriter;
use crate::plan::{Plan, Planned};
use crate::reap;
use crate::run::RunId;
use crate::sources::Watcher;
use board::Board;
use build::Builds;
use life::{Around, Command, Life};

pub use board::{State, Status};

/// Commands that may wait for a service.
const COMMANDS_MAX: usize = 8;
/// Services whose callers may wait to be started anew.
const RENEWED_MAX: usize = 64;

/// Who is told where services listen. The proxy is one; a test may be another.
pub trait EndpointSink: Send + Sync {
    /// Replaces the endpoints of one service.
    fn publish(&self, endpoints: EndpointSet);
}

/// How services are kept running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Care {
    /// The wait before a failed service is tried again.
    pub backoff: backoff::Config,
    /// After this many failures in a row it stays down.
    pub attempts_max: u32,
    /// A service that was ready for this long begins a new row when it fails.
    pub settled_after: Duration,
    /// How long a service that is stopped may take to finish its requests.
    pub drain_max: Duration,
    /// How long one that is started anew may: its new requests are held meanwhile, and must still
    /// be when it is back.
    pub swap_drain_max: Duration,
    /// How long what a service left behind may take to end after SIGTERM.
    pub leftovers_grace: Duration,
}

impl Default for Care {
    fn default() -> Self {
        Self {
            backoff: backoff::Config::new(Duration::from_millis(500), Duration::from_secs(8)),
            attempts_max: 5,
            settled_after: Duration::from_secs(30),
            drain_max: Duration::from_secs(5),
            // Requests are held for 5 s; the rest is for its end and its start.
            swap_drain_max: Duration::from_secs(2),
            leftovers_grace: Duration::from_secs(2),
        }
    }
}

/// What the supervisor needs from others.
#[derive(Clone)]
pub struct Deps {
    /// Spawns the processes.
    pub spawner: Arc<Spawner>,
    /// The run they belong to.
    pub run: RunId,
    /// Where endpoints go.
    pub sink: Arc<dyn EndpointSink>,
    /// Asked how many requests are in flight; without it nothing is waited for.
    pub ops: Option<Arc<dyn Ops>>,
    /// Where lines are kept.
    pub logs: LogWriter,
    /// Where events go.
    pub events: Events,
    /// What time it is.
    pub clock: Clock,
    /// How services are kept running.
    pub care: Care,
}

/// The plan has no such service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestartError {
    /// No service of the plan has this name.
    #[error("no service with a process is called `{0}`")]
    Unknown(ServiceName),
    /// It did not become ready again.
    #[error("`{service}` did not become ready: {reason}")]
    NotReady {
        /// Which.
        service: ServiceName,
        /// Why.
        reason: String,
    },
}

/// Runs services. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

struct Shared {
    scope: Scope,
    deps: Deps,
    board: Board,
    watcher: Watcher,
    builds: Builds,
    /// Services whose callers are to be started anew.
    renewed: mpsc::Sender<ServiceName>,
    services: Mutex<BTreeMap<ServiceName, Running>>,
    /// Whether ending must not wait any more.
    hurry: watch::Sender<bool>,
}

struct Running {
    planned: Planned,
    commands: mpsc::Sender<Command>,
}

impl Supervisor {
    /// Starts every service of the plan, in tasks of a scope below `scope`.
    pub fn start(scope: &Scope, plan: &Plan, deps: Deps) -> Self {
        let (renewed, received) = mpsc::channel(RENEWED_MAX);
        let shared = Shared {
            scope: scope.child("services"),
            deps,
            board: Board::default(),
            watcher: Watcher::new(),
            builds: Builds::new(),
            renewed,
            services: Mutex::default(),
            hurry: watch::Sender::new(false),
        };
        let supervisor = Self { shared: Arc::new(shared) };
        for planned in plan.services.values() {
            supervisor.add(planned.clone(), plan);
        }
        let following = supervisor.clone().restart_callers(received);
        supervisor.shared.scope.spawn("callers", Policy::Best, following);
        supervisor
    }

    /// Starts the callers of services anew that ask for it.
    async fn restart_callers(self, mut renewed: mpsc::Receiver<ServiceName>) {
        loop {
            let service = tokio::select! {
                () = self.shared.scope.stopping() => return,
                service = renewed.recv() => service,
            };
            let Some(service) = service else { return };
            for caller in self.shared.board.callers(&service) {
                let _ = self.tell(&caller, Command::Restart).await;
            }
        }
    }

    fn add(&self, planned: Planned, plan: &Plan) {
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let name = planned.name.clone();
        self.shared.board.add(&planned, &self.shared.deps.clock);
        let scope = self.shared.scope.child(name.as_str());
        let around = Around {
            deps: self.shared.deps.clone(),
            board: self.shared.board.clone(),
            scope: scope.clone(),
            watcher: self.shared.watcher.clone(),
            builds: self.shared.builds.clone(),
            renewed: self.shared.renewed.clone(),
            hurry: self.shared.hurry.subscribe(),
        };
        let others = folders_of_others(plan, &name);
        let life = Life::new(planned.clone(), others, around, received);
        // Before anything else runs: requests that come now are held, not refused.
        life.publish(EndpointState::Starting);
        scope.spawn("life", Policy::Best, life.run());
        self.services().insert(name, Running { planned, commands });
    }

    /// What every service is doing.
    pub fn statuses(&self) -> BTreeMap<ServiceName, Status> {
        self.shared.board.all()
    }

    /// Waits until every service is ready, has failed for good, or waits for one that has. Returns
    /// the statuses then.
    pub async fn settled(&self) -> BTreeMap<ServiceName, Status> {
        self.shared.board.settled().await
    }

    /// Restarts one service: builds it if its sources may have changed, finishes its requests, ends
    /// it, starts it, and returns when it is ready again, with the time that took.
    pub async fn restart(&self, name: &ServiceName) -> Result<Duration, RestartError> {
        let clock = &self.shared.deps.clock;
        let begin = clock.now();
        let before = self.shared.board.tries(name);
        self.tell(name, Command::Restart).await?;
        match self.shared.board.started_after(name, before).await {
            Ok(()) => Ok(clock.now() - begin),
            Err(reason) => Err(RestartError::NotReady { service: name.clone(), reason }),
        }
    }

    /// Restarts one service, then those that call it, all at a time. Returns their names, sorted.
    pub async fn restart_with_callers(
        &self,
        name: &ServiceName,
    ) -> Result<Vec<ServiceName>, RestartError> {
        self.restart(name).await?;
        let callers = self.shared.board.callers(name);
        let before: Vec<_> = callers.iter().map(|name| self.shared.board.tries(name)).collect();
        for caller in &callers {
            self.tell(caller, Command::Restart).await?;
        }
        for (caller, before) in callers.iter().zip(before) {
            let started = self.shared.board.started_after(caller, before).await;
            let not_ready = |reason| RestartError::NotReady { service: caller.clone(), reason };
            started.map_err(not_ready)?;
        }
        Ok(callers)
    }

    /// Makes what runs follow another plan: stops what is gone, starts what is new, restarts what
    /// changed. Returns when everybody was told.
    pub async fn apply(&self, plan: &Plan) {
        let names: Vec<ServiceName> = self.services().keys().cloned().collect();
        let gone: Vec<_> =
            names.iter().filter(|name| !plan.services.contains_key(*name)).cloned().collect();
        self.stop_in_order(gone).await;
        for (name, planned) in &plan.services {
            let before = self.services().get(name).map(|running| running.planned.clone());
            match before {
                None => self.add(planned.clone(), plan),
                Some(before) if before == *planned => {}
                Some(_) => {
                    let _ = self.tell(name, Command::Become(Box::new(planned.clone()))).await;
                    if let Some(running) = self.services().get_mut(name) {
                        running.planned = planned.clone();
                    }
                }
            }
        }
    }

    /// What is being ended gets no more time: requests are not waited for, processes are killed.
    pub fn hurry(&self) {
        self.shared.hurry.send_replace(true);
    }

    /// Stops everything, callers before their callees, and ends what the run left. Returns when no
    /// process of the run is left.
    pub async fn stop(&self) {
        let names = self.services().keys().cloned().collect();
        self.stop_in_order(names).await;
        self.shared.scope.stop();
        let run = self.shared.deps.run;
        let hurried = *self.shared.hurry.borrow();
        let grace = if hurried { Duration::ZERO } else { self.shared.deps.care.leftovers_grace };
        // The last sweep; each service has swept its own already.
        let _ = tokio::task::spawn_blocking(move || reap::whole_run(run, grace)).await;
        let _ = self.shared.scope.join().await;
        self.shared.deps.logs.flush().await;
    }

    /// Stops those of `names` that no service still to be stopped calls, then the next.
    async fn stop_in_order(&self, names: Vec<ServiceName>) {
        let mut left: BTreeMap<ServiceName, Vec<ServiceName>> = {
            let services = self.services();
            let calls = |name: &ServiceName| services.get(name).map(|r| r.planned.after.clone());
            names.into_iter().filter_map(|name| Some((name.clone(), calls(&name)?))).collect()
        };
        while !left.is_empty() {
            let called = |name: &ServiceName| {
                left.iter().any(|(caller, calls)| caller != name && calls.contains(name))
            };
            let mut wave: Vec<_> = left.keys().filter(|name| !called(name)).cloned().collect();
            if wave.is_empty() {
                // A circle cannot come from a plan; end it rather than wait for ever.
                wave = left.keys().cloned().collect();
            }
            for name in &wave {
                let _ = self.tell(name, Command::Stop).await;
            }
            for name in &wave {
                self.ended(name).await;
                self.services().remove(name);
                self.shared.board.remove(name);
                left.remove(name);
            }
        }
    }

    /// Waits until a service has ended, or its task has, however that came.
    async fn ended(&self, name: &ServiceName) {
        let commands = self.services().get(name).map(|running| running.commands.clone());
        let Some(commands) = commands else { return };
        tokio::select! {
            () = self.shared.board.ended(name) => {}
            () = commands.closed() => {}
        }
    }

    async fn tell(&self, name: &ServiceName, command: Command) -> Result<(), RestartError> {
        let commands = self.services().get(name).map(|running| running.commands.clone());
        let unknown = || RestartError::Unknown(name.clone());
        commands.ok_or_else(unknown)?.send(command).await.map_err(|_| unknown())
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Running>> {
        self.shared.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folders of all services but one.
fn folders_of_others(plan: &Plan, name: &ServiceName) -> Vec<PathBuf> {
    let others = plan.services.values().filter(|planned| planned.name != *name);
    others.map(|planned| planned.process.directory.clone()).collect()
}

impl Deps {
    fn emit(&self, service: &ServiceName, what: What) {
        self.events.emit(Event { service: service.clone(), at: self.clock.wall(), what });
    }
}
