//! Hedging: when an answer takes longer than most do, the request is sent a second time, elsewhere, and
//! the first good answer wins. The other attempt is dropped, which cancels it.
//!
//! It is one call for the policies around it, whose passes are taken once; how much more load hedges
//! make is bounded by a budget of their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};
use trunkline_model::reason::Kind;
use trunkline_model::service::policies::{Condition, Hedge};
use trunkline_model::trace::SpanId;
use trunkline_net::http::Head;
use trunkline_resilience::outlier::Outcome;

use super::{Call, Progress, judge, policy, seat};
use crate::balance::{InFlight, Injected, LiveEndpoint};
use crate::context;
use crate::forward::{self, Attempt, Failure, Processed, Sent, Spent};
use crate::shield::{Pass, Shield, What, grpc_status};

/// An answer with which nobody is content while another may come.
const POOR: [Condition; 2] = [Condition::Statuses(5), Condition::Grpc(14)];

/// An attempt that is over.
pub(super) struct Done {
    pub(super) in_flight: InFlight,
    pub(super) spent: Spent,
    pub(super) result: Result<Sent, Failure>,
    span: SpanId,
    began: Instant,
    /// Made because the first took long.
    is_hedge: bool,
    /// What it took of the policies of its endpoint.
    pass: Option<Box<Pass>>,
}

type Running<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Done> + 'a>>>;

/// What an attempt is made with, but for the endpoint.
struct Start {
    in_flight: InFlight,
    head: Head,
    span: SpanId,
    fresh: bool,
    is_hedge: bool,
    pass: Option<Box<Pass>>,
    injected: Option<Injected>,
}

/// Whose hedges this request may have.
pub(super) fn of<'a>(call: &Call<'a>) -> Option<(&'a Arc<Shield>, &'a Hedge)> {
    let shield = call.protection?.hedges()?;
    let hedge = shield.policies.hedge.as_ref()?;
    let may = policy::is_among(&hedge.methods, call.exchange.request.method());
    (may && !call.upgrade).then_some((shield, hedge))
}

/// Sends the request, and sends it again beside that while no good answer comes. Returns the attempt
/// that counts; the others are accounted for.
pub(super) async fn race(
    call: &mut Call<'_>,
    progress: &mut Progress,
    (shield, hedge): (&Arc<Shield>, &Hedge),
    (first, fresh): (InFlight, bool),
) -> Done {
    let began = call.worker.clock.now();
    let mut used = vec![Arc::clone(first.endpoint())];
    let pass = progress.at_endpoint.take();
    let first = Start { pass, ..start(call, first, fresh, false) };
    let mut sides = Sides { running: FuturesUnordered::new(), made: 0, poor: None };
    sides.running.push(one(call, first));
    let delay = shield.hedge_delay();
    loop {
        // Each waits for the delay again.
        let due = delay.filter(|_| sides.made < hedge.max);
        let due = due.map(|delay| (began + delay * (sides.made + 1)).into());
        let done = tokio::select! {
            biased;
            done = sides.running.next() => done,
            () = until(due) => None,
        };
        if let Some(done) = done {
            match sides.over(call, progress, done) {
                Some(mut done) => {
                    settle(call, progress, shield, &done, began);
                    progress.at_endpoint = done.pass.take();
                    return done;
                }
                None => continue,
            }
        }
        sides.made += 1;
        if let Some(second) = again(call, progress, shield, &used).await {
            used.push(Arc::clone(second.in_flight.endpoint()));
            sides.running.push(one(call, second));
        } else {
            sides.made = hedge.max;
        }
    }
}

/// The attempts under way, and the best that came of the others.
struct Sides<'a> {
    running: Running<'a>,
    made: u32,
    poor: Option<Done>,
}

impl Sides<'_> {
    /// An attempt is over. Returns the one that counts, once that is known.
    fn over(&mut self, call: &mut Call<'_>, progress: &mut Progress, done: Done) -> Option<Done> {
        let good = done.result.as_ref().is_ok_and(|sent| !is_poor(sent));
        if good {
            if let Some(poor) = self.poor.take() {
                lose(call, progress, poor);
            }
            return Some(done);
        }
        let better = match (&self.poor, &done.result) {
            (Some(known), Err(_)) => known.result.is_err(),
            _ => true,
        };
        let worse = if better { self.poor.replace(done) } else { Some(done) };
        if let Some(worse) = worse {
            lose(call, progress, worse);
        }
        if self.running.is_empty() { self.poor.take() } else { None }
    }
}

fn is_poor(sent: &Sent) -> bool {
    let what = What::Answer(sent.head.status(), grpc_status(&sent.head));
    POOR.iter().any(|condition| what.is(*condition))
}

/// An attempt that does not count: its endpoint is judged all the same.
fn lose(call: &mut Call<'_>, progress: &Progress, mut done: Done) {
    let outcome = match &done.result {
        Ok(sent) => Ok(sent.head.status()),
        Err(failure) => Err(failure.kind),
    };
    call.recording.lost(done.span, outcome);
    if let Some(pass) = &mut done.pass {
        let what = match &done.result {
            Ok(sent) => What::Answer(sent.head.status(), grpc_status(&sent.head)),
            Err(failure) => What::Failure(failure.kind),
        };
        pass.judge(what, call.worker.clock.now());
    }
    if outcome != Err(Kind::Overload) {
        judge(call, progress, done.in_flight.endpoint(), Outcome::Failure);
    }
}

/// One attempt counts: what is noted of attempts is noted of this one.
fn settle(
    call: &mut Call<'_>,
    progress: &mut Progress,
    shield: &Shield,
    done: &Done,
    began: Instant,
) {
    call.recording.won(done.span);
    if done.is_hedge && done.result.is_ok() {
        shield.hedge_won();
    }
    if done.result.is_ok() {
        shield.took(call.worker.clock.now().saturating_duration_since(began));
    }
    progress.began = progress.began.map(|_| done.began);
}

/// A further attempt, if there may be one and somebody can take it.
async fn again(
    call: &mut Call<'_>,
    progress: &Progress,
    shield: &Shield,
    used: &[Arc<LiveEndpoint>],
) -> Option<Start> {
    if !call.body.can_be_doubled() || call.body.failure().is_some() {
        return None;
    }
    let in_flight = seat::beside(call, progress, used)?;
    let pass = policy::pass_at(call, call.protection?, &in_flight).await.ok()?;
    let may = shield.may_hedge(call.worker.clock.now());
    may.then(|| Start { pass, ..start(call, in_flight, false, true) })
}

fn start(call: &mut Call<'_>, in_flight: InFlight, fresh: bool, is_hedge: bool) -> Start {
    let span = context::span_id(&mut call.worker.random.borrow_mut());
    let trace = call.exchange.trace;
    context::inject(&mut call.exchange.request, &trace, span, call.traced);
    if is_hedge {
        call.recording.attempt_beside(in_flight.endpoint(), span);
    } else {
        call.recording.attempt(in_flight.endpoint(), span);
    }
    let injected = call.service.live.faults.draw(|| call.worker.random());
    let head = call.exchange.request.clone();
    Start { in_flight, head, span, fresh, is_hedge, pass: None, injected }
}

/// One attempt. It borrows nothing that the next one changes.
fn one<'a>(call: &Call<'a>, start: Start) -> Pin<Box<dyn Future<Output = Done> + 'a>> {
    let (worker, service, body) = (call.worker, call.service, call.body);
    let (limits, peer) = (call.limits, call.exchange.peer.clone());
    let interim = call.interim.filter(|_| !start.is_hedge);
    Box::pin(async move {
        let Start { in_flight, head, span, fresh, is_hedge, pass, injected } = start;
        let began = worker.clock.now();
        let mut spent = Spent::default();
        let attempt = Attempt {
            worker,
            service,
            endpoint: in_flight.endpoint(),
            head: &head,
            body,
            peer: &peer,
            upgrade: false,
            fresh,
            connect_limit: limits.connect,
            interim,
        };
        let sending = async {
            if let Some(delay) = injected.and_then(|injected| injected.delay) {
                tokio::time::sleep(delay).await;
            }
            match injected.and_then(|injected| injected.status) {
                Some(status) => Err(Failure::injected(status)),
                None => forward::attempt(&attempt, &mut spent).await,
            }
        };
        let limit = limits.attempt.unwrap_or(limits.request);
        let result = tokio::time::timeout(limit, sending).await.unwrap_or_else(|_| {
            let detail = format!("no answer from {} within {limit:?}", attempt.endpoint.address);
            Err(Failure::new(Kind::AttemptTimeout, detail, Processed::Maybe))
        });
        Done { in_flight, spent, result, span, began, is_hedge, pass }
    })
}

async fn until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
