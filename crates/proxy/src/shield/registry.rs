//! All shields, by name: they outlive every plan.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use trunkline_model::ops::{PolicyStats, ResilienceEvent};
use trunkline_model::service::policies::Policies;
use trunkline_resilience::breaker::{State, Stay};
use trunkline_rt::Clock;

use super::Shield;
use super::event::Journal;
use super::per_endpoint::PerEndpoint;
use super::protection::Protection;
use crate::plan::Plan;

/// The registry.
#[derive(Debug)]
pub(crate) struct Shields {
    known: Mutex<Known>,
    ground: Ground,
}

#[derive(Debug, Default)]
struct Known {
    targets: HashMap<Arc<str>, Arc<Shield>>,
    endpoints: HashMap<Arc<str>, Arc<PerEndpoint>>,
    /// Those of a plan that is not in force yet, and may never be.
    next_targets: HashMap<Arc<str>, Arc<Shield>>,
    next_endpoints: HashMap<Arc<str>, Arc<PerEndpoint>>,
}

/// What every shield stands on.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) clock: Clock,
    pub(super) origin: Instant,
    pub(super) journal: Arc<Journal>,
}

/// Policies that somebody has, and what they are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) name: &'a str,
    pub(crate) policies: &'a Policies,
}

impl Shields {
    pub(crate) fn new(clock: &Clock) -> Self {
        let journal = Arc::new(Journal::new(clock.clone()));
        let ground = Ground { clock: clock.clone(), origin: clock.now(), journal };
        Self { known: Mutex::default(), ground }
    }

    /// What protects a way: `own` is what is said of it alone, `general` what is said of its service.
    /// `None` if nobody says anything.
    pub(crate) fn protection(
        &self,
        own: Option<Said<'_>>,
        general: Said<'_>,
    ) -> Option<Arc<Protection>> {
        let own = own.filter(|said| !said.policies.is_empty());
        let general = Some(general).filter(|said| !said.policies.is_empty());
        let closest = own.or(general)?;
        let in_force = match (own, general) {
            (Some(own), Some(general)) => own.policies.or(general.policies),
            _ => closest.policies.clone(),
        };
        let endpoints = in_force.of_endpoints();
        let endpoints = endpoints.admit().then(|| {
            let same = general.filter(|said| said.policies.of_endpoints() == endpoints);
            self.per_endpoint(same.unwrap_or(closest).name, &endpoints)
        });
        let shield = |said: Said<'_>| self.target(said.name, &said.policies.of_target());
        let own = own.map(|said| (shield(said), said.policies));
        let general = general.map(|said| (shield(said), said.policies));
        Some(Arc::new(Protection::new(own, general, endpoints)))
    }

    /// The shield of this name. One whose policies are the same keeps what it knows.
    fn target(&self, name: &str, policies: &Policies) -> Arc<Shield> {
        let mut known = self.known();
        let same = |shield: &&Arc<Shield>| shield.policies == *policies;
        for all in [&known.targets, &known.next_targets] {
            if let Some(shield) = all.get(name).filter(same) {
                return Arc::clone(shield);
            }
        }
        let name: Arc<str> = name.into();
        let shield = Arc::new(Shield::new(Arc::clone(&name), policies, &self.ground));
        known.next_targets.insert(name, Arc::clone(&shield));
        shield
    }

    fn per_endpoint(&self, name: &str, policies: &Policies) -> Arc<PerEndpoint> {
        let mut known = self.known();
        let same = |all: &&Arc<PerEndpoint>| all.policies == *policies;
        for known in [&known.endpoints, &known.next_endpoints] {
            if let Some(all) = known.get(name).filter(same) {
                return Arc::clone(all);
            }
        }
        let name: Arc<str> = name.into();
        let all = Arc::new(PerEndpoint::new(&name, policies, &self.ground));
        known.next_endpoints.insert(name, Arc::clone(&all));
        all
    }

    /// A plan is about to be made: what a former one brought that did not come into force is gone.
    pub(crate) fn begin(&self) {
        let mut known = self.known();
        known.next_targets.clear();
        known.next_endpoints.clear();
    }

    /// Takes over what the plan in force has, and forgets the rest.
    pub(crate) fn retain(&self, plan: &Plan) {
        let protections: Vec<_> = plan.destinations.protections().collect();
        let targets = protections.iter().flat_map(|one| one.shields());
        let endpoints = protections.iter().filter_map(|one| one.endpoints());
        let mut known = self.known();
        known.targets = targets.map(|one| (Arc::clone(&one.name), Arc::clone(one))).collect();
        known.endpoints = endpoints.map(|one| (Arc::clone(&one.name), Arc::clone(one))).collect();
        drop(known);
        let all = self.all();
        self.ground.journal.retain(|name| all.iter().any(|shield| *shield.name == *name));
    }

    /// The shield of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Shield>> {
        self.all().into_iter().find(|shield| *shield.name == *name)
    }

    /// How breakers are that are not closed.
    pub(crate) fn stays(&self) -> Vec<(String, Stay)> {
        let stay = |shield: &Arc<Shield>| Some((shield.name.to_string(), shield.stay()?));
        let stays = self.all().iter().filter_map(stay).collect::<Vec<_>>();
        stays.into_iter().filter(|(_, stay)| stay.state != State::Closed).collect()
    }

    /// Has breakers go on as they were in another process.
    pub(crate) fn resume(&self, stays: &[(String, Stay)]) {
        let known = self.known();
        let all: Vec<_> =
            known.targets.values().chain(known.next_targets.values()).cloned().collect();
        drop(known);
        for shield in all {
            let stay = stays.iter().find(|(name, _)| **name == *shield.name);
            if let Some((_, stay)) = stay {
                shield.resume(*stay);
            }
        }
    }

    /// What all of them know, by name.
    pub(crate) fn stats(&self) -> Vec<PolicyStats> {
        self.all().iter().map(|shield| shield.stats()).collect()
    }

    /// Events with a number above `after`.
    pub(crate) fn events(&self, after: u64) -> Vec<ResilienceEvent> {
        self.ground.journal.after(after)
    }

    /// All shields, by name.
    fn all(&self) -> Vec<Arc<Shield>> {
        let known = self.known();
        let mut all: Vec<_> = known.targets.values().map(Arc::clone).collect();
        all.extend(known.endpoints.values().flat_map(|endpoints| endpoints.all()));
        drop(known);
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
