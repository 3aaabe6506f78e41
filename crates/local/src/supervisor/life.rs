//! The life of one service.
//!
//! ```text
//!   Building ──► Waiting ──callees ready──► Starting ──ready──► Ready ──restart──► Draining ──► Starting
//!      │                                       │ exit, deadline    │ exit            (stop) ──► Stopped
//!      ▼ broken                                ▼                   ▼
//!    Failed ◄──tries spent──                BackingOff ◄───────────┘
//! ```
//! What changes while it is ready is built beside it (`renewal`); only the swap is seen.
//!
//! One task runs the loop, so that all control flow of a service can be read here, top down. After
//! every end of the process, asked for or not, what it left behind is ended before the next start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use trunkline_model::ServiceName;
use trunkline_model::endpoint::{Endpoint, EndpointSet, EndpointState};
use trunkline_net::socket::{self, Holder};
use trunkline_rt::Scope;

use super::Deps;
use super::board::{Board, State};
use super::build::Builds;
use super::freshness::Freshness;
use super::output::Output;
use crate::child::{Child, Order};
use crate::event::{Retry, What};
use crate::plan::Planned;
use crate::processes;
use crate::readiness::{self, Seen};
use crate::run::RunId;
use crate::sources::Watcher;

mod advice;
mod ending;
mod port;
mod renewal;
pub(super) mod words;

/// Holding requests for longer is pointless: the proxy gives up after about as long.
const HOLD_MAX: Duration = Duration::from_secs(5);

/// What a service is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Finish, end, start.
    Restart,
    /// The same, as another.
    Become(Box<Planned>),
    /// Finish and end.
    Stop,
}

/// Why a try ended.
enum End {
    /// It failed by itself.
    Failed(Failure),
    /// It was told to.
    Told(Command),
}

struct Failure {
    reason: String,
    hint: Option<String>,
    after: Duration,
    last_lines: Vec<String>,
    /// It was ready for long enough to begin a new row of tries.
    settled: bool,
    /// Nothing was started that could say more, and another try cannot succeed by itself.
    hopeless: bool,
    /// It ran, and another try cannot succeed by itself either.
    pointless: bool,
}

/// What went wrong with a process.
enum Fault {
    /// It ended by itself.
    Exited { ready_since: Option<Instant> },
    /// It did not become ready in time; for people.
    NotReady(String),
}

impl Failure {
    fn of(reason: String) -> Self {
        Self {
            reason,
            hint: None,
            after: Duration::ZERO,
            last_lines: Vec::new(),
            settled: false,
            hopeless: false,
            pointless: false,
        }
    }
}

/// One service.
pub(super) struct Life {
    planned: Planned,
    /// Folders of other services.
    others: Vec<PathBuf>,
    around: Around,
    commands: mpsc::Receiver<Command>,
    freshness: Freshness,
    /// It was ready once, as it is planned now: its callees are not waited for again.
    was_ready: bool,
    /// Its callers are to be started anew when it is ready.
    renews_callers: bool,
    /// When what runs began to be made: its build, or its start where nothing was built for that.
    begun: SystemTime,
    /// When the build began whose product is started next.
    build_begun: Option<SystemTime>,
    /// When it was found ready last, before anybody was told: what is written from then on may be
    /// an answer to that.
    found_ready: SystemTime,
}

/// What a life shares with others.
pub(super) struct Around {
    pub(super) deps: Deps,
    pub(super) board: Board,
    pub(super) scope: Scope,
    pub(super) watcher: Watcher,
    pub(super) builds: Builds,
    pub(super) renewed: mpsc::Sender<ServiceName>,
    /// Whether ending must not wait any more.
    pub(super) hurry: watch::Receiver<bool>,
}

impl Around {
    fn watch(&self, planned: &Planned, others: &[PathBuf]) -> Freshness {
        Freshness::watch(&self.scope, &self.deps, &self.watcher, (planned, others))
    }
}

impl Life {
    /// A service that begins to live with [`Life::run`]. `others` are the folders of the others.
    pub(super) fn new(
        planned: Planned,
        others: Vec<PathBuf>,
        around: Around,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let freshness = around.watch(&planned, &others);
        let now = around.deps.clock.wall();
        Self {
            planned,
            others,
            around,
            commands,
            freshness,
            was_ready: false,
            renews_callers: false,
            begun: now,
            build_begun: None,
            found_ready: now,
        }
    }

    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            let command = match self.live(failures + 1).await {
                End::Told(command) => Some(command),
                End::Failed(failure) => {
                    failures = if failure.settled { 1 } else { failures + 1 };
                    let command = self.wait_after(failure, failures).await;
                    if matches!(command, Some(Command::Restart)) {
                        self.freshness.doubt();
                    }
                    command
                }
            };
            match command {
                None => continue,
                Some(Command::Stop) => break,
                Some(Command::Restart) => {}
                Some(Command::Become(planned)) => self.become_planned(*planned),
            }
            failures = 0;
        }
        self.publish(EndpointState::Down);
        self.set(State::Stopped);
        self.around.deps.emit(&self.planned.name, What::Stopped);
    }

    fn become_planned(&mut self, planned: Planned) {
        self.around.board.become_planned(&planned);
        let (former, next) = (&self.planned.process, &planned.process);
        let (way, next_way) = (
            (&former.build, &former.watch, &former.command, &former.directory),
            (&next.build, &next.watch, &next.command, &next.directory),
        );
        if way != next_way {
            self.freshness = self.around.watch(&planned, &self.others);
        } else if self.planned.environment != planned.environment {
            // Variables may be part of what is built.
            self.freshness.forget_built();
        }
        self.planned = planned;
        self.was_ready = false;
    }

    /// One try: from building it to the end of the process.
    async fn live(&mut self, attempt: u32) -> End {
        self.publish(EndpointState::Starting);
        if let Some(end) = self.be_built().await {
            return end;
        }
        if let Some(command) = self.wait_for_callees().await {
            return End::Told(command);
        }
        let begin = self.around.deps.clock.now();
        let (child, output) = match self.spawn(attempt).await {
            Ok(spawned) => spawned,
            Err(failure) => return End::Failed(failure),
        };
        let told = match self.become_ready(&child, begin).await {
            Ok(None) => self.serve(&child).await,
            told => told.map(|command| command.unwrap_or(Command::Restart)),
        };
        match told {
            Ok(command) => {
                self.finish(child, &command).await;
                End::Told(command)
            }
            Err(fault) => {
                let after = self.around.deps.clock.now() - begin;
                // From now on requests are held, not sent to nobody.
                self.publish(EndpointState::Starting);
                let failure = self.settle(child, fault).await;
                let last_lines = output.last_lines().await;
                let (hint, last_lines) = advice::of_lines(&self.planned, last_lines).await;
                End::Failed(Failure { hint, after, last_lines, ..failure })
            }
        }
    }

    async fn wait_for_callees(&mut self) -> Option<Command> {
        if self.was_ready {
            return None;
        }
        self.set(State::Waiting);
        let on = self.around.board.not_ready(&self.planned.after);
        if !on.is_empty() {
            self.around.deps.emit(&self.planned.name, What::Waiting { on });
        }
        tokio::select! {
            biased;
            command = next(&mut self.commands, &self.around.scope) => Some(command),
            () = self.around.board.ready(&self.planned.after) => None,
        }
    }

    async fn spawn(&mut self, attempt: u32) -> Result<(Child, Output), Failure> {
        let hopeless = |reason, hint| Failure { hint, hopeless: true, ..Failure::of(reason) };
        if !port::becomes_free(self.planned.address.port()).await {
            let (reason, hint) = words::busy(&self.planned);
            return Err(hopeless(reason, Some(hint)));
        }
        let order = Order {
            command: self.planned.process.command.clone(),
            directory: self.planned.process.directory.clone(),
            environment: self.planned.environment.clone(),
        };
        self.freshness.set_started();
        self.begun = self.build_begun.take().unwrap_or_else(|| self.around.deps.clock.wall());
        let spawned = self.around.deps.spawner.spawn(order).await;
        let (child, outputs) =
            spawned.map_err(|error| hopeless(words::not_started(&self.planned, &error), None))?;
        let pid = child.pid();
        self.around.board.change(&self.planned.name, |status| {
            status.starts += 1;
            status.pid = Some(pid);
        });
        self.set(State::Starting);
        self.around.deps.emit(&self.planned.name, What::Starting { pid, attempt });
        let output =
            Output::follow(&self.around.scope, &self.around.deps, &self.planned.name, outputs);
        Ok((child, output))
    }

    /// Waits for readiness: `Ok(None)` when ready, or the command that came first.
    async fn become_ready(
        &mut self,
        child: &Child,
        begin: Instant,
    ) -> Result<Option<Command>, Fault> {
        let mut seen = Seen::default();
        let (port, health) = (self.planned.address.port(), self.planned.health.as_deref());
        let limit = self.planned.process.start_timeout;
        let (address, evidence) = tokio::select! {
            biased;
            command = next(&mut self.commands, &self.around.scope) => return Ok(Some(command)),
            () = child.exited() => return Err(Fault::Exited { ready_since: None }),
            () = stale_after(&mut self.freshness, HOLD_MAX) => return Ok(Some(Command::Restart)),
            found = readiness::wait(port, health, &mut seen) => found,
            never = advice::watch_elsewhere(&self.planned, &self.around.deps) => match never {},
            () = sleep(limit) => {
                return Err(Fault::NotReady(words::not_ready(&self.planned, &seen)));
            }
        };
        let run = self.around.deps.run;
        let stranger = tokio::task::spawn_blocking(move || stranger(run, address)).await;
        if let Ok(Some(holder)) = stranger {
            return Err(Fault::NotReady(words::taken(&self.planned, &holder)));
        }
        self.planned.address = address;
        self.around.board.change(&self.planned.name, |status| {
            status.address = address;
            status.reason = None;
        });
        self.found_ready = self.around.deps.clock.wall();
        self.publish(EndpointState::Ready);
        self.set(State::Ready);
        self.was_ready = true;
        if std::mem::take(&mut self.renews_callers) {
            // A full queue has them told for another reason.
            let _ = self.around.renewed.try_send(self.planned.name.clone());
        }
        let after = self.around.deps.clock.now() - begin;
        self.around.deps.emit(&self.planned.name, What::Ready { after, address, evidence });
        Ok(None)
    }

    /// After a failure: waits for the next try, or for a command when there is none.
    async fn wait_after(&mut self, failure: Failure, failures: u32) -> Option<Command> {
        let care = self.around.deps.care;
        let name = self.planned.name.clone();
        let last = failure.hopeless || failure.pointless || failures >= care.attempts_max;
        let random = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let delay = care.backoff.delay(failures - 1, random);
        let retry = Retry { after: delay, attempt: failures + 1, attempts_max: care.attempts_max };
        self.around.board.change(&name, |status| status.reason = Some(failure.reason.clone()));
        let held = !last && delay <= HOLD_MAX;
        self.publish(if held { EndpointState::Starting } else { EndpointState::Down });
        self.set(if last { State::Failed } else { State::BackingOff });
        let exited = What::Exited {
            reason: failure.reason.clone(),
            after: failure.after,
            last_lines: failure.last_lines,
            hint: failure.hint.clone(),
            retry: (!last).then_some(retry),
        };
        if !failure.hopeless {
            self.around.deps.emit(&name, exited);
        }
        if last {
            self.around
                .deps
                .emit(&name, What::Failed { reason: failure.reason, hint: failure.hint });
            return Some(self.command_or_change().await);
        }
        timeout(delay, self.command_or_change()).await.ok()
    }

    fn set(&self, state: State) {
        let now = self.around.deps.clock.wall();
        self.around.board.change(&self.planned.name, |status| {
            status.state = state;
            status.since = now;
        });
    }

    pub(super) fn publish(&self, state: EndpointState) {
        let service = self.planned.name.clone();
        let endpoint = Endpoint { state, ..Endpoint::ready(&service, self.planned.address) };
        self.around.deps.sink.publish(EndpointSet { service, endpoints: vec![endpoint] });
    }
}

/// Who listens on `address`, if that belongs to another run: our service has lost the race for its
/// port, and what answers is not ours. A holder without marks may be one that was started for us
/// (by a container engine, say) and is taken for ours.
fn stranger(run: RunId, address: SocketAddr) -> Option<Holder> {
    let holder = socket::holder(address)?;
    let marks = processes::marks(holder.pid)?;
    (marks.run != run).then_some(holder)
}

/// Waits until the sources are others than what is starting, but not while requests are held for
/// it: it may yet be ready in time to serve them.
async fn stale_after(freshness: &mut Freshness, wait: Duration) {
    sleep(wait).await;
    freshness.stale().await;
}

/// The next command; a stopping scope and a forgotten supervisor are one too.
async fn next(commands: &mut mpsc::Receiver<Command>, scope: &Scope) -> Command {
    tokio::select! {
        command = commands.recv() => command.unwrap_or(Command::Stop),
        () = scope.stopping() => Command::Stop,
    }
}
