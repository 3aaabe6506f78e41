//! The running state of policies: what breakers, bulkheads, adaptive limits and budgets know.
//!
//! One [`Shield`] for each service, and for each route, that has policies of its own; one per
//! process, exact over all workers. It lives in a registry beside the plan: a reload that leaves the
//! policies as they are keeps what is known. Its one lock is held for a few hundred instructions and
//! never over a wait. A request passes in the order of Resilience4j: breaker, then limits; what it
//! took is given back when its [`Pass`] is dropped, whatever became of it.

mod compiled;
mod event;
mod judging;
mod pass;
mod registry;
mod stats;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use trunkline_model::service::policies::Policies;
use trunkline_resilience::adaptive::Adaptive;
use trunkline_resilience::breaker::{self, Breaker, NotPermitted};
use trunkline_resilience::budget::Budget;
use trunkline_resilience::bulkhead::{Bulkhead, Entry};
use trunkline_resilience::queue::Priority;
use trunkline_resilience::retry::Ended;
use trunkline_resilience::shed::Class;
use trunkline_rt::Clock;
use trunkline_rt::metrics::Histogram;

use crate::limits;
use compiled::Compiled;
use event::Journal;

pub(crate) use judging::{Judged, What, grpc_status};
pub(crate) use pass::{Pass, Waiting};
pub(crate) use registry::Shields;

/// The policies of one target, at work.
#[derive(Debug)]
pub(crate) struct Shield {
    /// `orders`, or `orders/<route>` for policies that a route has of its own.
    pub(crate) name: Arc<str>,
    pub(crate) policies: Policies,
    pub(crate) compiled: Compiled,
    state: Mutex<State>,
    counted: Counted,
    journal: Arc<Journal>,
    clock: Clock,
    /// The origin of all times in the machines.
    origin: Instant,
}

#[derive(Debug)]
struct State {
    breaker: Option<Breaker>,
    bulkhead: Option<Bulkhead<oneshot::Sender<()>>>,
    adaptive: Option<Adaptive>,
    budget: Option<Budget>,
}

/// What is counted beside the machines.
#[derive(Debug, Default)]
struct Counted {
    /// Durations of calls that succeeded, failed, were ignored.
    calls: [Histogram; 3],
    not_permitted: AtomicU64,
    bulkhead_rejected: AtomicU64,
    adaptive_rejected: AtomicU64,
    shed: AtomicU64,
    /// What policies on trial would have refused.
    dry_run: AtomicU64,
    retries: [AtomicU64; Ended::ALL.len()],
    repeated: AtomicU64,
    budget_exhausted: AtomicU64,
    fallbacks: AtomicU64,
}

/// What one who asks to pass is told.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It passes.
    Passed(Pass),
    /// It waits for another to end.
    Waits(Waiting),
    /// It does not pass.
    Refused(Refusal),
}

/// Which policy refused, on what numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Refusal {
    /// The breaker, with its rates in percent and the time until it may be tried again.
    Breaker { state: breaker::State, metrics: breaker::Metrics, retry_after: Option<Duration> },
    /// The bulkhead, with its permits and how many wait.
    Bulkhead { max: u32, waiting: usize },
    /// The adaptive limit.
    Adaptive { limit: u32 },
    /// The class was shed: it may use so many places, of so many.
    Shed { class: Class, share: u32, limit: u32 },
}

impl Shield {
    fn new(name: Arc<str>, policies: &Policies, ground: &registry::Ground) -> Self {
        let compiled = Compiled::new(policies);
        let now = ground.clock.now().saturating_duration_since(ground.origin);
        let state = State {
            // What the configuration checks makes a breaker; anything else would protect nothing.
            breaker: compiled.breaker.and_then(|config| Breaker::new(config, now).ok()),
            bulkhead: compiled.bulkhead.map(Bulkhead::new),
            adaptive: compiled.adaptive.map(Adaptive::new),
            budget: compiled.budget.map(Budget::new),
        };
        Self {
            name,
            policies: policies.clone(),
            compiled,
            state: Mutex::new(state),
            counted: Counted::default(),
            journal: Arc::clone(&ground.journal),
            clock: ground.clock.clone(),
            origin: ground.origin,
        }
    }

    /// Asks to pass at `now`.
    pub(crate) fn admit(
        self: &Arc<Self>,
        now: Instant,
        priority: Priority,
        class: Class,
    ) -> Admission {
        let at = self.at(now);
        let mut state = self.lock();
        let permit = match self.through_breaker(&mut state, at) {
            Ok(permit) => permit,
            Err(refusal) => return Admission::Refused(refusal),
        };
        let mut pass = Pass::begun(self, permit, now);
        if let Err(refusal) = self.through_adaptive(&mut state, class, &mut pass) {
            drop(state);
            return Admission::Refused(refusal);
        }
        let Some(bulkhead) = &mut state.bulkhead else { return Admission::Passed(pass) };
        let max = bulkhead.config().max_concurrent_calls;
        let share = self.compiled.share(class, max);
        if bulkhead.running() >= share && share < max {
            let refusal = Refusal::Shed { class, share, limit: max };
            return self.refused(state, pass, refusal, &self.counted.shed);
        }
        let mut receiver = None;
        let entry = bulkhead.enter(priority, || {
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
                self.refused(state, pass, refusal, &self.counted.bulkhead_rejected)
            }
        }
    }

    /// A refusal of a bulkhead, which one on trial only counts.
    fn refused(
        &self,
        state: MutexGuard<'_, State>,
        pass: Pass,
        refusal: Refusal,
        counter: &AtomicU64,
    ) -> Admission {
        // A pass that is dropped takes the lock.
        drop(state);
        if self.compiled.dry_run.bulkhead {
            self.counted.dry_run.fetch_add(1, Ordering::Relaxed);
            return Admission::Passed(pass);
        }
        counter.fetch_add(1, Ordering::Relaxed);
        drop(pass);
        Admission::Refused(refusal)
    }

    fn through_breaker(
        &self,
        state: &mut State,
        at: Duration,
    ) -> Result<Option<breaker::Permit>, Refusal> {
        let Some(breaker) = &mut state.breaker else { return Ok(None) };
        let sink = &mut |event| self.journal.note(&self.name, &event);
        match breaker.try_acquire(at, sink) {
            Ok(permit) => Ok(Some(permit)),
            Err(_) if self.compiled.dry_run.breaker => {
                self.counted.dry_run.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Err(NotPermitted { state, retry_at }) => {
                self.counted.not_permitted.fetch_add(1, Ordering::Relaxed);
                let metrics = breaker.metrics(at);
                let retry_after = retry_at.map(|retry_at| retry_at.saturating_sub(at));
                Err(Refusal::Breaker { state, metrics, retry_after })
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
        if self.compiled.dry_run.adaptive {
            self.counted.dry_run.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if share < limit {
            self.counted.shed.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::Shed { class, share, limit });
        }
        self.counted.adaptive_rejected.fetch_add(1, Ordering::Relaxed);
        Err(Refusal::Adaptive { limit })
    }

    /// A call is made: it pays into the budget of repetitions.
    pub(crate) fn called(&self, now: Instant) {
        if let Some(budget) = &mut self.lock().budget {
            budget.deposit(self.at(now));
        }
    }

    /// Asks for a repetition.
    pub(crate) fn may_repeat(&self, now: Instant) -> bool {
        let granted = match &mut self.lock().budget {
            Some(budget) => budget.try_withdraw(self.at(now)),
            None => true,
        };
        let counter = if granted { &self.counted.repeated } else { &self.counted.budget_exhausted };
        counter.fetch_add(1, Ordering::Relaxed);
        granted
    }

    /// Notes how all attempts of a call ended.
    pub(crate) fn ended(&self, ended: Ended) {
        let index = Ended::ALL.iter().position(|known| *known == ended);
        if let Some(counter) = index.and_then(|index| self.counted.retries.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a caller got the fallback.
    pub(crate) fn fell_back(&self) {
        self.counted.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// The time as the machines know it.
    fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin)
    }

    /// Held for nanoseconds: it is worth looking some times more before a worker is put to sleep.
    fn lock(&self) -> MutexGuard<'_, State> {
        for _ in 0..limits::SHIELD_LOOKS {
            match self.state.try_lock() {
                Ok(state) => return state,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                // To look takes the line away from who holds it: not too often.
                Err(TryLockError::WouldBlock) => {
                    (0..limits::SHIELD_PAUSES).for_each(|_| std::hint::spin_loop());
                }
            }
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
