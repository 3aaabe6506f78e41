//! What is known of one service while it runs: its endpoints, and the requests held for it.
//!
//! Endpoints are published as whole sets; a set whose members are the same only updates them in
//! place. Whoever waits for an endpoint subscribes to [`LiveService::changed`].

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use trunkline_model::endpoint::{Endpoint, EndpointState};
use trunkline_model::ops::EndpointOrders;
use trunkline_model::{EndpointId, ServiceName};
use trunkline_resilience::outlier::Peers;

use super::endpoint::LiveEndpoint;
use crate::limits;
use crate::observe::{PerWorker, Requests};

/// One service, alive.
#[derive(Debug)]
pub(crate) struct LiveService {
    pub(crate) name: ServiceName,
    /// Another one for each service that this process has known, from 1.
    pub(crate) number: u64,
    pub(crate) counters: PerWorker<Requests>,
    /// Requests on their way, those that are held included.
    taken: AtomicU64,
    members: ArcSwap<Members>,
    publishing: Mutex<()>,
    changed: watch::Sender<()>,
    held: AtomicU32,
    held_bytes: AtomicU64,
    workers: usize,
    epoch: Instant,
}

/// The endpoints of a service at one moment.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) endpoints: Vec<Arc<LiveEndpoint>>,
}

impl LiveService {
    pub(crate) fn new(name: ServiceName, workers: usize, epoch: Instant) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            name,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            counters: PerWorker::new(workers),
            taken: AtomicU64::new(0),
            members: ArcSwap::default(),
            publishing: Mutex::default(),
            changed: watch::Sender::new(()),
            held: AtomicU32::new(0),
            held_bytes: AtomicU64::new(0),
            workers,
            epoch,
        }
    }

    /// The endpoints now.
    pub(crate) fn members(&self) -> arc_swap::Guard<Arc<Members>> {
        self.members.load()
    }

    /// Tells when endpoints or what is known of them changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Wakes whoever waits for an endpoint.
    pub(crate) fn announce(&self) {
        self.changed.send_replace(());
    }

    /// Replaces the endpoints; those that stay keep their health, counters and requests. What a
    /// person has ordered of an endpoint is asked from `orders`. Returns the lives that ended by
    /// it: of those that were ready and are not any more.
    pub(crate) fn publish(
        &self,
        endpoints: &[Endpoint],
        orders: impl Fn(&EndpointId) -> EndpointOrders,
    ) -> Vec<u64> {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let former = self.members.load_full();
        let mut next = Vec::with_capacity(endpoints.len());
        let mut ended = Vec::new();
        for endpoint in endpoints.iter().take(limits::ENDPOINTS_MAX) {
            let known = former.endpoints.iter().find(|live| {
                live.id == endpoint.id
                    && live.address == endpoint.address
                    && *live.host == *endpoint.host
            });
            if let Some(live) = known {
                ended.extend(live.update(endpoint));
                next.push(Arc::clone(live));
            } else {
                let live = LiveEndpoint::new(endpoint, self.workers, self.epoch);
                live.order(orders(&endpoint.id));
                next.push(Arc::new(live));
            }
        }
        let same = next.len() == former.endpoints.len()
            && next.iter().zip(&former.endpoints).all(|(new, old)| Arc::ptr_eq(new, old));
        if !same {
            self.members.store(Arc::new(Members { endpoints: next }));
        }
        self.announce();
        ended
    }

    /// Holds a request of so many bytes, unless a limit is reached.
    pub(crate) fn hold(self: &Arc<Self>, bytes: u64) -> Option<Held> {
        let held = self.held.fetch_add(1, Ordering::Relaxed);
        let held_bytes = self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        let guard = Held { service: Arc::clone(self), bytes };
        let fits = held < limits::HOLD_REQUESTS_MAX && held_bytes + bytes <= limits::HOLD_BYTES_MAX;
        fits.then_some(guard)
    }

    /// A request is on its way. It is counted before its endpoint is picked: whoever takes the
    /// endpoints out and then sees nothing in flight knows that nobody is about to pick one.
    pub(crate) fn take(&self) {
        self.taken.fetch_add(1, Ordering::SeqCst);
    }

    /// A request that was on its way is over.
    pub(crate) fn leave(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests in flight now: a restart waits for these, and not for those that it lets wait.
    pub(crate) fn in_flight(&self) -> u64 {
        let taken = self.taken.load(Ordering::SeqCst);
        taken.saturating_sub(u64::from(self.held()))
    }

    /// Requests held now.
    pub(crate) fn held(&self) -> u32 {
        self.held.load(Ordering::Relaxed)
    }
}

impl Members {
    /// How many serve or would if they were not ejected, and how many of them are. One that is out
    /// for another reason does not count: the last that serves would be ejected for its sake.
    pub(crate) fn peers(&self, now: Instant) -> Peers {
        let mut peers = Peers { total: 0, ejected: 0 };
        for endpoint in self.endpoints.iter().filter(|one| one.is_present()) {
            peers.total += 1;
            peers.ejected += usize::from(endpoint.is_ejected(now));
        }
        peers
    }

    /// Whether an endpoint is coming up.
    pub(crate) fn is_starting(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.state() == EndpointState::Starting)
    }
}

/// A request that waits for an endpoint; dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct Held {
    service: Arc<LiveService>,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.service.held.fetch_sub(1, Ordering::Relaxed);
        self.service.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
