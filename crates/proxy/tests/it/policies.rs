//! Breakers, retries, bulkheads and their like, around real services.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use trunkline_model::ops::{BreakerOrder, Ops, PolicyStats, ResilienceError};
use trunkline_model::service::Service;
use trunkline_model::service::policies::{
    Adaptive, Algorithm, Breaker, Bulkhead, Condition, Fallback, Instead, Methods, Policies, Retry,
    RetryBudget, Scope, Shared, Shed, Waits, Window,
};
use trunkline_model::units::Share;
use trunkline_testkit::wait::until;
use trunkline_testkit::{RawClient, Upstream, body};

use crate::rig::{Rig, model, service};

fn share(percent: u16) -> Share {
    Share::from_basis_points(percent * 100).unwrap()
}

fn waits(millis: u64) -> Waits {
    Waits {
        initial: Duration::from_millis(millis),
        multiplier_thousandths: 1_000,
        randomization: Share::NONE,
        max: None,
    }
}

pub fn breaker(wait_ms: u64) -> Breaker {
    Breaker {
        failure_rate: share(50),
        slow_call_rate: share(100),
        slow_call: Duration::from_secs(60),
        window: Window::Calls(4),
        minimum_calls: 4,
        wait: waits(wait_ms),
        trials: 2,
        trial_time: Duration::from_secs(60),
        closes_after_trials: false,
        automatic: false,
        failures: vec![Condition::Statuses(5), Condition::Connect, Condition::Timeout],
        scope: Scope::Target,
        shared: Shared::Local,
        dry_run: false,
    }
}

pub fn retry(attempts: u32) -> Retry {
    Retry {
        attempts,
        on: vec![Condition::Status(503), Condition::Reset, Condition::Timeout],
        methods: Methods::Idempotent,
        wait: waits(1),
        retry_after_max: Duration::ZERO,
        body_bytes: 1_024,
        budget: None,
    }
}

pub fn bulkhead(max_calls: u32, wait_ms: u64) -> Bulkhead {
    Bulkhead {
        max_calls,
        max_wait: Duration::from_millis(wait_ms),
        queue: 100,
        scope: Scope::Target,
        shared: Shared::Local,
        dry_run: false,
    }
}

pub fn guarded(upstreams: &[&Upstream], policies: Policies) -> Service {
    let addresses: Vec<_> = upstreams.iter().map(|upstream| upstream.address()).collect();
    Service { policies, ..service("web", &addresses) }
}

fn only(instead: Instead) -> Fallback {
    Fallback { stale: None, instead: Some(instead) }
}

async fn before(upstreams: &[&Upstream], policies: Policies) -> Rig {
    Rig::start(model(vec![guarded(upstreams, policies)])).await
}

/// Answers with the status that the number holds, and the request's body.
pub fn switched(status: &Arc<AtomicU16>) -> Upstream {
    let status = Arc::clone(status);
    Upstream::http(move |request: Request<Incoming>| {
        let status = StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap();
        async move {
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            let mut response = Response::new(body::full(bytes));
            *response.status_mut() = status;
            response
        }
    })
}

/// Fails so often with 503, then answers well.
fn failing_first(times: usize) -> Upstream {
    let count = Arc::new(AtomicUsize::new(0));
    Upstream::http(move |request: Request<Incoming>| {
        let fails = count.fetch_add(1, Ordering::Relaxed) < times;
        async move {
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            let mut response = Response::new(body::full(bytes));
            if fails {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            response
        }
    })
}

fn policy(rig: &Rig) -> PolicyStats {
    rig.proxy.policies().into_iter().find(|policy| policy.name == "web").unwrap()
}

pub async fn status(caller: &mut RawClient) -> (u16, Option<String>) {
    let answer = caller.get("a", "/").await;
    (answer.status, answer.header("x-trunkline-reason").map(ToOwned::to_owned))
}

#[tokio::test]
async fn an_open_breaker_keeps_requests_away_and_trials_close_it() {
    let answers = Arc::new(AtomicU16::new(500));
    let upstream = switched(&answers);
    let policies = Policies { breaker: Some(breaker(300)), ..Policies::default() };
    let rig = before(&[&upstream], policies).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        assert_eq!(status(&mut caller).await.0, 500);
    }
    let refused = caller.get("a", "/").await;
    assert_eq!(refused.status, 503);
    let reason = refused.header("x-trunkline-reason").unwrap();
    let expect = "breaker;service=\"web\";state=open;failure_rate=100.0;slow_call_rate=0.0;calls=4;window=4;";
    assert!(reason.starts_with(expect), "{reason}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    for _ in 0..20 {
        assert_eq!(status(&mut caller).await.0, 503);
    }
    assert_eq!(upstream.requests(), 4, "none came through");
    answers.store(200, Ordering::Relaxed);
    until("trials close it", async || status(&mut rig.client().await).await.0 == 200).await;
    assert_eq!(status(&mut caller).await.0, 200);
    let known = policy(&rig).breaker.unwrap();
    assert_eq!(known.state, "CLOSED");
    assert!(known.not_permitted >= 21);
    let kinds = rig.proxy.resilience_events(0);
    let changes: Vec<_> = kinds.iter().filter(|event| event.kind == "STATE_TRANSITION").collect();
    assert_eq!(changes.len(), 3, "{kinds:?}");
}

#[tokio::test]
async fn a_person_can_open_and_close_it() {
    let upstream = Upstream::answering(200, "ok");
    let policies = Policies { breaker: Some(breaker(300)), ..Policies::default() };
    let rig = before(&[&upstream], policies).await;
    let mut caller = rig.client().await;
    rig.proxy.order_breaker("web", BreakerOrder::ForceOpen).unwrap();
    let (refused, reason) = status(&mut caller).await;
    assert_eq!(refused, 503);
    assert!(reason.unwrap().contains("state=forced_open"));
    rig.proxy.order_breaker("web", BreakerOrder::Reset).unwrap();
    assert_eq!(status(&mut caller).await.0, 200);
    let unknown = rig.proxy.order_breaker("nobody", BreakerOrder::Reset);
    assert_eq!(unknown, Err(ResilienceError::Unknown("nobody".into())));
}

#[tokio::test]
async fn a_reload_that_changes_nothing_keeps_what_a_breaker_knows() {
    let upstream = Upstream::answering(500, "no");
    let policies = Policies { breaker: Some(breaker(60_000)), ..Policies::default() };
    let rig = before(&[&upstream], policies.clone()).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        status(&mut caller).await;
    }
    let again = || model(vec![guarded(&[&upstream], policies.clone())]);
    rig.reload(again()).await;
    assert_eq!(status(&mut caller).await.0, 503);
    let mut other = again();
    other.services[0].policies.breaker.as_mut().unwrap().trials = 3;
    rig.reload(other).await;
    assert_eq!(status(&mut caller).await.0, 500, "another policy begins anew");
}

#[tokio::test]
async fn a_reload_that_is_refused_leaves_breakers_alone() {
    let upstream = Upstream::answering(500, "no");
    let policies = Policies { breaker: Some(breaker(60_000)), ..Policies::default() };
    let rig = before(&[&upstream], policies.clone()).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        status(&mut caller).await;
    }
    let mut wrong = model(vec![guarded(&[&upstream], policies)]);
    wrong.services[0].policies.breaker.as_mut().unwrap().trials = 7;
    wrong.routes[0].matching.path = trunkline_model::route::PathPattern::Regex("(".into());
    assert!(rig.proxy.prepare(std::sync::Arc::new(wrong)).is_err());
    assert_eq!(policy(&rig).breaker.unwrap().state, "OPEN");
    rig.proxy.order_breaker("web", BreakerOrder::Disable).unwrap();
    assert_eq!(status(&mut caller).await.0, 500, "the one in force was told");
}

#[tokio::test]
async fn a_caller_with_a_tiny_deadline_does_the_service_no_harm() {
    let upstream = Upstream::hanging();
    let policies = Policies { breaker: Some(breaker(60_000)), ..Policies::default() };
    let rig = before(&[&upstream], policies).await;
    let mut caller = rig.client().await;
    for _ in 0..8 {
        caller.send("GET / HTTP/1.1\r\nHost: a\r\ngrpc-timeout: 20m\r\n\r\n").await;
        assert_eq!(caller.response().await.status, 504);
    }
    let known = policy(&rig).breaker.unwrap();
    assert_eq!((known.state, known.failed), ("CLOSED", 0));
    caller.send("GET / HTTP/1.1\r\nHost: a\r\ngrpc-timeout: 1100m\r\n\r\n").await;
    assert_eq!(caller.response().await.status, 504);
    assert_eq!(policy(&rig).breaker.unwrap().failed, 1, "it had time enough");
}

#[tokio::test]
async fn the_process_that_takes_over_has_the_breakers_as_they_were() {
    let upstream = Upstream::answering(500, "no");
    let policies = Policies { breaker: Some(breaker(60_000)), ..Policies::default() };
    let rig = before(&[&upstream], policies.clone()).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        status(&mut caller).await;
    }
    let heir = before(&[&upstream], policies).await;
    heir.proxy.import_state(&rig.proxy.export_state());
    let (refused, reason) = status(&mut heir.client().await).await;
    assert_eq!(refused, 503);
    assert!(reason.unwrap().contains("state=open"));
    assert_eq!(upstream.requests(), 4);
}

#[tokio::test]
async fn a_failed_get_is_repeated_elsewhere_and_a_post_is_not() {
    let (bad, good) = (Upstream::answering(503, "no"), Upstream::answering(200, "ok"));
    let rig =
        before(&[&bad, &good], Policies { retry: Some(retry(3)), ..Default::default() }).await;
    let mut caller = rig.client().await;
    for _ in 0..10 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
    assert!(good.requests() == 10 && bad.requests() >= 1);
    let mut statuses = vec![];
    for _ in 0..2 {
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
        statuses.push(caller.response().await.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
    let calls = policy(&rig).retry.unwrap().calls;
    let total: u64 = calls.iter().map(|(_, count)| count).sum();
    assert_eq!(total, 12, "{calls:?}");
}

#[tokio::test]
async fn a_body_is_kept_and_sent_again() {
    let upstream = failing_first(2);
    let all = Retry { methods: Methods::All, ..retry(3) };
    let rig = before(&[&upstream], Policies { retry: Some(all), ..Default::default() }).await;
    let mut caller = rig.client().await;
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world").await;
    let answer = caller.response().await;
    assert_eq!((answer.status, answer.text()), (200, "hello world"));
    assert_eq!(upstream.requests(), 3);
    let records = rig.records.wait(1).await;
    assert_eq!(records[0].attempts.len(), 3);
}

#[tokio::test]
async fn a_body_that_is_too_large_to_be_kept_is_sent_once() {
    let upstream = failing_first(2);
    let all = Retry { methods: Methods::All, body_bytes: 4, ..retry(3) };
    let rig = before(&[&upstream], Policies { retry: Some(all), ..Default::default() }).await;
    let mut caller = rig.client().await;
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world").await;
    assert_eq!(caller.response().await.status, 503);
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn a_storm_of_retries_is_held_to_the_budget() {
    let upstream = Upstream::answering(503, "down");
    let budget = RetryBudget {
        share: share(20),
        min_per_second: 0,
        ttl: Duration::from_secs(10),
        shared: Shared::Local,
    };
    let retry = Retry { budget: Some(budget), ..retry(3) };
    let rig = before(&[&upstream], Policies { retry: Some(retry), ..Default::default() }).await;
    let mut caller = rig.client().await;
    for _ in 0..500 {
        assert_eq!(status(&mut caller).await.0, 503);
    }
    let sent = upstream.requests();
    assert!((500..=600).contains(&sent), "{sent} for 500 calls");
    let known = policy(&rig).retry.unwrap();
    assert!(known.budget_exhausted > 0 && known.repeated == sent as u64 - 500);
}

#[tokio::test]
async fn ten_thousand_requests_that_are_given_up_leak_no_permit() {
    let upstream = Upstream::hanging();
    let policies = Policies {
        breaker: Some(breaker(1_000)),
        bulkhead: Some(bulkhead(20, 5_000)),
        ..Default::default()
    };
    let rig = before(&[&upstream], policies).await;
    for _ in 0..100 {
        let mut callers = Vec::with_capacity(100);
        for _ in 0..100 {
            let mut caller = rig.client().await;
            caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            callers.push(caller);
        }
        drop(callers);
    }
    until("every permit came back", async || {
        let known = policy(&rig).bulkhead.unwrap();
        known.available == 20 && known.waiting == 0
    })
    .await;
    assert_eq!(policy(&rig).breaker.unwrap().state, "CLOSED");
}

#[tokio::test]
async fn a_bulkhead_lets_so_many_in_and_refuses_the_rest() {
    let upstream = Upstream::hanging();
    let policies = Policies { bulkhead: Some(bulkhead(2, 0)), ..Default::default() };
    let rig = before(&[&upstream], policies).await;
    let (mut first, mut second) = (rig.client().await, rig.client().await);
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("both are in", async || policy(&rig).bulkhead.unwrap().available == 0).await;
    let (refused, reason) = status(&mut rig.client().await).await;
    assert_eq!(
        (refused, reason.unwrap().as_str()),
        (503, "bulkhead;service=\"web\";max=2;waiting=0")
    );
}

#[tokio::test]
async fn a_full_bulkhead_opens_no_breaker() {
    let upstream = Upstream::hanging();
    let policies = Policies {
        breaker: Some(breaker(60_000)),
        bulkhead: Some(bulkhead(1, 0)),
        ..Policies::default()
    };
    let rig = before(&[&upstream], policies).await;
    let mut first = rig.client().await;
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in", async || policy(&rig).bulkhead.unwrap().available == 0).await;
    let mut caller = rig.client().await;
    for _ in 0..8 {
        let (refused, reason) = status(&mut caller).await;
        assert_eq!(refused, 503);
        assert!(reason.unwrap().starts_with("bulkhead;"));
    }
    let known = policy(&rig).breaker.unwrap();
    assert_eq!((known.state, known.buffered), ("CLOSED", 0));
}

#[tokio::test]
async fn what_the_breaker_refused_is_not_repeated() {
    let upstream = Upstream::answering(503, "no");
    let policies =
        Policies { breaker: Some(breaker(60_000)), retry: Some(retry(3)), ..Policies::default() };
    let rig = before(&[&upstream], policies).await;
    let mut caller = rig.client().await;
    assert_eq!(status(&mut caller).await.0, 503);
    assert_eq!(upstream.requests(), 3, "a 503 of the service is repeated");
    rig.proxy.order_breaker("web", BreakerOrder::ForceOpen).unwrap();
    assert_eq!(status(&mut caller).await.0, 503);
    assert_eq!(upstream.requests(), 3, "none came through");
    assert_eq!(policy(&rig).breaker.unwrap().not_permitted, 1, "the breaker was asked once");
}

#[tokio::test]
async fn batch_work_is_shed_before_what_is_critical() {
    let upstream = Upstream::hanging();
    let policies = Policies {
        adaptive: Some(Adaptive {
            algorithm: Algorithm::Correlation,
            initial: 10,
            min: 10,
            max: 10,
            scope: Scope::Target,
            dry_run: false,
        }),
        shed: Some(Shed {
            header: "x-priority".parse().unwrap(),
            default: share(90),
            batch: share(60),
        }),
        ..Default::default()
    };
    let rig = before(&[&upstream], policies).await;
    let ask = |class: &str| format!("GET / HTTP/1.1\r\nHost: a\r\nx-priority: {class}\r\n\r\n");
    let mut open = vec![];
    for _ in 0..6 {
        let mut caller = rig.client().await;
        caller.send(&ask("critical")).await;
        open.push(caller);
    }
    let running = async || policy(&rig).adaptive.unwrap().running;
    until("six run", async || running().await == 6).await;
    let mut batch = rig.client().await;
    batch.send(&ask("batch")).await;
    let answer = batch.response().await;
    let reason = answer.header("x-trunkline-reason").unwrap();
    assert_eq!(reason, "shed;service=\"web\";class=batch;share=6;limit=10");
    let mut critical = rig.client().await;
    critical.send(&ask("critical")).await;
    until("the critical one runs", async || running().await == 7).await;
}

#[tokio::test]
async fn a_fallback_stands_in_for_a_failure() {
    let upstream = Upstream::answering(500, "no");
    let instead = Upstream::answering(200, "from another");
    let respond = Instead::Respond {
        status: 200,
        content_type: "application/json".into(),
        body: "[]".into(),
    };
    let policies = Policies {
        breaker: Some(breaker(60_000)),
        fallback: Some(only(respond)),
        ..Default::default()
    };
    let other = Policies {
        fallback: Some(only(Instead::Service("other".parse().unwrap()))),
        ..policies.clone()
    };
    let rig = before(&[&upstream], policies).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        status(&mut caller).await;
    }
    let answer = caller.get("a", "/").await;
    assert_eq!((answer.status, answer.text()), (200, "[]"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-trunkline-reason").unwrap().starts_with("breaker;"));
    let services = vec![guarded(&[&upstream], other), service("other", &[instead.address()])];
    rig.reload(model(services)).await;
    for _ in 0..4 {
        status(&mut caller).await;
    }
    let answer = caller.get("a", "/").await;
    assert_eq!((answer.status, answer.text()), (200, "from another"));
}

#[tokio::test]
async fn a_deadline_is_kept_and_passed_on() {
    let slow = Upstream::hanging();
    let rig = before(&[&slow], Policies::default()).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\ngrpc-timeout: 30m\r\n\r\n").await;
    let answer = caller.response().await;
    assert_eq!(answer.status, 504);
    assert!(answer.header("x-trunkline-reason").unwrap().starts_with("deadline;"));
    caller.send("GET / HTTP/1.1\r\nHost: a\r\nx-request-deadline: 1\r\n\r\n").await;
    assert_eq!(caller.response().await.status, 504);
    assert_eq!(slow.connections(), 1, "what is over is not begun");
    let echo = Upstream::echo();
    let rig = before(&[&echo], Policies::default()).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\ngrpc-timeout: 5S\r\n\r\n").await;
    let answer = caller.response().await;
    let text = answer.text();
    assert!(text.contains("\"grpc-timeout\",\"4") || text.contains("5000m"), "{text}");
}

#[tokio::test]
async fn a_slow_attempt_is_repeated_and_counts_against_the_service() {
    let (slow, good) = (Upstream::hanging(), Upstream::answering(200, "ok"));
    let mut web = guarded(
        &[&slow, &good],
        Policies { retry: Some(retry(2)), breaker: Some(breaker(1_000)), ..Default::default() },
    );
    web.timeouts.attempt = Some(Duration::from_millis(50));
    let rig = Rig::start(model(vec![web])).await;
    let mut caller = rig.client().await;
    for _ in 0..2 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
    let known = policy(&rig);
    assert!(known.breaker.unwrap().failed >= 1);
    assert!(known.retry.unwrap().repeated >= 1);
}
