//! One relayed connection: where it goes, the connection to an endpoint there, and what passes.
//!
//! An endpoint that cannot be reached is passed over for another one, as nothing was sent to it.
//! A service that is at its limit is waited for in its queue, one that is starting for a while. What
//! cannot be relayed is closed, with a reset: a caller must not take it for an answer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::record::{Attempt, End};
use trunkline_model::service::Source;
use trunkline_net::buffer::Buffer;
use trunkline_net::stream::Stream;
use trunkline_resilience::balance::stable_hash;
use trunkline_resilience::outlier::Outcome;

use super::announce;
use super::greeting::{Greeted, greet};
use super::recording::Recording;
use crate::balance::{Ask, InFlight, LiveEndpoint, LiveService, Waited, Wants, places};
use crate::carry::{Ended, Side, carry};
use crate::decode::Connection;
use crate::forward::{Dial, Failure};
use crate::limits;
use crate::plan::{ListenerPlan, ServicePlan};

/// Relays a connection until its end.
pub(crate) async fn relay(connection: Rc<Connection>, mut caller: Stream) {
    let plan = connection.listening.plan();
    let mut recording = Recording::begin(&connection);
    let mut greeted = Greeted::default();
    if let (Some(relay), Some(settings)) = (&plan.relay, &plan.listener.relay)
        && relay.has_names()
    {
        match greet(&mut caller, settings.greeting).await {
            Ok(read) => greeted = read,
            Err(_) => greeted.gone = true,
        }
    }
    if greeted.gone {
        recording.end = End::CallerGone;
        return;
    }
    match open(&connection, &plan, &greeted, &mut recording).await {
        Ok((service, in_flight, far)) => {
            // A session may be silent for long: only the system can tell whether it is still one.
            caller.keep_watch(&limits::LIVENESS);
            far.keep_watch(&limits::LIVENESS);
            let idle = plan.listener.relay.as_ref().map_or(Duration::MAX, |relay| relay.idle);
            // A session may last: the plan must not be kept for it.
            drop(plan);
            let near = Side { stream: caller, read: greeted.read };
            let far = Side { stream: far, read: Buffer::default() };
            let clock = &connection.worker.clock;
            let ended = carry(near, far, (clock, idle), &recording.carried).await;
            recording.end = match ended {
                Ended::Both => End::Complete,
                Ended::CallerBroke => End::CallerGone,
                Ended::ServiceBroke => End::ServiceBroke,
                Ended::Idle => End::Idle,
            };
            drop((service, in_flight));
        }
        Err(reason) => {
            tracing::debug!(peer = %connection.peer.address, %reason, "connection was not relayed");
            recording.reason = Some(reason);
            caller.reset_on_close();
        }
    }
}

/// A session counts as on its way to its service until this is dropped.
pub(super) struct Toward(pub(super) Arc<LiveService>);

impl Drop for Toward {
    fn drop(&mut self) {
        self.0.leave();
    }
}

type Opened = (Toward, InFlight, Stream);

async fn open(
    connection: &Rc<Connection>,
    plan: &ListenerPlan,
    greeted: &Greeted,
    recording: &mut Recording,
) -> Result<Opened, Reason> {
    let asked = greeted.hello.as_ref().and_then(|hello| hello.server_name.as_deref());
    asked.unwrap_or_default().clone_into(&mut recording.asked);
    let worker = &connection.worker;
    let targets = plan.relay.as_ref().and_then(|relay| relay.find(asked));
    let target = targets.and_then(|targets| targets.pick(worker.random()));
    let target = target.ok_or_else(|| Reason::new(Kind::NoRoute))?;
    let service = plan.destinations.services.get(&target.service);
    let service = Arc::clone(service.ok_or_else(|| Reason::new(Kind::NoEndpoint))?);
    service.live.take();
    let toward = Toward(Arc::clone(&service.live));
    let version = service.service.proxy_protocol;
    let header = version.map(|version| announce(version, &connection.peer, asked));
    let mut tried = Vec::new();
    let mut last: Option<Failure> = None;
    while tried.len() < limits::ATTEMPTS_MAX {
        let Some(in_flight) = seat(connection, &service, &tried, last.is_some()).await else {
            break;
        };
        let endpoint = Arc::clone(in_flight.endpoint());
        match dial(connection, (&service, &endpoint), header.as_deref(), recording).await {
            Ok(stream) => return Ok((toward, in_flight, stream)),
            Err(failure) => {
                tried.push(endpoint);
                last = Some(failure);
            }
        }
    }
    let reason = Reason::new(last.as_ref().map_or(Kind::NoEndpoint, |failure| failure.kind));
    let reason = reason.about(&service.service.name);
    Err(match last {
        Some(failure) => reason.fact("error", Fact::Text(failure.detail)),
        None => reason,
    })
}

async fn dial(
    connection: &Connection,
    (service, endpoint): (&ServicePlan, &Arc<LiveEndpoint>),
    announce: Option<&[u8]>,
    recording: &mut Recording,
) -> Result<Stream, Failure> {
    let offset = recording.age();
    let dial = Dial {
        worker: &connection.worker,
        endpoint,
        transport: &service.transport,
        // What is spoken is not known: no protocol may be agreed on for the caller.
        http1_only: true,
        limit: service.service.timeouts.connect,
        keep_alive: service.service.timeouts.keep_alive,
        announce,
    };
    let opened = Box::pin(dial.open()).await;
    let connect = recording.age().saturating_sub(offset);
    let outcome = if opened.is_ok() { Outcome::Success } else { Outcome::Failure };
    judge(connection, service, endpoint, outcome);
    recording.attempts.push(Attempt {
        service: service.service.name.clone(),
        endpoint: endpoint.id.clone(),
        span: recording.span(),
        offset,
        duration: connect,
        connect,
        outcome: opened.as_ref().map(|_| 0).map_err(|failure| failure.kind),
    });
    opened
}

/// Tells passive checks whether the endpoint could be reached.
pub(super) fn judge(
    connection: &Connection,
    service: &ServicePlan,
    endpoint: &Arc<LiveEndpoint>,
    outcome: Outcome,
) {
    let worker = &connection.worker;
    let now = worker.clock.now();
    if outcome == Outcome::Failure {
        endpoint.counters.of(worker.index).connect_failures.increment();
    }
    let members = service.live.members();
    let random = worker.random();
    if endpoint.record(outcome, &service.outlier, || members.peers(now), now, random) {
        tracing::warn!(endpoint = %endpoint.id, "endpoint ejected: it could not be reached");
    }
}

/// An endpoint that can take the session, entered; `None` if none will.
pub(super) async fn seat(
    connection: &Connection,
    service: &ServicePlan,
    tried: &[Arc<LiveEndpoint>],
    failed: bool,
) -> Option<InFlight> {
    let worker = &connection.worker;
    let live = &service.live;
    let source = connection.peer.address.ip().to_canonical();
    let key = stable_hash(source.to_string().as_bytes());
    let begin = worker.clock.now();
    loop {
        let mut changes = live.changes();
        let now = worker.clock.now();
        if !live.room.is_waited_in_for_any() {
            let ask = Ask { service: live, key: Some(key), tried, now, random: worker.random() };
            if let Some(entered) = worker.turns.enter(&ask) {
                return Some(entered);
            }
        }
        if live.members().can_be_waited_for(tried, now) {
            let queue = &service.service.spread.queue;
            let wants = Wants { only: None, tried: tried.to_vec() };
            let mut place = live.room.join(0, wants, places(queue))?;
            let until = (&worker.clock, begin + queue.timeout);
            let is_hopeless = |now| !live.members().can_be_waited_for(tried, now);
            match live.wait(&mut place, &mut changes, until, is_hopeless).await {
                Waited::Entered(entered) => return Some(entered),
                Waited::TooLong => return None,
                Waited::Hopeless => continue,
            }
        }
        // A process that ended is about to be started again, or to be told that it is gone.
        let lost = failed && matches!(service.service.source, Source::Process(_));
        let limit = match live.members().is_starting() {
            true => limits::HOLD_TIME,
            false if lost => limits::NOTICE_TIME,
            false => return None,
        };
        let left = limit.checked_sub(now.saturating_duration_since(begin))?;
        tokio::time::timeout(left, changes.changed()).await.ok()?.ok()?;
    }
}
