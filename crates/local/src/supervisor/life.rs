//! The life of one service.
//!
//! ```text
//!   Waiting ──callees ready──► Starting ──ready──► Ready ──restart──► Draining ──► Waiting
//!                                 │ exit, deadline    │ exit            (stop) ──► Stopped
//!                                 ▼                   ▼
//!                              BackingOff ◄───────────┘   ──tries spent──► Failed
//! ```
//! One task runs the loop, so that all control flow of a service can be read here, top down. After
//! every end of the process, asked for or not, what it left behind is ended before the next start.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use trunkline_model::endpoint::{Endpoint, EndpointSet, EndpointState};
use trunkline_net::socket::{self, Holder};
use trunkline_rt::Scope;

use super::board::{Board, State};
use super::output::Output;
use super::{Deps, drain};
use crate::child::{Child, Order};
use crate::event::{Retry, What};
use crate::plan::{Planned, is_free};
use crate::readiness::{self, Seen};
use crate::run::RunId;
use crate::{processes, reap};

mod advice;
mod words;

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
    /// Another try cannot succeed by itself.
    hopeless: bool,
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
        }
    }
}

/// One service.
pub(super) struct Life {
    pub(super) planned: Planned,
    pub(super) deps: Deps,
    pub(super) board: Board,
    pub(super) scope: Scope,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Whether ending must not wait any more.
    pub(super) hurry: watch::Receiver<bool>,
}

impl Life {
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            let command = match self.live(failures + 1).await {
                End::Told(command) => Some(command),
                End::Failed(failure) => {
                    failures = if failure.settled { 1 } else { failures + 1 };
                    self.wait_after(failure, failures).await
                }
            };
            match command {
                None => continue,
                Some(Command::Stop) => break,
                Some(Command::Restart) => {}
                Some(Command::Become(planned)) => {
                    self.board.become_planned(&planned);
                    self.planned = *planned;
                }
            }
            failures = 0;
        }
        self.publish(EndpointState::Down);
        self.set(State::Stopped);
        self.deps.emit(&self.planned.name, What::Stopped);
    }

    /// One try: from waiting for callees to the end of the process.
    async fn live(&mut self, attempt: u32) -> End {
        self.set(State::Waiting);
        self.publish(EndpointState::Starting);
        if let Some(command) = self.wait_for_callees().await {
            return End::Told(command);
        }
        let begin = self.deps.clock.now();
        let (child, output) = match self.spawn(attempt).await {
            Ok(spawned) => spawned,
            Err(failure) => return End::Failed(failure),
        };
        let told = match self.become_ready(&child, begin).await {
            Ok(None) => self.be_ready(&child).await,
            told => told.map(|command| command.unwrap_or(Command::Restart)),
        };
        match told {
            Ok(command) => {
                self.finish(child, &command).await;
                End::Told(command)
            }
            Err(fault) => {
                let after = self.deps.clock.now() - begin;
                // From now on requests are held, not sent to nobody.
                self.publish(EndpointState::Starting);
                let (reason, settled) = self.settle(child, fault).await;
                let last_lines = output.last_lines().await;
                let (hint, last_lines) = advice::of_lines(&self.planned, last_lines).await;
                End::Failed(Failure { hint, after, last_lines, settled, ..Failure::of(reason) })
            }
        }
    }

    async fn wait_for_callees(&mut self) -> Option<Command> {
        let on = self.board.not_ready(&self.planned.after);
        if !on.is_empty() {
            self.deps.emit(&self.planned.name, What::Waiting { on });
        }
        tokio::select! {
            biased;
            command = next(&mut self.commands, &self.scope) => Some(command),
            () = self.board.ready(&self.planned.after) => None,
        }
    }

    async fn spawn(&self, attempt: u32) -> Result<(Child, Output), Failure> {
        let hopeless = |reason, hint| Failure { hint, hopeless: true, ..Failure::of(reason) };
        let port = self.planned.address.port();
        if !is_free(port) {
            let (reason, hint) = words::busy(&self.planned);
            return Err(hopeless(reason, Some(hint)));
        }
        let order = Order {
            command: self.planned.process.command.clone(),
            directory: self.planned.process.directory.clone(),
            environment: self.planned.environment.clone(),
        };
        let spawned = self.deps.spawner.spawn(order).await;
        let (child, outputs) =
            spawned.map_err(|error| hopeless(words::not_started(&self.planned, &error), None))?;
        let pid = child.pid();
        self.board.change(&self.planned.name, |status| {
            status.starts += 1;
            status.pid = Some(pid);
        });
        self.set(State::Starting);
        self.deps.emit(&self.planned.name, What::Starting { pid, attempt });
        let output = Output::follow(&self.scope, &self.deps, &self.planned.name, outputs);
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
            command = next(&mut self.commands, &self.scope) => return Ok(Some(command)),
            () = child.exited() => return Err(Fault::Exited { ready_since: None }),
            found = readiness::wait(port, health, &mut seen) => found,
            never = advice::watch_elsewhere(&self.planned, &self.deps) => match never {},
            () = sleep(limit) => {
                return Err(Fault::NotReady(words::not_ready(&self.planned, &seen)));
            }
        };
        let run = self.deps.run;
        let stranger = tokio::task::spawn_blocking(move || stranger(run, address)).await;
        if let Ok(Some(holder)) = stranger {
            return Err(Fault::NotReady(words::taken(&self.planned, &holder)));
        }
        self.planned.address = address;
        self.board.change(&self.planned.name, |status| {
            status.address = address;
            status.reason = None;
        });
        self.publish(EndpointState::Ready);
        self.set(State::Ready);
        let after = self.deps.clock.now() - begin;
        self.deps.emit(&self.planned.name, What::Ready { after, address, evidence });
        Ok(None)
    }

    /// Serves until told otherwise, or until the process ends.
    async fn be_ready(&mut self, child: &Child) -> Result<Command, Fault> {
        let ready_since = Some(self.deps.clock.now());
        tokio::select! {
            biased;
            command = next(&mut self.commands, &self.scope) => Ok(command),
            () = child.exited() => Err(Fault::Exited { ready_since }),
        }
    }

    /// Ends the process as asked: drain, SIGTERM, wait, SIGKILL.
    async fn finish(&self, child: Child, command: &Command) {
        // For a restart new requests are held from now on; for a stop they are refused.
        let stops = matches!(command, Command::Stop);
        self.publish(if stops { EndpointState::Draining } else { EndpointState::Starting });
        self.set(State::Draining);
        if let Some(ops) = &self.deps.ops {
            let name = &self.planned.name;
            let in_flight = ops.in_flight(name.clone()).await;
            if in_flight > 0 {
                self.deps.emit(name, What::Draining { in_flight });
                let drained = drain::in_flight_zero(ops.as_ref(), name, self.deps.care.drain_max);
                tokio::select! {
                    _ = drained => {}
                    () = self.hurried() => {}
                }
            }
        }
        self.deps.emit(&self.planned.name, What::Stopping);
        self.ask_to_end(&child).await;
        self.clear(child).await;
    }

    /// After a fault: ends what still runs. Says why the try failed, for people, and whether the
    /// service had settled before.
    async fn settle(&self, child: Child, fault: Fault) -> (String, bool) {
        match fault {
            Fault::NotReady(reason) => {
                self.ask_to_end(&child).await;
                self.clear(child).await;
                (reason, false)
            }
            Fault::Exited { ready_since } => {
                let lasted = ready_since.map(|since| self.deps.clock.now() - since);
                let settled = lasted.is_some_and(|lasted| lasted >= self.deps.care.settled_after);
                let status = self.clear(child).await;
                (status.map_or_else(|| "exited".to_owned(), words::exited), settled)
            }
        }
    }

    async fn ask_to_end(&self, child: &Child) {
        child.signal_group(Signal::TERM);
        // Who does not listen is killed by `clear`.
        tokio::select! {
            _ = timeout(self.planned.process.stop_timeout, child.exited()) => {}
            () = self.hurried() => {}
        }
    }

    /// Returns when ending must not wait any more.
    async fn hurried(&self) {
        let mut hurry = self.hurry.clone();
        if hurry.wait_for(|hurried| *hurried).await.is_err() {
            std::future::pending().await
        }
    }

    /// Kills what is left of the process group, reaps the process and ends its other descendants.
    async fn clear(&self, child: Child) -> Option<ExitStatus> {
        // SIGKILL makes this short; it still is no work for a runtime's thread.
        let status = tokio::task::spawn_blocking(move || child.reap()).await;
        self.board.change(&self.planned.name, |status| status.pid = None);
        let hurried = *self.hurry.borrow();
        let grace = if hurried { Duration::ZERO } else { self.deps.care.leftovers_grace };
        let run = self.deps.run;
        let name = self.planned.name.to_string();
        let left = tokio::task::spawn_blocking(move || reap::service(run, &name, grace)).await;
        let count = left.map_or(0, |left| left.len());
        if count > 0 {
            self.deps.emit(&self.planned.name, What::LeftoversEnded { count });
        }
        status.ok().and_then(Result::ok)
    }

    /// After a failure: waits for the next try, or for a command when there is none.
    async fn wait_after(&mut self, failure: Failure, failures: u32) -> Option<Command> {
        let care = self.deps.care;
        let name = self.planned.name.clone();
        let last = failure.hopeless || failures >= care.attempts_max;
        let random = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let delay = care.backoff.delay(failures - 1, random);
        let retry = Retry { after: delay, attempt: failures + 1, attempts_max: care.attempts_max };
        self.board.change(&name, |status| status.reason = Some(failure.reason.clone()));
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
            self.deps.emit(&name, exited);
        }
        if last {
            self.deps.emit(&name, What::Failed { reason: failure.reason, hint: failure.hint });
            return Some(next(&mut self.commands, &self.scope).await);
        }
        timeout(delay, next(&mut self.commands, &self.scope)).await.ok()
    }

    fn set(&self, state: State) {
        let now = self.deps.clock.wall();
        self.board.change(&self.planned.name, |status| {
            status.state = state;
            status.since = now;
        });
    }

    pub(super) fn publish(&self, state: EndpointState) {
        let service = self.planned.name.clone();
        let endpoint = Endpoint { state, ..Endpoint::ready(&service, self.planned.address) };
        self.deps.sink.publish(EndpointSet { service, endpoints: vec![endpoint] });
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

/// The next command; a stopping scope and a forgotten supervisor are one too.
async fn next(commands: &mut mpsc::Receiver<Command>, scope: &Scope) -> Command {
    tokio::select! {
        command = commands.recv() => command.unwrap_or(Command::Stop),
        () = scope.stopping() => Command::Stop,
    }
}
