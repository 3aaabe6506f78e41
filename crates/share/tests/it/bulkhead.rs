//! One bulkhead of several processes.

use std::time::Duration;

use std::cell::Cell;

use futures_util::future::join_all;
use trunkline_resilience::breaker::{Config, OpenWait, Outcome, State, Window};
use trunkline_resilience::rate_limiter;
use trunkline_share::{Bulkhead, Policies, Verdict};

use crate::rig::{MILLI, Redis, SECOND, admit, call, done, until};

fn policies(max: u32) -> Policies {
    Policies::new(None, None, Some(Bulkhead { max, lease: SECOND * 60 })).unwrap()
}

#[tokio::test]
async fn five_places_are_never_exceeded_by_four_processes() {
    let Some(redis) = Redis::start() else { return };
    let links: Vec<_> = (0..4).map(|_| redis.link()).collect();
    let (policies, held, most, made) =
        (policies(5), Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let caller = async |number: usize| {
        for _ in 0..20 {
            let Ok((permit, _)) = admit(&links[number % 4], &policies).await else { continue };
            held.set(held.get() + 1);
            most.set(most.get().max(held.get()));
            made.set(made.get() + 1);
            tokio::time::sleep(MILLI).await;
            held.set(held.get() - 1);
            done(&links[number % 4], &policies, permit, Outcome::Success).await;
        }
    };
    join_all((0..80).map(caller)).await;
    assert_eq!((most.get(), held.get()), (5, 0));
    assert!(made.get() > 20);
    let standing = links[0].look("web", &policies).await.unwrap();
    assert_eq!((standing.running, standing.rate_left), (Some(0), None));
}

#[tokio::test]
async fn a_place_of_a_dead_process_comes_back_and_a_renewed_one_does_not() {
    let Some(redis) = Redis::start() else { return };
    let (dead, two, policies) = (redis.link(), redis.link(), policies(2));
    dead.set_now(SECOND);
    two.set_now(SECOND);
    let _lost = admit(&dead, &policies).await.unwrap();
    let (long, _) = admit(&two, &policies).await.unwrap();
    drop(dead);
    let full = admit(&two, &policies).await.unwrap_err();
    assert_eq!(full, Verdict::Bulkhead { max: 2, running: 2 });
    two.set_now(SECOND * 50);
    assert_eq!(two.renew("web", &policies, long.lease()).await, Ok(true));
    two.set_now(SECOND * 62);
    assert_eq!(two.look("web", &policies).await.unwrap().running, Some(1));
    let (_short, _) = admit(&two, &policies).await.unwrap();
    assert!(admit(&two, &policies).await.is_err());
    two.set_now(SECOND * 200);
    assert_eq!(two.renew("web", &policies, long.lease()).await, Ok(false));
}

#[tokio::test]
async fn what_a_caller_left_behind_is_given_back() {
    let Some(redis) = Redis::start() else { return };
    let (link, policies) = (redis.link(), policies(3));
    // Redis knows the script from now on.
    call(&link, &policies, Outcome::Success).await;
    let other = redis.link();
    let running = async || other.look("web", &policies).await.unwrap().running;
    // It is asked and admitted, and nobody waits for the answer.
    let leave_behind = async || {
        let mut question = Box::pin(link.admit("web", &policies));
        assert!(futures_util::poll!(&mut question).is_pending());
        until("it was admitted", async || running().await == Some(1)).await;
    };
    leave_behind().await;
    link.tend().await.unwrap();
    assert_eq!(running().await, Some(0));
    // The next question gives the one before it back, without another round trip.
    leave_behind().await;
    let (permit, _) = admit(&link, &policies).await.unwrap();
    assert_eq!(running().await, Some(1));
    done(&link, &policies, permit, Outcome::Success).await;
    assert_eq!(running().await, Some(0));
}

/// The breaker is half open with one trial, the limiter has two permits, the bulkhead one place.
#[tokio::test]
async fn what_a_later_policy_refuses_takes_nothing_of_an_earlier_one() {
    let Some(redis) = Redis::start() else { return };
    let link = redis.link();
    link.set_now(SECOND);
    let breaker = Config {
        window: Window::Calls(1),
        minimum_calls: 1,
        permitted_in_half_open: 2,
        wait_in_open: OpenWait::fixed(SECOND),
        ..Config::default()
    };
    let rate = rate_limiter::Config {
        limit_for_period: 3,
        limit_refresh_period: SECOND * 100,
        timeout_duration: Duration::ZERO,
    };
    let one_place = Some(Bulkhead { max: 1, lease: SECOND * 60 });
    let all = Policies::new(Some(breaker), Some(rate), one_place).unwrap();
    call(&link, &all, Outcome::Error).await;
    link.set_now(SECOND * 3);
    let (permit, _) = admit(&link, &all).await.unwrap();
    for _ in 0..5 {
        assert_eq!(admit(&link, &all).await, Err(Verdict::Bulkhead { max: 1, running: 1 }));
    }
    let seen = link.look("web", &all).await.unwrap();
    assert_eq!((seen.rate_left, seen.breaker.unwrap().trials_left), (Some(1), Some(1)));
    done(&link, &all, permit, Outcome::Ignored).await;
    let (_permit, _) = admit(&link, &all).await.unwrap();
    let wide = Policies::new(Some(breaker), Some(rate), None).unwrap();
    let refused = admit(&link, &wide).await;
    assert_eq!(refused, Err(Verdict::Rate { limit: 3, retry_after: SECOND * 98 }));
    let seen = link.look("web", &all).await.unwrap();
    let breaker = seen.breaker.unwrap();
    assert_eq!((breaker.state, breaker.trials_left), (State::HalfOpen, Some(1)));
}
