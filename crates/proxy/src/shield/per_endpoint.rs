//! Policies with `scope: endpoint`: a shield for each endpoint of a service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_model::EndpointId;
use trunkline_model::service::policies::Policies;

use super::Shield;
use super::registry::Ground;
use crate::balance::{LiveEndpoint, LiveService};

/// Shields are made as endpoints are first asked about; those of endpoints that went are dropped when
/// there are this many more than endpoints.
const SPARE: usize = 16;

/// The shields of a service's endpoints.
#[derive(Debug)]
pub(crate) struct PerEndpoint {
    pub(super) name: Arc<str>,
    pub(super) policies: Policies,
    known: Mutex<HashMap<EndpointId, Arc<Shield>>>,
    ground: Ground,
}

impl PerEndpoint {
    pub(super) fn new(name: &Arc<str>, policies: &Policies, ground: &Ground) -> Self {
        Self {
            name: Arc::clone(name),
            policies: policies.clone(),
            known: Mutex::default(),
            ground: ground.clone(),
        }
    }

    /// The shield of an endpoint of `live`.
    pub(super) fn of(&self, live: &LiveService, endpoint: &LiveEndpoint) -> Arc<Shield> {
        let mut known = self.known();
        if let Some(shield) = known.get(&endpoint.id) {
            return Arc::clone(shield);
        }
        let members = live.members();
        if known.len() >= members.endpoints.len() + SPARE {
            known.retain(|id, _| members.endpoints.iter().any(|one| one.id == *id));
        }
        let name: Arc<str> = format!("{}@{}", self.name, endpoint.address).into();
        let shield = Arc::new(Shield::new(name, &self.policies, &self.ground));
        known.insert(endpoint.id.clone(), Arc::clone(&shield));
        shield
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Shield>> {
        self.known().values().map(Arc::clone).collect()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<EndpointId, Arc<Shield>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
