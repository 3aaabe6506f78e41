//! Waiting in a service's room until a slot is there, or waiting has no point any more.

use std::time::Instant;

use tokio::sync::watch;
use trunkline_model::service::Queue;
use trunkline_rt::TurnClock;

use super::endpoint::InFlight;
use super::room::Waiting;
use super::service::LiveService;
use crate::limits;

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Waited {
    /// A slot, entered.
    Entered(InFlight),
    /// Nobody is left who could be waited for.
    Hopeless,
    /// The time limit passed.
    TooLong,
}

/// How many may wait.
pub(crate) fn places(queue: &Queue) -> usize {
    usize::try_from(queue.max).unwrap_or(usize::MAX).min(limits::QUEUE_MAX)
}

impl LiveService {
    /// Waits in this place until the deadline. Whenever something is announced, `is_hopeless` is
    /// asked, with the time.
    pub(crate) async fn wait(
        &self,
        place: &mut Waiting,
        changes: &mut watch::Receiver<()>,
        (clock, deadline): (&TurnClock, Instant),
        is_hopeless: impl Fn(Instant) -> bool,
    ) -> Waited {
        // What became free before the place was taken was offered to nobody.
        self.offer();
        loop {
            let look = deadline.min(clock.now() + limits::QUEUE_LOOK);
            let slot = tokio::select! {
                biased;
                slot = place.slot() => slot,
                changed = changes.changed() => {
                    if changed.is_err() || is_hopeless(clock.now()) {
                        return Waited::Hopeless;
                    }
                    continue;
                }
                () = tokio::time::sleep_until(look.into()) => None,
            };
            match slot {
                Some(slot) => return Waited::Entered(slot),
                None if clock.now() >= deadline => return Waited::TooLong,
                None => self.offer(),
            }
        }
    }
}
