//! All running state of services, by name: it outlives every plan.
//!
//! Management writes here (publishing, overrides, health); workers reach a service through the
//! plan, which holds it, and never look it up by name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_model::endpoint::{EndpointSet, EndpointState};
use trunkline_model::{EndpointId, ServiceName};

use super::{Ground, LiveEndpoint, LiveService};
use crate::limits;

/// The registry of services.
#[derive(Debug)]
pub(crate) struct Registry {
    services: Mutex<HashMap<ServiceName, Arc<LiveService>>>,
    overrides: Mutex<HashMap<EndpointId, EndpointState>>,
    ground: Ground,
}

impl Registry {
    pub(crate) fn new(ground: Ground) -> Self {
        Self { services: Mutex::default(), overrides: Mutex::default(), ground }
    }

    /// The service of this name, made if it is not known yet.
    pub(crate) fn service(&self, name: &ServiceName) -> Arc<LiveService> {
        let mut services = self.services();
        let service = services
            .entry(name.clone())
            .or_insert_with(|| Arc::new(LiveService::new(name.clone(), &self.ground)));
        Arc::clone(service)
    }

    /// The service of this name, if it is known.
    pub(crate) fn find(&self, name: &ServiceName) -> Option<Arc<LiveService>> {
        self.services().get(name).map(Arc::clone)
    }

    /// All services.
    pub(crate) fn all(&self) -> Vec<Arc<LiveService>> {
        self.services().values().map(Arc::clone).collect()
    }

    /// Forgets a service that no plan has any more.
    pub(crate) fn forget(&self, name: &ServiceName) {
        self.services().remove(name);
    }

    /// Replaces the endpoints of a service. Returns the lives that ended by it.
    pub(crate) fn publish(&self, set: EndpointSet) -> Vec<u64> {
        let EndpointSet { service, endpoints } = set;
        let overrides = self.overrides().clone();
        let service = self.service(&service);
        service.publish(&endpoints, |id| overrides.get(id).copied())
    }

    /// Overrides the state of an endpoint, or takes the override away; `false` if nobody has it.
    pub(crate) fn set_override(&self, id: &EndpointId, state: Option<EndpointState>) -> bool {
        let found = self.endpoint(id);
        let mut overrides = self.overrides();
        match state {
            Some(state) if found.is_some() && overrides.len() < limits::OVERRIDES_MAX => {
                overrides.insert(id.clone(), state);
            }
            Some(_) => {}
            None => drop(overrides.remove(id)),
        }
        drop(overrides);
        let Some((service, endpoint)) = found else {
            return false;
        };
        endpoint.override_state(state);
        service.announce();
        true
    }

    /// Every override.
    pub(crate) fn all_overrides(&self) -> Vec<(EndpointId, EndpointState)> {
        self.overrides().iter().map(|(id, state)| (id.clone(), *state)).collect()
    }

    /// Takes an override from an earlier process; its endpoint may come later.
    pub(crate) fn import_override(&self, id: EndpointId, state: EndpointState) {
        if !self.set_override(&id, Some(state)) {
            let mut overrides = self.overrides();
            if overrides.len() < limits::OVERRIDES_MAX {
                overrides.insert(id, state);
            }
        }
    }

    /// The endpoint of this id, with its service.
    pub(crate) fn endpoint(
        &self,
        id: &EndpointId,
    ) -> Option<(Arc<LiveService>, Arc<LiveEndpoint>)> {
        self.all().into_iter().find_map(|service| {
            let members = service.members();
            let endpoint = members.endpoints.iter().find(|endpoint| endpoint.id == *id);
            endpoint.map(|endpoint| (Arc::clone(&service), Arc::clone(endpoint)))
        })
    }

    fn services(&self) -> MutexGuard<'_, HashMap<ServiceName, Arc<LiveService>>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overrides(&self) -> MutexGuard<'_, HashMap<EndpointId, EndpointState>> {
        self.overrides.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
