//! Step 7: one endpoint is picked that can take the request now.
//!
//! Ready by word of its owner, healthy by active checks, not ejected by passive ones, not tried
//! before by this exchange. Turns are kept per worker; load is compared by the requests in flight
//! of the whole process. What is known of endpoints lives in [`Registry`], beside the plan.

mod endpoint;
mod registry;
mod said;
mod service;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use trunkline_model::ServiceName;
use trunkline_model::service::Balance;
use trunkline_resilience::balance::{Load, RoundRobin, least_request};

pub(crate) use endpoint::{InFlight, LiveEndpoint};
pub(crate) use registry::Registry;
pub(crate) use said::AgentWord;
pub(crate) use service::{Held, LiveService, Members};

/// The turns of one worker, by service.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    services: RefCell<HashMap<ServiceName, Turn>>,
}

#[derive(Debug)]
struct Turn {
    /// The set that the turns are for.
    of: Arc<Members>,
    order: RoundRobin,
}

impl Turns {
    /// Picks an endpoint of `service` that is not among `tried`.
    pub(crate) fn pick(
        &self,
        service: &LiveService,
        balance: Balance,
        tried: &[Arc<LiveEndpoint>],
        now: Instant,
        random: u64,
    ) -> Option<Arc<LiveEndpoint>> {
        let members = service.members();
        let eligible = |position: usize| {
            let endpoint = members.endpoints.get(position)?;
            let fresh = !tried.iter().any(|known| Arc::ptr_eq(known, endpoint));
            (fresh && endpoint.is_eligible(now)).then_some(endpoint)
        };
        let picked = match balance {
            Balance::RoundRobin => self.turn(service, &members, random, |position| {
                eligible(position).map(|endpoint| endpoint.weight())
            }),
            Balance::LeastRequest => least_request(members.endpoints.len(), random, |position| {
                let endpoint = eligible(position)?;
                let active = endpoint.in_flight.load(Ordering::Relaxed);
                Some(Load { weight: endpoint.weight(), active })
            }),
        };
        picked.and_then(|position| members.endpoints.get(position)).map(Arc::clone)
    }

    fn turn(
        &self,
        service: &LiveService,
        members: &Arc<Members>,
        random: u64,
        weight: impl Fn(usize) -> Option<u32>,
    ) -> Option<usize> {
        let mut services = self.services.borrow_mut();
        if let Some(turn) = services.get_mut(&service.name)
            && Arc::ptr_eq(&turn.of, members)
        {
            return turn.order.pick(weight);
        }
        let count = members.endpoints.len();
        let mut order = RoundRobin::new(count);
        // Workers start at different places, or all of them would pick the first endpoint first.
        let skip = usize::try_from(random >> 33).unwrap_or(0) % count.max(1);
        order.advance(skip, &weight);
        let picked = order.pick(weight);
        services.insert(service.name.clone(), Turn { of: Arc::clone(members), order });
        picked
    }

    /// Forgets services that no plan has any more.
    pub(crate) fn retain(&self, known: impl Fn(&ServiceName) -> bool) {
        self.services.borrow_mut().retain(|name, _| known(name));
    }
}
