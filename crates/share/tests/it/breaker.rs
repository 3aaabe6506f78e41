//! One breaker of two processes.

use std::time::{Duration, Instant};

use trunkline_resilience::breaker::{Config, OpenWait, Outcome, State, Window};
use trunkline_share::{Change, Order, OrderError, Policies, Verdict};

use crate::rig::{MILLI, Redis, SECOND, admit, call, done, set_now, state, until};

fn small() -> Config {
    Config {
        window: Window::Calls(4),
        minimum_calls: 4,
        permitted_in_half_open: 3,
        wait_in_open: OpenWait::exponential(SECOND, 2.0),
        ..Config::default()
    }
}

fn policies(config: Config) -> Policies {
    Policies::new(Some(config), None, None).unwrap()
}

fn entered(from: State, to: State) -> Change {
    Change { from, to, failure_rate: None, slow_call_rate: None }
}

#[tokio::test]
async fn two_processes_see_one_breaker_open_try_and_close() {
    let Some(redis) = Redis::start() else { return };
    let (one, two, policies) = (redis.link(), redis.link(), policies(small()));
    set_now([&one, &two], SECOND * 10);
    for outcome in [Outcome::Error, Outcome::Success, Outcome::Success] {
        assert_eq!(call(&one, &policies, outcome).await, None);
    }
    let opened = Change { failure_rate: Some(50.0), ..entered(State::Closed, State::Open) };
    assert_eq!(call(&two, &policies, Outcome::Error).await, Some(opened));
    let Err(Verdict::Breaker(refusal)) = admit(&one, &policies).await else { panic!() };
    assert_eq!((refusal.state, refusal.retry_after), (State::Open, Some(SECOND)));
    assert_eq!((refusal.failure_rate, refusal.buffered), (50.0, 4));

    set_now([&one, &two], SECOND * 11 + MILLI);
    let first = one.admit("web", &policies).await.unwrap();
    assert_eq!(first.change, Some(entered(State::Open, State::HalfOpen)));
    let mut permits = vec![first.verdict.admitted().unwrap().0];
    permits.push(admit(&two, &policies).await.unwrap().0);
    permits.push(admit(&one, &policies).await.unwrap().0);
    for link in [&one, &two] {
        let Err(Verdict::Breaker(refusal)) = admit(link, &policies).await else { panic!() };
        assert_eq!(refusal.state, State::HalfOpen);
    }
    let last = permits.pop().unwrap();
    for permit in permits {
        assert_eq!(done(&two, &policies, permit, Outcome::Success).await, None);
    }
    let closed = done(&one, &policies, last, Outcome::Success).await;
    assert_eq!(closed, Some(entered(State::HalfOpen, State::Closed)));
    assert_eq!(state(&two, &policies).await, State::Closed);
}

#[tokio::test]
async fn trials_are_exact_over_many_who_ask_at_once() {
    let Some(redis) = Redis::start() else { return };
    let links: Vec<_> = (0..4).map(|_| redis.link()).collect();
    let policies = policies(Config { permitted_in_half_open: 7, ..small() });
    set_now(&links, SECOND);
    for _ in 0..4 {
        call(&links[0], &policies, Outcome::Error).await;
    }
    set_now(&links, SECOND * 3);
    let asked = (0..100).map(|number| admit(&links[number % 4], &policies));
    let answers = futures_util::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 7);
}

#[tokio::test]
async fn a_trial_of_a_dead_process_comes_back_and_late_results_decide_nothing() {
    let Some(redis) = Redis::start() else { return };
    let (one, two) = (redis.link(), redis.link());
    // HALF_OPEN waits for ever: the lease of the trial is all that helps.
    let config =
        Config { max_wait_in_half_open: Duration::ZERO, permitted_in_half_open: 1, ..small() };
    let policies = policies(config);
    one.set_now(SECOND);
    two.set_now(SECOND);
    let (late, _) = admit(&two, &policies).await.unwrap();
    for _ in 0..4 {
        call(&two, &policies, Outcome::Error).await;
    }
    one.set_now(SECOND * 3);
    two.set_now(SECOND * 3);
    let _lost = admit(&one, &policies).await.unwrap();
    drop(one);
    assert!(admit(&two, &policies).await.is_err());
    assert_eq!(done(&two, &policies, late, Outcome::Error).await, None);
    assert_eq!(state(&two, &policies).await, State::HalfOpen);
    two.set_now(SECOND * 700);
    let change = call(&two, &policies, Outcome::Success).await;
    assert_eq!(change, Some(entered(State::HalfOpen, State::Closed)));
}

#[tokio::test]
async fn a_half_open_that_never_ends_opens_again_for_longer() {
    let Some(redis) = Redis::start() else { return };
    let (link, policies) = (redis.link(), policies(small()));
    link.set_now(SECOND);
    for _ in 0..4 {
        call(&link, &policies, Outcome::Error).await;
    }
    link.set_now(SECOND * 3);
    let _lost = admit(&link, &policies).await.unwrap();
    link.set_now(SECOND * 63);
    let answer = link.admit("web", &policies).await.unwrap();
    assert_eq!(answer.change, Some(entered(State::HalfOpen, State::Open)));
    let Verdict::Breaker(refusal) = answer.verdict else { panic!() };
    assert_eq!(refusal.retry_after, Some(SECOND * 2));
}

#[tokio::test]
async fn orders_hold_for_all_processes() {
    let Some(redis) = Redis::start() else { return };
    let (one, two, policies) = (redis.link(), redis.link(), policies(small()));
    let order = async |order| one.order("web", &policies, order).await;
    let forced = order(Order::Enter(State::ForcedOpen)).await;
    assert_eq!(forced, Ok(Some(entered(State::Closed, State::ForcedOpen))));
    assert!(matches!(admit(&two, &policies).await, Err(Verdict::Breaker(_))));
    order(Order::Enter(State::Disabled)).await.unwrap();
    for _ in 0..9 {
        assert_eq!(call(&two, &policies, Outcome::Error).await, None);
    }
    order(Order::Enter(State::MetricsOnly)).await.unwrap();
    let mut told = 0;
    for _ in 0..9 {
        told += usize::from(call(&two, &policies, Outcome::Error).await.is_some());
    }
    assert_eq!((told, state(&two, &policies).await), (1, State::MetricsOnly));
    let illegal = order(Order::Enter(State::HalfOpen)).await;
    assert!(matches!(illegal, Err(OrderError::Illegal(_))));
    assert_eq!(order(Order::Reset).await, Ok(Some(entered(State::MetricsOnly, State::Closed))));
    let seen = two.look("web", &policies).await.unwrap().breaker.unwrap();
    assert_eq!((seen.state, seen.metrics.buffered), (State::Closed, 0));
}

#[tokio::test]
async fn every_key_expires_and_a_lost_window_begins_anew() {
    let Some(redis) = Redis::start() else { return };
    let (link, policies, mut raw) = (redis.link(), policies(small()), redis.raw());
    for _ in 0..3 {
        call(&link, &policies, Outcome::Error).await;
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut raw).unwrap();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        let left: i64 = redis::cmd("PTTL").arg(key).query(&mut raw).unwrap();
        assert!(left > 0, "{key}");
    }
    let _: i64 = redis::cmd("DEL").arg("test:{web}:window").query(&mut raw).unwrap();
    call(&link, &policies, Outcome::Error).await;
    let seen = link.look("web", &policies).await.unwrap().breaker.unwrap();
    assert_eq!((seen.state, seen.metrics.buffered), (State::Closed, 1));
}

#[tokio::test]
async fn the_wait_is_over_by_the_clock_of_redis() {
    let Some(redis) = Redis::start() else { return };
    let link = redis.link();
    let policies = policies(Config { wait_in_open: OpenWait::fixed(MILLI * 100), ..small() });
    for _ in 0..4 {
        call(&link, &policies, Outcome::Error).await;
    }
    let asked = Instant::now();
    until("a trial passes", async || admit(&link, &policies).await.is_ok()).await;
    assert!(asked.elapsed() > MILLI * 50);
    assert_eq!(state(&link, &policies).await, State::HalfOpen);
}

#[tokio::test]
async fn a_window_of_time_forgets_and_a_smaller_one_holds_less() {
    let Some(redis) = Redis::start() else { return };
    let link = redis.link();
    let sized = |window| policies(Config { window, minimum_calls: 50, ..small() });
    let buffered = async |policies: &Policies| {
        link.look("web", policies).await.unwrap().breaker.unwrap().metrics.buffered
    };
    let (large, small, seconds) =
        (sized(Window::Calls(40)), sized(Window::Calls(3)), sized(Window::Seconds(5)));
    for _ in 0..30 {
        call(&link, &large, Outcome::Success).await;
    }
    assert_eq!(buffered(&large).await, 30);
    call(&link, &small, Outcome::Success).await;
    assert_eq!(buffered(&small).await, 3);
    // Calls are not seconds: it begins anew.
    link.set_now(SECOND * 2_000_000_000);
    for _ in 0..4 {
        call(&link, &seconds, Outcome::Success).await;
    }
    assert_eq!(buffered(&seconds).await, 4);
    link.set_now(SECOND * 2_000_000_005);
    assert_eq!(buffered(&seconds).await, 0);
    call(&link, &seconds, Outcome::Success).await;
    assert_eq!(buffered(&seconds).await, 1);
}
