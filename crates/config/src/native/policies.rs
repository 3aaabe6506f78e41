//! Breaker, retry, bulkhead and their like, of services and of routes.

mod fallback;
pub mod forms;
pub mod hedge;
pub mod rate;
pub mod raw;

use trunkline_model::service::policies::{
    Adaptive, Algorithm, Breaker, Bulkhead, Condition, Methods, Policies, Retry, RetryBudget,
    Scope, Shared, Shed, Waits, Window,
};
use trunkline_model::units::Share;

use self::forms::{
    AdaptiveForm, BackoffForm, BreakerForm, BudgetForm, BulkheadForm, MethodsForm, Percent,
    RetryForm, ShedForm, WindowForm,
};
use self::hedge::HedgeForm;
use self::rate::RateLimiterForm;
use self::raw::{AlgorithmWord, RawFallback, ScopeWord, ShareWord};
use crate::decode::{Given, Spanned};
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Span;

/// The largest windows (those of `trunkline_resilience::breaker`).
const CALLS_MAX: u32 = 1_000_000;
const SECONDS_MAX: u64 = 3_600;
/// Attempts in all.
const ATTEMPTS_MAX: u32 = 10;
/// Requests at one time.
const AT_ONCE_MAX: u32 = 1_000_000;
/// The most of a body that is kept.
const BODY_MAX: u64 = 16 << 20;

/// What is written of policies, on a service or on a route.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    pub(super) breaker: Option<&'a Spanned<BreakerForm>>,
    pub(super) retry: Option<&'a Spanned<RetryForm>>,
    pub(super) hedge: Option<&'a Spanned<HedgeForm>>,
    pub(super) rate_limiter: Option<&'a Spanned<RateLimiterForm>>,
    pub(super) bulkhead: Option<&'a Spanned<BulkheadForm>>,
    pub(super) adaptive: Option<&'a Spanned<AdaptiveForm>>,
    pub(super) shed: Option<&'a Spanned<ShedForm>>,
    pub(super) fallback: Option<&'a Spanned<RawFallback>>,
}

/// The policies.
pub(super) fn lower(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Policies {
    let bounded = written.bulkhead.is_some() || written.adaptive.is_some();
    if let Some(shed) = written.shed.filter(|_| !bounded) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "`shed` has no limit to be a share of")
                .at(shed.span, "nothing is ever shed")
                .hint("add `adaptive: true`, or a `bulkhead`"),
        );
    }
    Policies {
        breaker: written.breaker.map(|breaker| self::breaker(breaker, diagnostics)),
        retry: written.retry.map(|retry| self::retry(retry, diagnostics)),
        hedge: written.hedge.map(|hedge| hedge::lower(hedge, diagnostics)),
        rate_limiter: written.rate_limiter.map(|limiter| rate::lower(limiter, diagnostics)),
        bulkhead: written.bulkhead.map(|bulkhead| self::bulkhead(bulkhead, diagnostics)),
        adaptive: written.adaptive.map(|adaptive| self::adaptive(adaptive, diagnostics)),
        shed: written.shed.and_then(|shed| self::shed(shed, diagnostics)),
        fallback: written.fallback.and_then(|fallback| fallback::lower(fallback, diagnostics)),
    }
}

fn breaker(written: &Spanned<BreakerForm>, diagnostics: &mut Diagnostics) -> Breaker {
    let raw = &written.value.0;
    let here = written.span;
    let mut rate = |rate: &Given<Percent>, key| {
        if rate.value.0 == Share::NONE {
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("`{key}` is above 0% and at most 100%"))
                    .at(rate.span.unwrap_or(here), "it would be open from the first call on")
                    .hint("`50%` opens it when every second call fails"),
            );
        }
        rate.value.0
    };
    let failure_rate = rate(&raw.open_at, "open_at");
    let slow_call_rate = rate(&raw.slow_at, "slow_at");
    let window = window(&raw.window, here, diagnostics);
    let size = match window {
        Window::Calls(calls) => calls,
        Window::Seconds(_) => u32::MAX,
    };
    let minimum = raw.min_calls.map_or(defaults::BREAKER_MIN_CALLS.min(size), |min| min.value);
    if let Some(min) = raw.min_calls.filter(|min| min.value == 0 || min.value > size) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`min_calls` is at least 1 and not above `window`")
                .at(min.span, if min.value == 0 { "no call, no rate" } else { "never reached" })
                .also(raw.window.span.unwrap_or(here), "the calls that count")
                .hint("write a smaller `min_calls`, or a larger `window`"),
        );
    }
    if raw.trials.value == 0 || raw.trials.value > CALLS_MAX {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`trials` is between 1 and 1000000")
                .at(raw.trials.span.unwrap_or(here), "it could never close again"),
        );
    }
    let failures = conditions(&raw.failures, diagnostics);
    Breaker {
        failure_rate,
        slow_call_rate,
        slow_call: raw.slow_call.0,
        window,
        minimum_calls: minimum,
        wait: waits((&raw.wait, here), defaults::NO_JITTER, diagnostics),
        trials: raw.trials.value,
        trial_time: raw.trial_time.0,
        closes_after_trials: raw.close_after_trials,
        automatic: raw.automatic,
        failures: if raw.failures.is_empty() { usual_failures() } else { failures },
        scope: raw.scope.value.into(),
        shared: shared(&raw.scope, &raw.share, diagnostics),
        dry_run: raw.dry_run,
    }
}

fn usual_failures() -> Vec<Condition> {
    vec![Condition::Statuses(5), Condition::Connect, Condition::Reset, Condition::Timeout]
}

/// What another attempt may better: `UNAVAILABLE` of gRPC is 14.
fn worth_repeating() -> Vec<Condition> {
    let statuses = [502, 503, 504].map(Condition::Status);
    let mut all = vec![Condition::Connect, Condition::Reset, Condition::Grpc(14)];
    all.extend(statuses);
    all
}

fn window(written: &Given<WindowForm>, here: Span, diagnostics: &mut Diagnostics) -> Window {
    let (window, fits) = match written.value {
        WindowForm::Calls(calls) => (Window::Calls(calls), (1..=CALLS_MAX).contains(&calls)),
        WindowForm::Time(time) => {
            let whole = time.0.subsec_nanos() == 0;
            let seconds = u32::try_from(time.0.as_secs()).unwrap_or(u32::MAX);
            let fits = whole && (1..=SECONDS_MAX).contains(&time.0.as_secs());
            (Window::Seconds(seconds), fits)
        }
    };
    if !fits {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                "`window` is 1 to 1000000 calls, or 1 to 3600 whole seconds",
            )
            .at(written.span.unwrap_or(here), "no window")
            .hint("write `100` for the last 100 calls, or `10s`"),
        );
    }
    window
}

fn waits(
    (written, here): (&Given<BackoffForm>, Span),
    jitter: Share,
    diagnostics: &mut Diagnostics,
) -> Waits {
    let waits = match &written.value {
        BackoffForm::Fixed(wait) => Waits {
            initial: wait.0,
            multiplier_thousandths: 1_000,
            randomization: jitter,
            max: None,
        },
        BackoffForm::Range(first, last) => Waits {
            initial: first.0,
            multiplier_thousandths: 2_000,
            randomization: jitter,
            max: Some(last.0),
        },
        BackoffForm::Long(raw) => Waits {
            initial: raw.initial.value.0,
            multiplier_thousandths: raw.multiplier.value.0,
            randomization: raw.jitter,
            max: raw.max.map(|max| max.0),
        },
    };
    if waits.initial.as_millis() == 0 || waits.max.is_some_and(|max| max < waits.initial) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "a wait is at least 1ms and not above its maximum")
                .at(written.span.unwrap_or(here), "no wait"),
        );
    }
    waits
}

fn retry(written: &Spanned<RetryForm>, diagnostics: &mut Diagnostics) -> Retry {
    let raw = &written.value.0;
    if !(1..=ATTEMPTS_MAX).contains(&raw.attempts.value) {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                format!("`attempts` is between 1 and {ATTEMPTS_MAX}"),
            )
            .at(raw.attempts.span.unwrap_or(written.span), "out of range")
            .hint("it counts the first attempt: `3` repeats twice"),
        );
    }
    if raw.body.0 > BODY_MAX {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`body` of a retry is at most 16 MiB")
                .at(written.span, "of this retry"),
        );
    }
    let on = conditions(&raw.on, diagnostics);
    Retry {
        attempts: raw.attempts.value,
        on: if raw.on.is_empty() { worth_repeating() } else { on },
        methods: methods(&raw.methods),
        wait: waits((&raw.backoff, written.span), defaults::RETRY_JITTER, diagnostics),
        retry_after_max: raw.retry_after.0,
        body_bytes: u32::try_from(raw.body.0.min(BODY_MAX)).unwrap_or(u32::MAX),
        budget: budget(&raw.budget, defaults::RETRY_BUDGET_FREE, raw.share.into()),
    }
}

fn methods(written: &MethodsForm) -> Methods {
    match written {
        MethodsForm::Idempotent => Methods::Idempotent,
        MethodsForm::All => Methods::All,
        MethodsForm::These(methods) => Methods::These(methods.clone()),
    }
}

/// A budget; `free` a second unless it says otherwise.
fn budget(written: &BudgetForm, free: u32, shared: Shared) -> Option<RetryBudget> {
    let ttl = defaults::RETRY_BUDGET_TTL;
    match written {
        BudgetForm::Off => None,
        BudgetForm::Share(share) => {
            let (share, min_per_second) = (*share, free);
            Some(RetryBudget { share, min_per_second, ttl, shared })
        }
        BudgetForm::Long(raw) => Some(RetryBudget {
            share: raw.share,
            min_per_second: raw.min_per_second,
            ttl: raw.ttl.0.clamp(ttl / 10, ttl * 6),
            shared,
        }),
    }
}

/// Who has the same state. What is known of one endpoint stays here.
fn shared(
    scope: &Given<ScopeWord>,
    share: &Given<ShareWord>,
    diagnostics: &mut Diagnostics,
) -> Shared {
    if let (Scope::Endpoint, Shared::Cluster) = (scope.value.into(), share.value.into())
        && let Some(span) = share.span
    {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, "what there is for each endpoint is not shared")
                .at(span, "this has no effect")
                .hint("take `share` or `scope` out"),
        );
    }
    share.value.into()
}

fn bulkhead(written: &Spanned<BulkheadForm>, diagnostics: &mut Diagnostics) -> Bulkhead {
    let raw = &written.value.0;
    if !(1..=AT_ONCE_MAX).contains(&raw.max_calls.value) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`max_calls` is between 1 and 1000000")
                .at(raw.max_calls.span.unwrap_or(written.span), "nobody could come through"),
        );
    }
    Bulkhead {
        max_calls: raw.max_calls.value,
        max_wait: raw.max_wait.0,
        queue: raw.queue,
        scope: raw.scope.value.into(),
        shared: shared(&raw.scope, &raw.share, diagnostics),
        dry_run: raw.dry_run,
    }
}

fn adaptive(written: &Spanned<AdaptiveForm>, diagnostics: &mut Diagnostics) -> Adaptive {
    let raw = &written.value.0;
    let (min, max) = (raw.min.value, raw.max.value);
    if min == 0 || max < min || max > AT_ONCE_MAX {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                "`min` is at least 1, `max` not below it and at most 1000000",
            )
            .at(written.span, "of this limit"),
        );
    }
    Adaptive {
        algorithm: match raw.algorithm {
            AlgorithmWord::Gradient => Algorithm::Gradient,
            AlgorithmWord::Vegas => Algorithm::Vegas,
            AlgorithmWord::Correlation => Algorithm::Correlation,
        },
        initial: raw.initial.value.clamp(min.min(max), max),
        min,
        max,
        scope: raw.scope.into(),
        dry_run: raw.dry_run,
    }
}

fn shed(written: &Spanned<ShedForm>, diagnostics: &mut Diagnostics) -> Option<Shed> {
    let raw = &written.value.0;
    match raw.header.parse() {
        Ok(header) => Some(Shed { header, default: raw.default, batch: raw.batch }),
        Err(error) => {
            diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("{error}"))
                    .at(written.span, "`header` is no name of a header"),
            );
            None
        }
    }
}

/// The predicates of a list; an unknown one is told.
fn conditions(written: &[Spanned<String>], diagnostics: &mut Diagnostics) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for one in written {
        match condition(&one.value) {
            Some(condition) => conditions.push(condition),
            None => diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("`{}` is no kind of failure", one.value))
                    .at(one.span, "not known")
                    .hint(
                        "known are `5xx`, a status such as `503`, `grpc:unavailable`, `connect`, \
                         `reset` and `timeout`",
                    ),
            ),
        }
    }
    conditions
}

/// Names of gRPC's statuses, from 0 (`grpc/grpc`, doc/statuscodes.md).
const GRPC: [&str; 17] = [
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

fn condition(text: &str) -> Option<Condition> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(grpc) = text.strip_prefix("grpc:") {
        let named = GRPC.iter().position(|name| *name == grpc.replace('-', "_"));
        let code =
            named.or_else(|| grpc.parse().ok()).filter(|code| (1..GRPC.len()).contains(code));
        return code.and_then(|code| u8::try_from(code).ok()).map(Condition::Grpc);
    }
    match text.as_str() {
        "connect" | "connect-failure" => Some(Condition::Connect),
        "reset" | "refused-stream" => Some(Condition::Reset),
        "timeout" => Some(Condition::Timeout),
        "4xx" => Some(Condition::Statuses(4)),
        "5xx" => Some(Condition::Statuses(5)),
        _ => text.parse().ok().filter(|status| (300..=599).contains(status)).map(Condition::Status),
    }
}
