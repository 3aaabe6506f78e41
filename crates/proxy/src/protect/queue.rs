//! Waiting in the service's queue while every endpoint is at its limit.
//!
//! First come, first served among those of one priority. The wait ends with a slot, with the time
//! limit, or when no endpoint is left that could be waited for. Who leaves frees its place.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use trunkline_model::reason::{Fact, Kind, Reason};

use super::{Call, Progress};
use crate::balance::{InFlight, LiveEndpoint, Wants};
use crate::limits;

/// Least and greatest priority that a caller may ask for.
const PRIORITIES: std::ops::RangeInclusive<i8> = -10..=10;

/// Waits for a slot; `None` if there is nothing to wait for any more.
pub(super) async fn wait(
    call: &mut Call<'_>,
    progress: &mut Progress,
    only: Option<Arc<LiveEndpoint>>,
    changes: &mut watch::Receiver<()>,
) -> Result<Option<InFlight>, Reason> {
    let service = Arc::clone(call.service);
    let live = &service.live;
    let settings = &service.service.spread.queue;
    let max = usize::try_from(settings.max).unwrap_or(usize::MAX).min(limits::QUEUE_MAX);
    let wants = Wants { only: only.clone(), tried: progress.tried.clone() };
    let Some(mut waiting) = live.room.join(priority(call), wants, max) else {
        return Err(told(call, Kind::QueueFull).fact("max", number(max)));
    };
    // What became free before the place was taken was offered to nobody.
    live.offer();
    let begin = call.worker.clock.now();
    let left = settings.timeout.saturating_sub(progress.queued);
    let deadline = tokio::time::Instant::from_std(begin + left);
    loop {
        let look = deadline.min((call.worker.clock.now() + limits::QUEUE_LOOK).into());
        let slot = tokio::select! {
            biased;
            slot = waiting.slot() => slot,
            changed = changes.changed() => {
                let now = call.worker.clock.now();
                let hopeless = match &only {
                    Some(only) => !only.is_eligible(now),
                    None => !live.members().can_be_waited_for(&progress.tried, now),
                };
                if changed.is_err() || hopeless {
                    progress.queued += now.saturating_duration_since(begin);
                    return Ok(None);
                }
                continue;
            }
            () = tokio::time::sleep_until(look) => None,
        };
        let waited = call.worker.clock.now().saturating_duration_since(begin);
        if let Some(slot) = slot {
            progress.queued += waited;
            live.room.served(call.worker.index, progress.queued);
            return Ok(Some(slot));
        }
        if waited >= left {
            live.room.timed_out();
            let limit_ms = millis(settings.timeout);
            return Err(told(call, Kind::QueueTimeout).fact("limit_ms", Fact::Number(limit_ms)));
        }
        live.offer();
    }
}

/// The reason, with the length of the queue and the slots of all endpoints.
fn told(call: &Call<'_>, kind: Kind) -> Reason {
    let live = &call.service.live;
    let slots: u64 = live.members().endpoints.iter().map(|one| u64::from(one.limit())).sum();
    Reason::new(kind)
        .about(&call.service.service.name)
        .fact("waiting", number(live.room.length()))
        .fact("slots", Fact::Number(i64::try_from(slots).unwrap_or(i64::MAX)))
}

fn number(count: usize) -> Fact {
    Fact::Number(i64::try_from(count).unwrap_or(i64::MAX))
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What the request's header says, where it may, else what its route says.
pub(super) fn priority(call: &Call<'_>) -> i8 {
    let header = call.service.service.spread.queue.priority_header.as_ref();
    let told = header.and_then(|name| call.exchange.request.get_text(name.as_str()));
    let told = told.and_then(|text| text.trim().parse::<i8>().ok());
    told.map_or(call.limits.priority, |told| told.clamp(*PRIORITIES.start(), *PRIORITIES.end()))
}
