//! Change under load: nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::task::JoinSet;
use trunkline_model::Model;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::record::End;
use trunkline_model::route::PathPattern;
use trunkline_net::socket::Bound;
use trunkline_testkit::{RawClient, Upstream};

use crate::rig::{Rig, endpoints, http2, listener, model, route, service, tcp};

/// Callers that ask without pause until told to stop, and count what went wrong.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    callers: JoinSet<Vec<String>>,
}

impl Load {
    fn start(rig: &Rig, http1: usize, http2_callers: usize) -> Self {
        let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut callers = JoinSet::new();
        for number in 0..http1 + http2_callers {
            let (stop, done, address) = (Arc::clone(&stop), Arc::clone(&done), rig.address);
            callers.spawn(async move {
                if number < http1 {
                    ask_http1(address, &stop, &done).await
                } else {
                    ask_http2(address, &stop, &done).await
                }
            });
        }
        Self { stop, done, callers }
    }

    async fn end(mut self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut wrong = Vec::new();
        while let Some(caller) = self.callers.join_next().await {
            wrong.extend(caller.unwrap());
        }
        (self.done.load(Ordering::Relaxed), wrong)
    }
}

async fn ask_http1(
    address: std::net::SocketAddr,
    stop: &AtomicBool,
    done: &AtomicU64,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut caller = RawClient::connect(address).await;
    let mut posts = false;
    while !stop.load(Ordering::Relaxed) {
        posts = !posts;
        let response = if posts {
            caller.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
            caller.response().await
        } else {
            caller.get("shop.localhost", "/y").await
        };
        done.fetch_add(1, Ordering::Relaxed);
        if response.status != 200 {
            wrong.push(response.head.clone());
        }
        if response.header("connection") == Some("close") {
            caller = RawClient::connect(address).await;
        }
    }
    wrong
}

async fn ask_http2(
    address: std::net::SocketAddr,
    stop: &AtomicBool,
    done: &AtomicU64,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut caller = http2(tcp(address).await).await;
    while !stop.load(Ordering::Relaxed) {
        let answer = caller.send_request(crate::rig::get("http://a/z")).await;
        match answer {
            Ok(response) if response.status() == 200 => {
                if let Err(error) = response.into_body().collect().await {
                    wrong.push(format!("body: {error:?}"));
                }
            }
            Ok(response) => wrong.push(format!("{:?}", response.headers())),
            // It was never sent: the server said that it takes no more on this connection.
            Err(error) if was_not_taken(&error) => {
                caller = http2(tcp(address).await).await;
                continue;
            }
            Err(error) => wrong.push(format!("{error:?}")),
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    wrong
}

/// Never sent, or left out by a graceful GOAWAY: every HTTP/2 caller sends that again (RFC 9113
/// §6.8).
fn was_not_taken(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let http2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_canceled()
        || http2.is_some_and(|e| e.is_go_away() && e.reason() == Some(h2::Reason::NO_ERROR))
}

/// Changes what can change, differently each time.
fn vary(base: &Model, round: usize) -> Model {
    let mut next = base.clone();
    let extra = (1..=round % 7).zip(100..).map(|(number, order)| {
        let mut extra =
            route(order, PathPattern::Exact(format!("/extra/{number}")), &base.services[0]);
        extra.timeouts.request = Some(Duration::from_secs(5 + (round % 3) as u64));
        extra
    });
    next.routes.extend(extra);
    if round.is_multiple_of(2) {
        next.services[0].timeouts.request = Duration::from_secs(9);
    }
    if round % 5 == 4 {
        next.listeners.push(listener("second", "127.0.0.2:0".parse().unwrap()));
    }
    next
}

/// How long the worker threads were ready to run and did not (Linux `schedstat`): the part of the
/// stall that this machine's other work causes.
fn waited_for_a_core() -> Duration {
    let mut nanos = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        if read("comm").starts_with("worker-") {
            let stat = read("schedstat");
            let waited = stat.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
            nanos += waited.unwrap_or(0);
        }
    }
    Duration::from_nanos(nanos)
}

async fn hammer(reloads: usize, every: Duration) {
    let upstreams = [Upstream::echo(), Upstream::echo(), Upstream::echo()];
    let addresses: Vec<_> = upstreams.iter().map(Upstream::address).collect();
    let base = model(vec![service("web", &addresses)]);
    let rig = Arc::new(Rig::start(base.clone()).await);
    let load = Load::start(&rig, 6, 2);
    let publisher = {
        let (rig, addresses) = (Arc::clone(&rig), addresses.clone());
        tokio::spawn(async move {
            for round in 0_usize.. {
                let mut set = endpoints("web", &addresses);
                set.endpoints[round % 3].weight = 1 + (round % 4) as u32;
                set.endpoints[(round / 2) % 3].state = EndpointState::Draining;
                if round % 5 == 0 {
                    set.endpoints.remove(round % 3);
                }
                rig.proxy.publish(set);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    for round in 0..reloads {
        rig.reload(vary(&base, round)).await;
        tokio::time::sleep(every).await;
    }
    publisher.abort();
    let (done, wrong) = load.end().await;
    let stats = rig.stats().await;
    println!(
        "{reloads} reloads, {done} requests, {} failed; loop stall p50 {:?} p99 {:?} p99.9 {:?} \
         p99.99 {:?} worst {:?} us of {}",
        wrong.len(),
        stats.loop_stall.quantile(0.5),
        stats.loop_stall.quantile(0.99),
        stats.loop_stall.quantile(0.999),
        stats.loop_stall.quantile(0.9999),
        stats.loop_stall.quantile(1.0),
        stats.loop_stall.count,
    );
    println!("workers waited {:?} for a core", waited_for_a_core());
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(done > 100, "there was load: {done}");
    assert_eq!(stats.generation, reloads as u64 + 1);
    let counted: u64 = stats.services[0].requests.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, done, "counters are exact over reloads");
    let records = rig.records.wait(usize::try_from(done - stats.records_dropped).unwrap()).await;
    assert!(records.iter().all(|record| record.end == End::Complete));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_and_endpoint_changes_lose_nothing() {
    hammer(200, Duration::from_millis(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn a_thousand_reloads_lose_nothing() {
    hammer(1_000, Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_commit_takes_effect_with_the_next_request_of_an_open_connection() {
    let (old, new) = (Upstream::answering(200, "old"), Upstream::answering(200, "new"));
    let rig = Rig::start(model(vec![service("web", &[old.address()])])).await;
    let mut caller = rig.client().await;
    assert_eq!(caller.get("a", "/").await.text(), "old");
    rig.reload(model(vec![service("web", &[new.address()])])).await;
    assert_eq!(caller.get("a", "/").await.text(), "new");
    assert_eq!(rig.stats().await.generation, 2);
}

#[tokio::test]
async fn a_stream_outlives_its_plan() {
    let upstream = Upstream::streaming(20, "x", Duration::from_millis(15));
    let wanted = model(vec![service("web", &[upstream.address()])]);
    let rig = Rig::start(wanted.clone()).await;
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut gone = wanted;
    gone.services[0] = service("other", &[upstream.address()]);
    gone.routes = vec![route(0, PathPattern::Prefix("/".into()), &gone.services[0])];
    rig.reload(gone).await;
    assert_eq!(caller.response().await.text().len(), 20);
}

#[tokio::test]
async fn a_removed_listener_keeps_accepting_for_a_while() {
    let upstream = Upstream::answering(200, "ok");
    let base = model(vec![service("web", &[upstream.address()])]);
    let mut two = base.clone();
    two.listeners.push(listener("second", "127.0.0.2:0".parse().unwrap()));
    two.listeners[1].drain.min = Duration::from_millis(300);
    let rig = Rig::start(two).await;
    let second = rig.proxy.addresses()[1].1;
    rig.reload(base).await;
    let response = RawClient::connect(second).await.get("a", "/").await;
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    trunkline_testkit::wait::until("it closes", async || {
        tokio::net::TcpStream::connect(second).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn a_listener_that_comes_back_keeps_its_socket() {
    let upstream = Upstream::answering(200, "ok");
    let base = model(vec![service("web", &[upstream.address()])]);
    let mut two = base.clone();
    two.listeners.push(listener("second", "127.0.0.2:0".parse().unwrap()));
    let rig = Rig::start(two.clone()).await;
    let second = rig.proxy.addresses()[1].1;
    rig.reload(base).await;
    rig.reload(two).await;
    assert_eq!(rig.proxy.addresses()[1].1, second);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let response = RawClient::connect(second).await.get("a", "/").await;
    assert_eq!((response.status, response.header("connection")), (200, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handing_the_sockets_over_again_and_again_loses_nothing() {
    let upstream = Upstream::echo();
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    let mut serving = Rig::start(wanted.clone()).await;
    wanted.listeners[0].address = serving.address;
    let load = Load::start(&serving, 6, 2);
    for _ in 0..5 {
        let inherited = Bound::adopt(serving.proxy.listening_fds().unwrap()).unwrap();
        let heir = Rig::start_with(wanted.clone(), |deps| deps.inherited = inherited).await;
        heir.proxy.import_state(&serving.proxy.export_state());
        serving.proxy.pause_accepting().await.unwrap();
        let deadlines = trunkline_rt::drain::Deadlines {
            minimum: Duration::from_millis(300),
            maximum: Duration::from_secs(10),
        };
        assert_eq!(serving.proxy.drain(Some(deadlines)).await, 0);
        serving = heir;
    }
    let (done, wrong) = load.end().await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(done > 100, "there was load: {done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_drained_endpoints_loses_nothing() {
    let mut upstreams = vec![Upstream::echo(), Upstream::echo()];
    let addresses = |upstreams: &[Upstream]| upstreams.iter().map(Upstream::address).collect();
    let all: Vec<_> = addresses(&upstreams);
    let rig = Rig::start(model(vec![service("web", &all)])).await;
    let load = Load::start(&rig, 4, 2);
    for round in 0..20 {
        let all: Vec<_> = addresses(&upstreams);
        let mut set = endpoints("web", &all);
        set.endpoints[round % 2].state = EndpointState::Draining;
        rig.proxy.publish(set);
        trunkline_testkit::wait::until("it has finished what it had", async || {
            rig.endpoints("web").await[round % 2].in_flight == 0
        })
        .await;
        upstreams[round % 2] = Upstream::echo();
        let all: Vec<_> = addresses(&upstreams);
        rig.proxy.publish(endpoints("web", &all));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (done, wrong) = load.end().await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(done > 100, "there was load: {done}");
}

#[tokio::test]
async fn many_routes_are_prepared_quickly() {
    let upstream = Upstream::answering(200, "ok");
    let mut wanted = model(vec![service("web", &[upstream.address()])]);
    let extra = (100..10_100).map(|order| {
        let path = PathPattern::Prefix(format!("/team-{}/{order}", order % 97));
        route(order, path, &wanted.services[0])
    });
    wanted.routes.extend(extra.collect::<Vec<_>>());
    let rig = Rig::start(model(vec![service("web", &[upstream.address()])])).await;
    let begin = std::time::Instant::now();
    let plan = rig.proxy.prepare(Arc::new(wanted.clone())).unwrap();
    let first = begin.elapsed();
    rig.proxy.commit(plan).await.unwrap();
    let begin = std::time::Instant::now();
    let plan = rig.proxy.prepare(Arc::new(wanted)).unwrap();
    println!("10 000 routes: prepared in {first:?}, again in {:?}", begin.elapsed());
    rig.proxy.commit(plan).await.unwrap();
    assert_eq!(rig.client().await.get("a", "/team-3/100/x").await.status, 200);
}
