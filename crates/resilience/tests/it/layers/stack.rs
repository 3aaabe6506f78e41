//! All policies around one service, in the order of Resilience4j:
//! `Retry(CircuitBreaker(RateLimiter(TimeLimiter(Bulkhead(service)))))`.

use super::{
    Broken, Calls, Duration, FAILS, Instant, MILLI, OK, Rejected, SECOND, Target, call, slow,
    timeout, touchy,
};
use tower::ServiceBuilder;
use trunkline_resilience::breaker::{self, State, Window};
use trunkline_resilience::interval::Interval;
use trunkline_resilience::layer::{
    BulkheadLayer, CircuitBreakerLayer, RateLimiterLayer, RetryLayer, TimeLimiterLayer,
};
use trunkline_resilience::{bulkhead, rate_limiter, retry};

/// A stack, and what can be asked of its parts.
struct Stack {
    calls: Calls,
    breaker: CircuitBreakerLayer,
    limiter: RateLimiterLayer,
    bulkhead: BulkheadLayer,
    target: Target,
}

/// Three attempts 100 ms apart, eight calls in a second, 200 ms a call, two calls at one time.
fn stack(breaker: breaker::Config) -> Stack {
    let breaker = CircuitBreakerLayer::new(breaker).unwrap();
    let limiter = RateLimiterLayer::new(rate_limiter::Config {
        limit_for_period: 8,
        limit_refresh_period: SECOND,
        timeout_duration: Duration::ZERO,
    });
    let bulkhead = BulkheadLayer::new(bulkhead::Config {
        max_concurrent_calls: 2,
        ..bulkhead::Config::default()
    });
    let retry = retry::Config {
        max_attempts: 3,
        interval: Interval::fixed(MILLI * 100),
        fail_after_max_attempts: false,
    };
    let layers = ServiceBuilder::new()
        .layer(RetryLayer::new(retry))
        .layer(breaker.clone())
        .layer(limiter.clone())
        .layer(TimeLimiterLayer::new(MILLI * 200))
        .layer(bulkhead.clone());
    let calls = Calls::default();
    let target = calls.behind(layers);
    Stack { calls, breaker, limiter, bulkhead, target }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_passes_every_policy() {
    let stack = stack(breaker::Config::default());
    assert_eq!(call(&stack.target, FAILS).await, Err(Rejected::Inner(Broken)));
    assert_eq!(stack.calls.begun(), 3);
    assert_eq!(stack.breaker.metrics().failed, 3);
    assert_eq!(stack.limiter.available(), 8 - 3);
    assert_eq!(stack.bulkhead.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_between_attempts_ends_them() {
    let (stack, begun) = (stack(touchy()), Instant::now());
    let refused = call(&stack.target, FAILS).await.unwrap_err();
    assert!(matches!(refused, Rejected::CircuitBreaker { state: State::Open, .. }), "{refused}");
    assert_eq!((stack.calls.begun(), begun.elapsed()), (2, MILLI * 200));
}

#[tokio::test(start_paused = true)]
async fn ends_of_time_open_the_breaker_and_free_the_bulkhead() {
    let (stack, begun) = (stack(touchy()), Instant::now());
    let refused = call(&stack.target, slow(SECOND)).await.unwrap_err();
    assert_eq!(refused.policy(), Some("circuitbreaker"));
    assert_eq!(begun.elapsed(), MILLI * (200 + 100 + 200 + 100));
    assert_eq!((stack.bulkhead.running(), stack.calls.running()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn refusals_of_policies_further_in_never_open_a_breaker() {
    let stack = stack(breaker::Config { window: Window::Calls(20), ..touchy() });
    let asked: Vec<_> = (0..12)
        .map(|_| {
            let target = stack.target.clone();
            tokio::spawn(async move { call(&target, slow(MILLI * 100)).await })
        })
        .collect();
    let mut decided = vec![];
    for one in asked {
        decided.push(one.await.unwrap().map_or_else(|rejected| rejected.policy(), |_| None));
    }
    let count = |policy| decided.iter().filter(|one| **one == policy).count();
    assert_eq!((count(None), count(Some("bulkhead")), count(Some("ratelimiter"))), (2, 6, 4));
    let metrics = stack.breaker.metrics();
    assert_eq!((metrics.buffered, metrics.failed), (2, 0));
    assert_eq!(stack.breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_outermost_gives_everything_back() {
    let stack = stack(touchy());
    stack.breaker.transition_to(State::Open).unwrap();
    stack.breaker.transition_to(State::HalfOpen).unwrap();
    assert!(timeout(MILLI * 50, call(&stack.target, slow(MILLI * 100))).await.is_err());
    assert_eq!((stack.bulkhead.running(), stack.calls.running()), (0, 0));
    assert_eq!((call(&stack.target, OK).await, stack.breaker.state()), (Ok(200), State::Closed));
}
