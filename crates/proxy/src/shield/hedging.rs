//! What a shield knows of hedges: when one is due, whether one may be made, how they ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Shield;

/// How calls with a hedge ended, as Resilience4j's events of it: who answered first.
#[derive(Debug, Default)]
pub(super) struct Hedges {
    /// Hedges that were made.
    pub(super) made: AtomicU64,
    /// Those of them that answered first.
    pub(super) won: AtomicU64,
    /// Those that the budget refused.
    pub(super) refused: AtomicU64,
}

impl Shield {
    /// After how long a hedge is due; `None` while that is not known.
    pub(crate) fn hedge_delay(&self) -> Option<Duration> {
        self.lock().hedge.as_ref().and_then(trunkline_resilience::hedge::Hedge::delay)
    }

    /// Notes how long a call took.
    pub(crate) fn took(&self, took: Duration) {
        if let Some(hedge) = &mut self.lock().hedge {
            hedge.record(took);
        }
    }

    /// Asks for a hedge, which is counted.
    pub(crate) fn may_hedge(&self, now: Instant) -> bool {
        let granted = match &mut self.lock().hedges {
            Some(budget) => budget.try_withdraw(self.at(now)),
            None => true,
        };
        let Hedges { made, refused, .. } = &self.counted.hedges;
        let on_trial = self.policies.hedge.as_ref().is_some_and(|hedge| hedge.dry_run);
        if granted && on_trial {
            self.counted.dry_run.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let counter = if granted { made } else { refused };
        counter.fetch_add(1, Ordering::Relaxed);
        granted
    }

    /// A hedge answered first.
    pub(crate) fn hedge_won(&self) {
        self.counted.hedges.won.fetch_add(1, Ordering::Relaxed);
    }
}
