//! What a question may cost: time, rows and bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use trunkline_rt::Clock;

/// What one question may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time on the clock.
    pub time: Duration,
    /// Rows looked at.
    pub rows: u64,
    /// Bytes read and unpacked.
    pub bytes: u64,
}

impl Default for Limits {
    /// 10 s, 100 million rows, 4 GiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), rows: 100_000_000, bytes: 4 << 30 }
    }
}

/// A question cost all that it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    /// Too long.
    #[error("it took longer than {0:?}")]
    Time(Duration),
    /// Too many rows.
    #[error("it looked at more than {0} rows")]
    Rows(u64),
    /// Too many bytes.
    #[error("it read more than {0} bytes")]
    Bytes(u64),
    /// Whoever asked is gone.
    #[error("whoever asked is gone")]
    Cancelled,
}

/// What is left of what a question may cost.
#[derive(Debug, Clone)]
pub struct Budget {
    clock: Clock,
    limits: Limits,
    deadline: Instant,
    rows: u64,
    bytes: u64,
    cancelled: Arc<AtomicBool>,
}

impl Budget {
    /// A fresh budget: time runs from now.
    pub fn new(clock: &Clock, limits: Limits) -> Self {
        let deadline = clock.now() + limits.time;
        let cancelled = Arc::default();
        Self { clock: clock.clone(), limits, deadline, rows: 0, bytes: 0, cancelled }
    }

    /// What ends the question when it is set: give it to whoever notices that nobody waits.
    pub fn cancel(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// Accounts for rows looked at and bytes read, and looks at the clock. Call it for pieces of a
    /// few thousand rows: it asks the time.
    ///
    /// # Errors
    /// It is more than there may be.
    pub fn spend(&mut self, rows: u64, bytes: u64) -> Result<(), Spent> {
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.rows > self.limits.rows {
            return Err(Spent::Rows(self.limits.rows));
        }
        if self.bytes > self.limits.bytes {
            return Err(Spent::Bytes(self.limits.bytes));
        }
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Spent::Cancelled);
        }
        if self.clock.now() > self.deadline {
            return Err(Spent::Time(self.limits.time));
        }
        Ok(())
    }

    /// Rows looked at and bytes read so far.
    pub const fn spent(&self) -> (u64, u64) {
        (self.rows, self.bytes)
    }
}
