//! Who gets a request, by each algorithm; tiers, zones, panic, slow start, affinity.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Response;
use trunkline_model::endpoint::{EndpointPlace, EndpointSet, EndpointState};
use trunkline_model::ops::EndpointOrder;
use trunkline_model::ops::Ops;
use trunkline_model::service::{
    Affinity, Balance, HashKey, HashOn, HealthCheck, HttpProbe, Outlier, Probe, SameSite, Service,
    SlowStart,
};
use trunkline_model::units::Share;
use trunkline_rt::{Clock, ManualClock};
use trunkline_testkit::Upstream;
use trunkline_testkit::body::full;
use trunkline_testkit::raw::RawResponse;
use trunkline_testkit::wait::until;

use crate::rig::{Rig, endpoints, model, service};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Services that answer their own names.
fn upstreams(count: usize) -> Vec<Upstream> {
    NAMES.iter().take(count).map(|name| Upstream::answering(200, name)).collect()
}

fn balanced(upstreams: &[Upstream], balance: Balance) -> Service {
    let addresses: Vec<_> = upstreams.iter().map(Upstream::address).collect();
    let mut web = service("web", &addresses);
    web.balance = balance;
    web
}

fn published(upstreams: &[Upstream]) -> EndpointSet {
    endpoints("web", &upstreams.iter().map(Upstream::address).collect::<Vec<_>>())
}

async fn spread(rig: &Rig, requests: usize) -> BTreeMap<String, usize> {
    let mut caller = rig.client().await;
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        let answer = caller.get("a", "/").await;
        *counts.entry(answer.text().to_owned()).or_default() += 1;
    }
    counts
}

async fn asked(rig: &Rig, target: &str, headers: &str) -> String {
    let mut caller = rig.client().await;
    caller.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
    caller.response().await.text().to_owned()
}

#[tokio::test]
async fn random_and_latency_use_every_endpoint() {
    for balance in [Balance::Random, Balance::PeakEwma, Balance::LeastRequest] {
        let all = upstreams(3);
        let rig = Rig::start(model(vec![balanced(&all, balance)])).await;
        let counts = spread(&rig, 90).await;
        assert_eq!(counts.len(), 3, "{balance:?}: {counts:?}");
        assert_eq!(counts.values().sum::<usize>(), 90);
    }
}

#[tokio::test]
async fn latency_avoids_the_slow_endpoint() {
    let slow = Upstream::http(|_| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Response::new(full("slow"))
    });
    let fast = Upstream::answering(200, "fast");
    let all = [slow, fast];
    let rig = Rig::start(model(vec![balanced(&all, Balance::PeakEwma)])).await;
    let counts = spread(&rig, 100).await;
    assert!(counts["fast"] > 80, "{counts:?}");
}

#[tokio::test]
async fn first_fills_endpoints_in_order() {
    let (busy, free) = (Upstream::hanging(), Upstream::answering(200, "free"));
    let mut web = service("web", &[busy.address(), free.address()]);
    web.balance = Balance::First;
    web.spread.limit = Some(2);
    web.spread.queue.max = 10;
    let rig = Rig::start(model(vec![web])).await;
    let mut callers = Vec::new();
    for count in 1..=2 {
        let mut caller = rig.client().await;
        caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        callers.push(caller);
        until("it is in flight", async || rig.endpoints("web").await[0].in_flight == count).await;
    }
    assert_eq!(spread(&rig, 5).await["free"], 5);
}

/// The target and the fields of a user's request.
type Asks<'a> = &'a dyn Fn(u32) -> (String, String);

#[tokio::test]
async fn a_hash_keeps_what_belongs_together() {
    let by = |key| Some(HashOn { key, load_percent_max: None });
    let header = |user: u32| ("/".to_owned(), format!("x-user: {user}\r\n"));
    let cookie = |user: u32| ("/".to_owned(), format!("cookie: z=1; user={user}\r\n"));
    let query = |user: u32| (format!("/?a=b&user={user}"), String::new());
    let path = |user: u32| (format!("/{user}?any"), String::new());
    let cases: [(HashKey, Asks<'_>); 4] = [
        (HashKey::Header("x-user".parse().unwrap()), &header),
        (HashKey::Cookie("user".into()), &cookie),
        (HashKey::Query("user".into()), &query),
        (HashKey::Path, &path),
    ];
    for ((key, request), balance) in
        cases.into_iter().zip([Balance::RingHash, Balance::Maglev].into_iter().cycle())
    {
        let all = upstreams(4);
        let mut web = balanced(&all, balance);
        web.spread.hash = by(key);
        let rig = Rig::start(model(vec![web])).await;
        let mut owners = Vec::new();
        for user in 0..100 {
            let (target, headers) = request(user);
            let owner = asked(&rig, &target, &headers).await;
            assert_eq!(asked(&rig, &target, &headers).await, owner, "{balance:?}");
            owners.push(owner);
        }
        assert!(NAMES.iter().all(|name| owners.iter().any(|o| o == name)), "{owners:?}");
        // Only the keys of the endpoint that leaves move, and they come back with it.
        let gone = rig.endpoints("web").await[0].id.clone();
        rig.proxy
            .order_endpoint(gone.clone(), EndpointOrder::State(Some(EndpointState::Maint)))
            .await
            .unwrap();
        for (user, owner) in (0..100).zip(&owners) {
            let (target, headers) = request(user);
            let now = asked(&rig, &target, &headers).await;
            assert!(if owner == "a" { now != "a" } else { now == *owner }, "{balance:?}");
        }
        rig.proxy.order_endpoint(gone, EndpointOrder::State(None)).await.unwrap();
        let (target, headers) = request(0);
        assert_eq!(asked(&rig, &target, &headers).await, owners[0]);
    }
}

#[tokio::test]
async fn without_its_key_a_request_goes_anywhere() {
    let all = upstreams(3);
    let mut web = balanced(&all, Balance::Maglev);
    let key = HashKey::Header("x-user".parse().unwrap());
    web.spread.hash = Some(HashOn { key, load_percent_max: None });
    let rig = Rig::start(model(vec![web])).await;
    assert_eq!(spread(&rig, 60).await.len(), 3);
}

#[tokio::test]
async fn bounded_load_sends_what_is_too_much_elsewhere() {
    let all: Vec<_> = (0..4).map(|_| Upstream::hanging()).collect();
    let mut web = balanced(&all, Balance::RingHash);
    web.spread.hash = Some(HashOn { key: HashKey::Path, load_percent_max: Some(125) });
    let rig = Rig::start(model(vec![web])).await;
    let mut callers = Vec::new();
    for count in 1..=40_u64 {
        let mut caller = rig.client().await;
        caller.send("GET /hot HTTP/1.1\r\nHost: a\r\n\r\n").await;
        callers.push(caller);
        let sum = async || rig.endpoints("web").await.iter().map(|e| e.in_flight).sum::<u64>();
        until("it is in flight", async || sum().await == count).await;
        for endpoint in rig.endpoints("web").await {
            let most = (count * 125).div_ceil(400);
            assert!(endpoint.in_flight <= most, "{} of {count}", endpoint.in_flight);
        }
    }
}

#[tokio::test]
async fn backups_and_lower_priorities_serve_when_the_others_cannot() {
    let all = upstreams(3);
    let rig = Rig::start(model(vec![balanced(&all, Balance::RoundRobin)])).await;
    let mut set = published(&all);
    set.endpoints[1].place.priority = 1;
    set.endpoints[2].place.backup = true;
    rig.proxy.publish(set.clone());
    assert_eq!(spread(&rig, 20).await, BTreeMap::from([("a".to_owned(), 20)]));
    let maint = Some(EndpointState::Maint);
    rig.proxy
        .order_endpoint(set.endpoints[0].id.clone(), EndpointOrder::State(maint))
        .await
        .unwrap();
    assert_eq!(spread(&rig, 20).await, BTreeMap::from([("b".to_owned(), 20)]));
    rig.proxy
        .order_endpoint(set.endpoints[1].id.clone(), EndpointOrder::State(maint))
        .await
        .unwrap();
    assert_eq!(spread(&rig, 20).await, BTreeMap::from([("c".to_owned(), 20)]));
    rig.proxy
        .order_endpoint(set.endpoints[0].id.clone(), EndpointOrder::State(None))
        .await
        .unwrap();
    assert_eq!(spread(&rig, 20).await, BTreeMap::from([("a".to_owned(), 20)]));
}

#[tokio::test]
async fn the_own_zone_is_preferred_as_far_as_it_can_carry() {
    let all = upstreams(4);
    let mut web = balanced(&all, Balance::LeastRequest);
    web.spread.zone = "near".into();
    let rig = Rig::start(model(vec![web])).await;
    let zones = |zones: [&str; 4]| {
        let mut set = published(&all);
        for (endpoint, zone) in set.endpoints.iter_mut().zip(zones) {
            endpoint.place = EndpointPlace { zone: zone.into(), ..EndpointPlace::default() };
        }
        set
    };
    rig.proxy.publish(zones(["near", "near", "far", "far"]));
    let counts = spread(&rig, 40).await;
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["a", "b"], "{counts:?}");
    // A quarter of the capacity where half of the callers are: half of the traffic stays.
    rig.proxy.publish(zones(["near", "far", "far", "far"]));
    let counts = spread(&rig, 200).await;
    assert!((60..140).contains(&counts["a"]), "{counts:?}");
    assert_eq!(counts.len(), 4);
}

#[tokio::test]
async fn health_is_not_asked_when_too_few_could_serve() {
    let all = upstreams(3);
    let mut web = balanced(&all, Balance::RoundRobin);
    web.spread.panic = Share::from_basis_points(5_000).unwrap();
    web.health = Some(HealthCheck {
        rise: 1,
        fall: 1,
        ..crate::health::quick(Probe::Http(HttpProbe::get("/")))
    });
    let ill = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&ill);
    let failing = Upstream::http(move |request: http::Request<_>| {
        let status =
            if request.uri().path() == "/" && told.load(Ordering::Relaxed) { 500 } else { 200 };
        async move { Response::builder().status(status).body(full("ill")).unwrap() }
    });
    let addresses = [all[0].address(), failing.address()];
    web.outlier = None;
    let rig = Rig::start(model(vec![web])).await;
    rig.proxy.publish(endpoints("web", &addresses));
    until("one is unhealthy", async || !rig.endpoints("web").await[1].healthy).await;
    // Half can serve: that is not less than half.
    for _ in 0..10 {
        assert_eq!(asked(&rig, "/x", "").await, "a");
    }
    let maint = Some(EndpointState::Maint);
    let first = rig.endpoints("web").await[0].id.clone();
    rig.proxy.order_endpoint(first, EndpointOrder::State(maint)).await.unwrap();
    assert_eq!(asked(&rig, "/x", "").await, "ill");
    ill.store(false, Ordering::Relaxed);
}

#[tokio::test]
async fn an_endpoint_that_has_come_up_is_given_its_traffic_bit_by_bit() {
    let clock = ManualClock::new();
    let all = upstreams(2);
    let mut web = balanced(&all, Balance::RoundRobin);
    let least = Share::from_basis_points(1_000).unwrap();
    let window = Duration::from_secs(100);
    web.spread.slow_start = Some(SlowStart { window, aggression_percent: 100, least });
    let manual = Clock::from(&clock);
    let rig = Rig::start_with(model(vec![web]), |deps| deps.clock = manual).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(spread(&rig, 20).await["a"], 10, "those that begin together share evenly");
    let id = rig.endpoints("web").await[1].id.clone();
    rig.proxy
        .order_endpoint(id.clone(), EndpointOrder::State(Some(EndpointState::Maint)))
        .await
        .unwrap();
    rig.proxy.order_endpoint(id, EndpointOrder::State(None)).await.unwrap();
    for (advance, low, high) in [(0, 3, 6), (50, 17, 23), (60, 29, 31)] {
        clock.advance(Duration::from_secs(advance));
        let counts = spread(&rig, 60).await;
        let given = counts.get("b").copied().unwrap_or(0);
        assert!((low..=high).contains(&given), "after {advance} s more: {counts:?}");
    }
}

fn cookie_of(answer: &RawResponse) -> Option<String> {
    answer.header("set-cookie").map(|set| set.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_cookie_keeps_a_caller_with_its_endpoint_until_that_is_gone() {
    let all = upstreams(3);
    let mut web = balanced(&all, Balance::RoundRobin);
    let ttl = Some(Duration::from_secs(3_600));
    let (cookie, path) = ("stay".to_owned(), "/".to_owned());
    web.spread.affinity = Some(Affinity { cookie, ttl, path, same_site: SameSite::Lax });
    let rig = Rig::start(model(vec![web])).await;
    let first = rig.client().await.get("a", "/").await;
    let set = first.header("set-cookie").unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"), "{set}");
    assert!(!set.contains("127"), "no address is told: {set}");
    let (cookie, own) = (cookie_of(&first).unwrap(), first.text().to_owned());
    let again = async |cookie: &str| {
        let mut caller = rig.client().await;
        caller.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; {cookie}\r\n\r\n")).await;
        caller.response().await
    };
    for _ in 0..6 {
        let answer = again(&cookie).await;
        assert_eq!((answer.text(), cookie_of(&answer)), (own.as_str(), None));
    }
    // Endpoints that come and go beside it change nothing.
    let mut set = published(&all);
    let at = NAMES.iter().position(|name| *name == own).unwrap();
    set.endpoints.remove((at + 1) % 3);
    rig.proxy.publish(set.clone());
    assert_eq!(again(&cookie).await.text(), own);
    // One that drains keeps its callers and gets no others.
    let kept = set.endpoints.iter_mut().find(|e| e.address == all[at].address()).unwrap();
    kept.state = EndpointState::Draining;
    let id = kept.id.clone();
    rig.proxy.publish(set);
    assert_eq!(again(&cookie).await.text(), own);
    assert_eq!(spread(&rig, 10).await.get(&own), None);
    // When it is gone, the caller is given another.
    rig.proxy.order_endpoint(id, EndpointOrder::State(Some(EndpointState::Down))).await.unwrap();
    let moved = again(&cookie).await;
    assert_ne!(moved.text(), own);
    let (new, other) = (cookie_of(&moved).unwrap(), moved.text().to_owned());
    for _ in 0..4 {
        assert_eq!(again(&new).await.text(), other);
    }
    // What nobody gave is no cookie of ours.
    for forged in ["stay=", "stay=zz", "stay=+000000000000001", "stay=0000000000000000"] {
        assert!(cookie_of(&again(forged).await).is_some(), "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_every_endpoint_in_turn_fails_no_request() {
    let mut all: Vec<Option<Upstream>> = upstreams(3).into_iter().map(Some).collect();
    let addresses: Vec<_> = all.iter().flatten().map(Upstream::address).collect();
    let mut web = service("web", &addresses);
    web.balance = Balance::LeastRequest;
    let time = Duration::from_millis(200);
    web.outlier =
        Some(Outlier { consecutive: 3, base: time, max: time, percent_max: 60, compared: None });
    web.spread.limit = Some(8);
    web.spread.queue.max = 1_000;
    web.spread.queue.timeout = Duration::from_secs(5);
    let rig = Arc::new(Rig::start(model(vec![web])).await);
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..12)
        .map(|_| {
            let (rig, stop) = (Arc::clone(&rig), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut caller, mut count) = (rig.client().await, 0_u32);
                while !stop.load(Ordering::Relaxed) {
                    let answer = caller.get("a", "/").await;
                    let reason = answer.header("x-trunkline-reason").map(str::to_owned);
                    assert_eq!(answer.status, 200, "{reason:?}");
                    count += 1;
                }
                count
            })
        })
        .collect();
    for place in &mut all {
        let before = rig.service("web").await.latency.count;
        let served = async || rig.service("web").await.latency.count > before + 100;
        until("requests are served", served).await;
        let address = place.take().unwrap().stop();
        let before = rig.service("web").await.latency.count;
        let served = async || rig.service("web").await.latency.count > before + 200;
        until("the others serve", served).await;
        let again = Upstream::http_at(address, None, |_| async { Response::new(full("new")) });
        *place = Some(again);
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
}
