//! What is known of one endpoint while it runs: state, health, ejection, requests in flight.
//!
//! Kept by id beside the Model, so that a reload forgets nothing. Everything that a request reads
//! is an atomic; the two locks are held for a few instructions and never over an await.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trunkline_model::EndpointId;
use trunkline_model::endpoint::{Endpoint, EndpointState};
use trunkline_model::ops::EndpointOrders;
use trunkline_resilience::balance::Latency;
use trunkline_resilience::outlier::{self, Outcome, Outlier, Peers};

use super::ground::{Ground, lock};
use super::room::WaitingRoom;
use super::said::{AgentWord, Said};
use super::seen::Interval;
use crate::observe::{PerWorker, Requests};

/// One endpoint, alive.
#[derive(Debug)]
pub(crate) struct LiveEndpoint {
    pub(crate) id: EndpointId,
    pub(crate) address: SocketAddr,
    pub(crate) host: Box<str>,
    pub(crate) counters: PerWorker<Requests>,
    /// Requests in flight, of all workers.
    pub(crate) in_flight: AtomicU32,
    weight: AtomicU32,
    /// Requests that it is given at one time; 0 for no limit.
    limit: AtomicU32,
    /// Who waits for it and its siblings.
    room: Arc<WaitingRoom>,
    /// How fast it answers, packed.
    pub(super) latency: AtomicU64,
    /// When it came up, nanoseconds after the epoch; 0 if it has always been.
    up_since: AtomicU64,
    /// What its owner says.
    state: AtomicU8,
    /// What a person or an agent says instead; [`NO_OVERRIDE`] for nothing.
    overriding: AtomicU8,
    /// Who says what: `weight` and `overriding` follow from it.
    said: Mutex<Said>,
    /// Who finds it unhealthy: [`BY_CHECK`], [`BY_AGENT`].
    ailing: AtomicU8,
    /// Whether a check has given a verdict, of this process or of a former one.
    checked: AtomicBool,
    health_changes: AtomicU64,
    health_error: Mutex<Option<Box<str>>>,
    outlier: Mutex<Outlier>,
    /// What it did since it was last compared with its siblings.
    pub(crate) seen: Interval,
    /// Whether the last outcome was a failure: successes in a row need no lock.
    suspect: AtomicBool,
    /// End of the ejection, nanoseconds after `epoch`; 0 for none. A copy of what `outlier` knows.
    ejected_until: AtomicU64,
    /// Another number each time that it leaves the state `ready`, and another for each endpoint:
    /// what is connected to a former life is not used again.
    life: AtomicU64,
    pub(super) ground: Ground,
}

const NO_OVERRIDE: u8 = u8::MAX;
const BY_CHECK: u8 = 1;
const BY_AGENT: u8 = 2;
const STATES: [EndpointState; 5] = [
    EndpointState::Ready,
    EndpointState::Starting,
    EndpointState::Draining,
    EndpointState::Maint,
    EndpointState::Down,
];

fn next_life() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn encode(state: EndpointState) -> u8 {
    let place = STATES.iter().position(|known| *known == state);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(NO_OVERRIDE)
}

fn decode(state: u8) -> Option<EndpointState> {
    STATES.get(usize::from(state)).copied()
}

impl LiveEndpoint {
    /// An endpoint that is healthy until a check says otherwise.
    pub(super) fn new(endpoint: &Endpoint, room: &Arc<WaitingRoom>, ground: &Ground) -> Self {
        Self {
            id: endpoint.id.clone(),
            address: endpoint.address,
            host: endpoint.host.as_str().into(),
            counters: PerWorker::new(ground.workers),
            in_flight: AtomicU32::new(0),
            weight: AtomicU32::new(endpoint.weight),
            limit: AtomicU32::new(0),
            room: Arc::clone(room),
            latency: AtomicU64::new(0),
            up_since: AtomicU64::new(0),
            state: AtomicU8::new(encode(endpoint.state)),
            overriding: AtomicU8::new(NO_OVERRIDE),
            said: Mutex::new(Said { owner_weight: endpoint.weight, ..Said::default() }),
            ailing: AtomicU8::new(0),
            checked: AtomicBool::new(false),
            health_changes: AtomicU64::new(0),
            health_error: Mutex::default(),
            outlier: Mutex::default(),
            seen: Interval::default(),
            suspect: AtomicBool::new(false),
            ejected_until: AtomicU64::new(0),
            life: AtomicU64::new(next_life()),
            ground: ground.clone(),
        }
    }

    /// Takes over what its owner says now. Returns the life that ended if it left the state `ready`.
    pub(crate) fn update(&self, endpoint: &Endpoint) -> Option<u64> {
        self.hear(|said| said.owner_weight = endpoint.weight);
        let ready = encode(EndpointState::Ready);
        let is_ready = endpoint.state == EndpointState::Ready;
        if is_ready && self.state.load(Ordering::SeqCst) != ready {
            // Its owner has just seen it answer; what was known is of a former life.
            self.set_health(true, None);
            *lock(&self.outlier) = Outlier::default();
            self.ejected_until.store(0, Ordering::Relaxed);
            self.came_up();
        }
        // Ordered before a later look at the requests in flight; see `LiveService::take`.
        let left = self.state.swap(encode(endpoint.state), Ordering::SeqCst) == ready && !is_ready;
        left.then(|| self.life.swap(next_life(), Ordering::SeqCst))
    }

    /// Which of its lives this is: connections belong to one.
    pub(crate) fn life(&self) -> u64 {
        self.life.load(Ordering::Relaxed)
    }

    /// What a person orders, from now on.
    pub(crate) fn order(&self, orders: EndpointOrders) {
        self.hear(|said| said.person = orders);
    }

    /// The orders in force.
    pub(crate) fn orders(&self) -> EndpointOrders {
        lock(&self.said).person
    }

    /// What its agent says, from now on; returns whether that is something else.
    pub(crate) fn hear_agent(&self, word: AgentWord) -> bool {
        let mut changed = false;
        let down = word.down;
        self.hear(|said| {
            changed = said.agent != word;
            said.agent = word;
        });
        self.ail(BY_AGENT, down);
        changed
    }

    /// What its agent said last.
    pub(crate) fn agent(&self) -> AgentWord {
        lock(&self.said).agent.clone()
    }

    /// Somebody speaks. Written under the lock, so that the last word is the one in force.
    fn hear(&self, speak: impl FnOnce(&mut Said)) {
        let mut said = lock(&self.said);
        speak(&mut said);
        let before = self.state();
        self.weight.store(said.weight(), Ordering::Relaxed);
        self.limit.store(said.limit(), Ordering::Relaxed);
        self.overriding.store(said.state().map_or(NO_OVERRIDE, encode), Ordering::SeqCst);
        if before != EndpointState::Ready && self.state() == EndpointState::Ready {
            self.came_up();
        }
    }

    /// The state in force.
    pub(crate) fn state(&self) -> EndpointState {
        let own = || decode(self.state.load(Ordering::SeqCst));
        decode(self.overriding.load(Ordering::SeqCst)).or_else(own).unwrap_or(EndpointState::Down)
    }

    pub(crate) fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// How many requests it is given at one time; 0 for no limit.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// The limit that is written for it.
    pub(super) fn write_limit(&self, limit: u32) {
        self.hear(|said| said.owner_limit = limit);
    }

    /// For how long it has been able to take requests; `None` for always.
    pub(super) fn up_for(&self, now: Instant) -> Option<Duration> {
        let ejected = self.ejected_until.load(Ordering::Relaxed);
        let since = self.up_since.load(Ordering::Relaxed).max(ejected);
        (since > 0).then(|| Duration::from_nanos(self.nanos(now).saturating_sub(since)))
    }

    /// It can take requests from now on, after it could not.
    pub(super) fn came_up(&self) {
        let now = self.nanos(self.ground.clock.now());
        self.up_since.store(now.max(1), Ordering::Relaxed);
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.ailing.load(Ordering::Relaxed) == 0
    }

    /// What the last failed check said.
    pub(crate) fn health_error(&self) -> Option<Box<str>> {
        lock(&self.health_error).clone()
    }

    /// Notes the verdict of active checks; returns whether it changed.
    pub(crate) fn set_health(&self, healthy: bool, error: Option<Box<str>>) -> bool {
        *lock(&self.health_error) = error;
        self.checked.store(true, Ordering::Relaxed);
        self.ail(BY_CHECK, !healthy)
    }

    /// Whether active checks find it healthy, whatever its agent says.
    pub(crate) fn passes_checks(&self) -> bool {
        self.ailing.load(Ordering::Relaxed) & BY_CHECK == 0
    }

    /// Takes it for unhealthy if nobody has checked it yet.
    pub(crate) fn doubt(&self) {
        if !self.checked.load(Ordering::Relaxed) {
            self.set_health(false, Some("not checked yet".into()));
        }
    }

    /// How often checks and its agent have changed their verdict.
    pub(crate) fn health_changes(&self) -> u64 {
        self.health_changes.load(Ordering::Relaxed)
    }

    /// Notes who finds it unhealthy; returns whether that changed.
    fn ail(&self, by: u8, yes: bool) -> bool {
        let former = if yes {
            self.ailing.fetch_or(by, Ordering::Relaxed)
        } else {
            self.ailing.fetch_and(!by, Ordering::Relaxed)
        };
        let changed = (former & by != 0) != yes;
        self.health_changes.fetch_add(u64::from(changed), Ordering::Relaxed);
        if changed && self.is_healthy() {
            self.came_up();
        }
        changed
    }

    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until != 0 && self.nanos(now) < until
    }

    /// For how long it is still ejected.
    pub(crate) fn ejected_for(&self, now: Instant) -> Option<Duration> {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until.checked_sub(self.nanos(now)).filter(|left| *left > 0).map(Duration::from_nanos)
    }

    /// Ejects it for so long, as an earlier process decided.
    pub(crate) fn eject_for(&self, left: Duration, now: Instant) {
        self.ejected_until.store(self.nanos(now + left), Ordering::Relaxed);
    }

    /// Whether it can take a request now.
    pub(crate) fn is_eligible(&self, now: Instant) -> bool {
        self.is_present() && !self.is_ejected(now)
    }

    /// Whether it could, were it not for an ejection.
    pub(crate) fn is_present(&self) -> bool {
        self.state() == EndpointState::Ready && self.is_healthy()
    }

    /// Notes how an attempt went; returns whether that ejected it.
    pub(crate) fn record(
        &self,
        outcome: Outcome,
        config: &outlier::Config,
        peers: impl FnOnce() -> Peers,
        now: Instant,
        random: u64,
    ) -> bool {
        let failed = outcome == Outcome::Failure;
        // Looked at first: writing would take the line from every other worker, for each request.
        if !failed && !self.suspect.load(Ordering::Relaxed) {
            return false;
        }
        self.suspect.store(failed, Ordering::Relaxed);
        let peers = if failed { peers() } else { Peers { total: 0, ejected: 0 } };
        let until = lock(&self.outlier).record(outcome, config, peers, now, random);
        self.is_out_until(until)
    }

    /// Ejects it because it does worse than its siblings; returns whether that may be.
    pub(crate) fn eject(
        &self,
        config: &outlier::Config,
        peers: Peers,
        now: Instant,
        random: u64,
    ) -> bool {
        let until = lock(&self.outlier).eject(config, peers, now, random);
        self.is_out_until(until)
    }

    fn is_out_until(&self, until: Option<Instant>) -> bool {
        if let Some(until) = until {
            self.ejected_until.store(self.nanos(until), Ordering::Relaxed);
        }
        until.is_some()
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.ground.epoch).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// Notes how long an attempt took, for balancing by latency.
    pub(crate) fn answered(&self, took: Duration, failed: bool, now: Instant) {
        let known = Latency::from_bits(self.latency.load(Ordering::Relaxed));
        let next = known.record(took, failed, self.ground.since(now));
        // Two workers at once may lose one of two answers: it is an average.
        self.latency.store(next.to_bits(), Ordering::Relaxed);
    }

    /// Whether it can take one more request within its limit.
    pub(crate) fn has_room(&self) -> bool {
        let limit = self.limit();
        limit == 0 || self.in_flight.load(Ordering::Relaxed) < limit
    }

    /// Counts a request in flight until the guard is dropped, whatever the limit is.
    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight { endpoint: Arc::clone(self), quiet: false }
    }

    /// Counts a request in flight until the guard is dropped; `None` if that would be one more than
    /// the limit. Exact over all workers.
    pub(crate) fn try_enter(self: &Arc<Self>) -> Option<InFlight> {
        let limit = self.limit();
        if limit == 0 {
            return Some(self.enter());
        }
        let more = |active: u32| (active < limit).then_some(active + 1);
        self.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(InFlight { endpoint: Arc::clone(self), quiet: false })
    }
}

/// A request or session in flight to an endpoint: one slot of its limit.
#[derive(Debug)]
pub(crate) struct InFlight {
    endpoint: Arc<LiveEndpoint>,
    /// Nobody is told that the slot is free.
    quiet: bool,
}

impl InFlight {
    /// Whose slot it is.
    pub(crate) fn endpoint(&self) -> &Arc<LiveEndpoint> {
        &self.endpoint
    }

    /// Gives the slot back without offering it to those that wait.
    pub(super) fn give_back(mut self) {
        self.quiet = true;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // Ordered before the look at who waits: who begins to wait looks for a free slot after it.
        self.endpoint.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.quiet && self.endpoint.room.is_waited_in() {
            self.endpoint.room.offer(&self.endpoint);
        }
    }
}
