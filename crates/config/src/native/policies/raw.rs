//! Policies as they are written. Doc comments of the keys are the reference documentation and the
//! descriptions of the JSON Schema. The names that Resilience4j gives to the same settings are
//! accepted as well.

use trunkline_config_derive::Decode;
use trunkline_model::service::policies::{Scope, Shared};
use trunkline_model::units::{ByteSize, Share};

use super::super::raw::RawRespond;
use super::forms::{BackoffForm, BudgetForm, MethodsForm, Percent, WindowForm};
use crate::decode::{Given, Period, Spanned};
use crate::defaults;

/// A circuit breaker: while too large a part of the calls fails or is slow, nobody is sent there.
#[derive(Debug, Clone, Decode)]
#[config(what = "`breaker`")]
pub struct RawBreaker {
    /// Share of failed calls from which it opens: `50%`. Resilience4j's `failureRateThreshold`.
    #[config(alias = "failureRateThreshold", default = defaults::BREAKER_OPEN_AT)]
    pub open_at: Given<Percent>,
    /// Share of slow calls from which it opens. Resilience4j's `slowCallRateThreshold`.
    #[config(alias = "slowCallRateThreshold", default = defaults::BREAKER_SLOW_AT)]
    pub slow_at: Given<Percent>,
    /// A call that takes longer than this is slow. Resilience4j's `slowCallDurationThreshold`.
    #[config(alias = "slowCallDurationThreshold", default = defaults::BREAKER_SLOW_CALL)]
    pub slow_call: Period,
    /// The calls that count: the last `100`, or those of the last `10s`. Resilience4j's
    /// `slidingWindowSize`.
    #[config(alias = "slidingWindowSize", default = defaults::BREAKER_WINDOW)]
    pub window: Given<WindowForm>,
    /// Without so many calls in the window it does not judge; without it, 100, or all of a smaller
    /// window of calls. Resilience4j's `minimumNumberOfCalls`.
    #[config(alias = "minimumNumberOfCalls")]
    pub min_calls: Option<Spanned<u32>>,
    /// How long it stays open: `30s`, `5s..60s` for twice as long each time, or a map as `backoff`
    /// of `retry`. Resilience4j's `waitDurationInOpenState`.
    #[config(alias = "waitDurationInOpenState", default = defaults::BREAKER_WAIT)]
    pub wait: Given<BackoffForm>,
    /// Calls that are let through after that, to find out. Resilience4j's
    /// `permittedNumberOfCallsInHalfOpenState`.
    #[config(alias = "permittedNumberOfCallsInHalfOpenState", default = defaults::BREAKER_TRIALS)]
    pub trials: Given<u32>,
    /// The longest time for them, then it opens again; `0` for any, as Resilience4j's
    /// `maxWaitDurationInHalfOpenState` has it.
    #[config(alias = "maxWaitDurationInHalfOpenState", default = defaults::BREAKER_TRIAL_TIME)]
    pub trial_time: Period,
    /// Closes when the time for trials is over, instead of opening again.
    #[config(default = false)]
    pub close_after_trials: bool,
    /// Ends its wait by itself, not with the next call. Resilience4j's
    /// `automaticTransitionFromOpenToHalfOpenEnabled`.
    #[config(alias = "automaticTransitionFromOpenToHalfOpenEnabled", default = false)]
    pub automatic: bool,
    /// What is a failure: `5xx`, a status such as `503`, `grpc:unavailable`, `connect`, `reset`,
    /// `timeout`. Without it `5xx`, `connect`, `reset` and `timeout`.
    pub failures: Vec<Spanned<String>>,
    /// One breaker for the whole `service`, or one for each `endpoint`: an endpoint whose breaker is
    /// open is left out.
    #[config(default = ScopeWord::Service)]
    pub scope: Given<ScopeWord>,
    /// Who has the same state: the `local` process, or all of the `cluster`.
    #[config(default = ShareWord::Local)]
    pub share: Given<ShareWord>,
    /// Only counts what it would have refused.
    #[config(default = false)]
    pub dry_run: bool,
}

/// Further attempts after a failure.
#[derive(Debug, Clone, Decode)]
#[config(what = "`retry`")]
pub struct RawRetry {
    /// Attempts in all, the first one included. Resilience4j's `maxAttempts`.
    #[config(alias = "maxAttempts", default = defaults::RETRY_ATTEMPTS)]
    pub attempts: Given<u32>,
    /// What is worth another attempt: as `failures` of `breaker`. Without it `connect`, `reset`,
    /// `502`, `503`, `504` and `grpc:unavailable`.
    pub on: Vec<Spanned<String>>,
    /// Requests that may be repeated: `idempotent`, `all`, or a list of methods.
    #[config(default = defaults::RETRY_METHODS)]
    pub methods: MethodsForm,
    /// The wait before each: `500ms`, `100ms..2s` for twice as long each time, or
    /// `{ initial, multiplier, jitter, max }`. Resilience4j's `waitDuration`.
    #[config(alias = "waitDuration", default = defaults::RETRY_BACKOFF)]
    pub backoff: Given<BackoffForm>,
    /// Limit of one attempt; the same as `attempt` of `timeout`.
    pub try_timeout: Option<Period>,
    /// The longest wait that a service may ask for by `Retry-After`; `0` does not listen to it.
    #[config(default = defaults::RETRY_AFTER_MAX)]
    pub retry_after: Period,
    /// How much of a body is kept to be sent again; a request with more of it is not repeated.
    #[config(default = defaults::RETRY_BODY)]
    pub body: ByteSize,
    /// Repetitions per calls, over the whole service: `20%`, `off`, or
    /// `{ share, min_per_second, ttl }`.
    #[config(default = defaults::RETRY_BUDGET)]
    pub budget: BudgetForm,
    /// Who has the same budget: the `local` process, or all of the `cluster`.
    #[config(default = ShareWord::Local)]
    pub share: ShareWord,
}

/// A sequence of waits.
#[derive(Debug, Clone, Decode)]
#[config(what = "`backoff`")]
pub struct RawBackoff {
    /// The first wait.
    #[config(alias = "initialInterval")]
    pub initial: Spanned<Period>,
    /// What each wait is multiplied by to become the next. Resilience4j's
    /// `exponentialBackoffMultiplier`.
    #[config(alias = "exponentialBackoffMultiplier", default = defaults::BACKOFF_MULTIPLIER)]
    pub multiplier: Given<super::forms::Factor>,
    /// By which share a wait varies to both sides. Resilience4j's `randomizedWaitFactor`.
    #[config(default = defaults::BACKOFF_JITTER)]
    pub jitter: Share,
    /// No wait is longer. Resilience4j's `exponentialMaxWaitDuration`.
    #[config(alias = "exponentialMaxWaitDuration")]
    pub max: Option<Period>,
}

/// How many repetitions there may be.
#[derive(Debug, Clone, Decode)]
#[config(what = "`budget` of a retry")]
pub struct RawBudget {
    /// Per calls.
    #[config(default = defaults::RETRY_BUDGET_SHARE)]
    pub share: Share,
    /// In each second without any calls.
    #[config(default = defaults::RETRY_BUDGET_FREE)]
    pub min_per_second: u32,
    /// For how long a call counts.
    #[config(default = defaults::RETRY_BUDGET_TTL)]
    pub ttl: Period,
}

/// What there is one machine for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ScopeWord {
    /// The service, or the route or call that it is written at.
    Service,
    /// Each endpoint.
    Endpoint,
}

/// Who has the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum ShareWord {
    /// The workers of one process.
    Local,
    /// All processes with the same `cluster`.
    Cluster,
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Service => Self::Target,
            ScopeWord::Endpoint => Self::Endpoint,
        }
    }
}

impl From<ShareWord> for Shared {
    fn from(word: ShareWord) -> Self {
        match word {
            ShareWord::Local => Self::Local,
            ShareWord::Cluster => Self::Cluster,
        }
    }
}

/// So many requests at one time.
#[derive(Debug, Clone, Decode)]
#[config(what = "`bulkhead`")]
pub struct RawBulkhead {
    /// How many. Resilience4j's `maxConcurrentCalls`.
    #[config(alias = "maxConcurrentCalls", default = defaults::BULKHEAD_CALLS)]
    pub max_calls: Given<u32>,
    /// The longest wait for one to end. Resilience4j's `maxWaitDuration`.
    #[config(alias = "maxWaitDuration", default = defaults::BULKHEAD_WAIT)]
    pub max_wait: Period,
    /// How many may wait.
    #[config(default = defaults::BULKHEAD_QUEUE)]
    pub queue: u32,
    /// One for the whole `service`, or one for each `endpoint`.
    #[config(default = ScopeWord::Service)]
    pub scope: Given<ScopeWord>,
    /// Who has the same state: the `local` process, or all of the `cluster`; then nobody waits.
    #[config(default = ShareWord::Local)]
    pub share: Given<ShareWord>,
    /// Only counts what it would have refused.
    #[config(default = false)]
    pub dry_run: bool,
}

/// A limit of requests at one time that finds its own height.
#[derive(Debug, Clone, Decode)]
#[config(what = "`adaptive`")]
pub struct RawAdaptive {
    /// How it is found.
    #[config(default = defaults::ADAPTIVE_ALGORITHM)]
    pub algorithm: AlgorithmWord,
    /// Where it begins.
    #[config(default = defaults::ADAPTIVE_INITIAL)]
    pub initial: Given<u32>,
    /// It does not fall below.
    #[config(default = defaults::ADAPTIVE_MIN)]
    pub min: Given<u32>,
    /// It does not rise above.
    #[config(default = defaults::ADAPTIVE_MAX)]
    pub max: Given<u32>,
    /// One for the whole `service`, or one for each `endpoint`.
    #[config(default = ScopeWord::Service)]
    pub scope: ScopeWord,
    /// Only counts what it would have refused.
    #[config(default = false)]
    pub dry_run: bool,
}

/// How an adaptive limit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Decode)]
pub enum AlgorithmWord {
    /// By the ratio of usual to present answer times.
    Gradient,
    /// By the calls that wait in the service.
    Vegas,
    /// Gradient, guarded against a baseline that drifts up with the load.
    Correlation,
}

/// What is less important is refused first, as the service's limit fills.
#[derive(Debug, Clone, Decode)]
#[config(what = "`shed`")]
pub struct RawShed {
    /// The request header that says how important it is: `critical`, `default` or `batch`.
    #[config(default = defaults::SHED_HEADER.to_owned())]
    pub header: String,
    /// Up to this share of `adaptive` or `bulkhead` ordinary requests pass.
    #[config(default = defaults::SHED_DEFAULT)]
    pub default: Share,
    /// Up to this share batch requests pass.
    #[config(default = defaults::SHED_BATCH)]
    pub batch: Share,
}

/// What callers get instead of a refusal or a failure: an answer, or another service.
#[derive(Debug, Clone, Decode)]
#[config(what = "`fallback`")]
pub struct RawFallback {
    /// A cached answer that has been stale for no longer than this, where there is one; for routes
    /// with `cache`. The other keys say what else.
    pub stale: Option<Spanned<Period>>,
    /// The service that answers instead.
    pub to: Option<Spanned<String>>,
    /// The answer.
    pub respond: Option<Spanned<RawRespond>>,
}
