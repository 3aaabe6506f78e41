//! Holding a request while an endpoint is coming up, instead of refusing it.
//!
//! Within limits of time, number and bytes; who exceeds one is told `starting` at once. A held
//! request costs its head and what the transport has buffered: its body is not read.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use trunkline_model::reason::{Fact, Kind, Reason};

use super::Call;
use crate::balance::Held;
use crate::limits;

/// A hold that began.
#[derive(Debug)]
pub(super) struct Hold {
    _held: Held,
    begin: Instant,
}

/// Waits until what is known of the endpoints changes, at most until `limit` after the first wait.
pub(super) async fn wait(
    call: &Call<'_>,
    hold: &mut Option<Hold>,
    changes: &mut watch::Receiver<()>,
    limit: Duration,
) -> Result<(), Reason> {
    let refuse = |limit| {
        let reason = Reason::new(Kind::Starting).about(&call.service.service.name);
        Err(reason.fact("limit", Fact::Token(limit)))
    };
    if hold.is_none() {
        let Some(guard) = call.service.live.hold(bytes(call)) else {
            return refuse("requests");
        };
        *hold = Some(Hold { _held: guard, begin: call.worker.clock.now() });
    }
    let Some(until) = hold.as_ref().map(|hold| (hold.begin + limit).into()) else {
        return refuse("requests");
    };
    match tokio::time::timeout_at(until, changes.changed()).await {
        Ok(Ok(())) => Ok(()),
        _ => refuse("time"),
    }
}

/// What the held request costs at most.
fn bytes(call: &Call<'_>) -> u64 {
    let head: usize =
        call.exchange.request.fields().map(|(name, value)| name.len() + value.len()).sum();
    let body = call.body.bytes_max();
    head as u64 + body.min(limits::HOLD_BODY_BYTES_MAX)
}
