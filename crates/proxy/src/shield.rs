//! The running state of policies: what breakers, bulkheads, adaptive limits and budgets know.
//!
//! One [`Shield`] for each service, route and call that has policies of its own, and one for each
//! endpoint where policies say so; a [`Protection`] is all of them that one way leads through.
//! They are one per
//! process, exact over all workers. It lives in a registry beside the plan: a reload that leaves the
//! policies as they are keeps what is known. Its one lock is held for a few hundred instructions and
//! never over a wait. A request passes in the order of Resilience4j: breaker, then limits; what it
//! took is given back when its [`Pass`] is dropped, whatever became of it.

mod admission;
mod cluster;
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
use trunkline_resilience::breaker::{self, Breaker};
use trunkline_resilience::budget::Budget;
use trunkline_resilience::bulkhead::Bulkhead;
use trunkline_resilience::hedge::Hedge;
use trunkline_resilience::rate_limiter::Cycles;
use trunkline_resilience::retry::Ended;
use trunkline_resilience::shed::Class;
use trunkline_rt::Clock;
use trunkline_rt::metrics::Histogram;

use crate::limits;
use cluster::Shared;
use compiled::Compiled;
use event::Journal;
use hedging::Hedges;
use machines::Machines;

pub(crate) use cluster::{Store, Tie, Ties};
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
    /// What of it is one for several processes.
    shared: Option<Shared>,
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
    /// The store that processes share does not answer, and without it nobody passes.
    Away,
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
            shared: Shared::of(policies, &compiled),
            compiled,
            state: Mutex::new(state),
            counted: Counted::default(),
            journal: Arc::clone(&ground.journal),
            clock: ground.clock.clone(),
            origin: ground.origin,
        }
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
        if granted {
            self.counted.repeated.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refuses(&self.counted.budget_exhausted, "BUDGET_EXHAUSTED");
        }
    }

    /// Notes how all attempts of a call ended.
    pub(crate) fn ended(&self, ended: Ended) {
        let index = Ended::ALL.iter().position(|known| *known == ended);
        if let Some(counter) = index.and_then(|index| self.counted.retries.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether repetitions are asked of the store that processes share.
    fn has_shared_budget(&self) -> bool {
        self.shared.as_ref().is_some_and(Shared::has_budget)
    }

    /// Notes that a caller got the fallback.
    pub(crate) fn fell_back(&self) {
        self.counted.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells an event of its breaker, unless that only stands beside another.
    fn note(&self, event: &breaker::Event, beside: bool) {
        if !beside {
            self.journal.note(&self.name, event);
        }
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
