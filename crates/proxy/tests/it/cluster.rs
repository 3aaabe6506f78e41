//! Policies that two gateways share through a real Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use trunkline_model::ops::{BreakerOrder, Ops, PolicyStats};
use trunkline_model::service::policies::{
    Breaker, Bulkhead, Policies, RateLimiter, RetryBudget, Shared,
};
use trunkline_model::units::Share;
use trunkline_model::{Cluster, Fail, Model};
use trunkline_testkit::wait::until;
use trunkline_testkit::{Redis, Upstream};

use crate::policies::{breaker, bulkhead, guarded, retry, status, switched};
use crate::rig::{Rig, model};

const TIMEOUT: Duration = Duration::from_secs(2);

fn tied(redis: &Redis, upstream: &Upstream, policies: &Policies, fail: Fail) -> Model {
    let cluster =
        Cluster { url: redis.url(), ca: None, prefix: "shop".into(), timeout: TIMEOUT, fail };
    Model { cluster: Some(cluster), ..model(vec![guarded(&[upstream], policies.clone())]) }
}

/// Two gateways before the same service.
async fn two(redis: &Redis, upstream: &Upstream, policies: &Policies) -> (Rig, Rig) {
    let one = || Rig::start(tied(redis, upstream, policies, Fail::Open));
    (one().await, one().await)
}

fn shared_breaker(wait_ms: u64) -> Policies {
    let breaker = Breaker { shared: Shared::Cluster, ..breaker(wait_ms) };
    Policies { breaker: Some(breaker), ..Policies::default() }
}

fn known(rig: &Rig) -> PolicyStats {
    rig.proxy.policies().into_iter().find(|policy| policy.name == "web").unwrap()
}

#[tokio::test]
async fn a_breaker_that_one_gateway_opens_is_open_for_all() {
    let Some(redis) = Redis::start() else { return };
    let answers = Arc::new(AtomicU16::new(500));
    let upstream = switched(&answers);
    let (one, two) = two(&redis, &upstream, &shared_breaker(300)).await;
    let (mut first, mut second) = (one.client().await, two.client().await);
    // Half of the window each: neither knows enough alone.
    for _ in 0..2 {
        assert_eq!(status(&mut first).await.0, 500);
        assert_eq!(status(&mut second).await.0, 500);
    }
    for (rig, caller) in [(&one, &mut first), (&two, &mut second)] {
        until("it is open for both", async || status(&mut rig.client().await).await.0 == 503).await;
        let (_, reason) = status(caller).await;
        assert!(
            reason.unwrap().starts_with("breaker;service=\"web\";state=open;failure_rate=100.0")
        );
    }
    answers.store(200, Ordering::Relaxed);
    until("trials close it", async || status(&mut one.client().await).await.0 == 200).await;
    until("for the other too", async || status(&mut two.client().await).await.0 == 200).await;
    until("and it is seen", async || known(&two).breaker.unwrap().state == "CLOSED").await;
    let changes = |rig: &Rig| {
        let events = rig.proxy.resilience_events(0).into_iter();
        events.filter(|event| event.kind == "STATE_TRANSITION").count()
    };
    until("each change is told, by who caused it", async || changes(&one) + changes(&two) == 3)
        .await;
}

#[tokio::test]
async fn a_person_orders_all_of_them_at_one() {
    let Some(redis) = Redis::start() else { return };
    let upstream = Upstream::answering(200, "ok");
    let (one, two) = two(&redis, &upstream, &shared_breaker(300)).await;
    one.proxy.order_breaker("web", BreakerOrder::ForceOpen).unwrap();
    until("the other refuses", async || {
        let (code, reason) = status(&mut two.client().await).await;
        code == 503 && reason.unwrap().contains("state=forced_open")
    })
    .await;
    two.proxy.order_breaker("web", BreakerOrder::Reset).unwrap();
    until("the first serves", async || status(&mut one.client().await).await.0 == 200).await;
}

#[tokio::test]
async fn limits_hold_for_the_sum() {
    let Some(redis) = Redis::start() else { return };
    let upstream = Upstream::hanging();
    let policies = Policies {
        bulkhead: Some(Bulkhead { shared: Shared::Cluster, ..bulkhead(3, 0) }),
        ..Policies::default()
    };
    let (one, two) = two(&redis, &upstream, &policies).await;
    let mut held = vec![];
    for rig in [&one, &two, &one] {
        let mut caller = rig.client().await;
        caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        held.push(caller);
    }
    until("all three are in", async || known(&two).bulkhead.unwrap().available == 0).await;
    let (refused, reason) = status(&mut two.client().await).await;
    assert_eq!(
        (refused, reason.unwrap().as_str()),
        (503, "bulkhead;service=\"web\";max=3;waiting=0")
    );
    drop(held);
    until("their places are free", async || known(&two).bulkhead.unwrap().available == 3).await;
}

#[tokio::test]
async fn a_rate_is_one_for_both() {
    let Some(redis) = Redis::start() else { return };
    let upstream = Upstream::answering(200, "ok");
    let limiter = RateLimiter {
        limit: 10,
        period: Duration::from_secs(3_600),
        max_wait: Duration::ZERO,
        shared: Shared::Cluster,
        dry_run: false,
    };
    let policies = Policies { rate_limiter: Some(limiter), ..Policies::default() };
    let (one, two) = two(&redis, &upstream, &policies).await;
    let mut passed = 0;
    for rig in [&one, &two].repeat(10) {
        passed += usize::from(status(&mut rig.client().await).await.0 == 200);
    }
    // A cycle that ends meanwhile brings as many again.
    assert!([10, 20].contains(&passed), "{passed}");
}

#[tokio::test]
async fn repetitions_keep_to_one_budget() {
    let Some(redis) = Redis::start() else { return };
    let upstream = Upstream::answering(503, "down");
    let share = Share::from_basis_points(2_000).unwrap();
    let ttl = Duration::from_secs(10);
    let budget = RetryBudget { share, min_per_second: 1, ttl, shared: Shared::Cluster };
    let retry = trunkline_model::service::policies::Retry { budget: Some(budget), ..retry(3) };
    let policies = Policies { retry: Some(retry), ..Policies::default() };
    let (one, two) = two(&redis, &upstream, &policies).await;
    let (mut first, mut second) = (one.client().await, two.client().await);
    for _ in 0..100 {
        assert_eq!(status(&mut first).await.0, 503);
        assert_eq!(status(&mut second).await.0, 503);
    }
    let repeated = upstream.requests() - 200;
    // A fifth of 200 calls, and one a second for the time of a budget.
    assert!((10..=50).contains(&repeated), "{repeated}");
}

#[tokio::test]
async fn when_the_store_is_away_each_goes_on_alone_or_nobody_does() {
    let Some(mut redis) = Redis::start() else { return };
    let upstream = Upstream::answering(500, "no");
    let rig = Rig::start(tied(&redis, &upstream, &shared_breaker(60_000), Fail::Open)).await;
    let mut caller = rig.client().await;
    assert_eq!(status(&mut caller).await.0, 500);
    redis.kill();
    until("it decides alone", async || {
        status(&mut rig.client().await).await;
        known(&rig).cluster.unwrap().away
    })
    .await;
    until("its own breaker opens", async || {
        let (code, reason) = status(&mut rig.client().await).await;
        code == 503 && reason.unwrap().starts_with("breaker;")
    })
    .await;
    rig.reload(tied(&redis, &upstream, &shared_breaker(60_000), Fail::Closed)).await;
    let (refused, reason) = status(&mut caller).await;
    assert_eq!((refused, reason.unwrap().as_str()), (503, "cluster_away;service=\"web\""));
    redis.restart();
    until("it is asked again", async || status(&mut rig.client().await).await.0 == 500).await;
}
