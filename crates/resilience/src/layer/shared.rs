//! A machine with its lock and its clock, as all services of a layer share it.
//!
//! The lock can only be held for the length of a closure, which cannot await, and no code of a user
//! runs in one. So it is short, and a panic elsewhere never leaves a machine half changed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::Clock;

/// A machine that several services tell the time.
#[derive(Debug)]
pub(super) struct Shared<M> {
    machine: Mutex<M>,
    clock: Clock,
}

impl<M> Shared<M> {
    /// Begins to count the time now, at zero.
    pub(super) fn new(machine: M) -> Self {
        Self { machine: Mutex::new(machine), clock: Clock::start() }
    }

    /// Does something with the machine. The time is read under the lock: a machine sees it in order.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut M, Duration) -> R) -> R {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut machine, self.clock.now())
    }
}
