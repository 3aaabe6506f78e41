//! What is done with a connection or request that is too much.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use trunkline_model::guard::{Action, PerSource};
use trunkline_model::reason::{Fact, Kind, Reason};

use super::sources::{Over, Seat, Sources};
use super::{Guard, is_limited};
use crate::decode::Connection;
use crate::limits;
use crate::worker::Told;

/// How a connection that may not come in ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// With a reset.
    Refused,
    /// In silence.
    Dropped,
}

/// One of those that are held back, at most so many; counted until it is dropped.
struct Held<'a>(&'a Guard);

impl<'a> Held<'a> {
    fn one(guard: &'a Guard) -> Option<Self> {
        let before = guard.held.fetch_add(1, Ordering::Relaxed);
        let held = Self(guard);
        (before < limits::HELD_BACK_MAX).then_some(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a connection in, at once or after a while; `Ok(None)` where nothing is limited.
pub(crate) async fn admit(
    guard: &Arc<Guard>,
    connection: &Connection,
) -> Result<Option<Seat>, Leave> {
    let plan = connection.listening.plan();
    let source = connection.peer.address.ip();
    let settings = plan.model.guard.per_source.as_ref();
    let Some(settings) = settings.filter(|settings| is_limited(settings, source)) else {
        return Ok(None);
    };
    let mut left = settings.delay_max;
    loop {
        let over = match Sources::connect(guard, source, settings) {
            Ok(seat) => return Ok(Some(seat)),
            Err(over) => over,
        };
        match hold_back(guard, over, (settings.action, &mut left)).await {
            After::Again => {}
            After::Refused => return Err(Leave::Refused),
            After::Dropped => return Err(Leave::Dropped),
        }
    }
}

/// Lets a request in, at once or after a while, or says why not.
pub(crate) async fn allow(
    connection: &Connection,
    source: IpAddr,
    per_source: &PerSource,
) -> Result<(), Reason> {
    let guard = &connection.worker.guard;
    if !is_limited(per_source, source) {
        return Ok(());
    }
    let mut left = per_source.delay_max;
    loop {
        let Err(over) = Sources::request(guard, source, per_source) else {
            return Ok(());
        };
        match hold_back(guard, over, (per_source.action, &mut left)).await {
            After::Again => {}
            After::Refused => {
                let reason = Reason::new(Kind::SourceLimit);
                return Err(reason.fact("limit", Fact::Token(over.limit.as_str())));
            }
            After::Dropped => {
                connection.orders.tell(Told::Gone);
                // Its task is about to end, and this with it.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// What follows once something was held back.
enum After {
    /// It may be in time now.
    Again,
    Refused,
    Dropped,
}

/// Does what the settings want; `left` is how long it may still be delayed.
async fn hold_back(guard: &Guard, over: Over, (action, left): (Action, &mut Duration)) -> After {
    let refused = |action| {
        guard.limited(over.limit, action);
        After::Refused
    };
    match action {
        Action::Refuse => refused(action),
        Action::Drop => {
            guard.limited(over.limit, action);
            After::Dropped
        }
        Action::Delay => {
            let wait = over.wait.filter(|wait| wait <= left);
            let (Some(wait), Some(_held)) = (wait, Held::one(guard)) else {
                return refused(Action::Refuse);
            };
            guard.limited(over.limit, action);
            *left = left.saturating_sub(wait);
            tokio::time::sleep(wait).await;
            After::Again
        }
        Action::Tarpit => match Held::one(guard) {
            Some(_held) => {
                guard.limited(over.limit, action);
                tokio::time::sleep(limits::TARPIT_TIME).await;
                After::Refused
            }
            None => refused(Action::Refuse),
        },
    }
}
