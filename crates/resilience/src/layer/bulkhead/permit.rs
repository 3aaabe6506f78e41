//! Permits of a bulkhead and places in its queue, as values whose end gives them back.
//!
//! The machine alone knows who has a permit. One who waits is told by its [`Turn`], which may come
//! after it gave up: then it has a permit that it does not know of, and gives that back too.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::bulkhead::{Bulkhead, Entry};
use crate::layer::Rejected;
use crate::layer::shared::Shared;
use crate::queue::Ticket;

/// A bulkhead and those who wait in it.
pub(super) type Places = Shared<Bulkhead<Arc<Turn>>>;

/// What one who asks gets.
pub(super) enum Entered<E> {
    Permitted(Permit),
    /// A place, and for how long to stay in it.
    Waits(Place, Duration),
    Rejected(Rejected<E>),
}

/// The right to run.
pub(super) struct Permit {
    places: Arc<Places>,
}

/// A place in the queue.
pub(super) struct Place {
    places: Arc<Places>,
    turn: Arc<Turn>,
    /// `None` once it is left.
    ticket: Option<Ticket>,
    since: Duration,
}

/// How one who waits is told of its permit.
#[derive(Debug, Default)]
pub(super) struct Turn {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
enum Told {
    #[default]
    Nothing,
    /// Nothing, and this one wants to know.
    Wake(Waker),
    Permitted,
}

impl Place {
    /// Asks for a permit.
    pub(super) fn enter<E>(places: &Arc<Places>) -> Entered<E> {
        let turn = Arc::new(Turn::default());
        places.with(|bulkhead, now| match bulkhead.enter(0, || Arc::clone(&turn)) {
            Entry::Permitted => Entered::Permitted(Permit { places: Arc::clone(places) }),
            Entry::Waits(ticket) => {
                let (places, max) = (Arc::clone(places), bulkhead.config().max_wait_duration);
                let place =
                    Self { places, turn: Arc::clone(&turn), ticket: Some(ticket), since: now };
                Entered::Waits(place, max)
            }
            Entry::Rejected => Entered::Rejected(refuse(bulkhead, Duration::ZERO)),
        })
    }

    /// The permit, if it has come; else wakes `context` when it comes.
    pub(super) fn poll_permit(&mut self, context: &mut Context<'_>) -> Option<Permit> {
        let has_come = self.ticket.is_some() && self.turn.poll(context);
        has_come.then(|| {
            self.ticket = None;
            Permit { places: Arc::clone(&self.places) }
        })
    }

    /// Leaves the queue.
    ///
    /// # Errors
    /// There was no permit; else it came in this moment.
    pub(super) fn give_up<E>(&mut self) -> Result<Permit, Rejected<E>> {
        let ticket = self.ticket.take().expect("a place is left once");
        let rejected = self.places.with(|bulkhead, now| {
            let waited = now.saturating_sub(self.since);
            bulkhead.give_up(ticket).then(|| refuse(bulkhead, waited))
        });
        rejected.map_or_else(|| Ok(Permit { places: Arc::clone(&self.places) }), Err)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            // A permit that came meanwhile ends here, which gives it back.
            drop(self.give_up::<()>());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = self.places.with(|bulkhead, _| bulkhead.leave());
        if let Some(turn) = next {
            turn.permit();
        }
    }
}

impl Turn {
    fn permit(&self) {
        let told = mem::replace(&mut *self.lock(), Told::Permitted);
        if let Told::Wake(waker) = told {
            waker.wake();
        }
    }

    /// Whether the permit has come; else wakes `context` when it comes.
    fn poll(&self, context: &mut Context<'_>) -> bool {
        let mut told = self.lock();
        match &mut *told {
            Told::Permitted => return true,
            Told::Wake(waker) => waker.clone_from(context.waker()),
            Told::Nothing => *told = Told::Wake(context.waker().clone()),
        }
        false
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse<E>(bulkhead: &Bulkhead<Arc<Turn>>, waited: Duration) -> Rejected<E> {
    Rejected::Bulkhead {
        running: bulkhead.running(),
        max_concurrent_calls: bulkhead.config().max_concurrent_calls,
        waiting: bulkhead.waiting(),
        waited,
    }
}
