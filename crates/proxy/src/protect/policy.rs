//! Where attempts meet policies: whether one may begin, and whether a failed one is worth another.

use std::sync::Arc;
use std::time::Duration;

use trunkline_model::reason::{Fact, Kind, RETRY_AFTER, Reason};
use trunkline_model::service::policies::{Methods, Policies, Retry, Window};
use trunkline_model::units::format_duration;
use trunkline_net::http::Head;
use trunkline_resilience::breaker::State;
use trunkline_resilience::retry::{Attempt, Ended, Step};
use trunkline_resilience::shed::Class;

use super::{Call, Progress, again, queue};
use crate::balance::InFlight;
use crate::limits;
use crate::shield::{Asks, Judged, Pass, Protection, Refusal, Refused, What};

/// Before the first attempt: the call pays into budgets, and a body that may be sent again is kept.
pub(super) fn begin(call: &Call<'_>, protection: &Protection) {
    protection.called(call.worker.clock.now(), call.tie.as_ref());
    let retry = protection.policies.retry.as_ref().map(|retry| retry.body_bytes);
    let hedged = protection.policies.hedge.is_some().then_some(limits::HEDGED_BODY);
    if let Some(bytes) = retry.or(hedged) {
        call.body.keep(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}

/// Asks the policies whether an attempt may begin; waits for a limiter or a bulkhead if need be.
pub(super) async fn admit(
    call: &Call<'_>,
    protection: &Protection,
) -> Result<Option<Box<Pass>>, Reason> {
    let admitted = protection.admit(asks(call, protection), call.tie.as_ref()).await;
    admitted.map_err(|refused| told(call, &refused))
}

/// Asks the policies of the endpoint that was picked; another one is to be picked if they refuse.
pub(super) async fn admit_at(
    call: &Call<'_>,
    progress: &mut Progress,
    protection: &Protection,
    in_flight: &InFlight,
) -> bool {
    match pass_at(call, protection, in_flight).await {
        Ok(pass) => {
            progress.at_endpoint = pass;
            true
        }
        Err(refused) => {
            progress.refused = Some(refused);
            progress.tried.push(Arc::clone(in_flight.endpoint()));
            false
        }
    }
}

/// What an attempt takes of the policies of its endpoint.
pub(super) async fn pass_at(
    call: &Call<'_>,
    protection: &Protection,
    in_flight: &InFlight,
) -> Result<Option<Box<Pass>>, Refused> {
    let (live, endpoint) = (&call.service.live, in_flight.endpoint());
    protection.admit_at(live, endpoint, asks(call, protection)).await
}

fn asks(call: &Call<'_>, protection: &Protection) -> Asks {
    let (priority, class) = (queue::priority(call), class(call, &protection.policies));
    Asks::new(call.worker.clock.now(), priority, class)
}

/// How important the request says that it is.
fn class(call: &Call<'_>, policies: &Policies) -> Class {
    let header = policies.shed.as_ref().map(|shed| shed.header.as_str());
    let said = header.and_then(|header| call.exchange.request.get_text(header));
    said.and_then(|said| said.trim().parse().ok()).unwrap_or_default()
}

/// The wait before another attempt, if this one is worth it; counts how the call ended, if not.
pub(super) fn repeat(
    call: &Call<'_>,
    progress: &mut Progress,
    what: What,
    response: Option<&Head>,
) -> Option<Duration> {
    let protection = call.protection?;
    let (policy, config) = (protection.policies.retry.as_ref()?, protection.retry?);
    let attempt = match what.judge(&policy.on) {
        Judged::Failure if can_be_repeated(call, policy) => match what {
            What::Answer(..) => Attempt::Unwanted,
            What::Failure(_) => Attempt::Error,
        },
        Judged::Success if matches!(what, What::Answer(..)) => Attempt::Success,
        _ => Attempt::Ignored,
    };
    let asked = response.and_then(|head| retry_after(head, policy));
    match progress.retries.next(&config, attempt, asked, fraction(call.worker.random())) {
        Step::Done(ended) => {
            protection.ended(ended);
            None
        }
        Step::Again(wait) if protection.may_repeat(call.worker.clock.now()) => Some(wait),
        Step::Again(_) => {
            progress.budget_spent = true;
            protection.ended(Ended::FailedWithRetry);
            None
        }
    }
}

/// Asks for a repetition of those who share a budget with this process.
pub(super) async fn may_repeat(call: &Call<'_>, progress: &mut Progress) -> bool {
    let Some(protection) = call.protection.filter(|one| one.is_shared()) else { return true };
    let granted = protection.may_repeat_with_all(call.tie.as_ref()).await;
    if !granted {
        progress.budget_spent = true;
        protection.ended(Ended::FailedWithRetry);
    }
    granted
}

/// All attempts together took too long.
pub(super) fn gave_up(call: &Call<'_>, progress: &Progress) {
    let Some(protection) = call.protection else { return };
    let repeated = progress.retries.failed() > 0;
    let ended = if repeated { Ended::FailedWithRetry } else { Ended::FailedWithoutRetry };
    protection.ended(ended);
}

/// Makes ready for another attempt: not where the last one failed, unless there is nobody else.
pub(super) fn go_elsewhere(call: &Call<'_>, progress: &mut Progress) {
    let now = call.worker.clock.now();
    let members = call.service.live.members();
    let tried = &progress.tried;
    let other = members.endpoints.iter().any(|endpoint| {
        endpoint.is_eligible(now) && !tried.iter().any(|known| Arc::ptr_eq(known, endpoint))
    });
    if !other {
        progress.tried.clear();
    }
    // What follows is one more attempt of the policy, with repetitions of its own that are safe.
    (progress.stale, progress.resets) = (0, 0);
}

/// Whether the request may be sent a second time although the service may have acted on it.
fn can_be_repeated(call: &Call<'_>, policy: &Retry) -> bool {
    let may = is_among(&policy.methods, call.exchange.request.method());
    may && !call.upgrade && !call.body.is_lost() && call.body.failure().is_none()
}

/// Whether a policy is for requests of this method.
pub(super) fn is_among(methods: &Methods, method: &str) -> bool {
    match methods {
        Methods::All => true,
        Methods::Idempotent => again::is_harmless(method),
        Methods::These(methods) => methods.iter().any(|one| one == method),
    }
}

/// What the service asks for (RFC 9110 §10.2.3, in seconds), within the policy's limit.
fn retry_after(head: &Head, policy: &Retry) -> Option<Duration> {
    let seconds = head.get_text("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(policy.retry_after_max))
}

/// Evenly spread over 0 to 1, without 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// The reason of a refusal, with its numbers.
pub(super) fn told(call: &Call<'_>, refused: &Refused) -> Reason {
    let Refused { shield, refusal } = refused;
    let about = |kind| Reason::new(kind).about(&call.service.service.name);
    let reason = match refusal {
        Refusal::Breaker { state, metrics, retry_after } => {
            let reason = about(Kind::Breaker)
                .fact("state", Fact::Token(word(*state)))
                .fact("failure_rate", decimal(metrics.failure_rate))
                .fact("slow_call_rate", decimal(metrics.slow_call_rate))
                .fact("calls", Fact::Number(metrics.buffered.into()));
            let reason = match shield.policies.breaker.as_ref().map(|breaker| breaker.window) {
                Some(Window::Calls(calls)) => reason.fact("window", Fact::Number(calls.into())),
                Some(Window::Seconds(seconds)) => {
                    reason.fact("window", Fact::Text(format!("{seconds}s")))
                }
                None => reason,
            };
            match retry_after {
                Some(after) => reason.fact(RETRY_AFTER, whole_seconds(*after)),
                None => reason,
            }
        }
        Refusal::RateLimiter { limit, period, retry_after } => about(Kind::RateLimiter)
            .fact("limit", Fact::Number((*limit).into()))
            .fact("period", Fact::Text(format_duration(*period)))
            .fact(RETRY_AFTER, whole_seconds(*retry_after)),
        Refusal::Bulkhead { max, waiting } => about(Kind::Bulkhead)
            .fact("max", Fact::Number((*max).into()))
            .fact("waiting", Fact::Number(i64::try_from(*waiting).unwrap_or(i64::MAX))),
        Refusal::Away => about(Kind::ClusterAway),
        Refusal::Adaptive { limit } => {
            about(Kind::AdaptiveLimit).fact("limit", Fact::Number((*limit).into()))
        }
        Refusal::Shed { class, share, limit } => about(Kind::Shed)
            .fact("class", Fact::Token(class.as_str()))
            .fact("share", Fact::Number((*share).into()))
            .fact("limit", Fact::Number((*limit).into())),
    };
    let own = *shield.name != *call.service.service.name.as_str();
    if own { reason.fact("policy", Fact::Text(shield.name.to_string())) } else { reason }
}

/// At least one.
fn whole_seconds(time: Duration) -> Fact {
    let seconds = i64::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX);
    Fact::Number(seconds.max(1))
}

/// A rate in percent with one decimal; -1 while it is not known.
#[expect(clippy::cast_possible_truncation, reason = "a percentage")]
fn decimal(rate: f32) -> Fact {
    Fact::Decimal((rate * 10.0).round() as i64 * 100)
}

const fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
        State::Disabled => "disabled",
        State::ForcedOpen => "forced_open",
        State::MetricsOnly => "metrics_only",
    }
}
