//! All shields, by name: they outlive every plan.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use trunkline_model::ops::{PolicyStats, ResilienceEvent};
use trunkline_model::service::policies::Policies;
use trunkline_model::{RouteId, ServiceName};
use trunkline_rt::Clock;

use super::Shield;
use super::event::Journal;
use crate::plan::Plan;

/// The registry.
#[derive(Debug)]
pub(crate) struct Shields {
    known: Mutex<HashMap<Arc<str>, Arc<Shield>>>,
    ground: Ground,
}

/// What every shield stands on.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) clock: Clock,
    pub(super) origin: Instant,
    pub(super) journal: Arc<Journal>,
}

impl Shields {
    pub(crate) fn new(clock: &Clock) -> Self {
        let journal = Arc::new(Journal::new(clock.clone()));
        let ground = Ground { clock: clock.clone(), origin: clock.now(), journal };
        Self { known: Mutex::default(), ground }
    }

    /// The shield of a service, or of a route to it; `None` without policies. One whose policies
    /// are the same keeps what it knows.
    pub(crate) fn get(
        &self,
        service: &ServiceName,
        route: Option<&RouteId>,
        policies: &Policies,
    ) -> Option<Arc<Shield>> {
        if policies.is_empty() {
            return None;
        }
        let name: Arc<str> = match route {
            None => service.to_string().into(),
            Some(route) => format!("{service}/{route}").into(),
        };
        let mut known = self.known();
        if let Some(shield) = known.get(&name).filter(|shield| shield.policies == *policies) {
            return Some(Arc::clone(shield));
        }
        let shield = Arc::new(Shield::new(Arc::clone(&name), policies, &self.ground));
        known.insert(name, Arc::clone(&shield));
        Some(shield)
    }

    /// Forgets what the plan in force does not have.
    pub(crate) fn retain(&self, plan: &Plan) {
        let services = plan.destinations.services.values();
        let of_services = services.filter_map(|service| service.shield.as_ref());
        let mut used: Vec<_> = of_services.map(Arc::as_ptr).collect();
        used.extend(plan.destinations.shields.values().map(Arc::as_ptr));
        self.known().retain(|_, shield| used.contains(&Arc::as_ptr(shield)));
    }

    /// The shield of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Shield>> {
        self.known().get(name).map(Arc::clone)
    }

    /// What all of them know, by name.
    pub(crate) fn stats(&self) -> Vec<PolicyStats> {
        let mut shields: Vec<_> = self.known().values().map(Arc::clone).collect();
        shields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        shields.iter().map(|shield| shield.stats()).collect()
    }

    /// Events with a number above `after`.
    pub(crate) fn events(&self, after: u64) -> Vec<ResilienceEvent> {
        self.ground.journal.after(after)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Shield>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
