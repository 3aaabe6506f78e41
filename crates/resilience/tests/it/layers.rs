//! The machines as layers around services that are never reached, fail, hang, or are dropped.

mod bulkhead;
mod hedge;
mod retry;
mod stack;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower::util::{BoxCloneService, ServiceExt as _};
use tower::{Layer, Service as _, ServiceBuilder, service_fn};
use trunkline_resilience::breaker::{self, Outcome, State, Window};
use trunkline_resilience::interval::Interval;
use trunkline_resilience::layer::{
    CircuitBreakerLayer, RateLimiterLayer, Rejected, TimeLimiterLayer,
};
use trunkline_resilience::rate_limiter;

/// The error of the service at the heart of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is broken")]
struct Broken;

/// What a call is to do: how long to take, and how to end.
#[derive(Debug, Clone, Copy)]
struct Ask {
    takes: Duration,
    ends: Result<u16, Broken>,
}

type Answer = Result<u16, Rejected<Broken>>;
type Target = BoxCloneService<Ask, u16, Rejected<Broken>>;

const OK: Ask = Ask { takes: Duration::ZERO, ends: Ok(200) };
const FAILS: Ask = Ask { takes: Duration::ZERO, ends: Err(Broken) };
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn slow(takes: Duration) -> Ask {
    Ask { takes, ..OK }
}

/// Counts the calls of a service, begun and running.
#[derive(Debug, Clone, Default)]
struct Calls {
    begun: Arc<AtomicU32>,
    running: Arc<AtomicU32>,
}

/// One that runs.
struct Running(Arc<AtomicU32>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Calls {
    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    fn run(&self) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.running))
    }

    /// A service that does as it is asked, behind `layer`.
    fn behind<L>(&self, layer: L) -> Target
    where
        L: Layer<Target>,
        L::Service:
            tower::Service<Ask, Response = u16, Error = Rejected<Broken>> + Clone + Send + 'static,
        <L::Service as tower::Service<Ask>>::Future: Send,
    {
        let calls = self.clone();
        let service = service_fn(move |ask: Ask| {
            calls.begun.fetch_add(1, Ordering::Relaxed);
            let running = calls.run();
            async move {
                sleep(ask.takes).await;
                drop(running);
                ask.ends
            }
        });
        let heart = ServiceBuilder::new().map_err(Rejected::Inner).service(service);
        BoxCloneService::new(layer.layer(BoxCloneService::new(heart)))
    }
}

fn call(target: &Target, ask: Ask) -> impl Future<Output = Answer> + use<> {
    let mut target = target.clone();
    async move { target.ready().await?.call(ask).await }
}

/// Polls a future once, with nobody to wake.
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Judges a window of two calls, stays open for a second, and tries with one call.
fn touchy() -> breaker::Config {
    breaker::Config {
        window: Window::Calls(2),
        minimum_calls: 2,
        wait_in_open: Interval::fixed(SECOND),
        permitted_in_half_open: 1,
        ..breaker::Config::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_without_calling_and_tells_its_numbers() {
    let (calls, breaker) = (Calls::default(), CircuitBreakerLayer::new(touchy()).unwrap());
    let target = calls.behind(breaker.clone());
    for _ in 0..2 {
        assert_eq!(call(&target, FAILS).await, Err(Rejected::Inner(Broken)));
    }
    sleep(MILLI * 400).await;
    let refused = Rejected::CircuitBreaker {
        state: State::Open,
        failure_rate: Some(100.0),
        slow_call_rate: Some(0.0),
        retry_after: Some(MILLI * 600),
    };
    assert_eq!(call(&target, OK).await, Err(refused));
    assert_eq!((calls.begun(), refused.policy()), (2, Some("circuitbreaker")));
    sleep(MILLI * 601).await;
    assert_eq!(call(&target, OK).await, Ok(200));
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_dropped_gives_its_permit_back() {
    let (calls, breaker) = (Calls::default(), CircuitBreakerLayer::new(touchy()).unwrap());
    let target = calls.behind(breaker.clone());
    breaker.transition_to(State::HalfOpen).unwrap_err();
    breaker.transition_to(State::Open).unwrap();
    breaker.transition_to(State::HalfOpen).unwrap();
    for _ in 0..3 {
        let trial = timeout(MILLI, call(&target, slow(SECOND)));
        let (trial, other) = tokio::join!(trial, call(&target, OK));
        assert!(trial.is_err(), "it was dropped");
        assert!(
            matches!(other, Err(Rejected::CircuitBreaker { state: State::HalfOpen, .. })),
            "{other:?}"
        );
    }
    // One that is never polled at all.
    drop(target.clone().call(OK));
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(call(&target, OK).await, Ok(200));
    assert_eq!((breaker.state(), calls.begun()), (State::Closed, 5));
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_panics_gives_its_permit_back() {
    let breaker = CircuitBreakerLayer::new(touchy()).unwrap();
    breaker.transition_to(State::Open).unwrap();
    breaker.transition_to(State::HalfOpen).unwrap();
    let service = service_fn(|panics: bool| async move {
        assert!(!panics, "as it was asked to");
        Ok::<_, Broken>(())
    });
    let mut target =
        ServiceBuilder::new().layer(breaker.clone()).map_err(Rejected::Inner).service(service);
    let panicked = tokio::spawn(target.call(true)).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(target.call(false).await, Ok(()));
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_judge_decides_what_a_failure_is() {
    let check = async |ask: Ask, expected: Outcome| {
        let breaker = CircuitBreakerLayer::new(touchy()).unwrap();
        let judged = breaker.clone().failure_if(|outcome: Result<&u16, &Rejected<Broken>>| {
            outcome.is_ok_and(|status| *status >= 500)
        });
        let _ = call(&Calls::default().behind(judged), ask).await;
        let (buffered, failed) = (breaker.metrics().buffered, breaker.metrics().failed);
        assert_eq!((buffered, failed), (1, u32::from(expected == Outcome::Error)), "{ask:?}");
    };
    check(OK, Outcome::Success).await;
    check(Ask { ends: Ok(503), ..OK }, Outcome::Error).await;
    check(FAILS, Outcome::Success).await;
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_a_breaker_too() {
    let config = breaker::Config { slow_call_duration_threshold: SECOND, ..touchy() };
    let breaker = CircuitBreakerLayer::new(config).unwrap();
    let target = Calls::default().behind(breaker.clone());
    for _ in 0..2 {
        assert_eq!(call(&target, slow(SECOND * 2)).await, Ok(200));
    }
    assert_eq!(breaker.state(), State::Open);
}

/// Two calls in a second; who would wait for longer than `timeout` is refused.
fn two_per_second(timeout: Duration) -> RateLimiterLayer {
    RateLimiterLayer::new(rate_limiter::Config {
        limit_for_period: 2,
        limit_refresh_period: SECOND,
        timeout_duration: timeout,
    })
}

#[tokio::test(start_paused = true)]
async fn a_rate_limiter_refuses_whom_it_cannot_serve_in_time() {
    let calls = Calls::default();
    let target = calls.behind(two_per_second(Duration::ZERO));
    sleep(MILLI * 300).await;
    for _ in 0..2 {
        assert_eq!(call(&target, OK).await, Ok(200));
    }
    let refused = Rejected::RateLimiter {
        limit_for_period: 2,
        limit_refresh_period: SECOND,
        retry_after: MILLI * 700,
    };
    assert_eq!((call(&target, OK).await, calls.begun()), (Err(refused), 2));
    sleep(refused.retry_after().unwrap()).await;
    assert_eq!(call(&target, OK).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limiter_makes_calls_wait_for_their_period() {
    let (calls, limiter) = (Calls::default(), two_per_second(SECOND * 2));
    let (target, begun) = (calls.behind(limiter.clone()), Instant::now());
    let asked = (0..5).map(|_| {
        let target = target.clone();
        tokio::spawn(async move { (call(&target, OK).await, begun.elapsed().as_secs()) })
    });
    let asked: Vec<_> = asked.collect();
    let mut waits = vec![];
    for one in asked {
        let (answer, waited) = one.await.unwrap();
        assert_eq!(answer, Ok(200));
        waits.push(waited);
    }
    assert_eq!(waits, [0, 0, 1, 1, 2]);
    assert_eq!(limiter.available(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_dropped_in_its_wait_for_a_period_never_calls() {
    let (calls, limiter) = (Calls::default(), two_per_second(SECOND * 2));
    let target = calls.behind(limiter.clone());
    for _ in 0..2 {
        assert_eq!(call(&target, OK).await, Ok(200));
    }
    assert!(timeout(MILLI * 10, call(&target, OK)).await.is_err());
    assert_eq!((calls.begun(), limiter.available()), (2, -1));
    sleep(SECOND * 3).await;
    assert_eq!((calls.begun(), limiter.available()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_is_dropped() {
    let (calls, begun) = (Calls::default(), Instant::now());
    let target = calls.behind(TimeLimiterLayer::new(MILLI * 200));
    assert_eq!(call(&target, slow(MILLI * 199)).await, Ok(200));
    let mut late = pin!(target.clone().call(slow(SECOND * 9)));
    assert_eq!(late.as_mut().await, Err(Rejected::TimeLimiter { timeout: MILLI * 200 }));
    // The future of the response is still there; what it waited for is not.
    assert_eq!((calls.begun(), calls.running()), (2, 0));
    assert_eq!(begun.elapsed(), MILLI * 399);
    assert_eq!(call(&target, FAILS).await, Err(Rejected::Inner(Broken)));
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_is_called() {
    let calls = Calls::default();
    let target = calls.behind(TimeLimiterLayer::new(Duration::ZERO));
    let expected = Err(Rejected::TimeLimiter { timeout: Duration::ZERO });
    assert_eq!((call(&target, OK).await, calls.begun()), (expected, 0));
}
