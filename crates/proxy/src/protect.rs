//! Step 6: what protects caller and service from each other: time limits, attempts, holding.
//!
//! `timeout` covers all attempts, to the head of the response; the attempt's own limit covers one.
//! A request that the service certainly did not process is sent again, to another endpoint or on a
//! fresh connection; one that it may have processed is not, unless it is harmless to repeat.
//! Breakers, bulkheads and retry policies join here, around each attempt.

mod again;
mod hold;
mod queue;
mod seat;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_net::http::Exchange;
use trunkline_resilience::outlier::Outcome;
use trunkline_rt::Alarm;

use crate::balance::{InFlight, LiveEndpoint};
use crate::context;
use crate::decode::Interim;
use crate::forward::{self, Attempt, CallerFailure, Failure, Processed, RequestBody, Sent, Spent};
use crate::limits;
use crate::observe::Recording;
use crate::plan::{Limits, ServicePlan};
use crate::worker::Worker;

use again::{Again, next_step};

/// A request on its way to a service.
pub(crate) struct Call<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) exchange: &'a mut Exchange,
    pub(crate) body: &'a RequestBody,
    pub(crate) upgrade: bool,
    pub(crate) service: &'a Arc<ServicePlan>,
    pub(crate) limits: Limits,
    pub(crate) recording: &'a mut Recording,
    pub(crate) interim: Option<&'a Interim>,
    pub(crate) alarm: &'a Alarm,
}

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) sent: Sent,
    pub(crate) in_flight: InFlight,
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
    /// When the attempt under way began.
    began: Option<Instant>,
    /// Since when it waits for an endpoint that can take it.
    waits_since: Option<Instant>,
}

/// Forwards a request within its time limit.
pub(crate) async fn forward(call: &mut Call<'_>) -> Result<Answered, Reason> {
    let limit = call.limits.request;
    let mut progress = Progress { key: seat::key(call), ..Progress::default() };
    let (alarm, clock) = (call.alarm, &call.worker.clock);
    let attempted = alarm.within(clock, limit, pin!(attempts(call, &mut progress))).await;
    if let Some(result) = attempted {
        return result;
    }
    if let Some(endpoint) = call.recording.endpoint().map(Arc::clone)
        && !call.body.waits_for_caller()
    {
        judge(call, &progress, &endpoint, Outcome::Failure);
    }
    call.recording.failed(Kind::RequestTimeout, &Spent::default());
    let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    let reason = reason(call, Kind::RequestTimeout, &progress);
    Err(reason.fact("limit_ms", Fact::Number(limit_ms)))
}

async fn attempts(call: &mut Call<'_>, progress: &mut Progress) -> Result<Answered, Reason> {
    loop {
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
        let in_flight = in_flight?;
        progress.attempts += 1;
        let endpoint = Arc::clone(in_flight.endpoint());
        let mut spent = Spent::default();
        let fresh = progress.stale > 0;
        progress.began = call.service.live.is_timed().then(|| call.worker.clock.now());
        let attempted = pin!(attempt(call, &endpoint, fresh, &mut spent)).await;
        match attempted {
            Ok(mut answer) => {
                seat::bind(call, &endpoint, &mut answer.head);
                let status = answer.head.status();
                let failed = status >= 500;
                let outcome = if failed { Outcome::Failure } else { Outcome::Success };
                judge(call, progress, &endpoint, outcome);
                call.recording.answered(status, &spent);
                return Ok(Answered { sent: answer, in_flight });
            }
            Err(failure) => failed(call, progress, (in_flight, &spent), failure)?,
        }
    }
}

/// Notes a failed attempt. An error ends the exchange; else `progress` knows what comes next.
fn failed(
    call: &mut Call<'_>,
    progress: &mut Progress,
    (in_flight, spent): (InFlight, &Spent),
    failure: Failure,
) -> Result<(), Reason> {
    call.recording.failed(failure.kind, spent);
    if let Some(caller) = call.body.failure() {
        return Err(callers(caller));
    }
    let stale = spent.reused && failure.processed != Processed::Maybe;
    // A caller that sends slowly must not be able to have endpoints ejected.
    let callers = failure.kind == Kind::AttemptTimeout && call.body.waits_for_caller();
    if !stale && !callers && failure.kind != Kind::Overload {
        judge(call, progress, in_flight.endpoint(), Outcome::Failure);
    }
    let kind = failure.kind;
    let method = call.exchange.request.method();
    let again = next_step(&failure, method, call.body, spent.reused);
    progress.resets += usize::from(!spent.reused && failure.processed == Processed::Unlikely);
    progress.last = Some(failure);
    if progress.attempts >= limits::ATTEMPTS_MAX || progress.resets > limits::RESETS_MAX {
        return Err(reason(call, kind, progress));
    }
    match again {
        Again::No => return Err(reason(call, kind, progress)),
        Again::SameEndpoint if progress.stale < limits::STALE_MAX => {
            progress.stale += 1;
            progress.repeat = Some(in_flight);
        }
        Again::SameEndpoint | Again::Elsewhere => {
            progress.tried.push(Arc::clone(in_flight.endpoint()));
        }
    }
    Ok(())
}

async fn attempt(
    call: &mut Call<'_>,
    endpoint: &Arc<LiveEndpoint>,
    fresh: bool,
    spent: &mut Spent,
) -> Result<Sent, Failure> {
    let span = context::span_id(&mut call.worker.random.borrow_mut());
    let trace = call.exchange.trace;
    context::inject(&mut call.exchange.request, &trace, span);
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
    let sending = pin!(forward::attempt(&attempt, spent));
    let Some(limit) = call.limits.attempt else {
        return sending.await;
    };
    call.alarm.within(&call.worker.clock, limit, sending).await.unwrap_or_else(|| {
        let detail = format!("no answer from {} within {limit:?}", endpoint.address);
        Err(Failure::new(Kind::AttemptTimeout, detail, Processed::Maybe))
    })
}

/// Tells balancing and passive checks how an attempt went.
fn judge(call: &Call<'_>, progress: &Progress, endpoint: &Arc<LiveEndpoint>, outcome: Outcome) {
    let now = call.worker.clock.now();
    if let Some(began) = progress.began {
        let took = now.saturating_duration_since(began);
        endpoint.answered(took, outcome == Outcome::Failure, now);
    }
    let members = call.service.live.members();
    let peers = || members.peers(now);
    let random = call.worker.random();
    if endpoint.record(outcome, &call.service.outlier, peers, now, random) {
        tracing::warn!(endpoint = %endpoint.id, "endpoint ejected: its requests failed");
    }
}

/// The reason of a failed exchange, with what the last attempt said.
fn reason(call: &Call<'_>, kind: Kind, progress: &Progress) -> Reason {
    let attempts = i64::try_from(progress.attempts).unwrap_or(i64::MAX);
    let reason = Reason::new(kind).about(&call.service.service.name);
    let reason = reason.fact("attempts", Fact::Number(attempts));
    match &progress.last {
        Some(failure) => reason.fact("error", Fact::Text(failure.detail.clone())),
        None => reason,
    }
}

/// Why nobody can take the request: what was tried, or how many there are and what ails them.
fn nobody(call: &Call<'_>, progress: &Progress) -> Reason {
    if let Some(failure) = &progress.last {
        return reason(call, failure.kind, progress);
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
