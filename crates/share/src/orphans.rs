//! What may be held in Redis with nobody who would give it back: a question that was not answered,
//! or whose caller went away. It is given back with the next question; what finds no place here
//! comes back when its lease is over.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::verdict::Lease;

/// What is remembered; the oldest makes room.
const ORPHANS_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Orphans(Mutex<VecDeque<Orphan>>);

#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) name: Box<str>,
    pub(crate) lease: Lease,
}

/// Makes an orphan of a lease when it is dropped, as a future is whose caller went away.
pub(crate) struct Watch<'a> {
    orphans: &'a Orphans,
    name: &'a str,
    lease: Lease,
    armed: bool,
}

impl Orphans {
    pub(crate) fn push(&self, orphan: Orphan) {
        let mut all = self.lock();
        if all.len() >= ORPHANS_MAX {
            all.pop_front();
        }
        all.push_back(orphan);
    }

    pub(crate) fn pop(&self) -> Option<Orphan> {
        self.lock().pop_front()
    }

    pub(crate) fn watch<'a>(&'a self, name: &'a str, lease: Lease) -> Watch<'a> {
        Watch { orphans: self, name, lease, armed: true }
    }

    /// Nothing that holds it can panic half-way.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Orphan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// It is known what became of the lease.
    pub(crate) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.orphans.push(Orphan { name: self.name.into(), lease: self.lease });
        }
    }
}
