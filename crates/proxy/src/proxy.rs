//! The handle of the data plane: prepare, commit, publish, drain, and what upgrades need.
//!
//! A change of configuration has two phases. [`Proxy::prepare`] compiles a Model, binds what must
//! be bound and reports everything that is wrong, while the plan in force serves on.
//! [`Proxy::commit`] puts the result in force on every worker and returns when all of them have
//! said so. Endpoints change apart from that, by [`Proxy::publish`], as often as they like.

mod commit;
mod drain;
mod listening;
mod ops;
mod sessions;
mod start;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use trunkline_model::endpoint::EndpointSet;
use trunkline_model::record::{ExchangeRecord, RecordSink};
use trunkline_model::{ListenerId, Model};
use trunkline_net::resolve::Resolver;
use trunkline_net::socket::Bound;
use trunkline_rt::{Clock, Scope};

use crate::balance::Registry;
use crate::guard::Guard;
use crate::manage::Managed;
use crate::plan::{self, Parts, Plan, PrepareErrors};
use crate::secure::{Certificates, Issuer};
use crate::worker;

pub use commit::CommitError;
pub use start::StartError;
pub use state::State;

/// Number of a plan in force, from 1.
pub type Generation = u64;

/// What a proxy needs from its surroundings.
pub struct Deps {
    /// Time.
    pub clock: Clock,
    /// Its tasks and threads end with this scope.
    pub scope: Scope,
    /// Number of worker threads, at least 1.
    pub workers: usize,
    /// Takes records.
    pub sink: Arc<dyn RecordSink>,
    /// Issues certificates of listeners that want one of the project's own; `None` if there is no
    /// CA, which makes such a listener an error.
    pub issuer: Option<Arc<dyn Issuer>>,
    /// Resolves the names of endpoints.
    pub resolver: Arc<Resolver>,
    /// Listening sockets of an earlier process, or of a service manager.
    pub inherited: Vec<Bound>,
}

/// The data plane. Cloning gives a further handle to the same one.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    scope: Scope,
    started: Instant,
    parts: Parts,
    workers: Vec<worker::Handle>,
    running: Mutex<listening::Running>,
    /// One commit at a time.
    committing: tokio::sync::Mutex<()>,
    managed: Managed,
    resolver: Arc<Resolver>,
}

impl Proxy {
    /// Compiles a Model. Sockets of new listeners are bound, so that a busy port is found now.
    pub fn prepare(&self, model: Arc<Model>) -> Result<Plan, PrepareErrors> {
        let former = self.running().plan.clone();
        plan::build(&self.inner.parts, model, former.as_deref(), |address| {
            self.running().listens_on(address)
        })
    }

    /// Replaces the endpoints of a service; takes effect with the next request.
    pub fn publish(&self, endpoints: EndpointSet) {
        let ended = self.inner.parts.registry.publish(endpoints);
        for worker in &self.inner.workers {
            for life in &ended {
                // A worker with a full queue closes these connections when they were idle for long.
                let _ = worker.commands.try_send(worker::Command::Close(*life));
            }
        }
        self.inner.managed.endpoints_changed();
    }

    /// Where each listener of the plan in force accepts: the address, or the port that was picked
    /// for port 0.
    pub fn addresses(&self) -> Vec<(ListenerId, SocketAddr)> {
        self.running().addresses()
    }

    /// Whether the process is on its way out: it serves, but should get nothing new.
    pub fn is_draining(&self) -> bool {
        self.running().draining
    }

    pub(crate) fn guard(&self) -> &Arc<Guard> {
        &self.inner.parts.guard
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.inner.scope
    }

    pub(crate) fn shared_resolver(&self) -> Arc<Resolver> {
        Arc::clone(&self.inner.resolver)
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.inner.resolver
    }

    pub(crate) fn managed(&self) -> &Managed {
        &self.inner.managed
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.parts.registry
    }

    pub(crate) fn certificates(&self) -> &Certificates {
        &self.inner.parts.certificates
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        self.running().plan.clone()
    }

    /// Takes what the workers have recorded; returns the most that one had.
    pub(crate) fn read_records(&self, mut take: impl FnMut(&ExchangeRecord)) -> usize {
        let counts = self.inner.workers.iter().map(|worker| worker.read_records(&mut take));
        counts.max().unwrap_or_default()
    }

    fn running(&self) -> MutexGuard<'_, listening::Running> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("workers", &self.inner.workers.len()).finish_non_exhaustive()
    }
}
