//! The board: what each service is doing, for all to see and to wait for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;
use trunkline_model::ServiceName;
use trunkline_rt::Clock;

use crate::plan::Planned;

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its callees.
    Waiting,
    /// It is built, before its first start.
    Building,
    /// Its process runs and is not ready.
    Starting,
    /// It takes requests.
    Ready,
    /// It finishes what it has, before it ends.
    Draining,
    /// It failed and will be tried again.
    BackingOff,
    /// It failed for good.
    Failed,
    /// It ended as asked.
    Stopped,
}

impl State {
    /// The word for people and APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Building => "building",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::BackingOff => "backing off",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// What is known of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// Where it listens, or will.
    pub address: SocketAddr,
    /// Its process, if it runs.
    pub pid: Option<u32>,
    /// How often its process was started.
    pub starts: u64,
    /// Why it last failed, for people.
    pub reason: Option<String>,
    /// Why what it is made of is not its sources as they are now, for people: `build failed: …`.
    pub build: Option<String>,
    /// How often building it failed.
    pub builds_failed: u64,
    /// The services it waits for before it starts.
    pub after: Vec<ServiceName>,
}

/// What was tried with a service so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    starts: u64,
    builds_failed: u64,
}

impl Tries {
    fn of(status: &Status) -> Self {
        Self { starts: status.starts, builds_failed: status.builds_failed }
    }
}

type Statuses = BTreeMap<ServiceName, Status>;

/// All statuses; clones are the same board.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    statuses: Arc<watch::Sender<Statuses>>,
}

impl Board {
    pub(super) fn add(&self, planned: &Planned, clock: &Clock) {
        let status = Status {
            state: State::Waiting,
            since: clock.wall(),
            address: planned.address,
            pid: None,
            starts: 0,
            reason: None,
            build: None,
            builds_failed: 0,
            after: planned.after.clone(),
        };
        self.statuses.send_modify(|all| drop(all.insert(planned.name.clone(), status)));
    }

    pub(super) fn become_planned(&self, planned: &Planned) {
        self.change(&planned.name, |status| {
            status.address = planned.address;
            status.after.clone_from(&planned.after);
        });
    }

    pub(super) fn remove(&self, name: &ServiceName) {
        self.statuses.send_modify(|all| drop(all.remove(name)));
    }

    pub(super) fn change(&self, name: &ServiceName, change: impl FnOnce(&mut Status)) {
        self.statuses.send_modify(|all| {
            if let Some(status) = all.get_mut(name) {
                change(status);
            }
        });
    }

    pub(super) fn all(&self) -> Statuses {
        self.statuses.borrow().clone()
    }

    /// How often a service was started, and how often building it failed.
    pub(super) fn tries(&self, name: &ServiceName) -> Tries {
        let all = self.statuses.borrow();
        all.get(name).map(Tries::of).unwrap_or_default()
    }

    /// The services that call `name`, of those on the board.
    pub(super) fn callers(&self, name: &ServiceName) -> Vec<ServiceName> {
        let all = self.statuses.borrow();
        let calls = |(_, status): &(&ServiceName, &Status)| status.after.contains(name);
        all.iter().filter(calls).map(|(caller, _)| caller.clone()).collect()
    }

    /// Those of `names` that are on the board and not ready.
    pub(super) fn not_ready(&self, names: &[ServiceName]) -> Vec<ServiceName> {
        let all = self.statuses.borrow();
        let unready = |name: &&ServiceName| all.get(*name).is_some_and(|s| s.state != State::Ready);
        names.iter().filter(unready).cloned().collect()
    }

    /// Waits until all of `names` were ready at one moment; those not on the board do not count.
    pub(super) async fn ready(&self, names: &[ServiceName]) {
        self.until(|all| {
            names.iter().all(|name| all.get(name).is_none_or(|s| s.state == State::Ready))
        })
        .await;
    }

    /// Waits until a service is ready after more than the tries `before`, or failed: then why.
    pub(super) async fn started_after(
        &self,
        name: &ServiceName,
        before: Tries,
    ) -> Result<(), String> {
        let mut result = Ok(());
        self.until(|all| {
            let Some(status) = all.get(name) else {
                result = Err("it was removed".to_owned());
                return true;
            };
            let now = Tries::of(status);
            if now.builds_failed > before.builds_failed {
                let build = status.build.clone().or_else(|| status.reason.clone());
                result = Err(build.unwrap_or_else(|| "its build failed".to_owned()));
                return true;
            }
            if status.state == State::Waiting && is_blocked(all, name, all.len()) {
                result = Err(format!("it waits for {}", blocking(all, status)));
                return true;
            }
            let failed = matches!(status.state, State::Failed | State::BackingOff | State::Stopped);
            if now.starts > before.starts && failed {
                result = Err(status.reason.clone().unwrap_or_else(|| "it was stopped".to_owned()));
                return true;
            }
            now.starts > before.starts && status.state == State::Ready
        })
        .await;
        result
    }

    /// Waits until a service has ended or is not on the board.
    pub(super) async fn ended(&self, name: &ServiceName) {
        self.until(|all| all.get(name).is_none_or(|status| status.state == State::Stopped)).await;
    }

    /// Waits until nothing will change by itself.
    pub(super) async fn settled(&self) -> Statuses {
        self.until(|all| all.keys().all(|name| is_settled(all, name, all.len()))).await;
        self.all()
    }

    async fn until(&self, condition: impl FnMut(&Statuses) -> bool) {
        let mut condition = condition;
        // The board holds the sender, so waiting cannot fail.
        let _ = self.statuses.subscribe().wait_for(|all| condition(all)).await;
    }
}

/// `depth` bounds the walk along callees.
fn is_settled(all: &Statuses, name: &ServiceName, depth: usize) -> bool {
    all.get(name).is_none_or(|status| match status.state {
        State::Ready | State::Failed | State::Stopped => true,
        State::Waiting => status.after.iter().any(|callee| is_blocked(all, callee, depth)),
        State::Building | State::Starting | State::Draining | State::BackingOff => false,
    })
}

/// The callees that keep a service from being started.
fn blocking(all: &Statuses, status: &Status) -> String {
    let blocked = status.after.iter().filter(|callee| is_blocked(all, callee, all.len()));
    let failed = |callee: &ServiceName| all.get(callee).is_some_and(|s| s.state == State::Failed);
    let why = |callee| if failed(callee) { "failed" } else { "waits too" };
    blocked
        .map(|callee| format!("`{callee}`, which {}", why(callee)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Whether a service failed, or waits for one that did.
fn is_blocked(all: &Statuses, name: &ServiceName, depth: usize) -> bool {
    all.get(name).is_some_and(|status| match status.state {
        State::Failed => true,
        State::Waiting if depth > 0 => {
            status.after.iter().any(|callee| is_blocked(all, callee, depth - 1))
        }
        _ => false,
    })
}
