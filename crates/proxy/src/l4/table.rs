//! The sessions of one socket that takes datagrams, by their callers.
//!
//! Nobody says that a session of datagrams is over, and a source can be made up: the table is
//! bounded, and one more takes the place of one that is idle. The idlest of a few that are drawn is
//! close enough to the idlest of all, and costs the same however many there are.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use tokio::net::UdpSocket;

use crate::carry::Carried;
use crate::limits;
use crate::worker::Orders;

/// The datagrams of one source.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) caller: SocketAddr,
    /// When something moved last.
    pub(super) moved: Cell<Instant>,
    pub(super) carried: Rc<Carried>,
    pub(super) orders: Rc<Orders>,
    /// The socket towards its endpoint, once it has one.
    far: RefCell<Option<Rc<UdpSocket>>>,
    /// What came before.
    pending: RefCell<Vec<Box<[u8]>>>,
    place: Cell<usize>,
}

impl Session {
    pub(super) fn new(
        (caller, now): (SocketAddr, Instant),
        carried: Rc<Carried>,
        orders: Rc<Orders>,
    ) -> Self {
        Self {
            caller,
            moved: Cell::new(now),
            carried,
            orders,
            far: RefCell::default(),
            pending: RefCell::default(),
            place: Cell::new(0),
        }
    }

    /// Passes a datagram on to the endpoint, or keeps it until there is one. Returns whether it did.
    pub(super) fn pass_on(&self, bytes: &[u8]) -> bool {
        let far = self.far.borrow();
        let Some(far) = &*far else {
            let mut pending = self.pending.borrow_mut();
            let room = pending.len() < limits::UDP_PENDING_MAX;
            if room {
                pending.push(bytes.into());
            }
            return room;
        };
        // The first may only tell that nobody took an earlier one.
        let sent = far.try_send(bytes).or_else(|_| far.try_send(bytes)).is_ok();
        if sent {
            self.carried.to_service.set(self.carried.to_service.get() + bytes.len() as u64);
        }
        sent
    }

    /// Has an endpoint from now on. Returns how many of those that waited were lost.
    pub(super) fn reaches(&self, far: Rc<UdpSocket>) -> u64 {
        self.far.replace(Some(far));
        self.pending.take().iter().map(|bytes| u64::from(!self.pass_on(bytes))).sum()
    }

    /// How many wait for an endpoint.
    pub(super) fn waiting(&self) -> u64 {
        self.pending.borrow().len() as u64
    }
}

/// All sessions of one socket.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_caller: RefCell<HashMap<SocketAddr, Rc<Session>>>,
    /// The same, to draw from.
    all: RefCell<Vec<Rc<Session>>>,
}

impl Table {
    pub(super) fn find(&self, caller: &SocketAddr) -> Option<Rc<Session>> {
        self.by_caller.borrow().get(caller).map(Rc::clone)
    }

    /// Takes a session in. Where there is no room, returns one that has to go: an idle one of those
    /// that `random` draws.
    pub(super) fn insert(
        &self,
        session: &Rc<Session>,
        random: impl FnMut() -> u64,
    ) -> Option<Rc<Session>> {
        let full = self.all.borrow().len() >= limits::UDP_SESSIONS_MAX;
        let idle = full.then(|| self.draw(random)).flatten();
        if let Some(idle) = &idle {
            self.remove(idle);
        }
        let mut all = self.all.borrow_mut();
        session.place.set(all.len());
        all.push(Rc::clone(session));
        self.by_caller.borrow_mut().insert(session.caller, Rc::clone(session));
        idle
    }

    /// Forgets a session; one that is not there any more is no matter.
    pub(super) fn remove(&self, session: &Rc<Session>) {
        let mut all = self.all.borrow_mut();
        let place = session.place.get();
        if !all.get(place).is_some_and(|known| Rc::ptr_eq(known, session)) {
            return;
        }
        all.swap_remove(place);
        if let Some(moved) = all.get(place) {
            moved.place.set(place);
        }
        self.by_caller.borrow_mut().remove(&session.caller);
    }

    fn draw(&self, mut random: impl FnMut() -> u64) -> Option<Rc<Session>> {
        let all = self.all.borrow();
        let count = all.len() as u64;
        let drawn = (0..limits::UDP_LOOKS_MAX).filter_map(|_| {
            let place = random().checked_rem(count)?;
            all.get(usize::try_from(place).ok()?)
        });
        drawn.min_by_key(|session| session.moved.get()).map(Rc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn session(port: u16, now: Instant) -> Rc<Session> {
        let caller = SocketAddr::from(([127, 0, 0, 1], port));
        Rc::new(Session::new((caller, now), Rc::default(), Rc::default()))
    }

    #[test]
    fn one_more_takes_the_place_of_an_idle_one_and_never_of_more() {
        let (table, now) = (Table::default(), Instant::now());
        let mut seed = 7_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed >> 33
        };
        let idle = session(1, now);
        table.insert(&idle, &mut random);
        for port in 2..=u16::try_from(limits::UDP_SESSIONS_MAX).unwrap() {
            let late = now + Duration::from_millis(port.into());
            assert!(table.insert(&session(port, late), &mut random).is_none());
        }
        let late = now + Duration::from_secs(60);
        for port in 20_000..21_000 {
            let gone = table.insert(&session(port, late), &mut random).unwrap();
            assert!(table.find(&gone.caller).is_none());
            assert!(gone.moved.get() < late, "a busy one was taken for an idle one");
        }
        assert_eq!(table.all.borrow().len(), limits::UDP_SESSIONS_MAX);
        assert_eq!(table.by_caller.borrow().len(), limits::UDP_SESSIONS_MAX);
        for (place, session) in table.all.borrow().iter().enumerate() {
            assert_eq!(session.place.get(), place);
        }
    }

    #[test]
    fn a_session_that_was_replaced_does_not_take_its_successor_along() {
        let (table, now) = (Table::default(), Instant::now());
        let (former, next) = (session(1, now), session(1, now));
        table.insert(&former, || 0);
        table.remove(&former);
        table.insert(&next, || 0);
        table.remove(&former);
        assert!(table.find(&next.caller).is_some());
    }

    #[test]
    fn what_comes_before_there_is_an_endpoint_waits_within_its_bound() {
        let session = session(1, Instant::now());
        for _ in 0..limits::UDP_PENDING_MAX {
            assert!(session.pass_on(b"early"));
        }
        assert!(!session.pass_on(b"one too many"));
        assert_eq!(session.waiting(), limits::UDP_PENDING_MAX as u64);
    }
}
