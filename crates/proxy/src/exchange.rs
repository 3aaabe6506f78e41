//! The line of one request: decode has happened, observe comes at the end, everything between is
//! called from here in the order of the crate's documentation.
//!
//! Whatever goes wrong ends in a [`Reply`] with a reason; there is no way out without an answer and
//! a record. If the caller leaves, the future is dropped, and with it all upstream work.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::{AbortHandle, Abortable};
use http_body::Body as _;
use trunkline_filters::Reply;
use trunkline_model::RouteId;
use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::record::End;
use trunkline_model::service::policies::Instead;
use trunkline_net::http::{Body, Exchange, Head};
use trunkline_net::http1::Refusal;
use trunkline_resilience::overload::Level;
use trunkline_rt::{Alarm, Policy};

use crate::balance::InFlight;
use crate::cache::{self, Fill, Filled, Found, Hit, Owner};
use crate::caller;
use crate::carry::{Carried, Ended};
use crate::context::{self, Asked, Outgoing, Wanted};
use crate::decode::{Busy, Connection, Interim};
use crate::filter;
use crate::forward::{Bounds, Lease, RequestBody, ResponseBody, Upgrade, headers, tunnel};
use crate::guard;
use crate::observe::{Observed, Recording, Source};
use crate::plan::{Limits, ListenerPlan, Toward};
use crate::protect::{self, Answered, Call};
use crate::reply;
use crate::route::host::BadHost;
use crate::route::{CompiledAction, CompiledRoute};
use crate::shield::Pass;

/// A request that arrived.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) plan: Arc<ListenerPlan>,
    pub(crate) request: Head,
    /// Whether every reader reads the request in the same way.
    pub(crate) strict: Result<(), Refusal>,
    pub(crate) body: Body,
    /// The caller asks for another protocol.
    pub(crate) upgrade: Option<Upgrade>,
    /// Takes interim responses for the caller, where it can have them.
    pub(crate) interim: Option<Interim>,
    /// When its first byte arrived, where that is known.
    pub(crate) began: Option<Instant>,
    pub(crate) busy: Busy,
    /// The timer of the task that runs the exchange.
    pub(crate) alarm: Rc<Alarm>,
}

/// What the caller is sent.
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Observed,
}

/// A response before the response hooks.
enum Outcome {
    /// Trunkline's own.
    Own(Reply),
    /// A service's.
    Service(Head, ResponseBody),
    /// A response that is stored, or is going to be.
    Cached(Head, Body),
    /// A service's switch to another protocol: the tunnel runs once the head is sent.
    Switched(Head),
}

/// An exchange under way.
struct Line<'a> {
    connection: &'a Rc<Connection>,
    plan: Arc<ListenerPlan>,
    exchange: &'a mut Exchange,
    route: Option<Arc<CompiledRoute>>,
    recording: Option<Recording>,
    /// What is asked of its trace, until that is decided.
    asked: Option<Asked>,
    /// What its attempts are told its trace in.
    traced: Outgoing,
    interim: Option<Interim>,
    alarm: Rc<Alarm>,
}

/// Runs an exchange to the head of its response; the body streams on by itself.
pub(crate) async fn run(connection: &Rc<Connection>, arrival: Arrival) -> Answer {
    let Arrival { plan, request, strict, body, upgrade, interim, began, busy, alarm } = arrival;
    let host = connection.last_host.borrow_mut().of(&request);
    let valid = check(&request, strict, &host);
    // Made where it stays: it is large, and a step that took it as its own would move it.
    let (mut exchange, asked) = begin(connection, &plan, request, host.unwrap_or_default());
    let start = connection.worker.clock.now();
    let unrouted = &plan.destinations.unrouted;
    let mut recording = Recording::begin(connection, &exchange, unrouted, start, busy);
    if let Some(began) = began {
        recording.head_began(began);
    }
    let (recording, exchange) = (Some(recording), &mut exchange);
    let (asked, traced) = (Some(asked), Outgoing::default());
    let mut line =
        Line { connection, plan, exchange, route: None, recording, asked, traced, interim, alarm };
    let outcome = match valid {
        // Pinned where they are made: an awaited future is moved first, and these are large.
        Ok(()) => pin!(line.decide(body, upgrade)).await.unwrap_or_else(Outcome::Own),
        Err(reason) => {
            let mut reply = Reply::because(reason);
            reply.status = strict.err().map_or(reply.status, Refusal::status);
            Outcome::Own(reply)
        }
    };
    pin!(line.finish(outcome)).await
}

/// Whether the head of a request is one that can be served.
fn check(
    request: &Head,
    strict: Result<(), Refusal>,
    host: &Result<Arc<str>, BadHost>,
) -> Result<(), Reason> {
    let bad = |what| Reason::new(Kind::BadRequest).fact("what", Fact::Token(what));
    match (strict, host) {
        (Err(ambiguous), _) => Err(bad(ambiguous.token())),
        (_, Err(_)) => Err(bad("host")),
        // A proxy for other people's tunnels is not what this is (RFC 9110 §9.3.6).
        (_, Ok(_)) if request.method() == "CONNECT" => Err(bad("connect")),
        (_, Ok(_)) => Ok(()),
    }
}

/// The exchange of a request to this host, and what is asked of its trace.
fn begin(
    connection: &Connection,
    plan: &ListenerPlan,
    mut request: Head,
    host: Arc<str>,
) -> (Exchange, Asked) {
    headers::strip_named(&mut request);
    let propagation = &plan.destinations.tracer.propagation;
    let mut random = connection.worker.random.borrow_mut();
    let (trace, asked, correlation) = context::begin(&mut request, propagation, &mut random);
    drop(random);
    let arrival = (plan.listener.id.clone(), connection.scheme);
    let mut peer = connection.peer.clone();
    caller::learn(&mut peer, &request, &plan.model.trusted_proxies);
    (Exchange::begin(request, peer, arrival, host, (trace, correlation)), asked)
}

impl Line<'_> {
    /// Everything before the response hooks. An own answer is an early end, hence `Err`.
    async fn decide(&mut self, body: Body, upgrade: Option<Upgrade>) -> Result<Outcome, Reply> {
        self.come_in().await.map_err(Reply::because)?;
        if let Some(reply) = filter::before_routing(&self.plan, self.exchange).await {
            return Err(reply);
        }
        let picked = self.plan.table.pick(self.exchange);
        let route = Arc::clone(picked.map_err(|miss| Reply::because(miss.reason()))?);
        if let Some(recording) = &mut self.recording {
            recording.routed(&route.id, self.plan.destinations.routes.get(&route.id));
        }
        self.route = Some(Arc::clone(&route));
        self.settle_trace();
        if let Some(reply) = filter::after_routing(&route, self.exchange).await {
            return Err(reply);
        }
        if let Some(reply) = route.action.answer(self.exchange) {
            return Err(reply);
        }
        let CompiledAction::Forward(targets) = &route.action else {
            return Err(Reply::because(Reason::new(Kind::Internal)));
        };
        let destinations = &self.plan.destinations;
        let target = targets.pick(self.connection.worker.random());
        let service = target.and_then(|target| destinations.services.get(&target.service));
        let Some(service) = service.map(Arc::clone) else {
            return Err(Reply::because(Reason::new(Kind::NoEndpoint)));
        };
        let way = (&*route, self.plan.listener.caller.as_ref());
        let toward = Toward::new(destinations, way, service);
        if route.filters.caches() && upgrade.is_none() {
            return Box::pin(self.through_cache(&toward, &route.id, body)).await;
        }
        let outcome = pin!(self.forward(&toward, body, upgrade, None)).await;
        if let Ok(Outcome::Service(head, _)) = &outcome {
            self.connection.worker.cache.changed(self.exchange, head);
        }
        outcome
    }

    /// Decides about the trace, once it is known which route takes the request, or that none does.
    fn settle_trace(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        let plan = &self.plan;
        let tracer = &plan.destinations.tracer;
        let own = self.route.as_ref().map(|route| &route.tracing);
        let own_propagation = own.and_then(|own| own.propagation.as_ref());
        let wanted = Wanted {
            sampler: own.and_then(|own| own.sampler.as_deref()).unwrap_or(&tracer.sampler),
            propagation: own_propagation.unwrap_or(&tracer.propagation),
            anew: own_propagation.is_some(),
            inner: plan.listener.caller.is_some(),
            believed: plan.listener.caller.is_some() || self.exchange.peer.trusted,
            now: self.connection.worker.clock.now(),
        };
        let (worker, exchange) = (&self.connection.worker, &mut *self.exchange);
        self.traced = context::settle(
            &mut exchange.request,
            &mut exchange.trace,
            (asked, wanted),
            &mut worker.random.borrow_mut(),
        );
        if let Some(recording) = &mut self.recording {
            recording.traced(exchange.trace);
        }
    }

    /// Whether the process has room, and the source may ask.
    async fn come_in(&self) -> Result<(), Reason> {
        let guard = &self.connection.worker.guard;
        if guard.level() == Level::Critical {
            guard.refused();
            return Err(Reason::new(Kind::Overload));
        }
        match &self.plan.model.guard.per_source {
            Some(settings) => {
                let client = self.exchange.peer.client;
                Box::pin(guard::allow(self.connection, client, settings)).await
            }
            None => Ok(()),
        }
    }

    /// The answer that is stored, or the service's, which may be stored then.
    async fn through_cache(
        &mut self,
        toward: &Toward,
        route: &RouteId,
        body: Body,
    ) -> Result<Outcome, Reply> {
        let worker = Rc::clone(&self.connection.worker);
        let hit = |hit: Hit| Outcome::Cached(hit.head, hit.body);
        let service = toward.service.service.name.clone();
        let owner = Owner { route: route.clone(), service };
        let found = if body.is_end_stream() {
            cache::look(&worker.cache, self.exchange, owner, &worker.clock).await
        } else {
            // What it asks for is not in its target alone.
            worker.cache.pass()
        };
        let fill = match found {
            Found::Hit(stored) => return Ok(hit(stored)),
            Found::Nothing => return Err(Reply::because(Reason::new(Kind::NotCached))),
            Found::Fill(fill) => Some(fill),
            Found::Pass => None,
        };
        if let Some(fill) = &fill {
            fill.ask(&mut self.exchange.request);
        }
        let outcome = self.forward(toward, body, None, fill.as_deref()).await;
        let now = worker.clock.now();
        let (head, body) = match outcome {
            Ok(Outcome::Service(head, body)) => (head, body),
            Ok(other) => return Ok(other),
            Err(reply) => {
                let stale = fill.and_then(|fill| fill.failed(now));
                return stale.map(hit).ok_or(reply);
            }
        };
        worker.cache.changed(self.exchange, &head);
        let Some(fill) = fill else {
            return Ok(Outcome::Service(head, body));
        };
        let wall = SystemTime::UNIX_EPOCH + Duration::from_nanos(worker.clock.wall_nanos());
        match fill.answered(head, || Source::Service(body).into_frames(), (now, wall)) {
            Filled::Passed(head, body) => Ok(Outcome::Cached(head, body)),
            Filled::Hit(stored) => Ok(hit(stored)),
        }
    }

    async fn forward(
        &mut self,
        toward: &Toward,
        body: Body,
        upgrade: Option<Upgrade>,
        fill: Option<&Fill>,
    ) -> Result<Outcome, Reply> {
        headers::prepare_request(self.exchange, upgrade.is_some());
        let (guard, limits) = (&self.plan.model.guard, toward.limits);
        let bounds = Bounds { idle: limits.idle, pace: guard.pace, bytes_max: guard.body_bytes };
        if guard.body_bytes.is_some_and(|most| body.size_hint().lower() > most) {
            return Err(Reply::because(Reason::new(Kind::BodyTooLarge)));
        }
        let body = RequestBody::new(body, bounds);
        let sent = pin!(self.send(toward, &body, upgrade.is_some())).await;
        let answered = match sent {
            Ok(answered) => answered,
            Err(reason) => {
                if let Some(hit) = self.stale(toward, &reason, fill) {
                    return Ok(Outcome::Cached(hit.head, hit.body));
                }
                Box::pin(self.fall_back(toward, &body, reason)).await?
            }
        };
        let Answered { sent, in_flight, pass } = answered;
        let mut response = sent.head;
        headers::prepare_response(&mut response);
        if response.status() != 101 {
            let body = ResponseBody::new(sent.lease, (in_flight, pass), limits.idle);
            return Ok(Outcome::Service(response, body));
        }
        let (Some(caller), Some(far)) = (upgrade, sent.switched) else {
            let reason = Reason::new(Kind::UpstreamProtocol).about(&toward.service.service.name);
            return Err(Reply::because(reason.fact("what", Fact::Token("unasked_switch"))));
        };
        self.start_tunnel((caller, far), limits, (in_flight, sent.lease, pass));
        Ok(Outcome::Switched(response))
    }

    /// Sends the request to a service, as often as its policies say.
    async fn send(
        &mut self,
        toward: &Toward,
        body: &RequestBody,
        upgrade: bool,
    ) -> Result<Answered, Reason> {
        let Some(recording) = &mut self.recording else {
            return Err(Reason::new(Kind::Internal));
        };
        recording.toward(&toward.service.live, body);
        let worker = &self.connection.worker;
        let shared = toward.protection.as_ref().is_some_and(|one| one.is_shared());
        let store = self.plan.destinations.cluster.as_ref().filter(|_| shared);
        let tie = store.and_then(|store| worker.ties.to(store, &worker.scope));
        let mut call = Call {
            worker: &self.connection.worker,
            exchange: self.exchange,
            body,
            upgrade,
            service: &toward.service,
            protection: toward.protection.as_deref(),
            tie,
            limits: toward.limits,
            traced: self.traced,
            recording,
            interim: self.interim.as_ref(),
            alarm: &self.alarm,
        };
        pin!(protect::forward(&mut call)).await
    }

    /// The stale answer that the policies have for callers when the service has nothing.
    fn stale(&self, toward: &Toward, reason: &Reason, fill: Option<&Fill>) -> Option<Hit> {
        let most = toward.stale_max(reason)?;
        let hit = fill?.fallback(self.connection.worker.clock.now(), most)?;
        toward.fell_back();
        Some(hit)
    }

    /// What the policies have for callers when the service has nothing.
    async fn fall_back(
        &mut self,
        toward: &Toward,
        body: &RequestBody,
        reason: Reason,
    ) -> Result<Answered, Reply> {
        let Some(fallback) = toward.fallback(&reason) else {
            return Err(protect::told(reason));
        };
        match &fallback.instead {
            Some(Instead::Respond { status, content_type, body }) => {
                toward.fell_back();
                Err(protect::instead((*status, content_type, body), reason))
            }
            Some(Instead::Service(_)) if !body.is_lost() => match &toward.instead {
                Some(other) => {
                    toward.fell_back();
                    self.send(other, body, false).await.map_err(Reply::because)
                }
                None => Err(Reply::because(reason)),
            },
            _ => Err(protect::told(reason)),
        }
    }

    fn start_tunnel(
        &mut self,
        (caller, service): (Upgrade, Upgrade),
        limits: Limits,
        held: (InFlight, Lease, Option<Box<Pass>>),
    ) {
        let Some(mut recording) = self.recording.take() else {
            return;
        };
        recording.status(101);
        let connection = Rc::clone(self.connection);
        let scope = connection.worker.scope.clone();
        let (cut, registration) = AbortHandle::new_pair();
        connection.open.tunnels(cut);
        scope.spawn_local("tunnel", Policy::Best, async move {
            let (carried, clock) = (Carried::default(), &connection.worker.clock);
            let carrying = tunnel(caller, service, (clock, limits.idle), &carried);
            let carrying = Abortable::new(carrying, registration);
            let ended = tokio::select! {
                ended = carrying => ended.ok().flatten(),
                () = connection.drain.forced() => None,
            };
            recording.end(match ended {
                Some(Ended::Both) => End::Complete,
                Some(Ended::CallerBroke) => End::CallerGone,
                Some(Ended::ServiceBroke) => End::ServiceBroke,
                Some(Ended::Idle) => End::Idle,
                None => End::Cut,
            });
            recording.sent(carried.to_caller.get());
            recording.received(carried.to_service.get());
            drop((recording, held, connection));
        });
    }

    /// The response hooks, and the end of the line.
    async fn finish(&mut self, outcome: Outcome) -> Answer {
        self.settle_trace();
        let (head, mut body, own) = match outcome {
            Outcome::Own(reply) => self.own(&reply),
            Outcome::Service(head, body) => (head, Source::Service(body), false),
            Outcome::Cached(head, body) => (head, body.into(), false),
            Outcome::Switched(head) => (head, Body::Empty.into(), false),
        };
        self.exchange.response = Some(head);
        let instead = filter::on_response(&self.plan, self.route.as_deref(), self.exchange).await;
        if let Some(reply) = instead.filter(|_| !own) {
            let (head, own_body, _) = self.own(&reply);
            self.exchange.response = Some(head);
            body = own_body;
        }
        body = filter::on_response_body(&self.plan, self.route.as_deref(), self.exchange, body);
        let head = self.exchange.response.take();
        let mut head = head.unwrap_or_else(|| Head::response(500, self.exchange.request.version()));
        if !head.has(context::REQUEST_ID) {
            head.set(context::REQUEST_ID, self.exchange.correlation.as_bytes());
        }
        let mut recording = self.recording.take();
        if let Some(recording) = &mut recording {
            recording.status(head.status());
        }
        Answer { head, body: Observed::new(body, recording) }
    }

    fn own(&mut self, reply: &Reply) -> (Head, Source, bool) {
        if let Some(recording) = &mut self.recording {
            recording.decided(&reply.reason);
        }
        let reasons = self.plan.model.reasons;
        let span = self.exchange.trace.span;
        let (head, body) = reply::answer(reply, &self.exchange.request, span, reasons);
        (head, body.into(), true)
    }
}
