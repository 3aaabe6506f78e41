//! The running state of policies: what breakers, bulkheads, adaptive limits and budgets know.
//!
//! One [`Shield`] for each service, route and call that has policies of its own, and one for each
//! endpoint where policies say so; a [`Protection`] is all of them that one way leads through.
//! They are one per
//! process, exact over all workers. It lives in a registry beside the plan: a reload that leaves the
//! policies as they are keeps what is known. Its one lock is held for a few hundred instructions and
//! never over a wait. A request passes in the order of Resilience4j: breaker, then limits; what it
//! took is given back when its [`Pass`] is dropped, whatever became of it.

mod compiled;
mod event;
mod hedging;
mod judging;
mod machines;
mod pass;
mod per_endpoint;
mod protection;
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
use trunkline_resilience::hedge::Hedge;
use trunkline_resilience::rate_limiter::{Cycles, Reservation};
use trunkline_resilience::retry::Ended;
use trunkline_resilience::shed::Class;
use trunkline_rt::Clock;
use trunkline_rt::metrics::Histogram;

use crate::limits;
use compiled::Compiled;
use event::Journal;
use hedging::Hedges;
use machines::Machines;

pub(crate) use judging::{Judged, What, grpc_status};
pub(crate) use pass::{Pass, Waiting};
pub(crate) use protection::{Asks, Protection, Refused};
pub(crate) use registry::{Said, Shields};

/// The policies of one target, at work.
#[derive(Debug)]
pub(crate) struct Shield {
    /// `orders`; `orders/<route>` for policies that a route has of its own, `web->orders` for those
    /// of a call; with `@<address>` for those of an endpoint.
    pub(crate) name: Arc<str>,
    pub(crate) policies: Policies,
    /// The machines that a request passes.
    machines: Machines,
    compiled: Compiled,
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
    limiter: Option<Cycles>,
    budget: Option<Budget>,
    hedge: Option<Hedge>,
    /// The budget of hedges.
    hedges: Option<Budget>,
}

/// What is counted beside the machines.
#[derive(Debug, Default)]
struct Counted {
    /// Durations of calls that succeeded, failed, were ignored.
    calls: [Histogram; 3],
    not_permitted: AtomicU64,
    rate_permitted: AtomicU64,
    rate_refused: AtomicU64,
    bulkhead_rejected: AtomicU64,
    adaptive_rejected: AtomicU64,
    shed: AtomicU64,
    /// What policies on trial would have refused.
    dry_run: AtomicU64,
    retries: [AtomicU64; Ended::ALL.len()],
    repeated: AtomicU64,
    budget_exhausted: AtomicU64,
    hedges: Hedges,
    fallbacks: AtomicU64,
}

/// What one who asks to pass is told.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It passes.
    Passed(Pass),
    /// It passes the rate limiter after this time.
    Delayed(Pass, Duration),
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
    /// The rate limiter, with its rate and the time until a permit would be there.
    RateLimiter { limit: u32, period: Duration, retry_after: Duration },
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
            limiter: compiled.limiter.map(|config| Cycles::new(config, now)),
            budget: compiled.budget.map(Budget::new),
            hedge: compiled.hedge.map(Hedge::new),
            hedges: compiled.hedges.map(Budget::new),
        };
        Self {
            name,
            policies: policies.clone(),
            machines: Machines::of(policies),
            compiled,
            state: Mutex::new(state),
            counted: Counted::default(),
            journal: Arc::clone(&ground.journal),
            clock: ground.clock.clone(),
            origin: ground.origin,
        }
    }

    /// Asks to pass these machines.
    pub(crate) fn admit(self: &Arc<Self>, asks: Asks, machines: Machines) -> Admission {
        let at = self.at(asks.now);
        let mut state = self.lock();
        let mut pass = Pass::begun(self, asks.now);
        if machines.has(Machines::BREAKER) {
            match self.through_breaker(&mut state, at) {
                Ok(permit) => pass.holds_permit(permit),
                Err(refusal) => return Admission::Refused(refusal),
            }
        }
        if machines.has(Machines::RATE_LIMITER) {
            match self.through_limiter(&mut state, at) {
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
    pub(crate) fn go_on(self: &Arc<Self>, pass: Pass, asks: Asks, machines: Machines) -> Admission {
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
        let max = bulkhead.config().max_concurrent_calls;
        let share = self.compiled.share(asks.class, max);
        if bulkhead.running() >= share && share < max {
            let refusal = Refusal::Shed { class: asks.class, share, limit: max };
            return self.refused(state, pass, refusal, &self.counted.shed);
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
        if self.is_on_trial(Machines::BULKHEAD) {
            return Admission::Passed(pass);
        }
        counter.fetch_add(1, Ordering::Relaxed);
        drop(pass);
        Admission::Refused(refusal)
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
    ) -> Result<Option<breaker::Permit>, Refusal> {
        let Some(breaker) = &mut state.breaker else { return Ok(None) };
        let sink = &mut |event| self.journal.note(&self.name, &event);
        match breaker.try_acquire(at, sink) {
            Ok(permit) => Ok(Some(permit)),
            Err(_) if self.is_on_trial(Machines::BREAKER) => Ok(None),
            Err(NotPermitted { state, retry_at }) => {
                self.counted.not_permitted.fetch_add(1, Ordering::Relaxed);
                let metrics = breaker.metrics(at);
                let retry_after = retry_at.map(|retry_at| retry_at.saturating_sub(at));
                Err(Refusal::Breaker { state, metrics, retry_after })
            }
        }
    }

    /// The wait for a permit, which is taken.
    fn through_limiter(&self, state: &mut State, at: Duration) -> Result<Duration, Refusal> {
        let Some(limiter) = &mut state.limiter else { return Ok(Duration::ZERO) };
        let (limit, period) =
            (limiter.config().limit_for_period, limiter.config().limit_refresh_period);
        match limiter.reserve(1, at) {
            Reservation::After(wait) => {
                self.counted.rate_permitted.fetch_add(1, Ordering::Relaxed);
                Ok(wait)
            }
            Reservation::Refused(_) if self.is_on_trial(Machines::RATE_LIMITER) => {
                Ok(Duration::ZERO)
            }
            Reservation::Refused(retry_after) => {
                self.counted.rate_refused.fetch_add(1, Ordering::Relaxed);
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
            self.counted.shed.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::Shed { class, share, limit });
        }
        self.counted.adaptive_rejected.fetch_add(1, Ordering::Relaxed);
        Err(Refusal::Adaptive { limit })
    }

    /// A call is made: it pays into the budgets of repetitions and of hedges.
    pub(super) fn called(&self, now: Instant) {
        if self.compiled.budget.is_none() && self.compiled.hedges.is_none() {
            return;
        }
        let at = self.at(now);
        let mut state = self.lock();
        let State { budget, hedges, .. } = &mut *state;
        budget.iter_mut().chain(hedges).for_each(|budget| budget.deposit(at));
    }

    /// Asks its budget for a repetition.
    pub(super) fn may_repeat(&self, now: Instant) -> bool {
        match &mut self.lock().budget {
            Some(budget) => budget.try_withdraw(self.at(now)),
            None => true,
        }
    }

    /// Notes whether a repetition that was worth it is made.
    pub(super) fn repeats(&self, granted: bool) {
        let counter = if granted { &self.counted.repeated } else { &self.counted.budget_exhausted };
        counter.fetch_add(1, Ordering::Relaxed);
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
