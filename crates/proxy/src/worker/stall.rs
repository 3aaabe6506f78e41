//! How late a worker comes back to its timer: the one number that tells whether anything blocks it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval_at};
use trunkline_rt::Clock;
use trunkline_rt::metrics::Histogram;

use crate::limits::STALL_TICK;

/// Measures for as long as the worker runs. tokio's timers have millisecond steps and never fire
/// early, so a free loop is up to one millisecond late.
pub(crate) async fn measure(clock: Clock, stall: Arc<Histogram>) {
    let mut due = clock.now() + STALL_TICK;
    let mut ticks = interval_at(due.into(), STALL_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = clock.now();
        stall.record(now.saturating_duration_since(due));
        due = now + STALL_TICK;
        ticks.reset_at(due.into());
    }
}

/// Keeps the documentation's promise honest: the tick is longer than a timer's step.
const _: () = assert!(STALL_TICK.as_millis() > Duration::from_millis(1).as_millis());
