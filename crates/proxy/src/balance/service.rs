//! What is known of one service while it runs: its endpoints, and the requests held for it.
//!
//! Endpoints are published as whole sets; a set whose members are the same only updates them in
//! place. Whoever waits for an endpoint subscribes to [`LiveService::changed`].

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use trunkline_model::endpoint::Endpoint;
use trunkline_model::ops::EndpointOrders;
use trunkline_model::{EndpointId, ServiceName};

use super::endpoint::LiveEndpoint;
use super::fault::Faults;
use super::ground::{Ground, lock};
use super::members::{Members, Rules, Seat};
use super::room::WaitingRoom;
use crate::limits;
use crate::observe::{PerWorker, Requests};

/// One service, alive.
#[derive(Debug)]
pub(crate) struct LiveService {
    pub(crate) name: ServiceName,
    /// Another one for each service that this process has known, from 1.
    pub(crate) number: u64,
    pub(crate) counters: PerWorker<Requests>,
    /// Requests that wait for an endpoint with room.
    pub(crate) room: Arc<WaitingRoom>,
    /// What a person injects into its calls.
    pub(crate) faults: Faults,
    /// Requests on their way, those that are held included.
    taken: AtomicU64,
    members: ArcSwap<Members>,
    publishing: Mutex<()>,
    changed: watch::Sender<()>,
    /// How often something was announced.
    version: AtomicU64,
    held: AtomicU32,
    held_bytes: AtomicU64,
    ground: Ground,
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl LiveService {
    pub(super) fn new(name: ServiceName, ground: &Ground) -> Self {
        Self {
            name,
            number: next_number(),
            counters: PerWorker::new(ground.workers),
            room: Arc::new(WaitingRoom::new(ground.workers)),
            faults: Faults::default(),
            taken: AtomicU64::new(0),
            members: ArcSwap::default(),
            publishing: Mutex::default(),
            changed: watch::Sender::new(()),
            version: AtomicU64::new(1),
            held: AtomicU32::new(0),
            held_bytes: AtomicU64::new(0),
            ground: ground.clone(),
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

    /// Tells that something changed about endpoints: wakes whoever waits for one, offers what is
    /// free, and has tables follow the weights.
    pub(crate) fn announce(&self) {
        if self.members.load().is_outdated() {
            let _one_at_a_time = lock(&self.publishing);
            let former = self.members.load_full();
            let (endpoints, seats) = (former.endpoints.clone(), former.seats.clone());
            let rules = Arc::clone(&former.rules);
            self.members.store(Arc::new(Members::new(endpoints, seats, rules)));
        }
        self.announced();
    }

    fn announced(&self) {
        self.version.fetch_add(1, Ordering::Release);
        self.changed.send_replace(());
        self.offer();
    }

    /// Changes whenever something is announced.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Offers every free slot to those that wait.
    pub(crate) fn offer(&self) {
        for endpoint in &self.members().endpoints {
            if !self.room.is_waited_in() {
                return;
            }
            self.room.offer(endpoint);
        }
    }

    /// Picks endpoints by these rules from now on.
    pub(crate) fn configure(&self, rules: Rules) {
        let publishing = lock(&self.publishing);
        let former = self.members.load_full();
        if *former.rules == rules {
            return;
        }
        for (endpoint, seat) in former.endpoints.iter().zip(&former.seats) {
            endpoint.write_limit(seat.limit.or(rules.spread.limit).unwrap_or(0));
        }
        let (endpoints, seats) = (former.endpoints.clone(), former.seats.clone());
        self.members.store(Arc::new(Members::new(endpoints, seats, Arc::new(rules))));
        drop(publishing);
        self.announced();
    }

    /// Replaces the endpoints; those that stay keep their health, counters and requests. What a
    /// person has ordered of an endpoint is asked from `orders`. Returns the lives that ended by
    /// it: of those that were ready and are not any more.
    pub(crate) fn publish(
        &self,
        endpoints: &[Endpoint],
        orders: impl Fn(&EndpointId) -> EndpointOrders,
    ) -> Vec<u64> {
        let publishing = lock(&self.publishing);
        let former = self.members.load_full();
        let rules = Arc::clone(&former.rules);
        let mut next = Vec::with_capacity(endpoints.len());
        let mut seats = Vec::with_capacity(endpoints.len());
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
                let live = LiveEndpoint::new(endpoint, &self.room, &self.ground);
                live.order(orders(&endpoint.id));
                // Those that are there from the beginning start together, at full share.
                if !former.endpoints.is_empty() {
                    live.came_up();
                }
                next.push(Arc::new(live));
            }
            if let Some(live) = next.last() {
                live.write_limit(endpoint.limit.or(rules.spread.limit).unwrap_or(0));
            }
            seats.push(Seat { place: endpoint.place.clone(), limit: endpoint.limit });
        }
        let same = next.len() == former.endpoints.len()
            && next.iter().zip(&former.endpoints).all(|(new, old)| Arc::ptr_eq(new, old))
            && seats == former.seats
            && !former.is_outdated();
        if !same {
            self.members.store(Arc::new(Members::new(next, seats, rules)));
        }
        drop(publishing);
        self.announced();
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
