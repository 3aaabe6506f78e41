//! Running state as plain data, for the process that takes over.

use std::time::Duration;

use trunkline_model::EndpointId;
use trunkline_model::endpoint::EndpointState;
use trunkline_net::tls::ExportedKey;

use super::Proxy;

/// What an upgrade hands over: what people and checks have said of endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// States that people have set.
    pub overrides: Vec<(EndpointId, EndpointState)>,
    /// Endpoints that active checks found unhealthy, with what the last failed check said.
    pub unhealthy: Vec<(EndpointId, String)>,
    /// Ejected endpoints, and for how long still.
    pub ejected: Vec<(EndpointId, Duration)>,
    /// Keys that seal the sessions of TLS callers, the newest first.
    pub tickets: Vec<ExportedKey>,
}

impl Proxy {
    /// The state now.
    pub fn export_state(&self) -> State {
        let now = self.inner.clock.now();
        let registry = &self.inner.parts.registry;
        let mut state = State {
            overrides: registry.all_overrides(),
            tickets: self.certificates().tickets.export(),
            ..State::default()
        };
        for service in registry.all() {
            for endpoint in &service.members().endpoints {
                if !endpoint.is_healthy() {
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

    /// Takes it over at once. Endpoints that are not published yet keep only their overrides.
    pub fn import_state(&self, state: &State) {
        let now = self.inner.clock.now();
        let registry = &self.inner.parts.registry;
        self.certificates().tickets.import(&state.tickets);
        for (id, overriding) in &state.overrides {
            registry.import_override(id.clone(), *overriding);
        }
        for (id, error) in &state.unhealthy {
            if let Some((service, endpoint)) = registry.endpoint(id) {
                endpoint.set_health(false, Some(error.as_str().into()));
                service.announce();
            }
        }
        for (id, left) in &state.ejected {
            if let Some((_, endpoint)) = registry.endpoint(id) {
                endpoint.eject_for(*left, now);
            }
        }
    }
}
