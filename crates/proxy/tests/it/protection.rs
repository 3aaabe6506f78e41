//! Policies of routes, calls and endpoints, hedges, rate limiters, fallbacks that are stale, and
//! endpoints that are worse than their siblings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use trunkline_model::filter::Filter;
use trunkline_model::ops::{Ops, PolicyStats};
use trunkline_model::route::RouteTimeouts;
use trunkline_model::service::policies::{
    Bulkhead, Fallback, Hedge, HedgeDelay, Instead, Methods, Policies, RateLimiter, RetryBudget,
    Scope, Shared,
};
use trunkline_model::service::{CallPolicies, Compared, Outlier, Service};
use trunkline_model::units::Share;
use trunkline_testkit::wait::until;
use trunkline_testkit::{Upstream, body};

use crate::policies::{breaker, bulkhead, guarded, retry, status};
use crate::rig::{Rig, model, service};

fn known(rig: &Rig, name: &str) -> PolicyStats {
    let all = rig.proxy.policies();
    let names: Vec<_> = all.iter().map(|policy| policy.name.clone()).collect();
    let found = all.into_iter().find(|policy| policy.name == name);
    found.unwrap_or_else(|| panic!("{name} is not among {names:?}"))
}

/// Answers the first `slow` requests after half a minute, and echoes the others at once.
fn slow_first(slow: usize) -> (Upstream, Arc<AtomicUsize>) {
    let whole = Arc::new(AtomicUsize::new(0));
    let (count, told) = (AtomicUsize::new(0), Arc::clone(&whole));
    let upstream = Upstream::http(move |request: Request<Incoming>| {
        let waits = count.fetch_add(1, Ordering::Relaxed) < slow;
        let told = Arc::clone(&told);
        async move {
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            told.fetch_add(1, Ordering::Relaxed);
            if waits {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            Response::new(body::full(bytes))
        }
    });
    (upstream, whole)
}

fn hedge(delay: HedgeDelay) -> Hedge {
    Hedge { delay, max: 1, methods: Methods::All, budget: None, dry_run: false }
}

fn soon() -> HedgeDelay {
    HedgeDelay::Fixed(Duration::from_millis(20))
}

#[tokio::test]
async fn a_slow_answer_is_overtaken_by_a_hedge_and_cancelled() {
    let (slow, _) = slow_first(usize::MAX);
    let quick = Upstream::answering(200, "ok");
    let policies = Policies {
        hedge: Some(hedge(soon())),
        bulkhead: Some(bulkhead(4, 0)),
        ..Policies::default()
    };
    let rig = Rig::start(model(vec![guarded(&[&slow, &quick], policies)])).await;
    let mut caller = rig.client().await;
    for _ in 0..6 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
    let web = known(&rig, "web");
    let hedge = web.hedge.unwrap();
    assert_eq!((hedge.made, hedge.won), (3, 3), "every second request met the slow one");
    assert_eq!(web.bulkhead.unwrap().available, 4, "one call each for what stands around");
    let records = rig.records.wait(6).await;
    let twice = records.iter().find(|record| record.attempts.len() == 2).unwrap();
    let mut outcomes: Vec<_> =
        twice.attempts.iter().map(|attempt| format!("{:?}", attempt.outcome)).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["Err(Hedged)", "Ok(200)"]);
    until("nothing is left at the slow one", async || {
        rig.endpoints("web").await.iter().all(|endpoint| endpoint.in_flight == 0)
    })
    .await;
}

#[tokio::test]
async fn a_hedge_asks_the_policies_of_its_endpoint() {
    let (slow, _) = slow_first(usize::MAX);
    let quick = Upstream::answering(200, "ok");
    let one = Bulkhead { scope: Scope::Endpoint, ..bulkhead(1, 0) };
    let policies =
        Policies { hedge: Some(hedge(soon())), bulkhead: Some(one), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&slow, &quick], policies)])).await;
    let mut caller = rig.client().await;
    for _ in 0..6 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
    for upstream in [&slow, &quick] {
        let name = format!("web@{}", upstream.address());
        let free = async || known(&rig, &name).bulkhead.unwrap().available == 1;
        until("every place came back", free).await;
    }
}

#[tokio::test]
async fn a_body_that_was_sent_whole_is_sent_by_the_hedge_too() {
    let (upstream, whole) = slow_first(1);
    let policies = Policies { hedge: Some(hedge(soon())), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&upstream], policies)])).await;
    let mut caller = rig.client().await;
    caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world").await;
    let answer = caller.response().await;
    assert_eq!((answer.status, answer.text()), (200, "hello world"));
    assert_eq!(whole.load(Ordering::Relaxed), 2, "both had all of it");
}

#[tokio::test]
async fn hedges_are_held_to_their_budget_and_methods() {
    let (slow, _) = slow_first(usize::MAX);
    let quick = Upstream::answering(200, "ok");
    let ttl = Duration::from_secs(10);
    let budget = RetryBudget { share: Share::NONE, min_per_second: 0, ttl, shared: Shared::Local };
    let none = Hedge { budget: Some(budget), ..hedge(soon()) };
    let policies = Policies { hedge: Some(none), ..Policies::default() };
    let mut web = guarded(&[&slow, &quick], policies);
    web.timeouts.request = Duration::from_millis(200);
    let rig = Rig::start(model(vec![web.clone()])).await;
    let mut caller = rig.client().await;
    let mut statuses = vec![status(&mut caller).await.0, status(&mut caller).await.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 504]);
    assert_eq!(known(&rig, "web").hedge.unwrap().budget_exhausted, 1);
    web.policies.hedge = Some(Hedge { methods: Methods::Idempotent, ..hedge(soon()) });
    rig.reload(model(vec![web])).await;
    for _ in 0..2 {
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
        caller.response().await;
    }
    assert_eq!(known(&rig, "web").hedge.unwrap().made, 0);
}

#[tokio::test]
async fn a_failed_hedge_does_not_spoil_a_good_answer() {
    let late = Upstream::http(|_: Request<Incoming>| async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        Response::new(body::full("late"))
    });
    let bad = Upstream::answering(500, "no");
    let policies = Policies { hedge: Some(hedge(soon())), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&late, &bad], policies)])).await;
    let mut caller = rig.client().await;
    let mut statuses = vec![];
    for _ in 0..4 {
        statuses.push(status(&mut caller).await.0);
    }
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_eq!(known(&rig, "web").hedge.unwrap().won, 0);
}

fn limiter(limit: u32, max_wait_ms: u64) -> RateLimiter {
    RateLimiter {
        limit,
        period: Duration::from_millis(500),
        max_wait: Duration::from_millis(max_wait_ms),
        shared: Shared::Local,
        dry_run: false,
    }
}

#[tokio::test]
async fn a_rate_limiter_lets_so_many_pass_and_tells_when_to_come_back() {
    let upstream = Upstream::answering(200, "ok");
    let slow = RateLimiter { period: Duration::from_secs(30), ..limiter(3, 0) };
    let policies =
        Policies { rate_limiter: Some(slow), breaker: Some(breaker(1_000)), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&upstream], policies)])).await;
    let mut caller = rig.client().await;
    for _ in 0..3 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
    let refused = caller.get("a", "/").await;
    assert_eq!(refused.status, 503);
    let reason = refused.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("rate_limiter;service=\"web\";limit=3;period=\"30s\""), "{reason}");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds));
    let web = known(&rig, "web");
    assert_eq!(web.rate_limiter.map(|one| (one.permitted, one.refused)), Some((3, 1)));
    assert_eq!(web.breaker.unwrap().buffered, 3, "a refusal is no failure");
}

#[tokio::test]
async fn who_may_wait_for_a_limiter_is_served_in_a_later_period() {
    let upstream = Upstream::answering(200, "ok");
    let policies = Policies { rate_limiter: Some(limiter(2, 5_000)), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&upstream], policies)])).await;
    let mut caller = rig.client().await;
    for _ in 0..5 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
    assert_eq!(known(&rig, "web").rate_limiter.unwrap().permitted, 5);
}

#[tokio::test]
async fn what_a_route_leaves_out_is_its_services() {
    let upstream = Upstream::answering(500, "no");
    let policies = Policies {
        breaker: Some(breaker(60_000)),
        bulkhead: Some(bulkhead(5, 0)),
        ..Policies::default()
    };
    let mut wanted = model(vec![guarded(&[&upstream], policies)]);
    let own = Policies { retry: Some(retry(2)), ..Policies::default() };
    wanted.routes.iter_mut().for_each(|route| route.policies = own.clone());
    let rig = Rig::start(wanted).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        assert_eq!(status(&mut caller).await.0, 500);
    }
    assert_eq!(status(&mut caller).await.0, 503);
    assert_eq!(known(&rig, "web").breaker.unwrap().state, "OPEN", "one breaker for everybody");
    let all = rig.proxy.policies();
    let mut routes = all.iter().filter(|policy| policy.name.starts_with("web/"));
    assert!(routes.clone().all(|policy| policy.breaker.is_none()));
    let calls = |policy: &PolicyStats| policy.retry.as_ref().unwrap().calls.map(|(_, n)| n);
    assert!(routes.any(|policy| calls(policy).iter().sum::<u64>() > 0), "its own retries");
}

/// A caller `front` with its own listener before `web`.
fn called(upstream: &Upstream, own: Policies, general: Policies) -> trunkline_model::Model {
    let web = guarded(&[upstream], general);
    let call = CallPolicies {
        service: web.name.clone(),
        policies: own,
        timeouts: RouteTimeouts::default(),
    };
    let front = Service {
        calls: vec![web.name.clone()],
        call_policies: vec![call],
        ..service("front", &[upstream.address()])
    };
    let mut wanted = model(vec![web, front]);
    wanted.listeners[0].caller = Some("front".parse().unwrap());
    wanted
}

#[tokio::test]
async fn a_caller_has_policies_of_its_own_towards_a_service() {
    let upstream = Upstream::answering(500, "no");
    let general = Policies { bulkhead: Some(bulkhead(5, 0)), ..Policies::default() };
    let own = Policies { breaker: Some(breaker(60_000)), ..Policies::default() };
    let rig = Rig::start(called(&upstream, own, general)).await;
    let mut caller = rig.client().await;
    for _ in 0..4 {
        assert_eq!(status(&mut caller).await.0, 500);
    }
    let (refused, reason) = status(&mut caller).await;
    assert_eq!(refused, 503);
    assert!(reason.unwrap().contains("policy=\"front->web\""));
    assert_eq!(known(&rig, "front->web").breaker.unwrap().state, "OPEN");
    let web = known(&rig, "web");
    assert!(web.breaker.is_none() && web.bulkhead.is_some());
}

#[tokio::test]
async fn an_endpoint_whose_breaker_is_open_is_left_out() {
    let (bad, good) = (Upstream::answering(500, "no"), Upstream::answering(200, "ok"));
    let by_endpoint =
        trunkline_model::service::policies::Breaker { scope: Scope::Endpoint, ..breaker(60_000) };
    let policies = Policies { breaker: Some(by_endpoint), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&bad, &good], policies)])).await;
    let mut caller = rig.client().await;
    for _ in 0..30 {
        status(&mut caller).await;
    }
    assert_eq!(bad.requests(), 4, "then its breaker is open");
    let name = format!("web@{}", bad.address());
    assert_eq!(known(&rig, &name).breaker.unwrap().state, "OPEN");
    let other = format!("web@{}", good.address());
    assert_eq!(known(&rig, &other).breaker.unwrap().state, "CLOSED");
    for _ in 0..4 {
        assert_eq!(status(&mut caller).await.0, 200);
    }
}

#[tokio::test]
async fn when_all_endpoints_refuse_their_reason_is_told() {
    let upstream = Upstream::hanging();
    let one = Bulkhead { scope: Scope::Endpoint, ..bulkhead(1, 0) };
    let policies = Policies { bulkhead: Some(one), ..Policies::default() };
    let rig = Rig::start(model(vec![guarded(&[&upstream], policies)])).await;
    let mut first = rig.client().await;
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let name = format!("web@{}", upstream.address());
    until("it is there", async || {
        let all = rig.proxy.policies();
        let there = all.iter().find(|policy| policy.name == name);
        there.is_some_and(|policy| policy.bulkhead.unwrap().available == 0)
    })
    .await;
    let (refused, reason) = status(&mut rig.client().await).await;
    assert_eq!(refused, 503);
    let reason = reason.unwrap();
    assert!(reason.starts_with("bulkhead;service=\"web\";max=1"), "{reason}");
    drop(first);
    until("its place is free", async || known(&rig, &name).bulkhead.unwrap().available == 1).await;
}

#[tokio::test]
async fn a_stale_answer_is_better_than_a_refusal() {
    let count = AtomicUsize::new(0);
    let upstream = Upstream::http(move |_: Request<Incoming>| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let mut response = Response::new(body::full("kept"));
            response.headers_mut().insert("cache-control", "max-age=0".parse().unwrap());
            response.headers_mut().insert("etag", "\"1\"".parse().unwrap());
            if !first {
                *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            }
            response
        }
    });
    let respond =
        Instead::Respond { status: 200, content_type: "text/plain".into(), body: "nothing".into() };
    let fallback = Fallback { stale: Some(Duration::from_secs(60)), instead: Some(respond) };
    let policies = Policies {
        breaker: Some(breaker(60_000)),
        fallback: Some(fallback),
        ..Policies::default()
    };
    let mut wanted = model(vec![guarded(&[&upstream], policies)]);
    wanted.routes.iter_mut().for_each(|route| route.filters.push(Filter::Cache));
    let rig = Rig::start(wanted).await;
    let mut caller = rig.client().await;
    assert_eq!(caller.get("a", "/").await.text(), "kept");
    until("the breaker is open", async || {
        rig.client().await.get("a", "/x").await;
        known(&rig, "web").breaker.unwrap().state == "OPEN"
    })
    .await;
    let answer = caller.get("a", "/").await;
    assert_eq!((answer.status, answer.text()), (200, "kept"));
    assert_eq!(caller.get("a", "/never").await.text(), "nothing");
    assert_eq!(known(&rig, "web").fallbacks, 2);
}

#[tokio::test]
async fn an_endpoint_that_is_worse_than_its_siblings_is_ejected() {
    let count = Arc::new(AtomicUsize::new(0));
    let flaky = Upstream::http(move |_: Request<Incoming>| {
        let fails = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        async move {
            let mut response = Response::new(body::full("so"));
            if fails {
                *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
            }
            response
        }
    });
    let good: Vec<_> = (0..4).map(|_| Upstream::answering(200, "ok")).collect();
    let mut all: Vec<&Upstream> = good.iter().collect();
    all.push(&flaky);
    let mut web = guarded(&all, Policies::default());
    web.outlier = Some(Outlier {
        consecutive: 5,
        base: Duration::from_secs(60),
        max: Duration::from_secs(60),
        percent_max: 50,
        compared: Some(Compared {
            interval: Duration::from_millis(100),
            success_deviations_thousandths: 1_900,
            latency_factor_thousandths: 0,
            hosts_min: 5,
            requests_min: 4,
        }),
    });
    let rig = Rig::start(model(vec![web])).await;
    let mut caller = rig.client().await;
    until("it is ejected", async || {
        for _ in 0..50 {
            status(&mut caller).await;
        }
        rig.endpoints("web").await.iter().any(|endpoint| endpoint.ejected)
    })
    .await;
    let out: Vec<_> = rig.endpoints("web").await.into_iter().filter(|one| one.ejected).collect();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].address, flaky.address());
}
