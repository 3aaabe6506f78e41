//! Rates and calls, counted of every batch that is kept.
//!
//! They live as long as the process: what a restart forgets is at most a day of rates.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use trunkline_rt::Clock;
use trunkline_store::rollup::kept::Kept;
use trunkline_store::rollup::{Config, Mark, Rollups};

use super::Keeping;
use crate::exit::chain;

/// How often calls whose other side did not come are let go.
const EVERY: Duration = Duration::from_secs(1);

/// Rollups that nothing was counted in.
pub(super) fn open(clock: &Clock) -> Option<Arc<Rollups>> {
    let opened = Kept::in_memory().map_err(|error| chain(&error)).and_then(|keep| {
        let opened = Rollups::open(Config::default(), Arc::new(keep), clock.wall_nanos());
        opened.map_err(|error| chain(&error))
    });
    opened.map(Arc::new).inspect_err(|error| tracing::error!(error, "rates are not counted")).ok()
}

/// Keeps what was counted, every ten seconds.
pub(super) async fn tend_until(
    rollups: &Arc<Rollups>,
    clock: &Clock,
    end: impl Future<Output = ()>,
) {
    let mut end = std::pin::pin!(end);
    loop {
        tokio::select! {
            () = end.as_mut() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let (rollups, now) = (Arc::clone(rollups), clock.wall_nanos());
        let tended = tokio::task::spawn_blocking(move || rollups.maintain(now)).await;
        if let Ok(Err(error)) = tended {
            tracing::error!(error = %chain(&error), "rates are not kept");
        }
    }
}

impl Keeping {
    /// Counts a batch that was kept.
    pub(super) fn count(&self, batch: &[u8]) {
        if let Some(rollups) = &self.rollups {
            // Held over both: what comes with a lower number than the last is not counted again.
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            *counted += 1;
            rollups.take(Mark { file: 0, offset: *counted }, batch, self.clock.wall_nanos());
        }
    }
}
