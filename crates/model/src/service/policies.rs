//! What protects a service, and who calls it, from each other: as it is wanted.
//!
//! The machines are in the `resilience` crate, what they know at run time in the proxy. Numbers are
//! exact here (hundredths of a percent, thousandths), so that a policy that did not change is
//! recognized and keeps its state.

use std::time::Duration;

use crate::ServiceName;
use crate::filter::HeaderName;
use crate::units::Share;

/// The policies of a service, of a route, or of the calls of one service to another; one that is `None` protects nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Policies {
    /// Nobody is sent to a service that fails.
    pub breaker: Option<Breaker>,
    /// Further attempts.
    pub retry: Option<Retry>,
    /// A second attempt beside one that takes long.
    pub hedge: Option<Hedge>,
    /// So many calls in each period.
    pub rate_limiter: Option<RateLimiter>,
    /// So many requests at one time.
    pub bulkhead: Option<Bulkhead>,
    /// So many requests at one time, found out by itself.
    pub adaptive: Option<Adaptive>,
    /// What is less important is refused first.
    pub shed: Option<Shed>,
    /// What callers get instead of a refusal or a failure.
    pub fallback: Option<Fallback>,
}

impl Policies {
    /// Whether nothing is protected.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those that each endpoint has a machine of; the others are left out.
    #[must_use]
    pub fn of_endpoints(&self) -> Self {
        let here = |scope: Scope| scope == Scope::Endpoint;
        Self {
            breaker: self.breaker.clone().filter(|breaker| here(breaker.scope)),
            bulkhead: self.bulkhead.filter(|bulkhead| here(bulkhead.scope)),
            adaptive: self.adaptive.filter(|adaptive| here(adaptive.scope)),
            shed: self.shed.clone(),
            ..Self::default()
        }
    }

    /// These without those that each endpoint has a machine of.
    #[must_use]
    pub fn of_target(&self) -> Self {
        let here = |scope: Scope| scope == Scope::Target;
        Self {
            breaker: self.breaker.clone().filter(|breaker| here(breaker.scope)),
            bulkhead: self.bulkhead.filter(|bulkhead| here(bulkhead.scope)),
            adaptive: self.adaptive.filter(|adaptive| here(adaptive.scope)),
            ..self.clone()
        }
    }

    /// Whether a request has to pass one of them before it is sent.
    pub fn admit(&self) -> bool {
        self.breaker.is_some()
            || self.rate_limiter.is_some()
            || self.bulkhead.is_some()
            || self.adaptive.is_some()
    }

    /// These, and those of `general` where these have none.
    #[must_use]
    pub fn or(&self, general: &Self) -> Self {
        Self {
            breaker: self.breaker.clone().or_else(|| general.breaker.clone()),
            retry: self.retry.clone().or_else(|| general.retry.clone()),
            hedge: self.hedge.clone().or_else(|| general.hedge.clone()),
            rate_limiter: self.rate_limiter.or(general.rate_limiter),
            bulkhead: self.bulkhead.or(general.bulkhead),
            adaptive: self.adaptive.or(general.adaptive),
            shed: self.shed.clone().or_else(|| general.shed.clone()),
            fallback: self.fallback.clone().or_else(|| general.fallback.clone()),
        }
    }
}

/// What a machine is for: there is one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// The service, the route or the edge that the policy is written at.
    #[default]
    Target,
    /// Each endpoint of the service.
    Endpoint,
}

/// Who has the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shared {
    /// All workers of this process.
    #[default]
    Local,
    /// All processes that use the same store.
    Cluster,
}

/// When attempts fail, for a breaker or a retry: any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// This status.
    Status(u16),
    /// Any status of this hundred: 5 for all from 500 to 599.
    Statuses(u8),
    /// This status of gRPC.
    Grpc(u8),
    /// No connection.
    Connect,
    /// The connection ended before an answer, or the answer made no sense.
    Reset,
    /// No answer in time.
    Timeout,
}

/// A sequence of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Waits {
    /// The first one.
    pub initial: Duration,
    /// What each is multiplied by to become the next, in thousandths.
    pub multiplier_thousandths: u32,
    /// By which share a wait varies to both sides.
    pub randomization: Share,
    /// None is longer.
    pub max: Option<Duration>,
}

/// A circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Breaker {
    /// It opens from this share of failed calls.
    pub failure_rate: Share,
    /// It opens from this share of slow calls.
    pub slow_call_rate: Share,
    /// A call that takes longer is slow.
    pub slow_call: Duration,
    /// The calls that count.
    pub window: Window,
    /// Without so many calls in the window it does not judge.
    pub minimum_calls: u32,
    /// How long it stays open: the first time, the second time in a row, and so on.
    pub wait: Waits,
    /// Calls that are let through to find out.
    pub trials: u32,
    /// The longest time for them; zero for any.
    pub trial_time: Duration,
    /// Whether it closes when that time is over; else it opens again.
    pub closes_after_trials: bool,
    /// Whether it ends its wait by itself.
    pub automatic: bool,
    /// What is a failure.
    pub failures: Vec<Condition>,
    /// What each breaker is for.
    pub scope: Scope,
    /// Who has the same state.
    pub shared: Shared,
    /// It only counts what it would have refused.
    pub dry_run: bool,
}

/// The calls that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// The last so many.
    Calls(u32),
    /// Those of the last so many seconds.
    Seconds(u32),
}

/// Further attempts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// What is worth another attempt.
    pub on: Vec<Condition>,
    /// Which requests may be repeated.
    pub methods: Methods,
    /// The waits between attempts.
    pub wait: Waits,
    /// The longest wait that a service may ask for by `Retry-After`; zero does not listen.
    pub retry_after_max: Duration,
    /// Bytes of a request's body that are kept to be sent again.
    pub body_bytes: u32,
    /// How many repetitions there may be in all.
    pub budget: Option<RetryBudget>,
}

/// Which requests may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Methods {
    /// Those that RFC 9110 §9.2.2 calls idempotent.
    Idempotent,
    /// All: who wrote it knows that the service bears it.
    All,
    /// These.
    These(Vec<String>),
}

/// How many repetitions there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RetryBudget {
    /// Per so many calls.
    pub share: Share,
    /// In each second without any calls.
    pub min_per_second: u32,
    /// For how long a call counts.
    pub ttl: Duration,
    /// Who has the same budget.
    pub shared: Shared,
}

/// A second attempt beside one that takes long; the first good answer wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hedge {
    /// After how long it is made.
    pub delay: HedgeDelay,
    /// Further attempts at most; each waits for the delay again.
    pub max: u32,
    /// Which requests may be made twice.
    pub methods: Methods,
    /// How many hedges there may be in all; `None` for any number.
    pub budget: Option<RetryBudget>,
    /// It only counts the hedges that it would have made.
    pub dry_run: bool,
}

/// After how long a hedge is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HedgeDelay {
    /// After this time.
    Fixed(Duration),
    /// After the average of the last calls and this share of it.
    AverageAndShare(Share),
    /// After the average of the last calls and this time.
    AverageAnd(Duration),
    /// After the time within which this share of the last calls ended.
    Quantile(Share),
}

/// So many calls in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimiter {
    /// How many.
    pub limit: u32,
    /// The period.
    pub period: Duration,
    /// The longest wait for a period to come.
    pub max_wait: Duration,
    /// Who has the same state.
    pub shared: Shared,
    /// It only counts what it would have refused.
    pub dry_run: bool,
}

/// So many requests at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bulkhead {
    /// How many.
    pub max_calls: u32,
    /// The longest wait for one to end.
    pub max_wait: Duration,
    /// How many may wait.
    pub queue: u32,
    /// What each bulkhead is for.
    pub scope: Scope,
    /// Who has the same state.
    pub shared: Shared,
    /// It only counts what it would have refused.
    pub dry_run: bool,
}

/// A limit of requests at one time that finds its own height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Adaptive {
    /// How.
    pub algorithm: Algorithm,
    /// Where it begins.
    pub initial: u32,
    /// It does not fall below.
    pub min: u32,
    /// It does not rise above.
    pub max: u32,
    /// What each limit is for.
    pub scope: Scope,
    /// It only counts what it would have refused.
    pub dry_run: bool,
}

/// How an adaptive limit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// By present and usual answer times.
    Gradient,
    /// By what waits in the service.
    Vegas,
    /// Gradient, guarded against running away.
    Correlation,
}

/// What is less important is refused first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shed {
    /// The request header that says how important it is: `critical`, `default` or `batch`.
    pub header: HeaderName,
    /// Up to this share of the limit ordinary requests pass.
    pub default: Share,
    /// Up to this share of the limit batch requests pass.
    pub batch: Share,
}

/// What callers get instead of a refusal or a failure. Never neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fallback {
    /// A cached answer that has been stale for no longer than this, if there is one.
    pub stale: Option<Duration>,
    /// What else.
    pub instead: Option<Instead>,
}

/// An answer in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Instead {
    /// This one.
    Respond {
        /// Its status.
        status: u16,
        /// Media type of its body.
        content_type: String,
        /// Its body.
        body: String,
    },
    /// The one of this service.
    Service(ServiceName),
}
