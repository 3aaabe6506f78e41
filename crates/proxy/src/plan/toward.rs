//! Where a request goes, and by which limits and policies.

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::reason::{Kind, Reason};
use trunkline_model::route::RouteTimeouts;
use trunkline_model::service::policies::{Fallback, Instead};
use trunkline_model::{RouteId, ServiceName};

use super::{CallPlan, Destinations, Limits, ServicePlan};
use crate::route::CompiledRoute;
use crate::shield::Protection;

/// The way of one request.
#[derive(Debug)]
pub(crate) struct Toward {
    pub(crate) service: Arc<ServicePlan>,
    pub(crate) limits: Limits,
    pub(crate) protection: Option<Arc<Protection>>,
    /// The service that answers when this one has no answer.
    pub(crate) instead: Option<Box<Self>>,
}

impl Toward {
    /// The way of a request of `caller` on this route to this service.
    pub(crate) fn new(
        destinations: &Destinations,
        (route, caller): (&CompiledRoute, Option<&ServiceName>),
        service: Arc<ServicePlan>,
    ) -> Self {
        let call = caller.and_then(|caller| destinations.call(caller, &service));
        let own = call.and_then(|call| call.protection.clone());
        let protection = own.or_else(|| destinations.protection(&route.id, &service));
        let timeouts = call.map_or(route.timeouts, |call| route.timeouts.or(&call.timeouts));
        let limits = Limits::new(&timeouts, route.priority, &service.service);
        let fallback = protection.as_ref().and_then(|one| one.policies.fallback.as_ref());
        let instead = match fallback.and_then(|fallback| fallback.instead.as_ref()) {
            Some(Instead::Service(name)) => destinations.services.get(name).map(|other| {
                let limits = Limits::new(&RouteTimeouts::default(), route.priority, &other.service);
                let (service, protection) = (Arc::clone(other), other.protection.clone());
                Box::new(Self { service, limits, protection, instead: None })
            }),
            _ => None,
        };
        Self { service, limits, protection, instead }
    }

    /// What the policies have instead of an answer that failed for this reason.
    pub(crate) fn fallback(&self, reason: &Reason) -> Option<&Fallback> {
        // What is wrong with the request stays wrong.
        if reason.kind.status() < 500 || reason.kind == Kind::Internal {
            return None;
        }
        self.protection.as_ref()?.policies.fallback.as_ref()
    }

    /// For how long a stored answer may have been stale to be given instead.
    pub(crate) fn stale_max(&self, reason: &Reason) -> Option<Duration> {
        self.fallback(reason)?.stale
    }

    /// Notes that a caller got the fallback.
    pub(crate) fn fell_back(&self) {
        if let Some(shield) = self.protection.as_ref().and_then(|one| one.falls_back()) {
            shield.fell_back();
        }
    }
}

impl Destinations {
    /// Everything that protects a way.
    pub(crate) fn protections(&self) -> impl Iterator<Item = &Arc<Protection>> {
        let services = self.services.values().filter_map(|service| service.protection.as_ref());
        let calls = self.of_calls.values().filter_map(|call| call.protection.as_ref());
        services.chain(self.of_routes.values()).chain(calls)
    }

    /// The policies of a request on this route to this service.
    fn protection(&self, route: &RouteId, service: &ServicePlan) -> Option<Arc<Protection>> {
        if !self.of_routes.is_empty() {
            let key = (route.clone(), service.service.name.clone());
            if let Some(own) = self.of_routes.get(&key) {
                return Some(Arc::clone(own));
            }
        }
        service.protection.clone()
    }

    fn call(&self, caller: &ServiceName, service: &ServicePlan) -> Option<&CallPlan> {
        if self.of_calls.is_empty() {
            return None;
        }
        self.of_calls.get(&(caller.clone(), service.service.name.clone()))
    }
}
