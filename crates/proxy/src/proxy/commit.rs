//! Putting a plan in force.
//!
//! Every worker is told, and every worker answers; the former plan is retired when all have. Who
//! still holds a part of it keeps it alive, and the last reference is dropped on this side.

use std::sync::Arc;

use tokio::sync::oneshot;
use trunkline_net::socket::BindError;
use trunkline_rt::Policy;

use super::{Generation, Proxy};
use crate::balance::Rules;
use crate::limits;
use crate::plan::Plan;
use crate::worker::Command;

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
            if orders.is_err() {
                running.unserved(&fresh);
            }
            (plan, orders.map_err(CommitError::Share)?)
        };
        for service in plan.destinations.services.values() {
            service.live.configure(Rules::of(&service.service));
        }
        // Endpoints that the Model itself names are there before the first request asks for them.
        self.inner.managed.adopt(self, &plan).await;
        let inherited_state = self.running().inherited_state.take();
        if let Some(state) = inherited_state {
            self.import_state(&state);
        }
        let services = Arc::new(plan.model.services.iter().map(|s| s.name.clone()).collect());
        let mut answers = Vec::with_capacity(orders.len());
        for (index, addresses) in orders.into_iter().enumerate() {
            let (done, answer) = oneshot::channel();
            let command = Command::Serve { addresses, services: Arc::clone(&services), done };
            self.tell(index, command).await?;
            answers.push(answer);
        }
        for (index, answer) in answers.into_iter().enumerate() {
            answer.await.map_err(|_| CommitError::WorkerGone(index))?;
        }
        Ok(self.succeed(&plan))
    }

    pub(super) async fn tell(&self, index: usize, command: Command) -> Result<(), CommitError> {
        let gone = CommitError::WorkerGone(index);
        let Some(worker) = self.inner.workers.get(index) else {
            return Err(gone);
        };
        worker.commands.send(command).await.map_err(|_| gone)
    }

    /// The plan is in force everywhere: retires the former one and what only that one had.
    fn succeed(&self, plan: &Arc<Plan>) -> Generation {
        let mut running = self.running();
        let former = running.plan.replace(Arc::clone(plan));
        running.generation += 1;
        self.inner.parts.cache.limit(plan.model.guard.cache_bytes);
        let generation = running.generation;
        let kept: Vec<_> = plan.listeners.iter().map(|l| l.place()).collect();
        let leaving: Vec<_> = running
            .listening
            .iter_mut()
            .filter(|(address, listening)| !listening.leaving && !kept.contains(address))
            .map(|(address, listening)| {
                listening.leaving = true;
                listening.leaves(*address)
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
                tracing::warn!(plans = running.retired.len(), "replaced plans are still in use");
            }
        }
        drop(running);
        self.inner.parts.counters.retain(plan);
        self.inner.parts.shields.retain(plan);
        self.inner.managed.endpoints_changed();
        for leaving in leaving {
            let proxy = self.clone();
            let name = format!("drain {}", leaving.address.1);
            self.inner.scope.spawn(name, Policy::Best, async move {
                proxy.end(leaving).await;
            });
        }
        generation
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
