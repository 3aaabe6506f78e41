//! What several processes share of policies: asked of the store before a call, told to it after.
//!
//! Each worker has a [`Tie`] to the store of the plan in force. The machines of this process go on
//! beside it, so that they know what to do when it is away.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use trunkline_model::ops::BreakerOrder;
use trunkline_model::service::policies::{self, Policies};
use trunkline_model::{Cluster, Fail};
use trunkline_resilience::breaker::{Event, Metrics, Outcome, State};
use trunkline_resilience::budget;
use trunkline_rt::{Policy, Scope};
use trunkline_share::{
    Admission, Bulkhead, Change, End, Lease, Link, Order, Permit, Settings, Standing, Verdict,
};

use super::compiled::Compiled;
use super::machines::Machines;
use super::{Refusal, Shield};
use crate::limits;

/// The part of a shield that several processes share.
#[derive(Debug)]
pub(super) struct Shared {
    policies: trunkline_share::Policies,
    pub(super) machines: Machines,
    budget: Option<budget::Config>,
    /// As the store said last.
    standing: Mutex<Option<Standing>>,
    away: AtomicBool,
    /// Calls that were decided without the store.
    alone: AtomicU64,
}

impl Shared {
    /// What of these policies is shared; those on trial are not.
    pub(super) fn of(policies: &Policies, compiled: &Compiled) -> Option<Self> {
        let all = |shared| shared == policies::Shared::Cluster;
        let Policies { breaker, rate_limiter, bulkhead, retry, .. } = policies;
        let said = Policies {
            breaker: breaker.clone().filter(|one| all(one.shared) && !one.dry_run),
            rate_limiter: rate_limiter.filter(|one| all(one.shared) && !one.dry_run),
            bulkhead: bulkhead.filter(|one| all(one.shared) && !one.dry_run),
            ..Policies::default()
        };
        let budget = retry.as_ref().and_then(|retry| retry.budget).filter(|one| all(one.shared));
        let machines = Machines::of(&said);
        let asked = trunkline_share::Policies::new(
            compiled.breaker.filter(|_| said.breaker.is_some()),
            compiled.limiter.filter(|_| said.rate_limiter.is_some()),
            said.bulkhead
                .map(|bulkhead| Bulkhead { max: bulkhead.max_calls, lease: limits::LEASE_TIME }),
        );
        // What the configuration checks makes a breaker.
        let asked = asked.unwrap_or_default();
        (budget.is_some() || !machines.is_empty()).then(|| Self {
            policies: asked,
            machines,
            budget: budget.and(compiled.budget),
            standing: Mutex::default(),
            away: AtomicBool::new(false),
            alone: AtomicU64::new(0),
        })
    }

    /// As the store said last.
    pub(super) fn standing(&self) -> Option<Standing> {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store was away when it was last asked, and how many calls were decided without it.
    pub(super) fn alone(&self) -> (bool, u64) {
        (self.away.load(Ordering::Relaxed), self.alone.load(Ordering::Relaxed))
    }

    /// Whether repetitions are asked of the store.
    pub(super) fn has_budget(&self) -> bool {
        self.budget.is_some()
    }

    fn is_away(&self, shield: &Shield, away: bool) {
        if away {
            self.alone.fetch_add(1, Ordering::Relaxed);
        }
        if self.away.swap(away, Ordering::Relaxed) != away {
            let policy = &shield.name;
            if away {
                tracing::warn!(%policy, "the store of the cluster is away: what this process knows decides");
            } else {
                tracing::info!(%policy, "the store of the cluster answers again");
            }
        }
    }
}

/// The tie of a worker, if its plan has one.
#[derive(Debug, Default)]
pub(crate) struct Ties(RefCell<Option<Rc<Tie>>>);

/// A worker's tie to the store.
#[derive(Debug)]
pub(crate) struct Tie {
    link: Link,
    cluster: Cluster,
    scope: Scope,
    /// Who asked, to be told how things are.
    known: RefCell<HashMap<Arc<str>, Known>>,
    /// Places that are held, and since when they were last renewed.
    leases: RefCell<HashMap<u64, (Arc<Shield>, Lease, Instant)>>,
    next: std::cell::Cell<u64>,
}

#[derive(Debug)]
struct Known {
    shield: Arc<Shield>,
    /// Calls that were not told to its budget yet.
    calls: u32,
}

/// What the store said of a call.
pub(super) enum Decided {
    /// It may be made, after the wait.
    Passed(Held, Duration),
    /// It may not.
    Refused(Refusal),
    /// The store is away: what this process knows decides.
    Alone,
}

impl Ties {
    /// The tie to this store, made if need be.
    pub(crate) fn to(&self, cluster: &Cluster, scope: &Scope) -> Option<Rc<Tie>> {
        let mut tie = self.0.borrow_mut();
        if let Some(tie) = tie.as_ref().filter(|tie| tie.cluster == *cluster) {
            return Some(Rc::clone(tie));
        }
        let made = Tie::new(cluster, scope)?;
        let tending = tend(Rc::downgrade(&made), scope.clone());
        scope.spawn_local("cluster", Policy::Best, tending);
        *tie = Some(Rc::clone(&made));
        Some(made)
    }
}

/// A link to this store.
pub(crate) fn link(cluster: &Cluster) -> Option<Link> {
    let Cluster { url, prefix, timeout, .. } = cluster;
    let settings = Settings { url: url.clone(), prefix: prefix.clone(), timeout: *timeout };
    match Link::new(&settings) {
        Ok(link) => Some(link),
        Err(error) => {
            tracing::error!(%error, "no link to the store of the cluster can be made");
            None
        }
    }
}

impl Tie {
    fn new(cluster: &Cluster, scope: &Scope) -> Option<Rc<Self>> {
        Some(Rc::new(Self {
            link: link(cluster)?,
            cluster: cluster.clone(),
            scope: scope.clone(),
            known: RefCell::default(),
            leases: RefCell::default(),
            next: std::cell::Cell::new(0),
        }))
    }

    /// Asks for a call.
    pub(super) async fn admit(self: &Rc<Self>, shield: &Arc<Shield>, shared: &Shared) -> Decided {
        self.knows(shield, 0);
        match self.link.admit(&shield.name, &shared.policies).await {
            Ok(Admission { verdict, change }) => {
                shared.is_away(shield, false);
                shield.changed(change);
                self.decided(shield, verdict)
            }
            Err(away) => {
                tracing::debug!(policy = %shield.name, %away, "the store of the cluster was asked");
                shared.is_away(shield, true);
                match self.cluster.fail {
                    Fail::Open => Decided::Alone,
                    Fail::Closed => Decided::Refused(Refusal::Away),
                }
            }
        }
    }

    fn decided(self: &Rc<Self>, shield: &Arc<Shield>, verdict: Verdict) -> Decided {
        let counted = &shield.counted;
        let (refusal, counter) = match verdict {
            Verdict::Admitted { permit, wait } => {
                return Decided::Passed(Held::new(self, shield, permit), wait);
            }
            Verdict::Breaker(refused) => {
                let metrics = Metrics {
                    failure_rate: refused.failure_rate,
                    slow_call_rate: refused.slow_call_rate,
                    buffered: refused.buffered,
                    ..Metrics::default()
                };
                let (state, retry_after) = (refused.state, refused.retry_after);
                (Refusal::Breaker { state, metrics, retry_after }, &counted.not_permitted)
            }
            Verdict::Rate { limit, retry_after } => {
                let limiter = shield.policies.rate_limiter;
                let period = limiter.map_or(Duration::ZERO, |limiter| limiter.period);
                (Refusal::RateLimiter { limit, period, retry_after }, &counted.rate_refused)
            }
            Verdict::Bulkhead { max, .. } => {
                (Refusal::Bulkhead { max, waiting: 0 }, &counted.bulkhead_rejected)
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Decided::Refused(refusal)
    }

    /// A call pays into the shared budget.
    pub(super) fn called(&self, shield: &Arc<Shield>) {
        self.knows(shield, 1);
    }

    /// Asks the shared budget for a repetition.
    pub(super) async fn withdraw(&self, shield: &Arc<Shield>) -> bool {
        let Some(shared) = &shield.shared else { return true };
        let Some(budget) = &shared.budget else { return true };
        match self.link.withdraw(&shield.name, budget).await {
            Ok(granted) => {
                shared.is_away(shield, false);
                granted
            }
            Err(_) => {
                shared.is_away(shield, true);
                // The budget of this process was asked before.
                self.cluster.fail == Fail::Open
            }
        }
    }

    fn knows(&self, shield: &Arc<Shield>, calls: u32) {
        let mut known = self.known.borrow_mut();
        match known.get_mut(&shield.name) {
            Some(known) if Arc::ptr_eq(&known.shield, shield) => known.calls += calls,
            _ => {
                let of = Known { shield: Arc::clone(shield), calls };
                known.insert(Arc::clone(&shield.name), of);
            }
        }
    }

    /// Once a second: what is better not done for each call.
    async fn tend(&self) {
        // Who is away is asked again by those who have something to ask.
        let _ = self.link.tend().await;
        let due: Vec<_> = {
            let mut known = self.known.borrow_mut();
            // Only the tie still holds it: no plan does.
            known.retain(|_, known| Arc::strong_count(&known.shield) > 1);
            let take =
                |known: &mut Known| (Arc::clone(&known.shield), std::mem::take(&mut known.calls));
            known.values_mut().map(take).collect()
        };
        for (shield, calls) in due {
            let Some(shared) = &shield.shared else { continue };
            if let (Some(budget), 1..) = (&shared.budget, calls) {
                let _ = self.link.deposit(&shield.name, budget, calls).await;
            }
            if !shared.policies.is_empty()
                && let Ok(standing) = self.link.look(&shield.name, &shared.policies).await
            {
                *shared.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
            }
        }
        self.renew().await;
    }

    async fn renew(&self) {
        let due: Vec<_> = {
            let leases = self.leases.borrow();
            let old = |(_, (_, _, since)): &(&u64, &(Arc<Shield>, Lease, Instant))| {
                since.elapsed() > limits::LEASE_TIME / 3
            };
            let own = |(number, (shield, lease, _)): (&u64, &(Arc<Shield>, Lease, Instant))| {
                (*number, Arc::clone(shield), *lease)
            };
            leases.iter().filter(old).map(own).collect()
        };
        for (number, shield, lease) in due {
            let Some(shared) = &shield.shared else { continue };
            let renewed = self.link.renew(&shield.name, &shared.policies, lease).await;
            if let (Ok(_), Some((.., since))) = (renewed, self.leases.borrow_mut().get_mut(&number))
            {
                *since = Instant::now();
            }
        }
    }
}

async fn tend(tie: Weak<Tie>, scope: Scope) {
    loop {
        tokio::select! {
            () = scope.stopping() => return,
            () = tokio::time::sleep(limits::CLUSTER_TEND) => {}
        }
        let Some(tie) = tie.upgrade() else { return };
        tie.tend().await;
    }
}

/// What a call took of the store; it is told how the call ended, at the latest when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    tie: Rc<Tie>,
    shield: Arc<Shield>,
    permit: Option<Permit>,
    outcome: (Outcome, Duration),
    lease: Option<u64>,
}

impl Held {
    fn new(tie: &Rc<Tie>, shield: &Arc<Shield>, permit: Permit) -> Self {
        let shared = shield.shared.as_ref();
        let has_place = shared.is_some_and(|shared| shared.machines.has(Machines::BULKHEAD));
        let lease = has_place.then(|| {
            let number = tie.next.get();
            tie.next.set(number + 1);
            let of = (Arc::clone(shield), permit.lease(), Instant::now());
            tie.leases.borrow_mut().insert(number, of);
            number
        });
        let outcome = (Outcome::Ignored, Duration::ZERO);
        let (tie, shield) = (Rc::clone(tie), Arc::clone(shield));
        Self { tie, shield, permit: Some(permit), outcome, lease }
    }

    /// What the call came to. A place is held to the end of the answer's body.
    pub(super) fn judge(&mut self, outcome: Outcome, took: Duration) {
        self.outcome = (outcome, took);
        if self.lease.is_none() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.tie.leases.borrow_mut().remove(&lease);
        }
        let Some(permit) = self.permit.take() else { return };
        let ((outcome, took), tie) = (self.outcome, Rc::clone(&self.tie));
        let shield = Arc::clone(&self.shield);
        let scope = tie.scope.clone();
        scope.spawn_local_unlisted("cluster", async move {
            let Some(shared) = &shield.shared else { return };
            let end = End { permit, outcome, took };
            if let Ok(change) = tie.link.done(&shield.name, &shared.policies, end).await {
                shield.changed(change);
            }
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Shield {
    /// Tells what this process changed of the breaker that it shares.
    fn changed(&self, change: Option<Change>) {
        let Some(Change { from, to, failure_rate, slow_call_rate }) = change else { return };
        if let Some(rate) = failure_rate {
            self.journal.note(&self.name, &Event::FailureRateExceeded(rate));
        }
        if let Some(rate) = slow_call_rate {
            self.journal.note(&self.name, &Event::SlowCallRateExceeded(rate));
        }
        if from != to {
            self.journal.note(&self.name, &Event::StateTransition { from, to });
        }
    }

    /// Whether several processes share something of it.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Tells the store what a person orders of the breaker.
    pub(crate) async fn order_all(&self, cluster: &Cluster, order: BreakerOrder) {
        // The one of this process, for when the store is away.
        let _ = self.order(order);
        let (Some(shared), Some(link)) = (&self.shared, link(cluster)) else { return };
        if !shared.machines.has(Machines::BREAKER) {
            return;
        }
        let order = match order {
            BreakerOrder::ForceOpen => Order::Enter(State::ForcedOpen),
            BreakerOrder::Disable => Order::Enter(State::Disabled),
            BreakerOrder::MetricsOnly => Order::Enter(State::MetricsOnly),
            BreakerOrder::Close => Order::Enter(State::Closed),
            BreakerOrder::Reset => Order::Reset,
        };
        let mut told = Ok(None);
        for _ in 0..limits::ORDER_TRIES {
            let _ = link.tend().await;
            told = link.order(&self.name, &shared.policies, order).await;
            if told.is_ok() {
                break;
            }
        }
        match told {
            Ok(change) => self.changed(change),
            Err(error) => {
                tracing::error!(policy = %self.name, %error, "the cluster was not told what was ordered");
            }
        }
    }
}
