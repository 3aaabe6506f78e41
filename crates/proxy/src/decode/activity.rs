//! Whether a connection is busy, idle or stuck, read by its own supervisor and by `sessions`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use trunkline_model::ListenerId;
use trunkline_model::listener::ListenerTimeouts;
use trunkline_model::ops::{Session, SessionId};
use trunkline_rt::Clock;

use crate::limits::LINGER_TIME;

/// What a connection is asked to keep up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It may bring requests; over HTTP/1 their heads have a time limit of their own.
    Serving { slow_heads: bool },
    /// It was told to end, and has only to finish what is open.
    Ending,
}

/// What a supervisor has to do about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It was idle for too long: it ends in order.
    Idle,
    /// It does not move, and would not end in order either.
    Stuck,
}

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
    /// Since when the caller takes nothing of what is written, nanoseconds after `opened`; 0 if it
    /// does.
    stalled_since: AtomicU64,
    /// When it took something last, nanoseconds after `opened`.
    sent_at: AtomicU64,
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
            stalled_since: AtomicU64::new(0),
            sent_at: AtomicU64::new(0),
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
            self.head_since.store(self.nanos().max(1), Ordering::Relaxed);
        }
    }

    /// When the first byte of the request that is about to begin arrived.
    pub(super) fn head_began(&self) -> Option<Instant> {
        let since = self.head_since.load(Ordering::Relaxed);
        (since != 0).then(|| self.opened + Duration::from_nanos(since))
    }

    /// Notes that what was written had to wait for the caller.
    pub(super) fn stalled(&self) {
        if self.stalled_since.load(Ordering::Relaxed) == 0 {
            self.stalled_since.store(self.nanos().max(1), Ordering::Relaxed);
        }
    }

    /// Notes that the caller took something.
    pub(super) fn sent(&self) {
        self.stalled_since.store(0, Ordering::Relaxed);
        self.sent_at.store(self.nanos(), Ordering::Relaxed);
    }

    /// Waits until the connection has not moved for too long.
    pub(super) async fn overdue(&self, timeouts: ListenerTimeouts, stage: Stage) -> Overdue {
        // Nothing wakes this when a byte moves: it looks often enough to be right within `head`.
        let mut step = timeouts.head.min(timeouts.idle);
        if stage == Stage::Ending {
            step = step.min(LINGER_TIME);
        }
        let step = step.max(Duration::from_millis(10));
        let begin = self.nanos();
        loop {
            let mut wait = step;
            if let Some((since, limit, overdue)) = self.waits(timeouts, stage, begin) {
                let passed = Duration::from_nanos(self.nanos().saturating_sub(since));
                match limit.checked_sub(passed) {
                    None | Some(Duration::ZERO) => return overdue,
                    Some(left) => wait = wait.min(left),
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Since when it waits for its caller, for how long it may, and what follows.
    fn waits(
        &self,
        timeouts: ListenerTimeouts,
        stage: Stage,
        begin: u64,
    ) -> Option<(u64, Duration, Overdue)> {
        let load = |time: &AtomicU64| time.load(Ordering::Relaxed);
        let stalled = load(&self.stalled_since);
        if stalled != 0 {
            return Some((stalled, timeouts.idle, Overdue::Stuck));
        }
        if self.open.load(Ordering::Relaxed) != 0 {
            return None;
        }
        let (idle, head) = (load(&self.idle_since), load(&self.head_since));
        Some(match stage {
            Stage::Ending => {
                let since = idle.max(load(&self.sent_at)).max(begin);
                (since, LINGER_TIME, Overdue::Stuck)
            }
            Stage::Serving { slow_heads: true } if head != 0 => {
                (head, timeouts.head, Overdue::Stuck)
            }
            Stage::Serving { .. } => (idle, timeouts.idle, Overdue::Idle),
        })
    }

    /// Who called.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The connection, for people; its open requests are known elsewhere.
    pub(crate) fn session(&self, now: Instant, (worker, number): (usize, u64)) -> Session {
        Session {
            id: SessionId { worker, number },
            listener: self.listener.clone(),
            peer: self.peer,
            age: now.saturating_duration_since(self.opened),
            requests: self.requests.load(Ordering::Relaxed),
            open: Vec::new(),
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
        activity.idle_since.store(activity.nanos(), Ordering::Relaxed);
        activity.open.fetch_sub(1, Ordering::Relaxed);
    }
}
