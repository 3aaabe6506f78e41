//! A worker's tie to the store: what is asked with each call, and what is better done once a second.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use trunkline_model::Fail;
use trunkline_resilience::breaker::Metrics;
use trunkline_rt::{Policy, Scope};
use trunkline_share::{Admission, End, Lease, Link, Verdict};

use super::super::{Refusal, Shield};
use super::{Held, Shared, Store};
use crate::limits;

/// The tie of a worker, if its plan has one.
#[derive(Debug, Default)]
pub(crate) struct Ties(RefCell<Option<Rc<Tie>>>);

/// A worker's tie to the store.
#[derive(Debug)]
pub(crate) struct Tie {
    link: Link,
    store: Arc<Store>,
    pub(super) scope: Scope,
    /// Who asked, to be told how things are.
    known: RefCell<HashMap<Arc<str>, Known>>,
    /// Places that are held.
    places: RefCell<HashMap<u64, Place>>,
    next: Cell<u64>,
}

/// A place in a bulkhead, which is lost unless it is renewed.
#[derive(Debug, Clone)]
struct Place {
    shield: Arc<Shield>,
    lease: Lease,
    /// When it was last renewed.
    since: Instant,
}

#[derive(Debug)]
struct Known {
    shield: Arc<Shield>,
    /// Calls that were not told to its budget yet.
    calls: u32,
}

/// What the store said of a call.
pub(in crate::shield) enum Decided {
    /// It may be made, after the wait.
    Passed(Held, Duration),
    /// It may not.
    Refused(Refusal),
    /// The store is away: what this process knows decides.
    Alone,
}

impl Ties {
    /// The tie to this store, made if need be.
    pub(crate) fn to(&self, store: &Arc<Store>, scope: &Scope) -> Option<Rc<Tie>> {
        let mut tie = self.0.borrow_mut();
        if let Some(tie) = tie.as_ref().filter(|tie| Arc::ptr_eq(&tie.store, store)) {
            return Some(Rc::clone(tie));
        }
        let made = Tie::new(store, scope)?;
        let tending = tend(Rc::downgrade(&made), scope.clone());
        scope.spawn_local("cluster", Policy::Best, tending);
        *tie = Some(Rc::clone(&made));
        Some(made)
    }
}

impl Tie {
    fn new(store: &Arc<Store>, scope: &Scope) -> Option<Rc<Self>> {
        Some(Rc::new(Self {
            link: store.link()?,
            store: Arc::clone(store),
            scope: scope.clone(),
            known: RefCell::default(),
            places: RefCell::default(),
            next: Cell::new(0),
        }))
    }

    /// Asks for a call.
    pub(in crate::shield) async fn admit(
        self: &Rc<Self>,
        shield: &Arc<Shield>,
        shared: &Shared,
    ) -> Decided {
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
                match self.store.cluster.fail {
                    Fail::Open => Decided::Alone,
                    Fail::Closed => Decided::Refused(Refusal::Away),
                }
            }
        }
    }

    fn decided(self: &Rc<Self>, shield: &Arc<Shield>, verdict: Verdict) -> Decided {
        let counted = &shield.counted;
        let (refusal, counter, kind) = match verdict {
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
                (
                    Refusal::Breaker { state, metrics, retry_after },
                    &counted.not_permitted,
                    "NOT_PERMITTED",
                )
            }
            Verdict::Rate { limit, retry_after } => {
                let limiter = shield.policies.rate_limiter;
                let period = limiter.map_or(Duration::ZERO, |limiter| limiter.period);
                (
                    Refusal::RateLimiter { limit, period, retry_after },
                    &counted.rate_refused,
                    "FAILED_ACQUIRE",
                )
            }
            Verdict::Bulkhead { max, .. } => {
                (Refusal::Bulkhead { max, waiting: 0 }, &counted.bulkhead_rejected, "CALL_REJECTED")
            }
        };
        shield.refuses(counter, kind);
        Decided::Refused(refusal)
    }

    /// A call pays into the shared budget.
    pub(in crate::shield) fn called(&self, shield: &Arc<Shield>) {
        self.knows(shield, 1);
    }

    /// Asks the shared budget for a repetition.
    pub(in crate::shield) async fn withdraw(&self, shield: &Arc<Shield>) -> bool {
        let Some(shared) = &shield.shared else { return true };
        let Some(budget) = &shared.budget else { return true };
        let granted = self.link.withdraw(&shield.name, budget).await;
        shared.is_away(shield, granted.is_err());
        // The budget of this process was asked before.
        granted.unwrap_or(self.store.cluster.fail == Fail::Open)
    }

    /// A place in a bulkhead is taken, and kept until it is left.
    pub(super) fn take_place(&self, shield: &Arc<Shield>, lease: Lease) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        let place = Place { shield: Arc::clone(shield), lease, since: shield.clock.now() };
        self.places.borrow_mut().insert(number, place);
        number
    }

    pub(super) fn leave_place(&self, number: u64) {
        self.places.borrow_mut().remove(&number);
    }

    /// Tells how a call ended.
    pub(super) async fn tell(&self, shield: &Shield, end: End) {
        let Some(shared) = &shield.shared else { return };
        if let Ok(change) = self.link.done(&shield.name, &shared.policies, end).await {
            shield.changed(change);
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

    /// Keeps the places of calls that take long.
    async fn renew(&self) {
        let old = |place: &Place| {
            let age = place.shield.clock.now().saturating_duration_since(place.since);
            age > limits::LEASE_TIME / 3
        };
        let due: Vec<_> = {
            let places = self.places.borrow();
            let due = places.iter().filter(|(_, place)| old(place));
            due.map(|(number, place)| (*number, place.clone())).collect()
        };
        for (number, Place { shield, lease, .. }) in due {
            let Some(shared) = &shield.shared else { continue };
            let renewed = self.link.renew(&shield.name, &shared.policies, lease).await;
            if let (Ok(_), Some(place)) = (renewed, self.places.borrow_mut().get_mut(&number)) {
                place.since = shield.clock.now();
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
