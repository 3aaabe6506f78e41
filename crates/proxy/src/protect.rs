//! Step 6: what protects caller and service from each other: time limits, attempts, holding.
//!
//! `timeout` covers all attempts, to the head of the response; the attempt's own limit covers one.
//! A request that the service certainly did not process is sent again, to another endpoint or on a
//! fresh connection; one that it may have processed is not, unless it is harmless to repeat.
//! Around each attempt stand the policies of its destination ([`policy`]): what a breaker or a
//! bulkhead refuses is not sent, and what a retry policy calls worth it is sent again.

mod again;
mod deadline;
mod hedge;
mod hold;
mod policy;
mod queue;
mod seat;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_filters::{Content, Reply};
use trunkline_model::filter::HeaderText;
use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_net::http::Exchange;
use trunkline_resilience::outlier::Outcome;
use trunkline_resilience::retry::Retry;
use trunkline_rt::Alarm;

use crate::balance::{InFlight, Injected, LiveEndpoint};
use crate::context::{self, Outgoing};
use crate::decode::Interim;
use crate::forward::{self, Attempt, CallerFailure, Failure, Processed, RequestBody, Sent, Spent};
use crate::limits;
use crate::observe::Recording;
use crate::plan::{Limits, ServicePlan};
use crate::shield::{Pass, Protection, Refused, Tie, What, grpc_status};
use crate::worker::Worker;

use again::{Again, next_step};

/// A request on its way to a service.
pub(crate) struct Call<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) exchange: &'a mut Exchange,
    pub(crate) body: &'a RequestBody,
    pub(crate) upgrade: bool,
    pub(crate) service: &'a Arc<ServicePlan>,
    /// The policies of its way.
    pub(crate) protection: Option<&'a Protection>,
    /// To what several processes share of them.
    pub(crate) tie: Option<Rc<Tie>>,
    pub(crate) limits: Limits,
    /// What its attempts are told its trace in.
    pub(crate) traced: Outgoing,
    pub(crate) recording: &'a mut Recording,
    pub(crate) interim: Option<&'a Interim>,
    pub(crate) alarm: &'a Alarm,
}

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) sent: Sent,
    pub(crate) in_flight: InFlight,
    /// What it took of its policies.
    pub(crate) pass: Option<Box<Pass>>,
}

/// Where the attempts stand.
#[derive(Debug, Default)]
struct Progress {
    /// Endpoints that could not take it.
    tried: Vec<Arc<LiveEndpoint>>,
    /// Send it to the same endpoint again, on a fresh connection.
    repeat: Option<InFlight>,
    attempts: usize,
    stale: usize,
    /// Fresh connections that ended without a byte of an answer.
    resets: usize,
    last: Option<Failure>,
    /// What decides where it goes, where the service is balanced by a hash.
    key: Option<u64>,
    /// For how long it has waited for an endpoint with room.
    queued: Duration,
    /// What the attempt under way took of its policies.
    pass: Option<Box<Pass>>,
    /// What it took of those of its endpoint.
    at_endpoint: Option<Box<Pass>>,
    /// Who refused to let it go to an endpoint.
    refused: Option<Refused>,
    /// Attempts that a retry policy counts.
    retries: Retry,
    /// Another attempt was worth it, and the budget did not allow it.
    budget_spent: bool,
    /// When the caller stops waiting.
    deadline: Option<Instant>,
    /// When the attempt under way began.
    began: Option<Instant>,
    /// Since when it waits for an endpoint that can take it.
    waits_since: Option<Instant>,
}

impl Progress {
    /// Tells the policies what the attempt came to.
    fn judge(&mut self, what: What, now: Instant) {
        let passes = self.pass.iter_mut().chain(&mut self.at_endpoint);
        passes.for_each(|pass| pass.judge(what, now));
    }

    /// All that the attempt took.
    fn take_pass(&mut self) -> Option<Box<Pass>> {
        let pass = self.pass.take();
        match self.at_endpoint.take() {
            Some(last) => Some(Box::new(last.behind(pass))),
            None => pass,
        }
    }
}

/// Forwards a request within its time limit.
pub(crate) async fn forward(call: &mut Call<'_>) -> Result<Answered, Reason> {
    let mut progress = Progress { key: seat::key(call), ..Progress::default() };
    let (limit, kind) = limit(call, &mut progress)?;
    if let Some(protection) = call.protection {
        policy::begin(call, protection);
    }
    let (alarm, clock) = (call.alarm, &call.worker.clock);
    let attempted = alarm.within(clock, limit, pin!(attempts(call, &mut progress))).await;
    if let Some(result) = attempted {
        return result;
    }
    // A caller that waits for a moment only says nothing about the service.
    let fair = kind != Kind::Deadline || limit >= limits::FAIR_TIME;
    if fair && !call.body.waits_for_caller() {
        if let Some(endpoint) = call.recording.endpoint().map(Arc::clone) {
            judge(call, &progress, &endpoint, Outcome::Failure);
        }
        progress.judge(What::Failure(kind), call.worker.clock.now());
    }
    policy::gave_up(call, &progress);
    call.recording.failed(kind, &Spent::default());
    let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    Err(reason(call, kind, &progress).fact("limit_ms", Fact::Number(limit_ms)))
}

/// The time for all attempts, and what it means when it is over.
fn limit(call: &Call<'_>, progress: &mut Progress) -> Result<(Duration, Kind), Reason> {
    let own = (call.limits.request, Kind::RequestTimeout);
    let clock = &call.worker.clock;
    let Some(left) = deadline::left(&call.exchange.request, || clock.wall_nanos()) else {
        return Ok(own);
    };
    if left.is_zero() {
        return Err(reason(call, Kind::Deadline, progress));
    }
    let limit = own.0.min(left);
    progress.deadline = Some(clock.now() + limit);
    Ok(if left < own.0 { (left, Kind::Deadline) } else { own })
}

async fn attempts(call: &mut Call<'_>, progress: &mut Progress) -> Result<Answered, Reason> {
    loop {
        if progress.pass.is_none()
            && let Some(protection) = call.protection.filter(|protection| protection.admits)
        {
            progress.pass = Box::pin(policy::admit(call, protection)).await?;
        }
        let in_flight = seat(call, progress).await?;
        if let Some(protection) = call.protection.filter(|one| one.is_by_endpoint())
            && !Box::pin(policy::admit_at(call, progress, protection, &in_flight)).await
        {
            continue;
        }
        progress.attempts += 1;
        let mut spent = Spent::default();
        let fresh = progress.stale > 0;
        progress.began = call.service.is_timed().then(|| call.worker.clock.now());
        if let Some(deadline) = progress.deadline {
            let left = deadline.saturating_duration_since(call.worker.clock.now());
            let clock = &call.worker.clock;
            deadline::pass_on(&mut call.exchange.request, left, || clock.wall_nanos());
        }
        let (in_flight, attempted) = match hedge::of(call) {
            None => {
                let endpoint = in_flight.endpoint();
                let attempted = pin!(attempt(call, endpoint, fresh, &mut spent)).await;
                (in_flight, attempted)
            }
            Some(hedged) => {
                let first = (in_flight, fresh);
                let done = Box::pin(hedge::race(call, progress, hedged, first)).await;
                spent = done.spent;
                (done.in_flight, done.result)
            }
        };
        let wait = match attempted {
            Ok(sent) => match answered(call, progress, (&sent, &in_flight), &spent) {
                Some(wait) if Box::pin(policy::may_repeat(call, progress)).await => {
                    call.recording.repeated();
                    go_elsewhere(call, progress, in_flight);
                    wait
                }
                _ => return Ok(passed_on(call, progress, sent, in_flight)),
            },
            Err(failure) => match failed(call, progress, (in_flight, &spent), failure)? {
                None => Duration::ZERO,
                Some((wait, in_flight)) => {
                    if !Box::pin(policy::may_repeat(call, progress)).await {
                        let kind = progress.last.as_ref().map_or(Kind::Internal, |last| last.kind);
                        return Err(reason(call, kind, progress));
                    }
                    go_elsewhere(call, progress, in_flight);
                    wait
                }
            },
        };
        if !wait.is_zero() {
            Box::pin(tokio::time::sleep(wait)).await;
        }
    }
}

/// Makes ready for another attempt that a policy calls worth it.
fn go_elsewhere(call: &Call<'_>, progress: &mut Progress, in_flight: InFlight) {
    progress.tried.push(Arc::clone(in_flight.endpoint()));
    (progress.pass, progress.at_endpoint) = (None, None);
    drop(in_flight);
    policy::go_elsewhere(call, progress);
}

/// An endpoint that can take the request, entered.
async fn seat(call: &mut Call<'_>, progress: &mut Progress) -> Result<InFlight, Reason> {
    let in_flight = match progress.repeat.take() {
        Some(in_flight) => Ok(in_flight),
        None => match seat::at_once(call, progress) {
            Some(in_flight) => Ok(in_flight),
            None => Box::pin(seat::wait(call, progress)).await,
        },
    };
    if let Some(since) = progress.waits_since.take() {
        let now = call.worker.clock.now();
        call.recording.queued(now.saturating_duration_since(since));
    }
    in_flight
}

/// Notes an answer. Another attempt follows after the wait that is returned; without one, it is
/// passed on.
fn answered(
    call: &mut Call<'_>,
    progress: &mut Progress,
    (sent, in_flight): (&Sent, &InFlight),
    spent: &Spent,
) -> Option<Duration> {
    let status = sent.head.status();
    let outcome = if status >= 500 { Outcome::Failure } else { Outcome::Success };
    judge(call, progress, in_flight.endpoint(), outcome);
    call.recording.answered(status, spent);
    call.protection?;
    let what = What::Answer(status, grpc_status(&sent.head));
    progress.judge(what, call.worker.clock.now());
    policy::repeat(call, progress, what, Some(&sent.head))
}

fn passed_on(
    call: &Call<'_>,
    progress: &mut Progress,
    mut sent: Sent,
    in_flight: InFlight,
) -> Answered {
    seat::bind(call, in_flight.endpoint(), &mut sent.head);
    Answered { sent, in_flight, pass: progress.take_pass() }
}

/// Notes a failed attempt. An error ends the exchange; else another attempt follows: at once, or
/// after the wait that is returned, if the budget allows it.
fn failed(
    call: &mut Call<'_>,
    progress: &mut Progress,
    (in_flight, spent): (InFlight, &Spent),
    failure: Failure,
) -> Result<Option<(Duration, InFlight)>, Reason> {
    call.recording.failed(failure.kind, spent);
    if let Some(caller) = call.body.failure() {
        return Err(callers(caller));
    }
    let stale = spent.reused && failure.processed != Processed::Maybe;
    // A caller that sends slowly must not be able to have endpoints ejected.
    let callers = failure.kind == Kind::AttemptTimeout && call.body.waits_for_caller();
    let what =
        failure.status.map_or(What::Failure(failure.kind), |status| What::Answer(status, None));
    if !stale && !callers && failure.kind != Kind::Overload {
        judge(call, progress, in_flight.endpoint(), Outcome::Failure);
        progress.judge(what, call.worker.clock.now());
        progress.pass = None;
    }
    progress.at_endpoint = None;
    let kind = failure.kind;
    let method = call.exchange.request.method();
    let mut again = next_step(&failure, method, call.body, spent.reused);
    progress.resets += usize::from(!spent.reused && failure.processed == Processed::Unlikely);
    progress.last = Some(failure);
    if progress.attempts >= limits::ATTEMPTS_MAX || progress.resets > limits::RESETS_MAX {
        again = Again::No;
    }
    match again {
        Again::No => {
            let wait = if callers { None } else { policy::repeat(call, progress, what, None) };
            return match wait {
                Some(wait) => Ok(Some((wait, in_flight))),
                None => Err(reason(call, kind, progress)),
            };
        }
        Again::SameEndpoint if progress.stale < limits::STALE_MAX => {
            progress.stale += 1;
            progress.repeat = Some(in_flight);
        }
        Again::SameEndpoint | Again::Elsewhere => {
            progress.tried.push(Arc::clone(in_flight.endpoint()));
        }
    }
    Ok(None)
}

async fn attempt(
    call: &mut Call<'_>,
    endpoint: &Arc<LiveEndpoint>,
    fresh: bool,
    spent: &mut Spent,
) -> Result<Sent, Failure> {
    let span = context::span_id(&mut call.worker.random.borrow_mut());
    let trace = call.exchange.trace;
    context::inject(&mut call.exchange.request, &trace, span, call.traced);
    call.recording.attempt(endpoint, span);
    let attempt = Attempt {
        worker: call.worker,
        service: call.service,
        endpoint,
        head: &call.exchange.request,
        body: call.body,
        peer: &call.exchange.peer,
        upgrade: call.upgrade,
        fresh,
        connect_limit: call.limits.connect,
        interim: call.interim,
    };
    if let Some(injected) = call.service.live.faults.draw(|| call.worker.random()) {
        return Box::pin(faulty(call, &attempt, injected, spent)).await;
    }
    let sending = pin!(forward::attempt(&attempt, spent));
    let Some(limit) = call.limits.attempt else {
        return sending.await;
    };
    call.alarm.within(&call.worker.clock, limit, sending).await.unwrap_or_else(|| {
        let detail = format!("no answer from {} within {limit:?}", endpoint.address);
        Err(Failure::new(Kind::AttemptTimeout, detail, Processed::Maybe))
    })
}

/// The same with what a person injects into the calls of the service.
async fn faulty(
    call: &Call<'_>,
    attempt: &Attempt<'_>,
    injected: Injected,
    spent: &mut Spent,
) -> Result<Sent, Failure> {
    let sending = pin!(async {
        if let Some(delay) = injected.delay {
            tokio::time::sleep(delay).await;
        }
        match injected.status {
            Some(status) => Err(Failure::injected(status)),
            None => forward::attempt(attempt, spent).await,
        }
    });
    let limit = call.limits.attempt.unwrap_or(call.limits.request);
    call.alarm.within(&call.worker.clock, limit, sending).await.unwrap_or_else(|| {
        let detail = format!("no answer within {limit:?}, with injected latency");
        Err(Failure::new(Kind::AttemptTimeout, detail, Processed::Maybe))
    })
}

/// Tells balancing and passive checks how an attempt went.
fn judge(call: &Call<'_>, progress: &Progress, endpoint: &Arc<LiveEndpoint>, outcome: Outcome) {
    let now = call.worker.clock.now();
    if let Some(began) = progress.began {
        let (took, failed) = (now.saturating_duration_since(began), outcome == Outcome::Failure);
        endpoint.answered(took, failed, now);
        endpoint.seen.note(failed, took);
    }
    let peers = || call.service.live.members().peers(now);
    let random = call.worker.random();
    if endpoint.record(outcome, &call.service.outlier, peers, now, random) {
        tracing::warn!(endpoint = %endpoint.id, "endpoint ejected: its requests failed");
    }
}

/// The answer that tells a reason. An injected fault has the status that was ordered.
pub(crate) fn told(reason: Reason) -> Reply {
    let ordered = reason.facts.iter().find(|(name, _)| *name == "status");
    let status = match (reason.kind, ordered) {
        (Kind::Fault, Some((_, Fact::Number(status)))) => u16::try_from(*status).ok(),
        _ => None,
    };
    let mut reply = Reply::because(reason);
    reply.status = status.unwrap_or(reply.status);
    reply
}

/// The answer that the policies have instead of one that failed for this reason.
pub(crate) fn instead((status, kind, body): (u16, &str, &str), reason: Reason) -> Reply {
    let content = match kind.parse::<HeaderText>() {
        Ok(content_type) => {
            Content::Given { content_type, body: Bytes::copy_from_slice(body.as_bytes()) }
        }
        Err(_) => Content::Empty,
    };
    Reply {
        status,
        reason: reason.fact("fallback", Fact::Token("respond")),
        headers: Vec::new(),
        content,
    }
}

/// The reason of a failed exchange, with what the last attempt said.
fn reason(call: &Call<'_>, kind: Kind, progress: &Progress) -> Reason {
    let attempts = i64::try_from(progress.attempts).unwrap_or(i64::MAX);
    let reason = Reason::new(kind).about(&call.service.service.name);
    let reason = reason.fact("attempts", Fact::Number(attempts));
    let reason = if progress.budget_spent {
        reason.fact("retry", Fact::Token("budget_spent"))
    } else {
        reason
    };
    match &progress.last {
        Some(Failure { status: Some(status), .. }) => {
            reason.fact("status", Fact::Number((*status).into()))
        }
        Some(failure) => reason.fact("error", Fact::Text(failure.detail.clone())),
        None => reason,
    }
}

/// Why nobody can take the request: what was tried, or how many there are and what ails them.
fn nobody(call: &Call<'_>, progress: &Progress) -> Reason {
    if let Some(failure) = &progress.last {
        return reason(call, failure.kind, progress);
    }
    if let Some(refused) = &progress.refused {
        return policy::told(call, refused);
    }
    let now = call.worker.clock.now();
    let members = call.service.live.members();
    let count = |test: &dyn Fn(&LiveEndpoint) -> bool| {
        let found = members.endpoints.iter().filter(|endpoint| test(endpoint)).count();
        Fact::Number(i64::try_from(found).unwrap_or(i64::MAX))
    };
    let reason = Reason::new(Kind::NoEndpoint)
        .about(&call.service.service.name)
        .fact("endpoints", count(&|_| true))
        .fact("unhealthy", count(&|endpoint| !endpoint.is_healthy()))
        .fact("ejected", count(&|endpoint| endpoint.is_ejected(now)));
    let error = members.endpoints.iter().find_map(|endpoint| endpoint.health_error());
    match error {
        Some(error) => reason.fact("health", Fact::Text(error.into())),
        None => reason,
    }
}

/// The caller's own body failed.
fn callers(failure: CallerFailure) -> Reason {
    Reason::new(match failure {
        CallerFailure::Idle => Kind::CallerTimeout,
        CallerFailure::Broken => Kind::BadRequest,
        CallerFailure::TooLarge => Kind::BodyTooLarge,
    })
}
