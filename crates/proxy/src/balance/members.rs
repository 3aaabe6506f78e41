//! The endpoints of a service at one moment, with the tables that picking needs.
//!
//! Built when endpoints are published or settings change, off the request path, and shared by all
//! workers. Endpoints are grouped by tier and zone; almost always there is one group.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use trunkline_model::endpoint::{EndpointPlace, EndpointState};
use trunkline_model::service::{Balance, Service, Spread};
use trunkline_resilience::balance::{Maglev, Ring, SlowStart, stable_hash};
use trunkline_resilience::outlier::Peers;

use super::affinity::token;
use super::endpoint::LiveEndpoint;

/// While slow start is in force, weights are this much finer.
const FINER: u32 = 1_024;

/// How the endpoints of a service are picked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    pub(crate) balance: Balance,
    pub(crate) spread: Spread,
    ramp: Option<SlowStart>,
}

/// The endpoints of a service at one moment.
#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) endpoints: Vec<Arc<LiveEndpoint>>,
    pub(super) seats: Vec<Seat>,
    pub(super) rules: Arc<Rules>,
    pub(super) groups: Box<[Group]>,
    /// Weights that the tables were built with.
    pub(super) weights: Box<[u32]>,
    /// Positions by the token in a cookie.
    sticky: HashMap<u64, usize>,
}

/// What is written of an endpoint beside its address and weight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seat {
    pub(super) place: EndpointPlace,
    pub(super) limit: Option<u32>,
}

/// Endpoints of one tier, and of one zone where zones matter.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) priority: u8,
    pub(super) backup: bool,
    pub(super) own_zone: bool,
    pub(super) positions: Box<[usize]>,
    pub(super) weight_max: u32,
    pub(super) table: Table,
}

/// Leads from a hash to a place in the group.
#[derive(Debug)]
pub(super) enum Table {
    None,
    Ring(Ring),
    Maglev(Maglev),
}

impl Rules {
    pub(crate) fn of(service: &Service) -> Self {
        let ramp = service.spread.slow_start.map(|start| SlowStart {
            window: start.window,
            aggression: f64::from(start.aggression_percent) / 100.0,
            least: start.least.fraction(),
        });
        Self { balance: service.balance, spread: service.spread.clone(), ramp }
    }

    /// Whether an endpoint is picked by a hash of the request.
    pub(crate) fn is_hashed(&self) -> bool {
        matches!(self.balance, Balance::RingHash | Balance::Maglev) && self.spread.hash.is_some()
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { balance: Balance::RoundRobin, spread: Spread::default(), ramp: None }
    }
}

impl Members {
    pub(super) fn new(
        endpoints: Vec<Arc<LiveEndpoint>>,
        seats: Vec<Seat>,
        rules: Arc<Rules>,
    ) -> Self {
        let weights: Box<[u32]> = endpoints.iter().map(|endpoint| endpoint.weight()).collect();
        let sticky = if rules.spread.affinity.is_some() {
            let token =
                |(position, endpoint): (usize, &Arc<LiveEndpoint>)| (token(&endpoint.id), position);
            endpoints.iter().enumerate().map(token).collect()
        } else {
            HashMap::new()
        };
        let groups = group(&endpoints, &seats, &rules, &weights);
        Self { endpoints, seats, rules, groups, weights, sticky }
    }

    /// Whether weights are others than those that the tables were built with.
    pub(super) fn is_outdated(&self) -> bool {
        self.endpoints.iter().zip(&self.weights).any(|(one, built)| one.weight() != *built)
    }

    /// Whether the shares of groups, or the health of all, have a part in picking.
    pub(super) fn needs_view(&self) -> bool {
        let spread = &self.rules.spread;
        let bound = spread.hash.as_ref().is_some_and(|hash| hash.load_percent_max.is_some());
        self.groups.len() > 1 || spread.panic.basis_points() > 0 || bound
    }

    /// The endpoint of a token.
    pub(super) fn by_token(&self, token: u64) -> Option<&Arc<LiveEndpoint>> {
        self.endpoints.get(*self.sticky.get(&token)?)
    }

    /// The weight that an endpoint has now: less while it starts slowly.
    pub(super) fn weight(&self, endpoint: &LiveEndpoint, now: Instant) -> u32 {
        let weight = endpoint.weight();
        let Some(ramp) = &self.rules.ramp else {
            return weight;
        };
        let share = endpoint.up_for(now).map_or(1.0, |up| ramp.share(up));
        let full = f64::from(weight.saturating_mul(FINER));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a number that fits"
        )]
        let part = (full * share) as u32;
        part.max(u32::from(weight > 0))
    }

    /// How many serve or would if they were not ejected, and how many of them are. One that is out
    /// for another reason does not count: the last that serves would be ejected for its sake.
    pub(crate) fn peers(&self, now: Instant) -> Peers {
        let mut peers = Peers { total: 0, ejected: 0 };
        for endpoint in self.endpoints.iter().filter(|one| one.is_present()) {
            peers.total += 1;
            peers.ejected += usize::from(endpoint.is_ejected(now));
        }
        peers
    }

    /// Whether an endpoint is coming up.
    pub(crate) fn is_starting(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.state() == EndpointState::Starting)
    }

    /// Whether an endpoint that is not among `tried` could take a request, had it room.
    pub(crate) fn can_be_waited_for(&self, tried: &[Arc<LiveEndpoint>], now: Instant) -> bool {
        self.endpoints.iter().any(|endpoint| {
            endpoint.weight() > 0
                && endpoint.is_eligible(now)
                && !tried.iter().any(|known| Arc::ptr_eq(known, endpoint))
        })
    }
}

impl Default for Members {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new(), Arc::default())
    }
}

/// Groups by tier, in the order of preference, and by zone.
fn group(
    endpoints: &[Arc<LiveEndpoint>],
    seats: &[Seat],
    rules: &Rules,
    weights: &[u32],
) -> Box<[Group]> {
    let hashed = rules.is_hashed();
    // The same key must meet the same endpoint from everywhere.
    let zoned = !hashed && !rules.spread.zone.is_empty();
    let mut keys: Vec<(bool, u8, &str)> = seats
        .iter()
        .map(|Seat { place, .. }| {
            (place.backup, place.priority, if zoned { place.zone.as_str() } else { "" })
        })
        .collect();
    let of = keys.clone();
    keys.sort_unstable();
    keys.dedup();
    let made = keys.into_iter().map(|key| {
        let positions: Box<[usize]> =
            (0..endpoints.len()).filter(|position| of.get(*position) == Some(&key)).collect();
        let weight = |position: &usize| weights.get(*position).copied().unwrap_or(0);
        let named: Vec<_> = positions
            .iter()
            .filter_map(|position| {
                let name = stable_hash(endpoints.get(*position)?.id.as_str().as_bytes());
                Some((name, weight(position)))
            })
            .collect();
        let finer = if rules.ramp.is_some() { FINER } else { 1 };
        let (backup, priority, zone) = key;
        Group {
            priority,
            backup,
            own_zone: zoned && zone == rules.spread.zone,
            weight_max: positions.iter().map(weight).max().unwrap_or(0).saturating_mul(finer),
            positions,
            table: match rules.balance {
                Balance::RingHash if hashed => Table::Ring(Ring::new(&named)),
                Balance::Maglev if hashed => Table::Maglev(Maglev::new(&named)),
                _ => Table::None,
            },
        }
    });
    made.collect()
}
