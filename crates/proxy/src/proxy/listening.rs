//! Which addresses are in service: their sockets, which belong to management, and how each ends.
//!
//! An address that a plan no longer has keeps accepting for its drain's minimum; one that comes
//! back within that time starts a new epoch on the same sockets, so that nothing in their queues is
//! lost. Sockets per address never shrink.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_model::ListenerId;
use trunkline_net::socket::Bound;
use trunkline_rt::DrainTrigger;
use trunkline_rt::drain::{self, Deadlines, Drained};

use super::{CommitError, Generation, Proxy, State};
use crate::plan::{ListenerPlan, Place, Plan};
use crate::worker::Address;

/// What is in force.
pub(super) struct Running {
    pub(super) generation: Generation,
    pub(super) plan: Option<Arc<Plan>>,
    /// Replaced plans that a worker may still hold a part of.
    pub(super) retired: Vec<Arc<Plan>>,
    pub(super) listening: HashMap<Place, Listening>,
    /// Sockets of an earlier process that no plan has asked for yet.
    inherited: Vec<Bound>,
    /// State of an earlier process, for the next commit.
    pub(super) inherited_state: Option<State>,
    epoch: u64,
    pub(super) draining: bool,
}

/// An address in service.
pub(super) struct Listening {
    /// `None` once the address is closed and only its connections are left.
    pub(super) bound: Option<Bound>,
    pub(super) epoch: u64,
    pub(super) drain: Arc<DrainTrigger>,
    /// No plan has it any more.
    pub(super) leaving: bool,
    pub(super) deadlines: Deadlines,
}

/// An address that is ending.
pub(super) struct Leaving {
    pub(super) address: Place,
    epoch: u64,
    drain: Arc<DrainTrigger>,
    pub(super) deadlines: Deadlines,
}

impl Listening {
    pub(super) fn leaves(&mut self, address: Place) -> Leaving {
        self.leaving = true;
        Leaving {
            address,
            epoch: self.epoch,
            drain: Arc::clone(&self.drain),
            deadlines: self.deadlines,
        }
    }
}

impl Running {
    pub(super) fn new(inherited: Vec<Bound>) -> Self {
        Self {
            generation: 0,
            plan: None,
            retired: Vec::new(),
            listening: HashMap::new(),
            inherited,
            inherited_state: None,
            epoch: 0,
            draining: false,
        }
    }

    pub(super) fn listens_on(&self, address: Place) -> bool {
        self.listening.get(&address).is_some_and(|one| one.bound.is_some())
            || self.inherited.iter().any(|bound| place(bound) == address)
    }

    pub(super) fn addresses(&self) -> Vec<(ListenerId, SocketAddr)> {
        let listeners = self.plan.iter().flat_map(|plan| &plan.listeners);
        let found = listeners.filter_map(|plan| {
            let address = self.listening.get(&plan.place())?.bound.as_ref()?.address();
            Some((plan.listener.id.clone(), address))
        });
        found.collect()
    }

    /// Every listening socket, those that no plan has asked for included.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Bound> {
        let taken = self.listening.values().filter_map(|listening| listening.bound.as_ref());
        taken.chain(&self.inherited)
    }

    /// Takes the sockets of a plan over, and tells which addresses start a new epoch.
    pub(super) fn take_sockets(
        &mut self,
        plan: &mut Plan,
        workers: usize,
    ) -> Result<Vec<Place>, CommitError> {
        let mut fresh = Vec::new();
        let mut bound: HashMap<_, _> = std::mem::take(&mut plan.bound).into_iter().collect();
        for listener in &plan.listeners {
            let wanted = listener.place();
            let deadlines = deadlines(listener);
            if let Some(known) = self.listening.get_mut(&wanted)
                && !known.leaving
            {
                known.deadlines = deadlines;
                continue;
            }
            let returning = self.listening.remove(&wanted).and_then(|former| former.bound);
            let inherited = || {
                let place = self.inherited.iter().position(|bound| place(bound) == wanted)?;
                let mut bound = self.inherited.swap_remove(place);
                if let Err(error) = bound.extend_to(workers) {
                    tracing::info!(%error, "an inherited address has fewer sockets than workers, which share them");
                }
                Some(bound)
            };
            let known = returning.or_else(|| bound.remove(&wanted)).or_else(inherited);
            // Only an address whose drain ended between prepare and commit is not there any more.
            let bound = match known {
                Some(bound) => bound,
                None => Bound::bind_to(wanted.0, wanted.1, workers).map_err(CommitError::Bind)?,
            };
            self.epoch += 1;
            let (drain, _) = drain::channel();
            let listening = Listening {
                bound: Some(bound),
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

    /// Nobody serves these addresses after all: the next plan that wants one starts it anew.
    pub(super) fn unserved(&mut self, fresh: &[Place]) {
        for address in fresh {
            if let Some(listening) = self.listening.get_mut(address) {
                listening.leaving = true;
            }
        }
    }

    /// What worker `index` of `workers` shall serve.
    pub(super) fn addresses_of(
        &self,
        plan: &Plan,
        fresh: &[Place],
        index: usize,
        workers: usize,
    ) -> std::io::Result<Vec<Address>> {
        let mut addresses = Vec::with_capacity(plan.listeners.len());
        for listener in &plan.listeners {
            let wanted = listener.place();
            let Some(listening) = self.listening.get(&wanted) else {
                continue;
            };
            let mut sockets = Vec::new();
            if fresh.contains(&wanted) {
                let bound = listening.bound.as_ref();
                let count = bound.map_or(0, Bound::count);
                // A socket that somebody else bound may be the only one: the workers share it.
                let first = if count == 0 { index } else { index.min(index % count) };
                for socket in (first..count).step_by(workers) {
                    sockets.extend(bound.map(|bound| bound.share_any(socket)).transpose()?);
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

fn place(bound: &Bound) -> Place {
    (bound.transport(), bound.address())
}

fn deadlines(plan: &ListenerPlan) -> Deadlines {
    let drain = plan.listener.drain;
    Deadlines { minimum: drain.min, maximum: drain.max }
}

impl Proxy {
    /// Ends an address: callers are sent away for the minimum, then its sockets are closed, and
    /// what is left is cut at the maximum.
    pub(super) async fn end(&self, leaving: Leaving) -> Drained {
        let Leaving { address, epoch, drain, deadlines } = leaving;
        let close = async {
            tokio::time::sleep(deadlines.minimum).await;
            self.of_epoch(address, epoch, |listening| drop(listening.bound.take()));
        };
        let (drained, ()) = tokio::join!(drain.drain(deadlines), close);
        let mut running = self.running();
        if running.listening.get(&address).is_some_and(|listening| listening.epoch == epoch) {
            running.listening.remove(&address);
        }
        drained
    }

    fn of_epoch(&self, address: Place, epoch: u64, change: impl FnOnce(&mut Listening)) {
        let mut running = self.running();
        let found = running.listening.get_mut(&address);
        // An address that came back belongs to another epoch.
        if let Some(listening) = found.filter(|listening| listening.epoch == epoch) {
            change(listening);
        }
    }
}
