//! What an endpoint did since somebody last looked, for comparison with its siblings.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use trunkline_resilience::outlier::Seen;

/// Counters of an interval. A request that ends while they are taken may count for either.
#[derive(Debug, Default)]
pub(crate) struct Interval {
    requests: AtomicU32,
    failures: AtomicU32,
    micros: AtomicU64,
}

impl Interval {
    /// An attempt ended.
    pub(crate) fn note(&self, failed: bool, took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(u32::from(failed), Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was noted since the last time.
    pub(crate) fn take(&self) -> Seen {
        let micros = Duration::from_micros(self.micros.swap(0, Ordering::Relaxed));
        Seen {
            requests: self.requests.swap(0, Ordering::Relaxed),
            failures: self.failures.swap(0, Ordering::Relaxed),
            seconds: micros.as_secs_f64(),
        }
    }
}
