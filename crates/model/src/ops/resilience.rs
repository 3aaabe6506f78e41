//! What breakers, retries, bulkheads and their like know, and what a person may tell them.

use std::time::Duration;

use super::Distribution;
use crate::ServiceName;
use crate::units::Share;

/// What the policies of one target know: a service's, or those that a route has of its own.
#[derive(Debug, Clone)]
pub struct PolicyStats {
    /// `orders`; `orders/<route>` of a route, `web->orders` of a call; with `@<address>` of an
    /// endpoint.
    pub name: String,
    /// How it is shared with other processes, if it is.
    pub cluster: Option<ClusterStats>,
    /// Its breaker.
    pub breaker: Option<BreakerStats>,
    /// Its retries.
    pub retry: Option<RetryStats>,
    /// Its hedges.
    pub hedge: Option<HedgeStats>,
    /// Its rate limiter.
    pub rate_limiter: Option<RateLimiterStats>,
    /// Its bulkhead.
    pub bulkhead: Option<BulkheadStats>,
    /// Its adaptive limit.
    pub adaptive: Option<AdaptiveStats>,
    /// Requests that were refused because others are more important.
    pub shed: u64,
    /// Requests that policies on trial would have refused.
    pub dry_run_refused: u64,
    /// Callers that got the fallback.
    pub fallbacks: u64,
    /// What else is in force, in the words of the configuration: `shed`, `fallback`.
    pub others: Vec<&'static str>,
}

impl PolicyStats {
    /// The service that is protected, as the name of the policy says.
    pub fn service(&self) -> &str {
        let name = self.name.split_once('@').map_or(self.name.as_str(), |(name, _)| name);
        let name = name.split_once("->").map_or(name, |(_, callee)| callee);
        name.split_once('/').map_or(name, |(service, _)| service)
    }
}

/// What is known of the store that several processes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterStats {
    /// It did not answer when it was last asked.
    pub away: bool,
    /// Calls that were decided without it, in all.
    pub alone: u64,
}

/// What a breaker knows.
#[derive(Debug, Clone)]
pub struct BreakerStats {
    /// Resilience4j's word for its state.
    pub state: &'static str,
    /// In percent; -1 while there are too few calls.
    pub failure_rate: f32,
    /// In percent; -1 while there are too few calls.
    pub slow_call_rate: f32,
    /// The failure rate from which it opens, in percent.
    pub failure_rate_threshold: f32,
    /// The slow call rate from which it opens, in percent.
    pub slow_call_rate_threshold: f32,
    /// Calls in its window.
    pub buffered: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// Those of them that were slow.
    pub slow: u32,
    /// Those of them that were slow and failed.
    pub slow_failed: u32,
    /// Calls that were refused, in all.
    pub not_permitted: u64,
    /// Until calls may pass again, where that is known.
    pub retry_after: Option<Duration>,
    /// Trial calls that `HALF_OPEN` would still let through.
    pub trials_left: Option<u32>,
    /// Durations of calls by outcome, in microseconds.
    pub calls: [(&'static str, Distribution); 3],
    /// It refuses nothing.
    pub dry_run: bool,
}

/// What is known of retries.
#[derive(Debug, Clone)]
pub struct RetryStats {
    /// How calls ended, in Resilience4j's words.
    pub calls: [(&'static str, u64); 4],
    /// Attempts that were repetitions.
    pub repeated: u64,
    /// Repetitions that the budget refused.
    pub budget_exhausted: u64,
    /// Repetitions that are left; `None` without a budget.
    pub budget: Option<u64>,
}

/// What is known of hedges.
#[derive(Debug, Clone, Copy)]
pub struct HedgeStats {
    /// After how long one is made; `None` while too little is known.
    pub delay: Option<Duration>,
    /// How many were made, in all.
    pub made: u64,
    /// How many of them answered first.
    pub won: u64,
    /// Those that the budget refused.
    pub budget_exhausted: u64,
    /// None is made.
    pub dry_run: bool,
}

/// What a rate limiter knows.
#[derive(Debug, Clone, Copy)]
pub struct RateLimiterStats {
    /// Calls in each period.
    pub limit: u32,
    /// The period.
    pub period: Duration,
    /// Calls that are left of this one; below zero where some of those to come are taken.
    pub available: i64,
    /// Calls that passed, in all.
    pub permitted: u64,
    /// Calls that were refused, in all.
    pub refused: u64,
    /// It refuses nothing.
    pub dry_run: bool,
}

/// What a bulkhead knows.
#[derive(Debug, Clone, Copy)]
pub struct BulkheadStats {
    /// Requests at one time.
    pub max: u32,
    /// How many more may begin now.
    pub available: u32,
    /// How many wait.
    pub waiting: usize,
    /// How many were refused, in all.
    pub rejected: u64,
    /// It refuses nothing.
    pub dry_run: bool,
}

/// What an adaptive limit knows.
#[derive(Debug, Clone, Copy)]
pub struct AdaptiveStats {
    /// Requests at one time, now.
    pub limit: u32,
    /// How many there are.
    pub running: u32,
    /// How many were refused, in all.
    pub rejected: u64,
    /// It refuses nothing.
    pub dry_run: bool,
}

/// What a person may tell a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerOrder {
    /// Refuse everything.
    ForceOpen,
    /// Let everything pass, and count nothing.
    Disable,
    /// Let everything pass, and count.
    MetricsOnly,
    /// Protect.
    Close,
    /// Protect, and forget everything.
    Reset,
}

/// Why a breaker was not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResilienceError {
    /// No policy has this name.
    #[error("no policy has the name `{0}`")]
    Unknown(String),
    /// The policy has no breaker.
    #[error("this policy has no breaker")]
    NoBreaker,
    /// There is no way from its state.
    #[error("{0}")]
    Illegal(String),
}

/// Something that happened to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResilienceEvent {
    /// Counts events from 1, for who asks for those after one.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The policy.
    pub policy: String,
    /// Resilience4j's word for it.
    pub kind: &'static str,
    /// What else there is to say.
    pub detail: String,
}

/// What is injected into the calls of a service; nothing, unless somebody says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fault {
    /// Calls are sent later.
    pub latency: Option<Latency>,
    /// Calls fail without being sent.
    pub abort: Option<Abort>,
}

/// Calls are sent later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// By how much.
    pub delay: Duration,
    /// How many of them.
    pub share: Share,
}

/// Calls fail without being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// With which status.
    pub status: u16,
    /// How many of them.
    pub share: Share,
}

/// No service has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no service is named `{0}`")]
pub struct UnknownService(pub ServiceName);
