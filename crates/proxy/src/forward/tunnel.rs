//! After a `101`: bytes both ways between caller and service.

use std::time::Duration;

use tokio::sync::oneshot;
use trunkline_rt::TurnClock;

use crate::carry::{Carried, Ended, Side, carry};

/// A side of a tunnel that may come: a connection is handed over once its head is sent.
#[derive(Debug)]
pub(crate) struct Upgrade(oneshot::Receiver<Side>);

impl Upgrade {
    /// A side that comes by the channel.
    pub(crate) fn channel() -> (oneshot::Sender<Side>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }
}

/// Joins both connections until the tunnel ends; `None` if one of them never came.
pub(crate) async fn tunnel(
    caller: Upgrade,
    service: Upgrade,
    (clock, idle): (&TurnClock, Duration),
    carried: &Carried,
) -> Option<Ended> {
    let (caller, service) = (caller.0.await.ok()?, service.0.await.ok()?);
    Some(carry(caller, service, (clock, idle), carried).await)
}
