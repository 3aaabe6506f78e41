//! All that protects one way: of a route to a service, or of a caller to one.
//!
//! What a route or a call says itself has machines of its own; what it leaves out is its service's,
//! which then counts with everybody else's calls. A request therefore passes up to two shields, the
//! closer one first, and each leaves out what the closer has. Policies for each endpoint stand behind
//! both: they are passed when it is known where the request goes.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use trunkline_model::service::policies::Policies;
use trunkline_resilience::queue::Priority;
use trunkline_resilience::retry::{self, Ended};
use trunkline_resilience::shed::Class;

use super::cluster::{Decided, Tie};
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
    is_shared: bool,
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
    /// Machines that stand beside what several processes decide.
    pub(super) beside: Machines,
}

impl Asks {
    pub(crate) fn new(now: Instant, priority: Priority, class: Class) -> Self {
        Self { now, priority, class, beside: Machines::default() }
    }
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
            is_shared: layers.iter().any(|layer| layer.shield.is_shared()),
            admits: layers.iter().any(|layer| !layer.machines.is_empty()),
            policies,
            layers,
            endpoints,
        }
    }

    /// Asks everybody, and waits where one has to.
    pub(crate) async fn admit(
        &self,
        asks: Asks,
        tie: Option<&Rc<Tie>>,
    ) -> Result<Option<Box<Pass>>, Refused> {
        let mut passed: Option<Box<Pass>> = None;
        for layer in self.layers.iter().filter(|layer| !layer.machines.is_empty()) {
            let pass = admit(&layer.shield, asks, layer.machines, tie).await?;
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
        admit(&shield, asks, shield.machines, None).await.map(|pass| Some(Box::new(pass)))
    }

    /// Whether endpoints have policies of their own.
    pub(crate) fn is_by_endpoint(&self) -> bool {
        self.endpoints.is_some()
    }

    /// A call is made: it pays into the budgets of repetitions.
    pub(crate) fn called(&self, now: Instant, tie: Option<&Rc<Tie>>) {
        for shield in self.shields() {
            shield.called(now);
            if let (Some(tie), true) = (tie, shield.has_shared_budget()) {
                tie.called(shield);
            }
        }
    }

    /// Asks for a repetition, of the service's budget and of that of the route.
    pub(crate) fn may_repeat(&self, now: Instant) -> bool {
        let granted = self.shields().all(|shield| shield.may_repeat(now));
        if let Some(shield) = self.retries() {
            shield.repeats(granted);
        }
        granted
    }

    /// Asks the budgets that several processes share, where there are any.
    pub(crate) async fn may_repeat_with_all(&self, tie: Option<&Rc<Tie>>) -> bool {
        let Some(tie) = tie else { return true };
        for shield in self.shields().filter(|shield| shield.has_shared_budget()) {
            if !tie.withdraw(shield).await {
                return false;
            }
        }
        true
    }

    /// Whether several processes share something of it.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
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

/// Asks one shield: first what several processes share of it.
async fn admit(
    shield: &Arc<Shield>,
    mut asks: Asks,
    machines: Machines,
    tie: Option<&Rc<Tie>>,
) -> Result<Pass, Refused> {
    let refused = |refusal| Refused { shield: Arc::clone(shield), refusal };
    let mut held = None;
    if let (Some(shared), Some(tie)) = (&shield.shared, tie)
        && machines.has(shared.machines)
    {
        match tie.admit(shield, shared).await {
            Decided::Refused(refusal) => return Err(refused(refusal)),
            Decided::Alone => {}
            Decided::Passed(taken, wait) => {
                held = Some(taken);
                asks.beside = shared.machines;
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
    let mut pass = admit_here(shield, asks, machines).await.map_err(refused)?;
    if let Some(held) = held {
        pass.holds_shared(held);
    }
    Ok(pass)
}

/// Asks the machines of this process.
async fn admit_here(shield: &Arc<Shield>, asks: Asks, machines: Machines) -> Result<Pass, Refusal> {
    let mut admission = shield.admit(asks, machines);
    if let Admission::Delayed(pass, wait) = admission {
        tokio::time::sleep(wait).await;
        admission = shield.go_on(pass, asks, machines);
    }
    match admission {
        // Whom the limiter delayed is not delayed by it again.
        Admission::Passed(pass) | Admission::Delayed(pass, _) => Ok(pass),
        Admission::Waits(waiting) => waiting.turn().await,
        Admission::Refused(refusal) => Err(refusal),
    }
}
