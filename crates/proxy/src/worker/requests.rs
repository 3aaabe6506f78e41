//! The requests of a worker that are open now, for people who ask what a connection is doing.
//!
//! Slots are used again with the memory they have, so that a request costs a few short copies and no
//! allocation. Services and endpoints are noted by number and named when somebody asks: a count of
//! references would be shared by all workers. Beyond the bound, requests are served and not shown.

use std::cell::RefCell;
use std::time::Instant;

use crate::limits;

/// The open requests of one worker.
#[derive(Debug, Default)]
pub(crate) struct OpenRequests {
    slots: RefCell<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
}

/// One open request.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Its connection's number; `None` for a slot that is free.
    pub(crate) connection: Option<u64>,
    pub(crate) method: Vec<u8>,
    pub(crate) host: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) since: Option<Instant>,
    /// The service's number; 0 before there is one.
    pub(crate) service: u64,
    /// The endpoint's life; 0 before there is one.
    pub(crate) endpoint: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
}

/// The place of an open request; `None` for one that is not shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ticket(Option<usize>);

impl OpenRequests {
    /// A request of a connection begins: its method, its host, and its target without credentials.
    pub(crate) fn enter(
        &self,
        connection: u64,
        (method, host, target): (&str, &[u8], &str),
        since: Instant,
    ) -> Ticket {
        let mut slots = self.slots.borrow_mut();
        let slots = &mut *slots;
        let place = match slots.free.pop() {
            Some(place) => place,
            None if slots.all.len() < limits::SHOWN_REQUESTS_MAX => {
                slots.all.push(Slot::default());
                slots.all.len() - 1
            }
            None => return Ticket(None),
        };
        let Some(slot) = slots.all.get_mut(place) else {
            return Ticket(None);
        };
        slot.connection = Some(connection);
        copy(&mut slot.method, method.as_bytes());
        copy(&mut slot.host, host);
        copy(&mut slot.target, target.as_bytes());
        slot.since = Some(since);
        (slot.service, slot.endpoint) = (0, 0);
        (slot.bytes_received, slot.bytes_sent) = (0, 0);
        Ticket(Some(place))
    }

    /// Notes something of an open request.
    pub(crate) fn note(&self, ticket: Ticket, change: impl FnOnce(&mut Slot)) {
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = ticket.0.and_then(|place| slots.all.get_mut(place)) {
            change(slot);
        }
    }

    /// A request is over.
    pub(crate) fn leave(&self, ticket: Ticket) {
        let Some(place) = ticket.0 else { return };
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.all.get_mut(place) {
            slot.connection = None;
            slots.free.push(place);
        }
    }

    /// Looks at every open request.
    pub(crate) fn each(&self, look: impl FnMut(&Slot)) {
        let slots = self.slots.borrow();
        slots.all.iter().filter(|slot| slot.connection.is_some()).for_each(look);
    }
}

fn copy(to: &mut Vec<u8>, from: &[u8]) {
    to.clear();
    to.extend_from_slice(from.get(..limits::SHOWN_TEXT_BYTES_MAX).unwrap_or(from));
}
