//! All that protects one way: of a route to a service, or of a caller to one.
//!
//! What a route or a call says itself has machines of its own; what it leaves out is its service's,
//! which then counts with everybody else's calls. A request therefore passes up to two shields, the
//! closer one first, and each leaves out what the closer has. Policies for each endpoint stand behind
//! both: they are passed when it is known where the request goes.

use std::sync::Arc;
use std::time::Instant;

use trunkline_model::service::policies::Policies;
use trunkline_resilience::queue::Priority;
use trunkline_resilience::retry::{self, Ended};
use trunkline_resilience::shed::Class;

use super::compiled;
use super::machines::Machines;
use super::per_endpoint::PerEndpoint;
use super::{Admission, Pass, Refusal, Shield};
use crate::balance::LiveEndpoint;
use crate::balance::LiveService;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Protection {
    /// What is in force.
    pub(crate) policies: Policies,
    /// Of `policies.retry`.
    pub(crate) retry: Option<retry::Config>,
    /// The closest to the caller first.
    layers: Vec<Layer>,
    endpoints: Option<Arc<PerEndpoint>>,
    /// Whether a request has to pass anything before an endpoint is picked.
    pub(crate) admits: bool,
}

#[derive(Debug)]
struct Layer {
    shield: Arc<Shield>,
    /// The machines of it that are passed.
    machines: Machines,
}

/// One who asks to pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asks {
    pub(crate) now: Instant,
    pub(crate) priority: Priority,
    pub(crate) class: Class,
}

/// Who refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) shield: Arc<Shield>,
    pub(crate) refusal: Refusal,
}

impl Protection {
    /// `own` are the policies that are closer than those of `general`.
    pub(crate) fn new(
        own: Option<(Arc<Shield>, &Policies)>,
        general: Option<(Arc<Shield>, &Policies)>,
        endpoints: Option<Arc<PerEndpoint>>,
    ) -> Self {
        let none = Policies::default();
        let said = own.as_ref().map_or(&none, |(_, policies)| policies);
        let policies = said.or(general.as_ref().map_or(&none, |(_, policies)| policies));
        let closer = Machines::of(said);
        let layer = |(shield, machines): (Arc<Shield>, Machines)| Layer { shield, machines };
        let own = own.map(|(shield, _)| {
            let machines = shield.machines;
            (shield, machines)
        });
        let general = general.map(|(shield, _)| {
            let machines = shield.machines.without(closer);
            (shield, machines)
        });
        let layers: Vec<_> = own.into_iter().chain(general).map(layer).collect();
        Self {
            retry: policies.retry.as_ref().map(compiled::retry),
            admits: layers.iter().any(|layer| !layer.machines.is_empty()),
            policies,
            layers,
            endpoints,
        }
    }

    /// Asks everybody, and waits where one has to.
    pub(crate) async fn admit(&self, asks: Asks) -> Result<Option<Box<Pass>>, Refused> {
        let mut passed: Option<Box<Pass>> = None;
        for layer in self.layers.iter().filter(|layer| !layer.machines.is_empty()) {
            let pass = admit(&layer.shield, asks, layer.machines).await?;
            passed = Some(Box::new(pass.behind(passed)));
        }
        Ok(passed)
    }

    /// Asks what protects one endpoint.
    pub(crate) async fn admit_at(
        &self,
        live: &LiveService,
        endpoint: &LiveEndpoint,
        asks: Asks,
    ) -> Result<Option<Box<Pass>>, Refused> {
        let Some(all) = &self.endpoints else { return Ok(None) };
        let shield = all.of(live, endpoint);
        admit(&shield, asks, shield.machines).await.map(|pass| Some(Box::new(pass)))
    }

    /// Whether endpoints have policies of their own.
    pub(crate) fn is_by_endpoint(&self) -> bool {
        self.endpoints.is_some()
    }

    /// A call is made: it pays into the budgets of repetitions.
    pub(crate) fn called(&self, now: Instant) {
        self.shields().for_each(|shield| shield.called(now));
    }

    /// Asks for a repetition, of the service's budget and of that of the route.
    pub(crate) fn may_repeat(&self, now: Instant) -> bool {
        let granted = self.shields().all(|shield| shield.may_repeat(now));
        if let Some(shield) = self.retries() {
            shield.repeats(granted);
        }
        granted
    }

    /// Notes how all attempts of a call ended, where they are counted.
    pub(crate) fn ended(&self, ended: Ended) {
        if let Some(shield) = self.retries() {
            shield.ended(ended);
        }
    }

    /// Whose `retry` is in force.
    fn retries(&self) -> Option<&Arc<Shield>> {
        self.whose(|policies| policies.retry.is_some())
    }

    /// Whose `hedge` is in force.
    pub(crate) fn hedges(&self) -> Option<&Arc<Shield>> {
        self.whose(|policies| policies.hedge.is_some())
    }

    /// Whose `fallback` is in force.
    pub(crate) fn falls_back(&self) -> Option<&Arc<Shield>> {
        self.whose(|policies| policies.fallback.is_some())
    }

    /// All shields, but for those of endpoints.
    pub(crate) fn shields(&self) -> impl Iterator<Item = &Arc<Shield>> {
        self.layers.iter().map(|layer| &layer.shield)
    }

    /// What knows the policies of endpoints.
    pub(super) fn endpoints(&self) -> Option<&Arc<PerEndpoint>> {
        self.endpoints.as_ref()
    }

    fn whose(&self, is_said: impl Fn(&Policies) -> bool) -> Option<&Arc<Shield>> {
        self.shields().find(|shield| is_said(&shield.policies))
    }
}

async fn admit(shield: &Arc<Shield>, asks: Asks, machines: Machines) -> Result<Pass, Refused> {
    let refused = |refusal| Refused { shield: Arc::clone(shield), refusal };
    let mut admission = shield.admit(asks, machines);
    if let Admission::Delayed(pass, wait) = admission {
        tokio::time::sleep(wait).await;
        admission = shield.go_on(pass, asks, machines);
    }
    match admission {
        Admission::Passed(pass) => Ok(pass),
        Admission::Waits(waiting) => waiting.turn().await.map_err(refused),
        Admission::Refused(refusal) => Err(refused(refusal)),
        // Whom the limiter delayed is not delayed by it again.
        Admission::Delayed(pass, _) => Ok(pass),
    }
}
