//! The laws of a whole Model, checked where it is built and again before it is prepared.
//!
//! `config` reports the same mistakes with their place; this check is the last guard, so that no
//! dialect and no API can hand a broken Model to the proxy.

use std::collections::HashSet;
use std::hash::Hash;

use crate::Model;
use crate::relay::Carrier;
use crate::route::Action;

/// Which law a Model breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLaw {
    /// Two objects share an id or an address.
    #[error("two {0} share `{1}`")]
    Twice(&'static str, String),
    /// A reference leads nowhere.
    #[error("`{from}` names {what} `{name}`, which does not exist")]
    Missing {
        /// Who refers.
        from: String,
        /// To what.
        what: &'static str,
        /// By which name.
        name: String,
    },
    /// Datagrams cannot be secured as connections are.
    #[error("`{0}` passes datagrams on to `{1}`, which wants TLS")]
    Unsecured(String, String),
    /// A route or a relay leads to nobody.
    #[error("`{0}` has no target with a weight above zero")]
    NoTarget(String),
}

impl Model {
    /// Every law that this Model breaks.
    pub fn broken_laws(&self) -> Vec<BrokenLaw> {
        let mut broken = Vec::new();
        unique("listeners", self.listeners.iter().map(|l| l.id.clone()), &mut broken);
        let on = |carrier| self.listeners.iter().filter(move |l| l.carrier() == carrier);
        unique("listeners", on(Carrier::Tcp).map(|l| l.address), &mut broken);
        unique("listeners", on(Carrier::Udp).map(|l| l.address), &mut broken);
        unique("routes", self.routes.iter().map(|r| r.id.clone()), &mut broken);
        unique("services", self.services.iter().map(|s| s.name.clone()), &mut broken);
        self.check_routes(&mut broken);
        self.check_relays(&mut broken);
        self.check_calls(&mut broken);
        broken
    }

    fn check_routes(&self, broken: &mut Vec<BrokenLaw>) {
        let services: HashSet<_> = self.services.iter().map(|s| &s.name).collect();
        let listeners: HashSet<_> = self.listeners.iter().map(|l| &l.id).collect();
        for route in &self.routes {
            for listener in route.listeners.iter().filter(|l| !listeners.contains(l)) {
                broken.push(missing(&route.id, "listener", listener));
            }
            let Action::Forward(targets) = &route.action else {
                continue;
            };
            if targets.iter().all(|target| target.weight == 0) {
                broken.push(BrokenLaw::NoTarget(route.id.to_string()));
            }
            for target in targets.iter().filter(|t| !services.contains(&t.service)) {
                broken.push(missing(&route.id, "service", &target.service));
            }
        }
    }

    fn check_relays(&self, broken: &mut Vec<BrokenLaw>) {
        let services: HashSet<_> = self.services.iter().map(|s| &s.name).collect();
        for listener in &self.listeners {
            let Some(relay) = &listener.relay else { continue };
            if relay.all_targets().next().is_none() {
                broken.push(BrokenLaw::NoTarget(listener.id.to_string()));
            }
            for target in relay.all_targets().flatten() {
                let service = self.service(&target.service);
                if listener.carrier() == Carrier::Udp && service.is_some_and(|s| s.tls.is_some()) {
                    let (from, to) = (listener.id.to_string(), target.service.to_string());
                    broken.push(BrokenLaw::Unsecured(from, to));
                }
            }
            for targets in relay.all_targets() {
                if targets.iter().all(|target| target.weight == 0) {
                    broken.push(BrokenLaw::NoTarget(listener.id.to_string()));
                }
                for target in targets.iter().filter(|t| !services.contains(&t.service)) {
                    broken.push(missing(&listener.id, "service", &target.service));
                }
            }
        }
    }

    fn check_calls(&self, broken: &mut Vec<BrokenLaw>) {
        let services: HashSet<_> = self.services.iter().map(|s| &s.name).collect();
        for service in &self.services {
            for callee in service.calls.iter().filter(|callee| !services.contains(callee)) {
                broken.push(missing(&service.name, "service", callee));
            }
        }
    }
}

fn unique<T>(what: &'static str, all: impl Iterator<Item = T>, broken: &mut Vec<BrokenLaw>)
where
    T: Hash + Eq + Clone + ToString,
{
    let mut seen = HashSet::new();
    for item in all {
        if !seen.insert(item.clone()) {
            broken.push(BrokenLaw::Twice(what, item.to_string()));
        }
    }
}

fn missing(from: &impl ToString, what: &'static str, name: &impl ToString) -> BrokenLaw {
    BrokenLaw::Missing { from: from.to_string(), what, name: name.to_string() }
}
