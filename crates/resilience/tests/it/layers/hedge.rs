//! Slow calls are made again, and no more often than they may.

use std::pin::pin;
use std::sync::atomic::Ordering;

use super::{
    Answer, Broken, Calls, Duration, FAILS, Instant, MILLI, OK, Rejected, SECOND, call, sleep,
    slow, timeout,
};
use tower::{Service as _, ServiceBuilder, service_fn};
use trunkline_resilience::budget;
use trunkline_resilience::hedge::{Config, Delay};
use trunkline_resilience::layer::{HedgeLayer, RetryBudget};

fn after(delay: Duration, max_hedges: u32) -> HedgeLayer {
    HedgeLayer::new(Config { delay: Delay::Fixed(delay), max_hedges })
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_made_again_and_the_losers_are_dropped() {
    let check = async |millis: u32, max_hedges: u32, expected: u32| {
        let (calls, begun) = (Calls::default(), Instant::now());
        let target = calls.behind(after(MILLI * 100, max_hedges));
        assert_eq!(call(&target, slow(MILLI * millis)).await, Ok(200));
        assert_eq!((calls.begun(), calls.running()), (expected, 0), "{millis} ms, {max_hedges}");
        assert_eq!(begun.elapsed(), MILLI * millis);
    };
    check(50, 2, 1).await;
    check(150, 2, 2).await;
    check(900, 2, 3).await;
    check(900, 0, 1).await;
}

/// What the first, the second and the third call do: how long they take, and how they end. Returns
/// the answer, how many calls were begun, and when it came, in milliseconds.
async fn race(script: &'static [(u32, Result<u16, Broken>)]) -> (Answer, u32, u128) {
    let (calls, begun) = (Calls::default(), Instant::now());
    let counted = calls.clone();
    let service = service_fn(move |()| {
        let (millis, ends) = script[counted.begun.fetch_add(1, Ordering::Relaxed) as usize];
        let running = counted.run();
        async move {
            sleep(MILLI * millis).await;
            drop(running);
            ends
        }
    });
    let layer = after(MILLI * 100, 2);
    let mut target = ServiceBuilder::new().layer(layer).map_err(Rejected::Inner).service(service);
    // The losers are dropped when the winner is there, even if this future is kept.
    let mut kept = pin!(target.call(()));
    let answer = kept.as_mut().await;
    assert_eq!(calls.running(), 0);
    (answer, calls.begun(), begun.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn the_first_response_wins_and_errors_wait_for_it() {
    const BROKEN: Answer = Err(Rejected::Inner(Broken));
    assert_eq!(race(&[(900, Ok(1)), (50, Ok(2))]).await, (Ok(2), 2, 150));
    assert_eq!(race(&[(10, Err(Broken))]).await, (BROKEN, 1, 10));
    assert_eq!(race(&[(300, Ok(1)), (50, Err(Broken))]).await, (Ok(1), 2, 300));
    assert_eq!(race(&[(150, Err(Broken)), (300, Err(Broken))]).await, (BROKEN, 2, 400));
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_learnt_from_responses() {
    let hedge = HedgeLayer::new(Config { delay: Delay::Quantile(0.9), max_hedges: 1 });
    let target = Calls::default().behind(hedge.clone());
    for _ in 0..10 {
        assert_eq!(call(&target, FAILS).await, Err(Rejected::Inner(Broken)));
    }
    assert_eq!(hedge.delay(), None);
    for _ in 0..10 {
        assert_eq!(call(&target, slow(MILLI * 20)).await, Ok(200));
    }
    assert_eq!(hedge.delay(), Some(MILLI * 20));
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_makes_no_second_call() {
    let half = budget::Config { percent: 50.0, min_per_second: 0, ttl: SECOND * 60 };
    let (calls, budget) = (Calls::default(), RetryBudget::new(half));
    let target = calls.behind(after(MILLI * 100, 2).budget(budget));
    let mut begun = vec![];
    for _ in 0..4 {
        assert_eq!(call(&target, slow(SECOND)).await, Ok(200));
        begun.push(calls.begun());
    }
    assert_eq!(begun, [1, 3, 4, 6]);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_dropped_drops_all_its_calls() {
    let calls = Calls::default();
    let target = calls.behind(after(MILLI * 100, 2));
    assert!(timeout(MILLI * 250, call(&target, slow(SECOND))).await.is_err());
    assert_eq!((calls.begun(), calls.running()), (3, 0));
    assert_eq!(call(&target, OK).await, Ok(200));
}
