//! The choice itself: one endpoint among those that can take the request.
//!
//! What is remembered between two picks (whose turn it is, how well groups are) belongs to one
//! worker. A pick allocates nothing.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use trunkline_model::ServiceName;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::service::Balance;
use trunkline_resilience::balance::{
    Bound, Deadlines, Latency, Load, RoundRobin, by_hash, first, least_request, lowest_cost, random,
};

use super::endpoint::{InFlight, LiveEndpoint};
use super::members::{Group, Members, Table};
use super::service::LiveService;
use super::view::View;
use crate::limits;
use crate::quick::QuickMap;

/// Groups of this size and above take turns by deadlines: a pick is a heap's, not a scan.
const DEADLINES_MIN: usize = 32;

/// The turns of one worker, by service.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    services: RefCell<QuickMap<u64, Turn>>,
}

/// A request that wants an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) service: &'a LiveService,
    /// The hash that decides, where the service is balanced by one.
    pub(crate) key: Option<u64>,
    /// Not these.
    pub(crate) tried: &'a [Arc<LiveEndpoint>],
    pub(crate) now: Instant,
    pub(crate) random: u64,
}

#[derive(Debug)]
struct Turn {
    name: ServiceName,
    /// The set that the turns are for.
    of: Arc<Members>,
    /// One per group.
    orders: Box<[Order]>,
    view: View,
    /// What was announced when the view was taken, and until when it may be used.
    seen: (u64, Instant),
}

#[derive(Debug)]
enum Order {
    Smooth(RoundRobin),
    Deadlines(Deadlines),
}

/// One look at the members.
struct Look<'a> {
    ask: &'a Ask<'a>,
    members: &'a Members,
    panic: bool,
}

impl Turns {
    /// Picks an endpoint and enters it; `None` if none can take the request.
    pub(crate) fn enter(&self, ask: &Ask<'_>) -> Option<InFlight> {
        for _ in 0..limits::PICKS_MAX {
            // Another worker may have taken the last slot meanwhile.
            if let Some(entered) = self.pick(ask)?.try_enter() {
                return Some(entered);
            }
        }
        None
    }

    /// Picks an endpoint of the service that is not among those tried.
    pub(crate) fn pick(&self, ask: &Ask<'_>) -> Option<Arc<LiveEndpoint>> {
        let members = ask.service.members();
        let viewed = members.needs_view();
        let position = if members.rules.balance == Balance::RoundRobin || viewed {
            let mut services = self.services.borrow_mut();
            let turn = turn(&mut services, ask, &members);
            if viewed {
                turn.look(ask);
            }
            turn.pick(ask, &members)
        } else {
            let look = Look { ask, members: &members, panic: false };
            members.groups.first().and_then(|group| look.pick(group, None, None))
        };
        position.and_then(|position| members.endpoints.get(position)).map(Arc::clone)
    }

    /// Forgets services that no plan has any more.
    pub(crate) fn retain(&self, known: impl Fn(&ServiceName) -> bool) {
        self.services.borrow_mut().retain(|_, turn| known(&turn.name));
    }
}

fn turn<'a>(
    services: &'a mut QuickMap<u64, Turn>,
    ask: &Ask<'_>,
    members: &Arc<Members>,
) -> &'a mut Turn {
    let make = || Turn {
        name: ask.service.name.clone(),
        of: Arc::clone(members),
        orders: members.groups.iter().map(|group| order(group, members, ask)).collect(),
        view: View::default(),
        seen: (0, ask.now),
    };
    let turn = services.entry(ask.service.number).or_insert_with(make);
    if !Arc::ptr_eq(&turn.of, members) {
        *turn = make();
    }
    turn
}

/// Workers start at different places, or all of them would pick the first endpoint first.
fn order(group: &Group, members: &Members, ask: &Ask<'_>) -> Order {
    let count = group.positions.len();
    let skip = usize::try_from(ask.random >> 33).unwrap_or(0) % count.max(1);
    if count >= DEADLINES_MIN {
        return Order::Deadlines(Deadlines::new(count, skip));
    }
    let look = Look { ask, members, panic: false };
    let mut order = RoundRobin::new(count);
    order.advance(skip, |place| look.weight(group, place));
    Order::Smooth(order)
}

impl Turn {
    /// Takes a new view if the former one is too old.
    fn look(&mut self, ask: &Ask<'_>) {
        let version = ask.service.version();
        if self.seen.0 != version || ask.now >= self.seen.1 {
            self.view.look(&self.of, ask.now);
            self.seen = (version, ask.now + limits::VIEW_TIME);
        }
    }

    /// From the group whose share the request falls into, or from the next one that has somebody.
    fn pick(&mut self, ask: &Ask<'_>, members: &Members) -> Option<usize> {
        let look = Look { ask, members, panic: self.view.panic };
        let count = members.groups.len();
        // One random number chooses the group and, turned, the endpoint.
        let chosen = if count > 1 { self.view.group(ask.random.rotate_left(17)) } else { 0 };
        let rest = (0..count).filter(|group| *group != chosen);
        for at in std::iter::once(chosen).chain(rest) {
            let (Some(group), Some(order)) = (members.groups.get(at), self.orders.get_mut(at))
            else {
                continue;
            };
            let able = self.view.able.get(at).copied();
            if let Some(position) = look.pick(group, Some(order), able) {
                return Some(position);
            }
        }
        None
    }
}

impl Look<'_> {
    /// The position of an endpoint of this group. `able`: the weights of those that can serve.
    fn pick(&self, group: &Group, order: Option<&mut Order>, able: Option<u64>) -> Option<usize> {
        let (count, random_number) = (group.positions.len(), self.ask.random);
        let weight = |place| self.weight(group, place);
        let anybody = || random(count, random_number, group.weight_max, weight);
        let place = match (self.members.rules.balance, order) {
            (Balance::RoundRobin, Some(Order::Smooth(turns))) => turns.pick(weight),
            (Balance::RoundRobin, Some(Order::Deadlines(turns))) => turns.pick(weight),
            (Balance::RoundRobin | Balance::Random, _) => anybody(),
            (Balance::LeastRequest, _) => least_request(count, random_number, |place| {
                let active = self.at(group, place)?.in_flight.load(Ordering::Relaxed);
                Some(Load { weight: weight(place)?, active })
            }),
            (Balance::PeakEwma, _) => lowest_cost(count, random_number, |place| {
                let endpoint = self.at(group, place)?;
                let latency = Latency::from_bits(endpoint.latency.load(Ordering::Relaxed));
                let active = endpoint.in_flight.load(Ordering::Relaxed);
                let now = endpoint.ground.since(self.ask.now);
                Some(latency.cost(active, weight(place).filter(|weight| *weight > 0)?, now))
            }),
            (Balance::First, _) => first(count, |place| weight(place).is_some_and(|w| w > 0)),
            (Balance::RingHash | Balance::Maglev, _) => match self.ask.key {
                Some(key) => self.hashed(group, key, able),
                None => anybody(),
            },
        };
        group.positions.get(place?).copied()
    }

    fn hashed(&self, group: &Group, key: u64, able: Option<u64>) -> Option<usize> {
        let count = group.positions.len();
        let at = |hash| match &group.table {
            Table::Ring(ring) => ring.at(hash),
            Table::Maglev(table) => table.at(hash),
            Table::None => None,
        };
        let percent = self.members.rules.spread.hash.as_ref().and_then(|h| h.load_percent_max);
        let takes = |place| self.weight(group, place).is_some_and(|weight| weight > 0);
        if let (Some(percent), Some(weights)) = (percent, able) {
            // The request to be placed is counted already.
            let bound = Bound { percent, total: self.ask.service.in_flight(), weights };
            let within = |place| {
                self.at(group, place).is_some_and(|endpoint| {
                    let active = endpoint.in_flight.load(Ordering::Relaxed);
                    bound.allows(endpoint.weight(), active)
                })
            };
            let picked = by_hash(count, key, at, |place| takes(place) && within(place));
            if picked.is_some() {
                return picked;
            }
        }
        by_hash(count, key, at, takes)
    }

    /// The weight of a place of the group, if it may be picked.
    fn weight(&self, group: &Group, place: usize) -> Option<u32> {
        self.at(group, place).map(|endpoint| self.members.weight(endpoint, self.ask.now))
    }

    /// The endpoint at a place of the group, if it may be picked.
    fn at(&self, group: &Group, place: usize) -> Option<&LiveEndpoint> {
        let endpoint = self.members.endpoints.get(*group.positions.get(place)?)?;
        let able = if self.panic {
            endpoint.state() == EndpointState::Ready
        } else {
            endpoint.is_eligible(self.ask.now)
        };
        let fresh = !self.ask.tried.iter().any(|known| Arc::ptr_eq(known, endpoint));
        (able && fresh && endpoint.has_room()).then_some(endpoint)
    }
}
