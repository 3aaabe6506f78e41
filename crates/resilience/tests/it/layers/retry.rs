//! How often a call is made again, after which waits, and what stands in the end.

use super::{
    Answer, Ask, Broken, Calls, Duration, FAILS, Instant, MILLI, OK, Rejected, SECOND, call, sleep,
    timeout, two_per_second,
};
use tower::ServiceBuilder;
use trunkline_resilience::interval::Interval;
use trunkline_resilience::layer::{RetryBudget, RetryLayer, TimeLimiterLayer};
use trunkline_resilience::{budget, retry};

/// Four attempts, with 100, 200 and 400 ms between them.
fn config() -> retry::Config {
    retry::Config {
        max_attempts: 4,
        interval: Interval::exponential(MILLI * 100, 2.0),
        fail_after_max_attempts: false,
    }
}

fn unavailable(outcome: Result<&u16, &Rejected<Broken>>) -> bool {
    outcome.is_ok_and(|status| *status == 503)
}

#[tokio::test(start_paused = true)]
async fn failures_are_repeated_after_the_waits_of_the_interval() {
    let check = async |ask: Ask, expected: Answer, attempts: u32, millis: u32| {
        let (calls, begun) = (Calls::default(), Instant::now());
        let answer = call(&calls.behind(RetryLayer::new(config())), ask).await;
        assert_eq!((answer, calls.begun()), (expected, attempts), "{ask:?}");
        assert_eq!(begun.elapsed(), MILLI * millis, "{ask:?}");
    };
    check(OK, Ok(200), 1, 0).await;
    check(FAILS, Err(Rejected::Inner(Broken)), 4, 700).await;
    check(Ask { ends: Ok(503), ..OK }, Ok(503), 1, 0).await;
}

#[tokio::test(start_paused = true)]
async fn responses_that_are_not_wanted_stand_or_become_an_error() {
    let check = async |fail_after_max_attempts: bool, expected: Answer| {
        let config = retry::Config { fail_after_max_attempts, ..config() };
        let calls = Calls::default();
        let target = calls.behind(RetryLayer::new(config).failure_if(unavailable));
        let answer = call(&target, Ask { ends: Ok(503), ..OK }).await;
        assert_eq!((answer, calls.begun()), (expected, 4));
    };
    check(false, Ok(503)).await;
    check(true, Err(Rejected::Retry { attempts: 4, budget_spent: false })).await;
}

#[tokio::test(start_paused = true)]
async fn waits_vary_within_their_bounds() {
    let interval = Interval { randomization_factor: 0.5, ..Interval::fixed(MILLI * 100) };
    let config = retry::Config { max_attempts: 101, interval, ..config() };
    let (calls, begun) = (Calls::default(), Instant::now());
    let _ = call(&calls.behind(RetryLayer::new(config)), FAILS).await;
    // A hundred waits of 50 to 150 ms; their sum strays by 290 ms in one of three runs.
    let waited = begun.elapsed();
    assert!((SECOND * 8..SECOND * 12).contains(&waited), "{waited:?}");
    assert_eq!(calls.begun(), 101);
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_ends_the_attempts() {
    let free = budget::Config { percent: 100.0, min_per_second: 0, ttl: SECOND * 10 };
    let (calls, budget) = (Calls::default(), RetryBudget::new(free));
    let target = calls.behind(RetryLayer::new(config()).budget(budget.clone()));
    assert_eq!(call(&target, OK).await, Ok(200));
    // Two deposits allow two repetitions.
    assert_eq!(call(&target, FAILS).await, Err(Rejected::Inner(Broken)));
    assert_eq!((calls.begun(), budget.balance()), (1 + 3, 0));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_repeated_only_if_somebody_says_so_and_then_waited_for() {
    let calls = Calls::default();
    let strict = two_per_second(Duration::ZERO);
    let plain = ServiceBuilder::new().layer(RetryLayer::new(config())).layer(strict.clone());
    let target = calls.behind(plain);
    for _ in 0..2 {
        assert_eq!(call(&target, OK).await, Ok(200));
    }
    let refused = call(&target, OK).await.unwrap_err();
    assert_eq!((refused.policy(), calls.begun()), (Some("ratelimiter"), 2));
    let patient = RetryLayer::new(config())
        .failure_if(|outcome: Result<&u16, &Rejected<Broken>>| outcome.is_err());
    let target = calls.behind(ServiceBuilder::new().layer(patient).layer(strict));
    let begun = Instant::now();
    assert_eq!((call(&target, OK).await, begun.elapsed()), (Ok(200), SECOND));
}

#[tokio::test(start_paused = true)]
async fn ends_of_time_are_repeated() {
    let calls = Calls::default();
    let layers = ServiceBuilder::new()
        .layer(RetryLayer::new(config()))
        .layer(TimeLimiterLayer::new(MILLI * 50));
    let (target, begun) = (calls.behind(layers), Instant::now());
    let answer = call(&target, super::slow(SECOND)).await;
    assert_eq!(answer, Err(Rejected::TimeLimiter { timeout: MILLI * 50 }));
    assert_eq!((calls.begun(), calls.running()), (4, 0));
    assert_eq!(begun.elapsed(), MILLI * (4 * 50 + 700));
}

#[tokio::test(start_paused = true)]
async fn one_who_is_dropped_in_its_wait_tries_no_more() {
    let calls = Calls::default();
    let target = calls.behind(RetryLayer::new(config()));
    assert!(timeout(MILLI * 150, call(&target, FAILS)).await.is_err());
    sleep(SECOND * 9).await;
    assert_eq!(calls.begun(), 2);
}
