//! Whether a connection is busy, idle or stuck, read by its worker's sweep and by `sessions`.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use trunkline_model::ListenerId;
use trunkline_model::guard::Pace;
use trunkline_model::listener::ListenerTimeouts;
use trunkline_model::ops::{Session, SessionId};
use trunkline_rt::TurnClock;
use trunkline_rt::drain::Phase;

use super::Spoken;
use crate::limits::LINGER_TIME;

/// What has to be done about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// It was idle for too long: it ends in order.
    Idle,
    /// It does not move, and would not end in order either.
    Stuck,
}

/// What a connection is doing. Times are nanoseconds after `opened`.
#[derive(Debug)]
pub(crate) struct Activity {
    listener: ListenerId,
    peer: Cell<SocketAddr>,
    clock: TurnClock,
    opened: Instant,
    /// `None` before the protocol is known.
    spoken: Cell<Option<Spoken>>,
    open: Cell<u32>,
    requests: Cell<u64>,
    /// End of the last request.
    idle_since: Cell<u64>,
    /// First byte that arrived while no request was open; 0 for none.
    head_since: Cell<u64>,
    /// Since when the caller takes nothing of what is written; 0 if it does.
    stalled_since: Cell<u64>,
    /// When it took something last.
    sent_at: Cell<u64>,
    /// For how long the response under way has waited for it before the present stall, and what it
    /// took since the first one.
    slow: Cell<u64>,
    taken: Cell<u64>,
    /// When it was told to end.
    told_at: Cell<u64>,
}

impl Activity {
    pub(crate) fn new(listener: &ListenerId, peer: SocketAddr, clock: TurnClock) -> Rc<Self> {
        Rc::new(Self {
            listener: listener.clone(),
            peer: Cell::new(peer),
            opened: clock.now(),
            clock,
            spoken: Cell::new(None),
            open: Cell::new(0),
            requests: Cell::new(0),
            idle_since: Cell::new(0),
            head_since: Cell::new(0),
            stalled_since: Cell::new(0),
            sent_at: Cell::new(0),
            slow: Cell::new(0),
            taken: Cell::new(0),
            told_at: Cell::new(0),
        })
    }

    /// Notes which protocol is spoken.
    pub(super) fn speaks(&self, spoken: Spoken) {
        self.spoken.set(Some(spoken));
    }

    /// Marks a request open until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> Busy {
        self.open.set(self.open.get() + 1);
        self.requests.set(self.requests.get() + 1);
        self.head_since.set(0);
        Busy(Rc::clone(self))
    }

    /// Notes that bytes arrived.
    pub(super) fn received(&self) {
        if self.open.get() == 0 && self.head_since.get() == 0 {
            self.head_since.set(self.nanos().max(1));
        }
    }

    /// When the first byte of the request that is about to begin arrived.
    pub(super) fn head_began(&self) -> Option<Instant> {
        let since = self.head_since.get();
        (since != 0).then(|| self.opened + Duration::from_nanos(since))
    }

    /// Notes that what was written had to wait for the caller.
    pub(super) fn stalled(&self) {
        if self.stalled_since.get() == 0 {
            self.stalled_since.set(self.nanos().max(1));
        }
    }

    /// Notes that the caller took so many bytes.
    pub(super) fn took(&self, bytes: usize) {
        self.taken.set(self.taken.get() + bytes as u64);
    }

    /// Whether it has nothing open, and nothing of a request has come.
    pub(crate) fn is_idle(&self) -> bool {
        self.spoken.get().is_some() && self.open.get() == 0 && self.head_since.get() == 0
    }

    /// Notes that the caller took something.
    pub(super) fn sent(&self) {
        let now = self.nanos();
        let stalled = self.stalled_since.replace(0);
        if stalled != 0 {
            self.slow.set(self.slow.get() + now.saturating_sub(stalled));
        }
        self.sent_at.set(now);
    }

    /// Whether a drain that has come so far asks this connection to end. Over HTTP/2 nothing is lost
    /// by being told early: a caller knows which streams were taken (RFC 9113 §6.8). Over HTTP/1
    /// `Connection: close` tells it on its next response, until no new work may be taken: closing an
    /// idle connection could cross with a request.
    pub(crate) fn ends_at(&self, phase: Phase) -> bool {
        match self.spoken.get() {
            Some(Spoken::Http2) => phase >= Phase::Draining,
            Some(Spoken::Http1) | None => phase >= Phase::Closing,
        }
    }

    /// Notes that it was told to end.
    pub(crate) fn told_to_end(&self, now: Instant) {
        self.told_at.set(self.since_opened(now));
    }

    /// Whether it did not move for too long; `ending` once it was told to end.
    pub(crate) fn overdue(
        &self,
        now: Instant,
        (times, pace): (ListenerTimeouts, Pace),
        ending: bool,
    ) -> Option<Overdue> {
        if pace.is_missed(self.taken.get(), self.waited(now)) {
            return Some(Overdue::Stuck);
        }
        let (since, limit, overdue) = self.waits(times, ending)?;
        let passed = Duration::from_nanos(self.since_opened(now).saturating_sub(since));
        (passed >= limit).then_some(overdue)
    }

    /// For how long the response under way has waited for its caller to take something.
    fn waited(&self, now: Instant) -> Duration {
        let stalled = self.stalled_since.get();
        let stall = if stalled == 0 { 0 } else { self.since_opened(now).saturating_sub(stalled) };
        Duration::from_nanos(self.slow.get() + stall)
    }

    /// Since when it waits for its caller, for how long it may, and what follows.
    fn waits(&self, times: ListenerTimeouts, ending: bool) -> Option<(u64, Duration, Overdue)> {
        let stalled = self.stalled_since.get();
        if stalled != 0 {
            return Some((stalled, times.idle, Overdue::Stuck));
        }
        // A handshake has its own limit.
        let spoken = self.spoken.get()?;
        if self.open.get() != 0 {
            return None;
        }
        let (idle, head) = (self.idle_since.get(), self.head_since.get());
        if ending {
            let since = idle.max(self.sent_at.get()).max(self.told_at.get());
            return Some((since, LINGER_TIME, Overdue::Stuck));
        }
        if spoken == Spoken::Http1 && head != 0 {
            return Some((head, times.head, Overdue::Stuck));
        }
        Some((idle, times.idle, Overdue::Idle))
    }

    /// Who called.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer.get()
    }

    /// Somebody in front says that this one called.
    pub(crate) fn called_by(&self, caller: SocketAddr) {
        self.peer.set(caller);
    }

    /// The connection, for people; its open requests are known elsewhere.
    pub(crate) fn session(&self, now: Instant, (worker, number): (usize, u64)) -> Session {
        Session {
            id: SessionId { worker, number },
            listener: self.listener.clone(),
            peer: self.peer.get(),
            age: now.saturating_duration_since(self.opened),
            requests: self.requests.get(),
            open: Vec::new(),
        }
    }

    fn nanos(&self) -> u64 {
        self.since_opened(self.clock.now())
    }

    fn since_opened(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.opened);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// An open request of a connection.
#[derive(Debug)]
pub(crate) struct Busy(Rc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let activity = &self.0;
        activity.idle_since.set(activity.nanos());
        activity.open.set(activity.open.get().saturating_sub(1));
        activity.slow.set(0);
        activity.taken.set(0);
    }
}
