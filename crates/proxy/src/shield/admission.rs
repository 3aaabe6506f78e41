//! How a request passes the machines of one shield: breaker, rate limiter, limits of what runs at one
//! time. What it took is in its [`Pass`]; what a later machine refuses is given back by an earlier one.
//!
//! Machines that stand *beside* what several processes decide together let everything pass and tell
//! nothing: they know what to do when the others are away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;
use trunkline_resilience::breaker::{self, NotPermitted};
use trunkline_resilience::bulkhead::Entry;
use trunkline_resilience::rate_limiter::Reservation;
use trunkline_resilience::shed::Class;

use super::machines::Machines;
use super::{Admission, Asks, Pass, Refusal, Shield, State, Waiting};

impl Shield {
    /// Asks to pass these machines.
    pub(super) fn admit(self: &Arc<Self>, asks: Asks, machines: Machines) -> Admission {
        let at = self.at(asks.now);
        let mut state = self.lock();
        let mut pass = Pass::begun(self, asks.now);
        pass.is_beside(asks.beside);
        if machines.has(Machines::BREAKER) {
            match self.through_breaker(&mut state, at, asks.beside) {
                Ok(permit) => pass.holds_permit(permit),
                Err(refusal) => return Admission::Refused(refusal),
            }
        }
        if machines.has(Machines::RATE_LIMITER) {
            match self.through_limiter(&mut state, at, asks.beside) {
                Ok(Duration::ZERO) => {}
                Ok(wait) => return Admission::Delayed(pass, wait),
                Err(refusal) => {
                    // A pass that is dropped takes the lock.
                    drop(state);
                    return Admission::Refused(refusal);
                }
            }
        }
        self.through_limits(state, pass, asks, machines)
    }

    /// Goes on behind the rate limiter, after the wait that it asked for.
    pub(super) fn go_on(self: &Arc<Self>, pass: Pass, asks: Asks, machines: Machines) -> Admission {
        self.through_limits(self.lock(), pass, asks, machines)
    }

    fn through_limits(
        &self,
        mut state: MutexGuard<'_, State>,
        mut pass: Pass,
        asks: Asks,
        machines: Machines,
    ) -> Admission {
        if machines.has(Machines::ADAPTIVE)
            && let Err(refusal) = self.through_adaptive(&mut state, asks.class, &mut pass)
        {
            drop(state);
            return Admission::Refused(refusal);
        }
        if !machines.has(Machines::BULKHEAD) {
            return Admission::Passed(pass);
        }
        self.through_bulkhead(state, pass, asks)
    }

    fn through_bulkhead(
        &self,
        mut state: MutexGuard<'_, State>,
        mut pass: Pass,
        asks: Asks,
    ) -> Admission {
        let Some(bulkhead) = &mut state.bulkhead else { return Admission::Passed(pass) };
        let beside = asks.beside.has(Machines::BULKHEAD);
        if beside && bulkhead.available() == 0 {
            return Admission::Passed(pass);
        }
        let max = bulkhead.config().max_concurrent_calls;
        let share = self.compiled.share(asks.class, max);
        if bulkhead.running() >= share && share < max {
            let refusal = Refusal::Shed { class: asks.class, share, limit: max };
            return self.refused(state, pass, refusal, (&self.counted.shed, "SHED"));
        }
        let mut receiver = None;
        let entry = bulkhead.enter(asks.priority, || {
            let (sender, waits) = oneshot::channel();
            receiver = Some(waits);
            sender
        });
        match (entry, receiver) {
            (Entry::Permitted, _) => {
                pass.holds_bulkhead();
                Admission::Passed(pass)
            }
            (Entry::Waits(ticket), Some(receiver)) => {
                let limit = bulkhead.config().max_wait_duration;
                Admission::Waits(Waiting::new(pass, ticket, receiver, limit))
            }
            (Entry::Rejected | Entry::Waits(_), _) => {
                let refusal = Refusal::Bulkhead { max, waiting: bulkhead.waiting() };
                self.refused(
                    state,
                    pass,
                    refusal,
                    (&self.counted.bulkhead_rejected, "CALL_REJECTED"),
                )
            }
        }
    }

    /// A refusal of a bulkhead, which one on trial only counts.
    fn refused(
        &self,
        state: MutexGuard<'_, State>,
        pass: Pass,
        refusal: Refusal,
        (counter, kind): (&AtomicU64, &'static str),
    ) -> Admission {
        // A pass that is dropped takes the lock.
        drop(state);
        if self.is_on_trial(Machines::BULKHEAD) {
            return Admission::Passed(pass);
        }
        self.refuses(counter, kind);
        drop(pass);
        Admission::Refused(refusal)
    }

    /// Counts a refusal, and tells of it.
    pub(super) fn refuses(&self, counter: &AtomicU64, kind: &'static str) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.journal.refused(&self.name, kind);
    }

    /// Whether the machine refuses nothing; then that is counted.
    fn is_on_trial(&self, machine: Machines) -> bool {
        let on_trial = self.compiled.dry_run.has(machine);
        self.counted.dry_run.fetch_add(u64::from(on_trial), Ordering::Relaxed);
        on_trial
    }

    fn through_breaker(
        &self,
        state: &mut State,
        at: Duration,
        beside: Machines,
    ) -> Result<Option<breaker::Permit>, Refusal> {
        let Some(breaker) = &mut state.breaker else { return Ok(None) };
        let beside = beside.has(Machines::BREAKER);
        match breaker.try_acquire(at, &mut |event| self.note(&event, beside)) {
            Ok(permit) => Ok(Some(permit)),
            Err(_) if beside => Ok(None),
            Err(_) if self.is_on_trial(Machines::BREAKER) => Ok(None),
            Err(NotPermitted { state, retry_at }) => {
                self.refuses(&self.counted.not_permitted, "NOT_PERMITTED");
                let metrics = breaker.metrics(at);
                let retry_after = retry_at.map(|retry_at| retry_at.saturating_sub(at));
                Err(Refusal::Breaker { state, metrics, retry_after })
            }
        }
    }

    /// The wait for a permit, which is taken.
    fn through_limiter(
        &self,
        state: &mut State,
        at: Duration,
        beside: Machines,
    ) -> Result<Duration, Refusal> {
        let Some(limiter) = &mut state.limiter else { return Ok(Duration::ZERO) };
        let (limit, period) =
            (limiter.config().limit_for_period, limiter.config().limit_refresh_period);
        match limiter.reserve(1, at) {
            _ if beside.has(Machines::RATE_LIMITER) => Ok(Duration::ZERO),
            Reservation::After(wait) => {
                self.counted.rate_permitted.fetch_add(1, Ordering::Relaxed);
                Ok(wait)
            }
            Reservation::Refused(_) if self.is_on_trial(Machines::RATE_LIMITER) => {
                Ok(Duration::ZERO)
            }
            Reservation::Refused(retry_after) => {
                self.refuses(&self.counted.rate_refused, "FAILED_ACQUIRE");
                Err(Refusal::RateLimiter { limit, period, retry_after })
            }
        }
    }

    fn through_adaptive(
        &self,
        state: &mut State,
        class: Class,
        pass: &mut Pass,
    ) -> Result<(), Refusal> {
        let Some(adaptive) = &mut state.adaptive else { return Ok(()) };
        let limit = adaptive.limit();
        let share = self.compiled.share(class, limit);
        if adaptive.try_enter(share) {
            pass.holds_adaptive();
            return Ok(());
        }
        if self.is_on_trial(Machines::ADAPTIVE) {
            return Ok(());
        }
        if share < limit {
            self.refuses(&self.counted.shed, "SHED");
            return Err(Refusal::Shed { class, share, limit });
        }
        self.refuses(&self.counted.adaptive_rejected, "LIMIT_REJECTED");
        Err(Refusal::Adaptive { limit })
    }
}
