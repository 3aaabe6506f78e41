//! Running state as plain data, for the process that takes over.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use trunkline_model::EndpointId;
use trunkline_model::ops::EndpointOrders;
use trunkline_net::tls::ExportedKey;
use trunkline_resilience::breaker::Stay;

use super::Proxy;

/// What an upgrade hands over: what people and checks have said of endpoints, and how
/// breakers are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// What people have ordered.
    pub orders: Vec<(EndpointId, EndpointOrders)>,
    /// Endpoints that active checks found healthy: they need no first check.
    pub healthy: Vec<EndpointId>,
    /// Endpoints that active checks found unhealthy, with what the last failed check said.
    pub unhealthy: Vec<(EndpointId, String)>,
    /// Ejected endpoints, and for how long still.
    pub ejected: Vec<(EndpointId, Duration)>,
    /// Keys that seal the sessions of TLS callers, the newest first.
    pub tickets: Vec<ExportedKey>,
    /// Breakers that are not closed, by the name of their policy.
    pub breakers: Vec<(String, Stay)>,
}

impl Proxy {
    /// The state now.
    pub fn export_state(&self) -> State {
        let now = self.inner.clock.now();
        let registry = &self.inner.parts.registry;
        let mut state = State {
            orders: registry.all_orders(),
            tickets: self.certificates().tickets.export(),
            breakers: self.inner.parts.shields.stays(),
            ..State::default()
        };
        for service in registry.all() {
            for endpoint in &service.members().endpoints {
                if endpoint.passes_checks() {
                    state.healthy.push(endpoint.id.clone());
                } else {
                    let error = endpoint.health_error().unwrap_or_default().into();
                    state.unhealthy.push((endpoint.id.clone(), error));
                }
                if let Some(left) = endpoint.ejected_for(now) {
                    state.ejected.push((endpoint.id.clone(), left));
                }
            }
        }
        state
    }

    /// Takes the state of an earlier process over, with the next commit: before the first request
    /// meets an endpoint.
    pub fn inherit_state(&self, state: State) {
        self.running().inherited_state = Some(state);
    }

    /// Takes it over at once. Endpoints that are not published yet keep only their orders.
    pub fn import_state(&self, state: &State) {
        let now = self.inner.clock.now();
        let registry = &self.inner.parts.registry;
        self.certificates().tickets.import(&state.tickets);
        self.inner.parts.shields.resume(&state.breakers);
        for (id, orders) in &state.orders {
            registry.import_orders(id.clone(), *orders);
        }
        let healthy: HashSet<_> = state.healthy.iter().collect();
        let unhealthy: HashMap<_, _> = state.unhealthy.iter().map(|(id, why)| (id, why)).collect();
        let ejected: HashMap<_, _> = state.ejected.iter().map(|(id, left)| (id, *left)).collect();
        for service in registry.all() {
            for endpoint in &service.members().endpoints {
                if let Some(error) = unhealthy.get(&endpoint.id) {
                    endpoint.set_health(false, Some(error.as_str().into()));
                } else if healthy.contains(&endpoint.id) {
                    endpoint.set_health(true, None);
                }
                if let Some(left) = ejected.get(&endpoint.id) {
                    endpoint.eject_for(*left, now);
                }
            }
            service.announce();
        }
    }
}
