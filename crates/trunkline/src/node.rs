//! One process that serves, from its start to its end: `serve`, and `up` beneath its screen.
//!
//! Everything that changes the whole happens in one loop, one thing after the other: a reload never
//! meets an upgrade. A configuration that is wrong, a certificate that is missing, a port that is
//! taken leave what is in force as it is.

mod change;
mod start;
mod successor;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_api::commands::Readiness;
use trunkline_api::surfaces::LocalSocket;
use trunkline_rt::drain::Deadlines;
use trunkline_rt::signal::{Signal, Signals};

use crate::exit::{Exit, Failure};
use crate::loader::Loader;
use crate::manager::Notices;
use crate::runs::Run;
use crate::services::Services;
use crate::switchboard::Order;
use crate::watch::Watch;
use crate::wiring::Parts;

pub(crate) use start::Start;

/// Callers of a process that was replaced learn within this time that they should connect anew; a
/// kept-alive connection that is closed before its caller knows can cost a request.
const REPLACED_DRAIN_MIN: Duration = Duration::from_secs(2);

/// How long tasks may take to end once they were told.
const JOIN_MAX: Duration = Duration::from_secs(5);

/// One process that serves.
pub(crate) struct Node {
    parts: Parts,
    loader: Loader,
    run: Run,
    /// Where the command line is answered; none before requests are.
    socket: Option<LocalSocket>,
    watch: Watch,
    signals: Signals,
    orders: mpsc::Receiver<Order>,
    /// The processes of `up`.
    local: Option<Local>,
    /// Whether the end of the terminal ends it too.
    ends_on_hangup: bool,
    /// The service manager above us.
    manager: Notices,
    /// What was started, to be started again by an upgrade.
    program: PathBuf,
    arguments: Vec<OsString>,
    /// What the files looked like when they were read.
    seen: Vec<change::Print>,
}

/// What `up` has in addition.
pub(crate) struct Local {
    /// The running services.
    pub services: Services,
    /// Makes a plan of a Model.
    pub planner: crate::up::Planner,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By a signal from outside, or by `down`.
    Asked,
    /// By Ctrl-C.
    Interrupted,
    /// Another process serves in our place.
    Replaced,
    /// An essential task failed.
    Broken,
}

impl Node {
    /// What it is made of.
    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The run, for those who ask it.
    pub(crate) fn run_folder(&self) -> &Run {
        &self.run
    }

    /// SIGHUP means from now on that the terminal is gone, and ends the run.
    pub(crate) fn end_on_hangup(&mut self) {
        self.ends_on_hangup = true;
    }

    /// Gives it processes to run.
    pub(crate) fn set_local(&mut self, local: Local) {
        self.local = Some(local);
    }

    /// Serves until there is a reason to end.
    pub(crate) async fn run(&mut self) -> Ending {
        loop {
            let renewal = self.renewal();
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Signal::Terminate => return Ending::Asked,
                    Signal::Interrupt | Signal::InterruptAgain => return Ending::Interrupted,
                    Signal::Reload if self.ends_on_hangup => return Ending::Asked,
                    Signal::Reload => self.reload_and_tell("SIGHUP").await,
                    Signal::ReopenLogs => self.parts.records.reopen(),
                    Signal::Upgrade => match self.upgrade().await {
                        Ok(_) => return Ending::Replaced,
                        Err(error) => tracing::error!(%error, "upgrade failed; this process goes on"),
                    },
                },
                order = self.orders.recv() => match order {
                    None | Some(Order::Shutdown) => return Ending::Asked,
                    Some(Order::Reload(answer)) => drop(answer.send(self.reload().await)),
                    Some(Order::Upgrade(answer)) => {
                        let done = self.upgrade().await;
                        let replaced = done.is_ok();
                        drop(answer.send(done));
                        if replaced {
                            return Ending::Replaced;
                        }
                    }
                },
                () = self.watch.changed() => {
                    if change::prints(&self.loader.load().watched) != self.seen {
                        self.reload_and_tell("a changed file").await;
                    }
                }
                () = tokio::time::sleep(renewal) => self.renew().await,
                () = self.parts.scope.stopping() => return Ending::Broken,
            }
        }
    }

    /// Drains and ends. A second signal cuts what is left.
    pub(crate) async fn end(mut self, ending: Ending) -> Result<Exit, Failure> {
        self.parts.switchboard.set_readiness(Readiness::Draining);
        // One that was replaced is not what the manager runs any more.
        if ending != Ending::Replaced {
            self.manager.stopping();
        }
        let deadlines = (ending == Ending::Replaced)
            .then(|| Deadlines { minimum: REPLACED_DRAIN_MIN, maximum: self.drain_max() });
        let (proxy, local) = (self.parts.proxy.clone(), self.local.take());
        let supervisor = local.as_ref().map(|local| local.services.supervisor.clone());
        let ended = async {
            let cut = proxy.drain(deadlines).await;
            if let Some(local) = local {
                local.services.supervisor.stop().await;
            }
            cut
        };
        let mut ended = std::pin::pin!(ended);
        let cut = loop {
            tokio::select! {
                cut = &mut ended => break cut,
                _ = self.signals.next() => {
                    self.parts.proxy.force();
                    if let Some(supervisor) = &supervisor {
                        supervisor.hurry();
                    }
                }
            }
        };
        if cut > 0 {
            tracing::warn!(connections = cut, "connections were cut at the end of the drain");
        }
        self.parts.surfaces_scope.stop();
        self.parts.scope.stop();
        let failure = self.join().await;
        drop(self.run);
        match (failure, ending) {
            (Some(failure), _) => Err(Failure::new(failure)),
            (None, Ending::Interrupted) => Ok(Exit::Interrupted),
            (None, _) => Ok(Exit::Done),
        }
    }

    /// Waits for every task. One that does not listen is named and dropped: ending must not hang.
    async fn join(&self) -> Option<trunkline_rt::scope::Failure> {
        let scope = &self.parts.scope;
        if let Ok(joined) = tokio::time::timeout(JOIN_MAX, scope.join()).await {
            return joined.err();
        }
        for task in scope.tasks() {
            tracing::warn!(task = %task.path, "task does not end and is dropped");
        }
        scope.abort();
        None
    }

    /// The longest drain of any listener.
    fn drain_max(&self) -> Duration {
        let model = trunkline_api::Commands::model(&*self.parts.switchboard);
        let listeners = model.iter().flat_map(|model| &model.listeners);
        listeners
            .map(|listener| listener.drain.max)
            .max()
            .unwrap_or_default()
            .max(REPLACED_DRAIN_MIN)
    }
}
