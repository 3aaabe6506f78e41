//! What everything that is alive stands on: the clock, its begin, and how many workers there are.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trunkline_rt::Clock;

/// Given to every service and endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) clock: Clock,
    /// Times are kept as differences to it.
    pub(crate) epoch: Instant,
    pub(crate) workers: usize,
}

impl Ground {
    /// Since the epoch.
    pub(super) fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }
}

/// Locks for a few instructions; what a panicking thread left is whole, as nothing is half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
