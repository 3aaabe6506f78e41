//! What a call took of the store, and how it is given back.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use trunkline_resilience::breaker::Outcome;
use trunkline_share::{End, Permit};

use super::super::Shield;
use super::super::machines::Machines;
use super::Tie;

/// What a call took of the store; it is told how the call ended, at the latest when this is dropped.
#[derive(Debug)]
pub(in crate::shield) struct Held {
    tie: Rc<Tie>,
    shield: Arc<Shield>,
    permit: Option<Permit>,
    outcome: (Outcome, Duration),
    place: Option<u64>,
}

impl Held {
    pub(super) fn new(tie: &Rc<Tie>, shield: &Arc<Shield>, permit: Permit) -> Self {
        let shared = shield.shared.as_ref();
        let has_place = shared.is_some_and(|shared| shared.machines.has(Machines::BULKHEAD));
        let place = has_place.then(|| tie.take_place(shield, permit.lease()));
        let outcome = (Outcome::Ignored, Duration::ZERO);
        let (tie, shield) = (Rc::clone(tie), Arc::clone(shield));
        Self { tie, shield, permit: Some(permit), outcome, place }
    }

    /// What the call came to. A place is held to the end of the answer's body.
    pub(in crate::shield) fn judge(&mut self, outcome: Outcome, took: Duration) {
        self.outcome = (outcome, took);
        if self.place.is_none() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if let Some(place) = self.place.take() {
            self.tie.leave_place(place);
        }
        let Some(permit) = self.permit.take() else { return };
        let ((outcome, took), tie) = (self.outcome, Rc::clone(&self.tie));
        let shield = Arc::clone(&self.shield);
        let scope = tie.scope.clone();
        scope.spawn_local_unlisted("cluster", async move {
            tie.tell(&shield, End { permit, outcome, took }).await;
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.tell();
    }
}
