//! All running state of services, by name: it outlives every plan.
//!
//! Management writes here (publishing, overrides, health); workers reach a service through the
//! plan, which holds it, and never look it up by name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_model::endpoint::EndpointSet;
use trunkline_model::ops::{EndpointOrder, EndpointOrders};
use trunkline_model::{EndpointId, ServiceName};

use super::{Ground, LiveEndpoint, LiveService};
use crate::limits;

/// The registry of services.
#[derive(Debug)]
pub(crate) struct Registry {
    services: Mutex<HashMap<ServiceName, Arc<LiveService>>>,
    orders: Mutex<HashMap<EndpointId, EndpointOrders>>,
    ground: Ground,
}

impl Registry {
    pub(crate) fn new(ground: Ground) -> Self {
        Self { services: Mutex::default(), orders: Mutex::default(), ground }
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
        let orders = self.orders().clone();
        let service = self.service(&service);
        service.publish(&endpoints, |id| orders.get(id).copied().unwrap_or_default())
    }

    /// Carries an order about an endpoint out; `false` if nobody has it. An order that is taken
    /// back is forgotten in any case.
    pub(crate) fn order(&self, id: &EndpointId, order: EndpointOrder) -> bool {
        let found = self.endpoint(id);
        let mut orders = self.orders();
        let known = orders.get(id).copied();
        let next = known.unwrap_or_default().with(order);
        if next.is_empty() {
            orders.remove(id);
        } else if known.is_some() || (found.is_some() && orders.len() < limits::OVERRIDES_MAX) {
            orders.insert(id.clone(), next);
        }
        drop(orders);
        let Some((service, endpoint)) = found else {
            return false;
        };
        endpoint.order(next);
        service.announce();
        true
    }

    /// Every order in force.
    pub(crate) fn all_orders(&self) -> Vec<(EndpointId, EndpointOrders)> {
        self.orders().iter().map(|(id, orders)| (id.clone(), *orders)).collect()
    }

    /// Takes orders from an earlier process; their endpoint may come later.
    pub(crate) fn import_orders(&self, id: EndpointId, imported: EndpointOrders) {
        if let Some((service, endpoint)) = self.endpoint(&id) {
            endpoint.order(imported);
            service.announce();
        }
        let mut orders = self.orders();
        if orders.len() < limits::OVERRIDES_MAX && !imported.is_empty() {
            orders.insert(id, imported);
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

    fn orders(&self) -> MutexGuard<'_, HashMap<EndpointId, EndpointOrders>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
