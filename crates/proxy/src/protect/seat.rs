//! Where an attempt goes: the endpoint that the caller belongs to, or one that is picked, at once or
//! after a wait in the queue or for a start.
//!
//! What is returned is entered already: it counts against the endpoint's limit until it is dropped.

use std::sync::Arc;

use trunkline_model::reason::Reason;
use trunkline_model::service::Source;
use trunkline_net::http::Head;

use super::{Call, Progress, hold, nobody, queue};
use crate::balance::{Ask, InFlight, LiveEndpoint, bound_to, hash_of, set_cookie};
use crate::limits;

/// The hash that decides where the request goes, if one does.
pub(super) fn key(call: &Call<'_>) -> Option<u64> {
    let hash = call.service.service.spread.hash.as_ref()?;
    hash_of(&hash.key, call.exchange)
}

/// An endpoint that can take the request, entered. Almost every request finds one without waiting.
pub(super) fn at_once(call: &Call<'_>, progress: &Progress) -> Option<InFlight> {
    enter(call, progress, bound(call, progress).as_ref())
}

/// Waits for an endpoint that can take the request, and enters it.
pub(super) async fn wait(call: &mut Call<'_>, progress: &mut Progress) -> Result<InFlight, Reason> {
    let mut held = None;
    progress.waits_since = Some(call.worker.clock.now());
    // A process that ended takes nothing more, and its owner is about to say so.
    let lost = progress.last.is_some() && matches!(call.service.service.source, Source::Process(_));
    loop {
        let live = &Arc::clone(&call.service.live);
        // Subscribed before looking: a change between the two is seen.
        let mut changes = live.changes();
        let bound = self::bound(call, progress);
        if let Some(entered) = enter(call, progress, bound.as_ref()) {
            return Ok(entered);
        }
        let now = call.worker.clock.now();
        if bound.is_some() || live.members().can_be_waited_for(&progress.tried, now) {
            match queue::wait(call, progress, bound, &mut changes).await? {
                Some(entered) => return Ok(entered),
                None => continue,
            }
        }
        let starting = live.members().is_starting();
        if !starting && !lost {
            return Err(nobody(call, progress));
        }
        let limit = if starting { limits::HOLD_TIME } else { limits::NOTICE_TIME };
        let waited = hold::wait(call, &mut held, &mut changes, limit).await;
        waited.map_err(|reason| if starting { reason } else { nobody(call, progress) })?;
        progress.tried.clear();
    }
}

/// An endpoint for an attempt beside those at `used`, entered: another one, or one of them if there is
/// no other.
pub(super) fn beside(
    call: &Call<'_>,
    progress: &Progress,
    used: &[Arc<LiveEndpoint>],
) -> Option<InFlight> {
    let (worker, live) = (call.worker, &call.service.live);
    if live.room.is_waited_in() {
        return None;
    }
    let ask = |tried| Ask {
        service: live,
        key: progress.key,
        tried,
        now: worker.clock.now(),
        random: worker.random(),
    };
    worker.turns.enter(&ask(used)).or_else(|| worker.turns.enter(&ask(&progress.tried)))
}

/// The endpoint that the caller's cookie names.
fn bound(call: &Call<'_>, progress: &Progress) -> Option<Arc<LiveEndpoint>> {
    call.service.service.spread.affinity.as_ref()?;
    let now = call.worker.clock.now();
    let bound = bound_to(&call.service.live.members(), &call.exchange.request, now)?;
    let tried = progress.tried.iter().any(|known| Arc::ptr_eq(known, &bound));
    (!tried).then_some(bound)
}

/// Enters without waiting. Who comes while others wait does not overtake them.
fn enter(
    call: &Call<'_>,
    progress: &Progress,
    bound: Option<&Arc<LiveEndpoint>>,
) -> Option<InFlight> {
    let (worker, live) = (call.worker, &call.service.live);
    if let Some(bound) = bound {
        return if live.room.is_waited_in() { None } else { bound.try_enter() };
    }
    if live.room.is_waited_in_for_any() {
        return None;
    }
    let ask = Ask {
        service: live,
        key: progress.key,
        tried: &progress.tried,
        now: worker.clock.now(),
        random: worker.random(),
    };
    worker.turns.enter(&ask)
}

/// Binds the caller to the endpoint that answered, unless it is bound to it already.
pub(super) fn bind(call: &Call<'_>, endpoint: &Arc<LiveEndpoint>, response: &mut Head) {
    let Some(affinity) = &call.service.service.spread.affinity else {
        return;
    };
    let now = call.worker.clock.now();
    let known = bound_to(&call.service.live.members(), &call.exchange.request, now);
    if !known.is_some_and(|known| Arc::ptr_eq(&known, endpoint)) {
        let cookie = set_cookie(affinity, endpoint, call.exchange.scheme);
        response.append("set-cookie", cookie.as_bytes());
    }
}
