//! Putting a plan in force, and what is in force.
//!
//! Listening sockets belong to management, keyed by the address that the Model wants. An address
//! that a plan no longer has keeps accepting for its drain's minimum; one that comes back within
//! that time starts a new epoch on the same sockets, so that nothing in their queues is lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::oneshot;
use trunkline_model::ListenerId;
use trunkline_net::socket::{BindError, Bound};
use trunkline_rt::drain::{self, Deadlines};
use trunkline_rt::{DrainTrigger, Policy};

use super::{Generation, Proxy};
use crate::limits;
use crate::plan::{ListenerPlan, Plan};
use crate::worker::{Address, Command};

/// Why a plan could not be put in force; the former one still is, on every worker that runs.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A worker is gone.
    #[error("worker {0} does not run any more")]
    WorkerGone(usize),
    /// An address whose drain ended meanwhile was taken by somebody else.
    #[error(transparent)]
    Bind(BindError),
    /// The system gave no further handle of a socket.
    #[error("a listening socket cannot be shared with a worker")]
    Share(#[source] std::io::Error),
}

/// What is in force.
pub(super) struct Running {
    pub(super) generation: Generation,
    pub(super) plan: Option<Arc<Plan>>,
    /// Replaced plans that a worker may still hold a part of.
    pub(super) retired: Vec<Arc<Plan>>,
    pub(super) listening: HashMap<SocketAddr, Listening>,
    /// Sockets of an earlier process that no plan has asked for yet.
    inherited: Vec<Bound>,
    epoch: u64,
    pub(super) draining: bool,
}

/// An address in service.
pub(super) struct Listening {
    pub(super) bound: Arc<Bound>,
    pub(super) epoch: u64,
    pub(super) drain: Arc<DrainTrigger>,
    /// No plan has it any more.
    pub(super) leaving: bool,
    pub(super) deadlines: Deadlines,
}

impl Running {
    pub(super) fn new(inherited: Vec<Bound>) -> Self {
        Self {
            generation: 0,
            plan: None,
            retired: Vec::new(),
            listening: HashMap::new(),
            inherited,
            epoch: 0,
            draining: false,
        }
    }

    pub(super) fn listens_on(&self, address: SocketAddr) -> bool {
        self.listening.contains_key(&address)
            || self
                .inherited
                .iter()
                .any(|bound| bound.address() == address)
    }

    pub(super) fn addresses(&self) -> Vec<(ListenerId, SocketAddr)> {
        let listeners = self.plan.iter().flat_map(|plan| &plan.listeners);
        let found = listeners.filter_map(|plan| {
            let address = self.listening.get(&plan.listener.address)?.bound.address();
            Some((plan.listener.id.clone(), address))
        });
        found.collect()
    }

    /// Every listening socket, those that no plan has asked for included.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Bound> {
        let taken = self
            .listening
            .values()
            .map(|listening| listening.bound.as_ref());
        taken.chain(&self.inherited)
    }

    /// Takes the sockets of a plan over, and tells which addresses start a new epoch.
    fn take_sockets(
        &mut self,
        plan: &mut Plan,
        workers: usize,
    ) -> Result<Vec<SocketAddr>, CommitError> {
        let mut fresh = Vec::new();
        let mut bound: HashMap<_, _> = std::mem::take(&mut plan.bound).into_iter().collect();
        for listener in &plan.listeners {
            let wanted = listener.listener.address;
            let deadlines = deadlines(listener);
            if let Some(known) = self.listening.get_mut(&wanted)
                && !known.leaving
            {
                known.deadlines = deadlines;
                continue;
            }
            let returning = self.listening.remove(&wanted).map(|former| former.bound);
            let inherited = || {
                let place = self
                    .inherited
                    .iter()
                    .position(|bound| bound.address() == wanted)?;
                Some(self.inherited.swap_remove(place))
            };
            let known =
                returning.or_else(|| bound.remove(&wanted).or_else(inherited).map(Arc::new));
            // Only an address whose drain ended between prepare and commit is not there any more.
            let bound = match known {
                Some(bound) => bound,
                None => Arc::new(Bound::bind(wanted, workers).map_err(CommitError::Bind)?),
            };
            self.epoch += 1;
            let (drain, _) = drain::channel();
            let listening = Listening {
                bound,
                epoch: self.epoch,
                drain: Arc::new(drain),
                leaving: false,
                deadlines,
            };
            self.listening.insert(wanted, listening);
            fresh.push(wanted);
        }
        Ok(fresh)
    }

    /// What worker `index` of `workers` shall serve.
    fn addresses_of(
        &self,
        plan: &Plan,
        fresh: &[SocketAddr],
        index: usize,
        workers: usize,
    ) -> std::io::Result<Vec<Address>> {
        let mut addresses = Vec::with_capacity(plan.listeners.len());
        for listener in &plan.listeners {
            let wanted = listener.listener.address;
            let Some(listening) = self.listening.get(&wanted) else {
                continue;
            };
            let mut sockets = Vec::new();
            if fresh.contains(&wanted) {
                let own = (0..listening.bound.count()).filter(|socket| socket % workers == index);
                for socket in own {
                    sockets.push(listening.bound.share(socket)?);
                }
            }
            addresses.push(Address {
                wanted,
                epoch: listening.epoch,
                sockets,
                plan: Arc::clone(listener),
                drain: listening.drain.watcher(),
            });
        }
        Ok(addresses)
    }
}

fn deadlines(plan: &ListenerPlan) -> Deadlines {
    let drain = plan.listener.drain;
    Deadlines {
        minimum: drain.min,
        maximum: drain.max,
    }
}

impl Proxy {
    /// Puts a plan in force; returns when every worker serves by it. Open connections go on and see
    /// it with their next request.
    pub async fn commit(&self, mut plan: Plan) -> Result<Generation, CommitError> {
        let _one_at_a_time = self.inner.committing.lock().await;
        let (plan, orders) = {
            let mut running = self.running();
            let workers = self.inner.workers.len();
            let fresh = running.take_sockets(&mut plan, workers)?;
            let plan = Arc::new(plan);
            let orders: Result<Vec<_>, _> = (0..workers)
                .map(|index| running.addresses_of(&plan, &fresh, index, workers))
                .collect();
            (plan, orders.map_err(CommitError::Share)?)
        };
        // Endpoints that the Model itself names are there before the first request asks for them.
        self.inner.managed.adopt(self, &plan).await;
        let services = Arc::new(plan.model.services.iter().map(|s| s.name.clone()).collect());
        let mut answers = Vec::with_capacity(orders.len());
        for (index, addresses) in orders.into_iter().enumerate() {
            let (done, answer) = oneshot::channel();
            let command = Command::Serve {
                addresses,
                services: Arc::clone(&services),
                done,
            };
            self.tell(index, command).await?;
            answers.push(answer);
        }
        for (index, answer) in answers.into_iter().enumerate() {
            answer.await.map_err(|_| CommitError::WorkerGone(index))?;
        }
        Ok(self.succeed(plan))
    }

    pub(super) async fn tell(&self, index: usize, command: Command) -> Result<(), CommitError> {
        let gone = CommitError::WorkerGone(index);
        let Some(worker) = self.inner.workers.get(index) else {
            return Err(gone);
        };
        worker.commands.send(command).await.map_err(|_| gone)
    }

    /// The plan is in force everywhere: retires the former one and what only that one had.
    fn succeed(&self, plan: Arc<Plan>) -> Generation {
        let mut running = self.running();
        let former = running.plan.replace(Arc::clone(&plan));
        running.generation += 1;
        let generation = running.generation;
        let kept: Vec<_> = plan.listeners.iter().map(|l| l.listener.address).collect();
        let leaving: Vec<_> = running
            .listening
            .iter_mut()
            .filter(|(address, listening)| !listening.leaving && !kept.contains(address))
            .map(|(address, listening)| {
                listening.leaving = true;
                (
                    *address,
                    listening.epoch,
                    Arc::clone(&listening.drain),
                    listening.deadlines,
                )
            })
            .collect();
        if let Some(former) = former {
            for name in former.destinations.services.keys() {
                if !plan.destinations.services.contains_key(name) {
                    self.inner.parts.registry.forget(name);
                }
            }
            running.retired.push(former);
            if running.retired.len() > limits::RETIRED_PLANS_MAX {
                tracing::warn!(
                    plans = running.retired.len(),
                    "replaced plans are still in use"
                );
            }
        }
        drop(running);
        self.inner.parts.counters.retain(&plan);
        for (address, epoch, drain, deadlines) in leaving {
            let proxy = self.clone();
            let name = format!("drain {address}");
            self.inner.scope.spawn(name, Policy::Best, async move {
                drain.drain(deadlines).await;
                proxy.release(address, epoch);
            });
        }
        generation
    }

    /// Closes the sockets of an address whose drain is over, unless it came back.
    fn release(&self, address: SocketAddr, epoch: u64) {
        let mut running = self.running();
        if running
            .listening
            .get(&address)
            .is_some_and(|listening| listening.epoch == epoch)
        {
            running.listening.remove(&address);
        }
    }

    /// Drops replaced plans that nobody uses any more: here, never on a worker.
    pub(crate) fn drop_unused_plans(&self) {
        let unused: Vec<_> = {
            let mut running = self.running();
            let (unused, used) = std::mem::take(&mut running.retired)
                .into_iter()
                .partition(|plan| Arc::strong_count(plan) == 1 && plan.is_unused());
            running.retired = used;
            unused
        };
        drop(unused);
    }
}
