//! Limits of endpoints, and the queue of those that wait for a slot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Response;
use tokio::sync::Semaphore;
use trunkline_model::ops::{EndpointOrder, Ops};
use trunkline_model::service::{Affinity, Queue, SameSite, Service};
use trunkline_model::{Model, Workers};
use trunkline_testkit::body::full;
use trunkline_testkit::wait::{until, within};
use trunkline_testkit::{RawClient, Upstream};

use crate::rig::{Rig, endpoints, model, service};

/// What a service saw of simultaneous requests.
#[derive(Default)]
struct Seen {
    now: AtomicUsize,
    most: AtomicUsize,
    /// Targets in the order they arrived.
    order: Mutex<Vec<String>>,
}

/// A service that counts simultaneous requests; each takes `time`.
fn counting(time: Duration) -> (Upstream, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let told = Arc::clone(&seen);
    let upstream = Upstream::http(move |_| {
        let seen = Arc::clone(&told);
        async move {
            let now = seen.now.fetch_add(1, Ordering::SeqCst) + 1;
            seen.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(time).await;
            seen.now.fetch_sub(1, Ordering::SeqCst);
            Response::new(full("done"))
        }
    });
    (upstream, seen)
}

/// A service whose answers wait for a permit each.
fn gated() -> (Upstream, Arc<Seen>, Arc<Semaphore>) {
    let (seen, gate) = (Arc::new(Seen::default()), Arc::new(Semaphore::new(0)));
    let (told, opened) = (Arc::clone(&seen), Arc::clone(&gate));
    let upstream = Upstream::http(move |request: http::Request<_>| {
        let (seen, gate) = (Arc::clone(&told), Arc::clone(&opened));
        async move {
            seen.order.lock().unwrap().push(request.uri().path().to_owned());
            gate.acquire().await.unwrap().forget();
            Response::new(full("done"))
        }
    });
    (upstream, seen, gate)
}

fn limited(upstreams: &[&Upstream], limit: u32, max: u32, timeout: Duration) -> Service {
    let addresses: Vec<_> = upstreams.iter().map(|upstream| upstream.address()).collect();
    let mut web = service("web", &addresses);
    web.spread.limit = Some(limit);
    web.spread.queue = Queue { max, timeout, priority_header: Some("x-priority".parse().unwrap()) };
    web
}

async fn ask(rig: &Rig, path: &str, headers: &str) -> RawClient {
    let mut caller = rig.client().await;
    caller.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
    caller
}

async fn waiting(rig: &Rig, count: u64) {
    let what = format!("{count} wait");
    until(&what, async || rig.service("web").await.queue.length == count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_over_all_workers() {
    let (one, one_seen) = counting(Duration::from_millis(2));
    let (two, two_seen) = counting(Duration::from_millis(3));
    let web = limited(&[&one, &two], 3, 1_000, Duration::from_secs(20));
    let wanted = Model { workers: Workers::Count(4), ..model(vec![web]) };
    let rig = Arc::new(Rig::start_with(wanted, |deps| deps.workers = 4).await);
    let callers = (0..200).map(|_| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move {
            let mut caller = rig.client().await;
            for _ in 0..5 {
                assert_eq!(caller.get("a", "/").await.status, 200);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        within("a caller", caller).await.unwrap();
    }
    for seen in [one_seen, two_seen] {
        assert_eq!(seen.most.load(Ordering::SeqCst), 3, "the limit is used, and never exceeded");
    }
    let told = rig.service("web").await;
    assert_eq!((told.queue.length, told.queue.timeouts, told.queue.refused), (0, 0, 0));
    assert!(told.queue.longest > 50 && told.queue.wait.count > 500, "{:?}", told.queue);
    assert!(told.endpoints.iter().all(|endpoint| endpoint.in_flight == 0 && endpoint.limit == 3));
}

#[tokio::test]
async fn the_urgent_are_served_first_and_equals_in_order() {
    let (upstream, seen, gate) = gated();
    let web = limited(&[&upstream], 1, 100, Duration::from_secs(10));
    let mut wanted = model(vec![web]);
    for route in &mut wanted.routes {
        route.priority = if route.id.as_str() == "web-1" { 5 } else { 0 };
    }
    let rig = Rig::start(wanted).await;
    let mut callers = vec![ask(&rig, "/first", "").await];
    until("the first is in flight", async || upstream.requests() == 1).await;
    let others =
        [("/a", ""), ("/web/late", ""), ("/b", ""), ("/urgent", "x-priority: -3\r\n"), ("/c", "")];
    for ((path, headers), count) in others.into_iter().zip(1..) {
        callers.push(ask(&rig, path, headers).await);
        waiting(&rig, count).await;
    }
    gate.add_permits(6);
    for caller in &mut callers {
        assert_eq!(caller.response().await.status, 200);
    }
    let order = seen.order.lock().unwrap().clone();
    assert_eq!(order, ["/first", "/urgent", "/a", "/b", "/c", "/web/late"]);
    let records = rig.records.wait(6).await;
    let waited =
        records.iter().filter(|record| !record.timings.queue.unwrap_or_default().is_zero()).count();
    assert_eq!(waited, 5, "all but the first waited");
}

#[tokio::test]
async fn one_who_waits_too_long_is_told_so() {
    let (upstream, _seen, _gate) = gated();
    let web = limited(&[&upstream], 1, 100, Duration::from_millis(80));
    let rig = Rig::start(model(vec![web])).await;
    let _busy = ask(&rig, "/", "").await;
    until("the first is in flight", async || upstream.requests() == 1).await;
    let answer = rig.client().await.get("a", "/").await;
    assert_eq!(answer.status, 503);
    let reason = answer.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("queue_timeout;service=\"web\";"), "{reason}");
    assert!(reason.contains("slots=1") && reason.contains("limit_ms=80"), "{reason}");
    assert_eq!(rig.service("web").await.queue.timeouts, 1);
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_who_leaves_frees_a_place() {
    let (upstream, _seen, gate) = gated();
    let web = limited(&[&upstream], 1, 1, Duration::from_secs(10));
    let rig = Rig::start(model(vec![web])).await;
    let mut busy = ask(&rig, "/", "").await;
    until("the first is in flight", async || upstream.requests() == 1).await;
    let patient = ask(&rig, "/", "").await;
    waiting(&rig, 1).await;
    let refused = rig.client().await.get("a", "/").await;
    let reason = refused.header("x-trunkline-reason").unwrap();
    assert!(reason.starts_with("queue_full;service=\"web\";waiting=1;slots=1;max=1"), "{reason}");
    drop(patient);
    waiting(&rig, 0).await;
    let mut next = ask(&rig, "/next", "").await;
    waiting(&rig, 1).await;
    gate.add_permits(2);
    assert_eq!((busy.response().await.status, next.response().await.status), (200, 200));
    assert_eq!(upstream.requests(), 2, "one who left is not sent");
    until("all slots are free", async || rig.endpoints("web").await[0].in_flight == 0).await;
}

#[tokio::test]
async fn a_new_endpoint_and_a_higher_limit_serve_those_that_wait() {
    let (busy, _seen, _gate) = gated();
    let free = Upstream::answering(200, "free");
    let web = limited(&[&busy], 1, 100, Duration::from_secs(10));
    let rig = Rig::start(model(vec![web])).await;
    let _first = ask(&rig, "/", "").await;
    until("the first is in flight", async || busy.requests() == 1).await;
    let mut second = ask(&rig, "/", "").await;
    waiting(&rig, 1).await;
    rig.proxy.publish(endpoints("web", &[busy.address(), free.address()]));
    assert_eq!(second.response().await.text(), "free");
    // A reload with a higher limit is seen at once as well.
    rig.proxy.publish(endpoints("web", &[busy.address()]));
    let _third = ask(&rig, "/", "").await;
    waiting(&rig, 1).await;
    rig.reload(model(vec![limited(&[&busy], 2, 100, Duration::from_secs(10))])).await;
    until("the third is in flight", async || busy.requests() == 2).await;
    waiting(&rig, 0).await;
}

#[tokio::test]
async fn nobody_waits_for_endpoints_that_are_gone() {
    let (busy, _seen, _gate) = gated();
    let web = limited(&[&busy], 1, 100, Duration::from_secs(10));
    let rig = Rig::start(model(vec![web])).await;
    let _first = ask(&rig, "/", "").await;
    until("the first is in flight", async || busy.requests() == 1).await;
    let mut second = ask(&rig, "/", "").await;
    waiting(&rig, 1).await;
    rig.proxy.publish(endpoints("web", &[]));
    let answer = second.response().await;
    assert!(answer.header("x-trunkline-reason").unwrap().starts_with("no_endpoint"));
}

#[tokio::test]
async fn a_person_may_raise_a_limit_and_those_who_wait_are_served_at_once() {
    let (upstream, seen, gate) = gated();
    let rig = Rig::start(model(vec![limited(&[&upstream], 1, 10, Duration::from_secs(10))])).await;
    let id = rig.endpoints("web").await[0].id.clone();
    let mut callers = vec![];
    for number in 0..3 {
        callers.push(ask(&rig, &format!("/{number}"), "").await);
    }
    let arrived = async || seen.order.lock().unwrap().len();
    until("one is sent and two wait", async || {
        arrived().await == 1 && rig.service("web").await.queue.length == 2
    })
    .await;
    rig.proxy.order_endpoint(id.clone(), EndpointOrder::Limit(Some(3))).await.unwrap();
    until("all are sent", async || arrived().await == 3).await;
    assert_eq!(rig.endpoints("web").await[0].limit_ordered, Some(3));
    gate.add_permits(3);
    for caller in &mut callers {
        assert_eq!(caller.response().await.status, 200);
    }
    rig.proxy.order_endpoint(id, EndpointOrder::Limit(None)).await.unwrap();
    assert_eq!(rig.endpoints("web").await[0].limit, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_one_endpoint_keeps_nobody_from_the_others() {
    let (one, _, one_gate) = gated();
    let (two, _, two_gate) = gated();
    let mut web = limited(&[&one, &two], 1, 1, Duration::from_secs(20));
    let (cookie, path) = ("stay".to_owned(), "/".to_owned());
    web.spread.affinity = Some(Affinity { cookie, path, ttl: None, same_site: SameSite::Lax });
    let rig = Rig::start(model(vec![web])).await;
    // Whichever answers the first keeps the other's permit for the last.
    one_gate.add_permits(1);
    two_gate.add_permits(1);
    let first = ask(&rig, "/first", "").await.response().await;
    let set = first.header("set-cookie").unwrap();
    let cookie = format!("Cookie: {}\r\n", set.split(';').next().unwrap());
    let mut held = ask(&rig, "/held", &cookie).await;
    until("it is held", async || rig.service("web").await.in_flight == 1).await;
    let mut queued = ask(&rig, "/queued", &cookie).await;
    waiting(&rig, 1).await;
    let free =
        within("a free endpoint", async { ask(&rig, "/free", "").await.response().await }).await;
    assert_eq!(free.status, 200);
    one_gate.add_permits(2);
    two_gate.add_permits(2);
    assert_eq!(held.response().await.status, 200);
    assert_eq!(queued.response().await.status, 200);
}
