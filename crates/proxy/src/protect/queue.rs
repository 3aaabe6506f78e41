//! Waiting in the service's queue while every endpoint is at its limit.
//!
//! First come, first served among those of one priority. The wait ends with a slot, with the time
//! limit, or when no endpoint is left that could be waited for. Who leaves frees its place.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use trunkline_model::reason::{Fact, Kind, Reason};

use super::{Call, Progress};
use crate::balance::{InFlight, LiveEndpoint, Waited, Wants, places};

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
    let max = places(settings);
    let wants = Wants { only: only.clone(), tried: progress.tried.clone() };
    let Some(mut place) = live.room.join(priority(call), wants, max) else {
        return Err(told(call, Kind::QueueFull).fact("max", number(max)));
    };
    let clock = &call.worker.clock;
    let begin = clock.now();
    let deadline = begin + settings.timeout.saturating_sub(progress.queued);
    let is_hopeless = |now| match &only {
        Some(only) => !only.is_eligible(now),
        None => !live.members().can_be_waited_for(&progress.tried, now),
    };
    let waited = live.wait(&mut place, changes, (clock, deadline), is_hopeless).await;
    let queued = progress.queued + clock.now().saturating_duration_since(begin);
    match waited {
        Waited::Entered(slot) => {
            progress.queued = queued;
            live.room.served(call.worker.index, queued);
            Ok(Some(slot))
        }
        Waited::Hopeless => {
            progress.queued = queued;
            Ok(None)
        }
        Waited::TooLong => {
            live.room.timed_out();
            let limit_ms = millis(settings.timeout);
            Err(told(call, Kind::QueueTimeout).fact("limit_ms", Fact::Number(limit_ms)))
        }
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
