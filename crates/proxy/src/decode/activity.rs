//! Whether a connection is busy, idle or too slow, read by its own supervisor and by `sessions`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use trunkline_model::ListenerId;
use trunkline_model::listener::ListenerTimeouts;
use trunkline_model::ops::Session;
use trunkline_rt::Clock;

/// What a connection is doing. Written by its own worker only.
#[derive(Debug)]
pub(crate) struct Activity {
    listener: ListenerId,
    peer: SocketAddr,
    clock: Clock,
    opened: Instant,
    open: AtomicU32,
    requests: AtomicU64,
    /// End of the last request, nanoseconds after `opened`.
    idle_since: AtomicU64,
    /// First byte that arrived while no request was open, nanoseconds after `opened`; 0 for none.
    head_since: AtomicU64,
}

impl Activity {
    pub(crate) fn new(listener: &ListenerId, peer: SocketAddr, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            listener: listener.clone(),
            peer,
            opened: clock.now(),
            clock,
            open: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
        })
    }

    /// Marks a request open until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Busy {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Notes that bytes arrived.
    pub(super) fn received(&self) {
        if self.open.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since
                .store(self.nanos().max(1), Ordering::Relaxed);
        }
    }

    /// Waits until the connection was idle for too long (`true`), or a head is too slow in coming
    /// (`false`, if `slow_heads` are looked for).
    pub(super) async fn overdue(&self, timeouts: ListenerTimeouts, slow_heads: bool) -> bool {
        // Nothing wakes this when a byte arrives: it looks often enough to be right within `head`.
        let step = timeouts
            .head
            .min(timeouts.idle)
            .max(Duration::from_millis(10));
        loop {
            let mut wait = step;
            if self.open.load(Ordering::Relaxed) == 0 {
                let head = self.head_since.load(Ordering::Relaxed);
                let slow = slow_heads && head != 0;
                let (since, limit) = if slow {
                    (head, timeouts.head)
                } else {
                    (self.idle_since.load(Ordering::Relaxed), timeouts.idle)
                };
                let passed = Duration::from_nanos(self.nanos().saturating_sub(since));
                match limit.checked_sub(passed) {
                    None | Some(Duration::ZERO) => return !slow,
                    Some(left) => wait = wait.min(left),
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// The connection, for people.
    pub(crate) fn session(&self, now: Instant) -> Session {
        Session {
            listener: self.listener.clone(),
            peer: self.peer,
            age: now.saturating_duration_since(self.opened),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }

    fn nanos(&self) -> u64 {
        let since = self.clock.now().saturating_duration_since(self.opened);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// An open request of a connection.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let activity = &self.0;
        activity
            .idle_since
            .store(activity.nanos(), Ordering::Relaxed);
        activity.open.fetch_sub(1, Ordering::Relaxed);
    }
}
