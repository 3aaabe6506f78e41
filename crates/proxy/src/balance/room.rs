//! Where requests wait while every endpoint of their service is at its limit.
//!
//! One room per service and process. A slot that becomes free is offered to the most urgent one
//! that has waited longest and can use it, and to nobody else: it enters the endpoint on its behalf
//! before it wakes it. No wake-up is lost: who begins to wait looks for a free slot afterwards, and
//! who frees a slot looks for waiters afterwards. The lock is held for a few instructions.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::QueueStats;
use trunkline_resilience::queue::{Priority, Queue, Ticket};
use trunkline_rt::metrics::Histogram;

use super::endpoint::{InFlight, LiveEndpoint};
use super::ground::lock;
use crate::observe::{PerWorker, distribution};

/// Who waits for a service, and what is counted of it.
#[derive(Debug)]
pub(crate) struct WaitingRoom {
    queue: Mutex<Queue<Waiter>>,
    /// How many wait: read without the lock by whoever ends a request.
    length: AtomicUsize,
    /// How many of them any endpoint serves.
    open: AtomicUsize,
    longest: AtomicU64,
    timeouts: AtomicU64,
    refused: AtomicU64,
    waits: PerWorker<Histogram>,
}

/// What one who waits can use.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    /// This endpoint and no other.
    pub(crate) only: Option<Arc<LiveEndpoint>>,
    /// Any but these.
    pub(crate) tried: Vec<Arc<LiveEndpoint>>,
}

#[derive(Debug)]
struct Waiter {
    wants: Wants,
    slot: oneshot::Sender<InFlight>,
}

/// A place in the room; dropping it leaves.
#[derive(Debug)]
pub(crate) struct Waiting {
    room: Arc<WaitingRoom>,
    ticket: Ticket,
    slot: oneshot::Receiver<InFlight>,
}

impl WaitingRoom {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            queue: Mutex::default(),
            length: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            longest: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            waits: PerWorker::new(workers),
        }
    }

    /// Whether somebody waits.
    pub(crate) fn is_waited_in(&self) -> bool {
        self.length.load(Ordering::SeqCst) > 0
    }

    /// Whether somebody waits whom any endpoint serves. Those who wait for one that is full keep
    /// nobody from the others.
    pub(crate) fn is_waited_in_for_any(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    /// How many wait.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Takes a place, unless `max` are taken. The caller then has free slots offered.
    pub(crate) fn join(
        self: &Arc<Self>,
        priority: Priority,
        wants: Wants,
        max: usize,
    ) -> Option<Waiting> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = lock(&self.queue);
        let is_open = wants.only.is_none();
        let joined = queue.push(priority, Waiter { wants, slot: sender }, max);
        if is_open && joined.is_ok() {
            self.open.fetch_add(1, Ordering::SeqCst);
        }
        self.told(&queue);
        drop(queue);
        let Ok(ticket) = joined else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        Some(Waiting { room: Arc::clone(self), ticket, slot: receiver })
    }

    /// Offers the free slots of an endpoint, each to one who waits.
    pub(super) fn offer(&self, endpoint: &Arc<LiveEndpoint>) {
        while self.is_waited_in() {
            let mut queue = lock(&self.queue);
            let Some(slot) = endpoint.try_enter() else { return };
            let able = endpoint.is_eligible(endpoint.ground.clock.now());
            let next = queue.pop(|waiter| waiter.wants.takes(endpoint, able));
            self.left(next.as_ref());
            self.told(&queue);
            let Some(waiter) = next else {
                // Under the lock: whoever joins now finds the slot free.
                slot.give_back();
                return;
            };
            drop(queue);
            if let Err(slot) = waiter.slot.send(slot) {
                // It left meanwhile: the next one is asked.
                slot.give_back();
            }
        }
    }

    fn left(&self, waiter: Option<&Waiter>) {
        if waiter.is_some_and(|waiter| waiter.wants.only.is_none()) {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn told(&self, queue: &Queue<Waiter>) {
        self.length.store(queue.len(), Ordering::SeqCst);
        let length = u64::try_from(queue.len()).unwrap_or(u64::MAX);
        self.longest.fetch_max(length, Ordering::Relaxed);
    }

    /// Notes that one waited too long.
    pub(crate) fn timed_out(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how long one had waited that was served.
    pub(crate) fn served(&self, worker: usize, wait: Duration) {
        self.waits.of(worker).record(wait);
    }

    pub(crate) fn stats(&self) -> QueueStats {
        QueueStats {
            length: u64::try_from(self.length()).unwrap_or(u64::MAX),
            longest: self.longest.load(Ordering::Relaxed),
            timeouts: self.timeouts.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            wait: distribution(self.waits.iter()),
        }
    }
}

impl Wants {
    /// `able`: whether the endpoint takes requests of everybody.
    fn takes(&self, endpoint: &Arc<LiveEndpoint>, able: bool) -> bool {
        match &self.only {
            Some(only) => {
                let finishing = endpoint.state() == EndpointState::Draining;
                Arc::ptr_eq(only, endpoint) && (able || finishing)
            }
            None => able && !self.tried.iter().any(|tried| Arc::ptr_eq(tried, endpoint)),
        }
    }
}

impl Waiting {
    /// Waits for a slot; may be called again after it was given up.
    pub(crate) async fn slot(&mut self) -> Option<InFlight> {
        (&mut self.slot).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut queue = lock(&self.room.queue);
        let waiter = queue.remove(self.ticket);
        self.room.left(waiter.as_ref());
        self.room.told(&queue);
        // A slot that was sent and not received is dropped after this, and offered to the next.
    }
}
