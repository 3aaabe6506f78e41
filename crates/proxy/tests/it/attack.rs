//! Callers that are too many, too slow or too greedy: they are bounded and counted, and others are
//! served meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use trunkline_model::Model;
use trunkline_model::guard::{Action, Allowance, Guard, Pace, PerSource};
use trunkline_testkit::wait::{until, within};
use trunkline_testkit::{RawClient, Upstream};

use crate::rig::{Rig, model, service};

fn guarded(upstream: &Upstream, guard: Guard) -> Model {
    Model { guard, ..model(vec![service("web", &[upstream.address()])]) }
}

fn per_source(action: Action) -> PerSource {
    PerSource {
        connections: None,
        connection_rate: None,
        request_rate: None,
        action,
        delay_max: Duration::from_secs(2),
        except: vec!["127.0.0.9".parse().unwrap()],
    }
}

fn limited(upstream: &Upstream, settings: PerSource) -> Model {
    guarded(upstream, Guard { per_source: Some(settings), ..Guard::default() })
}

fn allowance(rate: &str, burst: u32) -> Allowance {
    Allowance { rate: rate.parse().unwrap(), burst }
}

/// A connection from an address of the loopback network. One that is refused may be reset before it
/// is seen to be there.
async fn try_from(host: u8, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
    socket.connect(to).await
}

async fn from(host: u8, to: SocketAddr) -> TcpStream {
    try_from(host, to).await.unwrap()
}

async fn asks(host: u8, rig: &Rig) -> u16 {
    RawClient::over(from(host, rig.address).await).get("a", "/").await.status
}

async fn limits_of(rig: &Rig) -> Vec<(&'static str, &'static str, u64)> {
    rig.stats().await.guard.limited
}

#[tokio::test]
async fn one_source_has_so_many_connections_and_others_have_theirs() {
    let upstream = Upstream::answering(200, "ok");
    let settings = PerSource { connections: Some(3), ..per_source(Action::Refuse) };
    let rig = Rig::start(limited(&upstream, settings)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut caller = RawClient::over(from(2, rig.address).await);
        assert_eq!(caller.get("a", "/").await.status, 200);
        held.push(caller);
    }
    let fourth = async { try_from(2, rig.address).await?.read(&mut [0; 1]).await };
    let refused = within("the end", fourth).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(limits_of(&rig).await, [("connections", "refuse", 1)]);
    assert_eq!(asks(3, &rig).await, 200);
    held.pop();
    until("there is room again", async || {
        let Ok(mut caller) = try_from(2, rig.address).await else { return false };
        let _ = caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        matches!(caller.read(&mut [0; 16]).await, Ok(1..))
    })
    .await;
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused_delayed_tarpitted_or_dropped() {
    let upstream = Upstream::answering(200, "ok");
    let rate = |action| PerSource { request_rate: Some(allowance("5/s", 2)), ..per_source(action) };
    let rig = Rig::start(limited(&upstream, rate(Action::Refuse))).await;
    let mut caller = RawClient::over(from(2, rig.address).await);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = caller.get("a", "/").await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            let reason = answer.header("x-trunkline-reason").unwrap();
            assert_eq!(reason, "source_limit;limit=request_rate");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    for _ in 0..10 {
        assert_eq!(asks(9, &rig).await, 200, "it is excepted");
    }
    // Delayed, all of them come through, no faster than they may.
    rig.reload(limited(&upstream, rate(Action::Delay))).await;
    let begin = Instant::now();
    let mut delayed = RawClient::over(from(4, rig.address).await);
    for _ in 0..5 {
        assert_eq!(delayed.get("a", "/").await.status, 200);
    }
    assert!(begin.elapsed() >= Duration::from_millis(550), "{:?}", begin.elapsed());
    // What would have to wait too long is refused at once.
    let impatient = PerSource { delay_max: Duration::from_millis(1), ..rate(Action::Delay) };
    rig.reload(limited(&upstream, impatient)).await;
    assert_eq!([asks(5, &rig).await, asks(5, &rig).await, asks(5, &rig).await], [200, 200, 429]);
    // Dropped, the caller hears nothing.
    rig.reload(limited(&upstream, rate(Action::Drop))).await;
    let mut dropped = RawClient::over(from(6, rig.address).await);
    for _ in 0..2 {
        assert_eq!(dropped.get("a", "/").await.status, 200);
    }
    dropped.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(within("the end", dropped.rest()).await.is_empty());
    // In the tarpit, it waits, and costs nobody else anything.
    rig.reload(limited(&upstream, rate(Action::Tarpit))).await;
    let mut stuck = RawClient::over(from(7, rig.address).await);
    for _ in 0..2 {
        assert_eq!(stuck.get("a", "/").await.status, 200);
    }
    stuck.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in the tarpit", async || {
        limits_of(&rig).await.contains(&("request_rate", "tarpit", 1))
    })
    .await;
    assert_eq!(asks(8, &rig).await, 200);
    let told: Vec<_> = limits_of(&rig).await.iter().map(|(_, action, _)| *action).collect();
    assert_eq!(told, ["refuse", "delay", "tarpit", "drop"]);
}

#[tokio::test]
async fn new_connections_beyond_the_rate_wait_for_their_turn() {
    let upstream = Upstream::answering(200, "ok");
    let settings =
        PerSource { connection_rate: Some(allowance("20/s", 1)), ..per_source(Action::Delay) };
    let rig = Rig::start(limited(&upstream, settings)).await;
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(asks(2, &rig).await, 200);
    }
    assert!(begin.elapsed() >= Duration::from_millis(190), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_flood_of_slow_heads_is_cut_and_others_are_served() {
    let upstream = Upstream::answering(200, "ok");
    let mut model = guarded(&upstream, Guard::default());
    model.listeners[0].timeouts.head = Duration::from_millis(300);
    let rig = Rig::start(model).await;
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut caller = TcpStream::connect(rig.address).await.unwrap();
        caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-").await.unwrap();
        slow.push(caller);
    }
    for _ in 0..20 {
        assert_eq!(asks(2, &rig).await, 200);
    }
    for mut caller in slow {
        let _ = caller.write_all(b"a").await;
        let ended = within("the end", caller.read(&mut [0; 64])).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
    until("they are gone", async || rig.stats().await.listeners[0].open == 0).await;
}

#[tokio::test]
async fn a_body_that_trickles_is_ended_and_one_that_is_too_large_is_refused() {
    let upstream = Upstream::echo();
    let pace = Pace { bytes_per_second: 10_000, grace: Duration::from_millis(100) };
    let guard = Guard { pace, body_bytes: Some(1_000_000), ..Guard::default() };
    let rig = Rig::start(guarded(&upstream, guard)).await;
    let mut caller = TcpStream::connect(rig.address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    caller.write_all(head).await.unwrap();
    let trickle = async {
        loop {
            if caller.write_all(b"x").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            if rig.records.all().len() == 1 {
                return;
            }
        }
    };
    within("the end", trickle).await;
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!((record.status, record.reason.unwrap().kind.as_str()), (408, "caller_timeout"));
    for framing in ["Content-Length: 1000001", "Transfer-Encoding: chunked"] {
        let mut caller = rig.client().await;
        caller.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n")).await;
        if framing.starts_with('T') {
            let chunk = [&b"40000\r\n"[..], &vec![b'x'; 0x40000], b"\r\n"].concat();
            for _ in 0..4 {
                caller.send(&chunk).await;
            }
        }
        assert_eq!(caller.response().await.status, 413, "{framing}");
    }
}

#[tokio::test]
async fn who_takes_an_answer_too_slowly_is_cut() {
    let upstream = Upstream::http(|_| async {
        hyper::Response::new(trunkline_testkit::body::full(vec![b'x'; 32 << 20]))
    });
    let pace = Pace { bytes_per_second: 100_000_000, grace: Duration::from_millis(200) };
    let rig = Rig::start(guarded(&upstream, Guard { pace, ..Guard::default() })).await;
    let mut slow = TcpStream::connect(rig.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let reading = async {
        let mut sum = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            match slow.read(&mut [0; 4_096]).await {
                Ok(0) | Err(_) => return sum,
                Ok(count) => sum += count,
            }
            if rig.stats().await.listeners[0].open == 0 {
                return sum;
            }
        }
    };
    assert!(within("the end", reading).await < 32 << 20);
    assert_eq!(asks(2, &rig).await, 200);
}

#[tokio::test]
async fn under_pressure_idle_connections_make_room_and_then_nothing_new_is_taken() {
    let upstream = Upstream::answering(200, "ok");
    let guard = Guard { connections: Some(100), ..Guard::default() };
    let rig = Rig::start(guarded(&upstream, guard)).await;
    let mut idle = Vec::new();
    for _ in 0..90 {
        let mut caller = rig.client().await;
        assert_eq!(caller.get("a", "/").await.status, 200);
        idle.push(caller);
    }
    until("some are closed", async || rig.stats().await.guard.shed > 0).await;
    until("there is room", async || rig.stats().await.guard.level == "calm").await;
    assert!(rig.stats().await.listeners[0].open < 85);
    // The oldest are still served; who came last was closed.
    let answer = idle[0].get("a", "/").await;
    assert_eq!(answer.status, 200);
    assert!(within("the end", idle[89].rest()).await.is_empty());
    let memory = Guard { memory: Some(1), ..Guard::default() };
    rig.reload(guarded(&upstream, memory)).await;
    until("nothing is left", async || rig.stats().await.guard.level == "critical").await;
    let refused = idle[1].get("a", "/").await;
    assert_eq!((refused.status, refused.header("connection")), (503, Some("close")));
    assert_eq!(refused.header("x-trunkline-reason"), Some("overload"));
    rig.reload(guarded(&upstream, Guard::default())).await;
    until("there is room", async || rig.stats().await.guard.level == "calm").await;
    assert_eq!(asks(2, &rig).await, 200);
}

#[tokio::test]
async fn half_a_handshake_is_bounded_in_time() {
    let (pki, upstream) = (trunkline_testkit::Pki::new(), Upstream::answering(200, "ok"));
    let mut model = guarded(&upstream, Guard::default());
    let files = trunkline_testkit::model::files(pki.issue_files(&["a.test"]));
    let certificates = trunkline_model::tls::Certificates::Files(vec![files]);
    model.listeners[0].tls = Some(trunkline_testkit::model::tls(certificates));
    model.listeners[0].timeouts.handshake = Duration::from_millis(200);
    let rig = Rig::start(model).await;
    let mut half = Vec::new();
    for _ in 0..100 {
        let mut caller = TcpStream::connect(rig.address).await.unwrap();
        caller.write_all(&[22, 3, 1, 2, 0, 1, 0, 1]).await.unwrap();
        half.push(caller);
    }
    until("all are cut", async || rig.stats().await.listeners[0].handshakes_failed == 100).await;
    until("they are gone", async || rig.stats().await.listeners[0].open == 0).await;
}
