//! What several processes share of policies: asked of the store before a call, told to it after.
//!
//! Each worker has a [`Tie`] to the store of the plan in force. The machines of this process go on
//! beside it, so that they know what to do when it is away.

mod held;
mod tie;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use trunkline_model::Cluster;
use trunkline_model::ops::BreakerOrder;
use trunkline_model::service::policies::{self, Policies};
use trunkline_net::tls::{ClientSettings, ClientTlsError, Roots, client_config};
use trunkline_resilience::breaker::{Event, State};
use trunkline_resilience::budget;
use trunkline_share::{Bulkhead, Change, Link, Order, Settings, Standing};

use super::Shield;
use super::compiled::Compiled;
use super::machines::Machines;
use crate::limits;

pub(super) use held::Held;
pub(super) use tie::Decided;
pub(crate) use tie::{Tie, Ties};

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

/// Where the store is, and whom to trust there.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) cluster: Cluster,
    tls: Option<Arc<ClientConfig>>,
}

impl Store {
    /// Reads the roots, where the store is spoken to by TLS.
    ///
    /// # Errors
    /// Roots that cannot be read.
    pub(crate) fn new(cluster: &Cluster) -> Result<Self, ClientTlsError> {
        let by_tls = cluster.url.starts_with("rediss://");
        let roots = cluster.ca.clone().map_or(Roots::System, |ca| Roots::Files(vec![ca]));
        let settings = ClientSettings { roots, ..ClientSettings::default() };
        let tls = by_tls.then(|| client_config(&settings)).transpose()?;
        Ok(Self { cluster: cluster.clone(), tls })
    }

    /// Whether it is the one that is wanted. Roots are read again: the file may be another.
    pub(crate) fn is_still(&self, wanted: &Cluster) -> bool {
        self.cluster == *wanted && self.tls.is_none()
    }

    /// A link to it.
    fn link(&self) -> Option<Link> {
        let Cluster { url, prefix, timeout, .. } = &self.cluster;
        let (url, prefix, tls) = (url.clone(), prefix.clone(), self.tls.clone());
        match Link::new(&Settings { url, tls, prefix, timeout: *timeout }) {
            Ok(link) => Some(link),
            Err(error) => {
                tracing::error!(%error, "no link to the store of the cluster can be made");
                None
            }
        }
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
    pub(crate) async fn order_all(&self, store: &Store, order: BreakerOrder) {
        // The one of this process, for when the store is away.
        let _ = self.order(order);
        let (Some(shared), Some(link)) = (&self.shared, store.link()) else { return };
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
