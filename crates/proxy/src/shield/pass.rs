//! What one attempt took of its policies; dropping it gives everything back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use trunkline_resilience::adaptive::Sample;
use trunkline_resilience::breaker::{Outcome, Permit};
use trunkline_resilience::queue::Ticket;

use super::cluster::Held;
use super::judging::{Judged, What};
use super::machines::Machines;
use super::{Refusal, Shield, State};

/// An attempt that passed.
#[derive(Debug)]
pub(crate) struct Pass {
    shield: Arc<Shield>,
    permit: Option<Permit>,
    bulkhead: bool,
    adaptive: bool,
    sample: Sample,
    began: Instant,
    /// What it took of the policies before these.
    before: Option<Box<Self>>,
    /// What it took of what several processes share.
    shared: Option<Held>,
    /// Machines that only stand beside those.
    beside: Machines,
}

/// An attempt that waits for the bulkhead.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// `None` once it is handed out.
    pass: Option<Pass>,
    ticket: Ticket,
    turn: oneshot::Receiver<()>,
    limit: Duration,
}

impl Pass {
    pub(super) fn begun(shield: &Arc<Shield>, now: Instant) -> Self {
        let (shield, sample) = (Arc::clone(shield), Sample::Ignored);
        Self {
            shield,
            permit: None,
            bulkhead: false,
            adaptive: false,
            sample,
            began: now,
            before: None,
            shared: None,
            beside: Machines::default(),
        }
    }

    pub(super) fn is_beside(&mut self, machines: Machines) {
        self.beside = machines;
    }

    pub(super) fn holds_shared(&mut self, held: Held) {
        self.shared = Some(held);
    }

    /// The same, with what was taken of other policies before.
    pub(crate) fn behind(mut self, before: Option<Box<Self>>) -> Self {
        self.before = before;
        self
    }

    pub(super) fn holds_permit(&mut self, permit: Option<Permit>) {
        self.permit = permit;
    }

    pub(super) fn holds_bulkhead(&mut self) {
        self.bulkhead = true;
    }

    pub(super) fn holds_adaptive(&mut self) {
        self.adaptive = true;
    }

    /// Tells the policies what the attempt came to; its places are held on to.
    pub(crate) fn judge(&mut self, what: What, now: Instant) {
        if let Some(before) = &mut self.before {
            before.judge(what, now);
        }
        let took = now.saturating_duration_since(self.began);
        self.sample = what.sample(took);
        let Some(policy) = &self.shield.policies.breaker else {
            return;
        };
        let permit = self.permit.take();
        if permit.is_none() && self.shared.is_none() {
            return;
        }
        let judged = what.judge(&policy.failures);
        let outcome = match judged {
            Judged::Success => Outcome::Success,
            Judged::Failure => Outcome::Error,
            Judged::Nothing => Outcome::Ignored,
        };
        let [successful, failed, ignored] = &self.shield.counted.calls;
        match judged {
            Judged::Success => successful.record(took),
            Judged::Failure => failed.record(took),
            Judged::Nothing => ignored.record(took),
        }
        if let Some(held) = &mut self.shared {
            held.judge(outcome, took);
        }
        let (shield, beside) = (&self.shield, self.beside.has(Machines::BREAKER));
        let at = shield.at(now);
        if let (Some(breaker), Some(permit)) = (&mut shield.lock().breaker, permit) {
            breaker.on_result(permit, outcome, took, at, &mut |event| shield.note(&event, beside));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let permit = self.permit.take();
        if permit.is_none() && !self.bulkhead && !self.adaptive {
            return;
        }
        let shield = &self.shield;
        let mut state = shield.lock();
        if let (Some(permit), Some(breaker)) = (permit, &mut state.breaker) {
            breaker.release(permit);
        }
        if let (true, Some(adaptive)) = (self.adaptive, &mut state.adaptive) {
            adaptive.leave(self.sample, shield.at(shield.clock.now()));
        }
        if self.bulkhead {
            leave(&mut state);
        }
    }
}

/// Gives a place of the bulkhead to the next. It is told under the lock: who finds itself out of the
/// queue has been told.
fn leave(state: &mut State) {
    let Some(bulkhead) = &mut state.bulkhead else { return };
    let mut next = bulkhead.leave();
    while let Some(turn) = next {
        if turn.send(()).is_ok() {
            return;
        }
        next = bulkhead.leave();
    }
}

impl Waiting {
    pub(super) fn new(
        pass: Pass,
        ticket: Ticket,
        turn: oneshot::Receiver<()>,
        limit: Duration,
    ) -> Self {
        Self { pass: Some(pass), ticket, turn, limit }
    }

    /// Waits for its turn.
    pub(crate) async fn turn(mut self) -> Result<Pass, Refusal> {
        let turn = tokio::time::timeout(self.limit, &mut self.turn).await;
        let Some(mut pass) = self.pass.take() else {
            return Err(Refusal::Bulkhead { max: 0, waiting: 0 });
        };
        if matches!(turn, Ok(Ok(()))) {
            pass.holds_bulkhead();
            return Ok(pass);
        }
        let (max, waiting, told) = self.give_up(&pass.shield);
        if told {
            // Its turn came in the last moment.
            pass.holds_bulkhead();
            return Ok(pass);
        }
        pass.shield.refuses(&pass.shield.counted.bulkhead_rejected, "CALL_REJECTED");
        Err(Refusal::Bulkhead { max, waiting })
    }

    /// Leaves the queue. Permits, how many wait, and whether its turn has come meanwhile.
    fn give_up(&self, shield: &Shield) -> (u32, usize, bool) {
        let mut state = shield.lock();
        let Some(bulkhead) = &mut state.bulkhead else { return (0, 0, false) };
        let told = !bulkhead.give_up(self.ticket);
        (bulkhead.config().max_concurrent_calls, bulkhead.waiting(), told)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(mut pass) = self.pass.take()
            && self.give_up(&Arc::clone(&pass.shield)).2
        {
            pass.holds_bulkhead();
        }
    }
}
