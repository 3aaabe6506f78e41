//! Connections that are passed on as they are, and the PROXY protocol on both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_model::Model;
use trunkline_model::record::End;
use trunkline_model::relay::{NamedTargets, ProxyVersion, Relay};
use trunkline_model::route::Target;
use trunkline_model::service::Service;
use trunkline_model::tls::Certificates;
use trunkline_net::http::Scheme;
use trunkline_net::proxy_protocol::{self, Header, Tlv, Version};
use trunkline_net::tls::HTTP_1_1;
use trunkline_testkit::body::full;
use trunkline_testkit::model::{files, tls as tls_of};
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::{until, within};
use trunkline_testkit::{Pki, RawClient, Upstream};

use crate::rig::{Rig, model, service};

fn to(service: &str) -> Vec<Target> {
    vec![Target { service: service.parse().unwrap(), weight: 1 }]
}

/// One listener that passes everything on to the first service.
pub fn relaying(services: Vec<Service>) -> Model {
    let first = services[0].name.to_string();
    let mut model = model(services);
    model.routes.clear();
    model.listeners[0].relay = Some(Relay {
        names: Vec::new(),
        targets: to(&first),
        greeting: Duration::from_millis(300),
        idle: Duration::from_secs(30),
        datagrams: None,
    });
    model
}

fn relay_of(model: &mut Model) -> &mut Relay {
    model.listeners[0].relay.as_mut().unwrap()
}

/// Says hello, then sends back what it gets until there is no more, then says goodbye.
fn talkative() -> Upstream {
    Upstream::tcp(|mut socket: TcpStream| async move {
        socket.write_all(b"hello ").await.unwrap();
        let mut all = Vec::new();
        let _ = socket.read_to_end(&mut all).await;
        let _ = socket.write_all(&all).await;
        let _ = socket.write_all(b" bye").await;
    })
}

#[tokio::test]
async fn a_service_may_speak_first_and_last_and_everything_is_counted() {
    let upstream = talkative();
    let rig = Rig::start(relaying(vec![service("db", &[upstream.address()])])).await;
    let mut caller = TcpStream::connect(rig.address).await.unwrap();
    let mut hello = [0; 6];
    within("the greeting", caller.read_exact(&mut hello)).await.unwrap();
    let sent = vec![b'x'; 300_000];
    let (mut half_in, mut half_out) = caller.split();
    let mut got = Vec::new();
    let writing = async {
        half_out.write_all(&sent).await.unwrap();
        half_out.shutdown().await.unwrap();
    };
    let ((), read) =
        within("the echo", async { tokio::join!(writing, half_in.read_to_end(&mut got)) }).await;
    read.unwrap();
    assert_eq!(got.len(), 300_004);
    assert!(got.ends_with(b"x bye"));
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!((record.protocol, record.end), ("TCP", End::Complete));
    assert_eq!((record.bytes_received, record.bytes_sent), (300_000, 300_010));
    assert_eq!(record.attempts[0].endpoint.as_str(), rig.endpoints("db").await[0].id.as_str());
    let relayed = rig.stats().await.listeners[0].relayed.unwrap();
    assert_eq!((relayed.received, relayed.sent), (300_000, 300_010));
    assert_eq!(rig.service("db").await.in_flight, 0);
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_passed_over() {
    let upstream = talkative();
    let addresses = [unused_address(), upstream.address()];
    let rig = Rig::start(relaying(vec![service("db", &addresses)])).await;
    for _ in 0..4 {
        let mut caller = TcpStream::connect(rig.address).await.unwrap();
        let mut hello = [0; 6];
        within("the greeting", caller.read_exact(&mut hello)).await.unwrap();
    }
    let failures: u64 = rig.endpoints("db").await.iter().map(|e| e.connect_failures).sum();
    assert!(failures > 0);
}

#[tokio::test]
async fn who_cannot_be_relayed_is_reset_and_the_log_says_why() {
    let rig = Rig::start(relaying(vec![service("db", &[unused_address()])])).await;
    // The reset may come before the connection is seen to be there.
    let ended = async { TcpStream::connect(rig.address).await?.read(&mut [0; 1]).await };
    let ended = within("the end", ended).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let record = rig.records.wait(1).await.remove(0);
    let reason = record.reason.unwrap().to_string();
    assert!(reason.starts_with("connect;service=\"db\";error="), "{reason}");
}

#[tokio::test]
async fn a_session_that_does_not_move_is_closed_and_a_broken_one_breaks_its_partner() {
    let upstream = Upstream::tcp(|mut socket: TcpStream| async move {
        let mut byte = [0; 1];
        if socket.read(&mut byte).await.unwrap_or(0) == 1 {
            socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
        }
    });
    let mut model = relaying(vec![service("db", &[upstream.address()])]);
    relay_of(&mut model).idle = Duration::from_millis(50);
    let rig = Rig::start(model).await;
    let mut idle = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(within("the end", idle.read(&mut [0; 1])).await.unwrap(), 0);
    let mut broken = TcpStream::connect(rig.address).await.unwrap();
    broken.write_all(b"x").await.unwrap();
    let ended = within("the end", broken.read(&mut [0; 1])).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    // Records of two workers come in any order.
    let records = rig.records.wait(2).await;
    for end in [End::Idle, End::ServiceBroke] {
        assert!(records.iter().any(|record| record.end == end), "{end:?}");
    }
}

#[tokio::test]
async fn one_more_than_the_limit_waits_for_its_turn() {
    let upstream = talkative();
    let mut db = service("db", &[upstream.address()]);
    db.spread.limit = Some(1);
    db.spread.queue.max = 10;
    db.spread.queue.timeout = Duration::from_secs(10);
    let rig = Rig::start(relaying(vec![db])).await;
    let mut first = TcpStream::connect(rig.address).await.unwrap();
    let mut hello = [0; 6];
    within("the greeting", first.read_exact(&mut hello)).await.unwrap();
    let mut second = TcpStream::connect(rig.address).await.unwrap();
    until("it waits", async || rig.service("db").await.queue.length == 1).await;
    assert_eq!(upstream.open(), 1);
    drop(first);
    within("its turn", second.read_exact(&mut hello)).await.unwrap();
}

#[tokio::test]
async fn who_waits_is_sent_away_when_the_last_endpoint_goes() {
    let upstream = talkative();
    let mut db = service("db", &[upstream.address()]);
    db.spread.limit = Some(1);
    db.spread.queue.max = 10;
    db.spread.queue.timeout = Duration::from_secs(60);
    let gone = Service { source: service("db", &[]).source, ..db.clone() };
    let rig = Rig::start(relaying(vec![db])).await;
    let mut first = TcpStream::connect(rig.address).await.unwrap();
    within("the greeting", first.read_exact(&mut [0; 6])).await.unwrap();
    let mut second = TcpStream::connect(rig.address).await.unwrap();
    until("it waits", async || rig.service("db").await.queue.length == 1).await;
    rig.reload(relaying(vec![gone])).await;
    let ended = within("its end", second.read(&mut [0; 6])).await;
    assert!(ended.is_err() || ended.is_ok_and(|count| count == 0));
}

#[tokio::test]
async fn open_sessions_outlive_a_reload_and_are_cut_at_the_end_of_a_drain() {
    let upstream = talkative();
    let rig = Rig::start(relaying(vec![service("db", &[upstream.address()])])).await;
    let mut caller = TcpStream::connect(rig.address).await.unwrap();
    let mut hello = [0; 6];
    within("the greeting", caller.read_exact(&mut hello)).await.unwrap();
    let other = talkative();
    let mut changed = relaying(vec![service("db", &[other.address()])]);
    relay_of(&mut changed).idle = Duration::from_secs(9);
    rig.reload(changed).await;
    caller.write_all(b"still").await.unwrap();
    let deadlines = trunkline_rt::drain::Deadlines {
        minimum: Duration::ZERO,
        maximum: Duration::from_millis(100),
    };
    assert_eq!(within("the drain", rig.proxy.drain(Some(deadlines))).await, 1);
    assert_eq!(rig.records.wait(1).await[0].end, End::Cut);
}

/// A gateway that shows a certificate for `name` and answers with it.
async fn secured(pki: &Pki, name: &'static str) -> (Upstream, Rig) {
    let upstream = Upstream::answering(200, name);
    let mut model = model(vec![service("web", &[upstream.address()])]);
    let certificate = files(pki.issue_files(&[name]));
    model.listeners[0].tls = Some(tls_of(Certificates::Files(vec![certificate])));
    let rig = Rig::start(model).await;
    (upstream, rig)
}

async fn asks(
    address: SocketAddr,
    config: &Arc<rustls::ClientConfig>,
    name: &str,
) -> Option<String> {
    let socket = TcpStream::connect(address).await.unwrap();
    let server = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
    let secured = within("a handshake", connector.connect(server, socket)).await.ok()?;
    let mut caller = RawClient::over(secured);
    Some(caller.get(name, "/").await.text().to_owned())
}

#[tokio::test]
async fn tls_is_led_by_the_name_it_asks_for_and_ended_by_the_service() {
    let pki = Pki::new();
    let (_one, first) = secured(&pki, "one.test").await;
    let (_two, second) = secured(&pki, "two.wild.test").await;
    let plain = talkative();
    let mut model = relaying(vec![
        service("first", &[first.address]),
        service("second", &[second.address]),
        service("plain", &[plain.address()]),
    ]);
    let named = |name: &str, service| NamedTargets { name: name.into(), targets: to(service) };
    *relay_of(&mut model) = Relay {
        names: vec![named("one.test", "first"), named("*.wild.test", "second")],
        targets: to("plain"),
        ..relay_of(&mut model).clone()
    };
    let rig = Rig::start(model.clone()).await;
    let client = pki.client(&[HTTP_1_1]);
    for name in ["one.test", "two.wild.test"] {
        assert_eq!(asks(rig.address, &client, name).await.as_deref(), Some(name));
    }
    let records = rig.records.wait(2).await;
    let mut hosts: Vec<_> = records.into_iter().map(|record| record.host).collect();
    hosts.sort();
    assert_eq!(hosts, ["one.test", "two.wild.test"]);
    // Who speaks no TLS, or says nothing and waits for the service, goes where nobody else does.
    for first in [&b"GET / HTTP/1.0\r\n\r\n"[..], b""] {
        let mut caller = TcpStream::connect(rig.address).await.unwrap();
        caller.write_all(first).await.unwrap();
        let mut hello = [0; 6];
        within("the greeting", caller.read_exact(&mut hello)).await.unwrap();
        assert_eq!(&hello, b"hello ");
    }
    // Without such a service, a name that leads nowhere is turned away.
    relay_of(&mut model).targets.clear();
    rig.reload(model).await;
    assert_eq!(asks(rig.address, &client, "three.test").await, None);
    assert_eq!(asks(rig.address, &client, "one.test").await.as_deref(), Some("one.test"));
}

fn header(version: Version) -> Vec<u8> {
    let (from, to) = ("192.0.2.7:4711".parse().unwrap(), "198.51.100.1:443".parse().unwrap());
    Header::relayed(from, to).encode(version).unwrap()
}

#[tokio::test]
async fn a_trusted_sender_tells_who_calls_and_nobody_else_does() {
    let upstream = Upstream::echo();
    let mut model = model(vec![service("web", &[upstream.address()])]);
    model.listeners[0].proxy_protocol = vec!["127.0.0.0/8".parse().unwrap()];
    let rig = Rig::start(model.clone()).await;
    for version in [Version::V1, Version::V2] {
        let mut caller = rig.client().await;
        caller.send(header(version)).await;
        let answer = caller.get("a", "/").await;
        assert!(answer.text().contains(r#"["x-forwarded-for","192.0.2.7"]"#), "{}", answer.text());
    }
    assert_eq!(rig.records.wait(2).await[0].peer, "192.0.2.7:4711".parse().unwrap());
    // One that must bring a header and does not is closed, and counted.
    let mut caller = rig.client().await;
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(within("the end", caller.rest()).await.is_empty());
    assert_eq!(rig.stats().await.listeners[0].headers_failed, 1);
    // From one that is not trusted, a header is no request.
    model.listeners[0].proxy_protocol = vec!["192.0.2.0/24".parse().unwrap()];
    rig.reload(model).await;
    let mut caller = rig.client().await;
    caller.send([&header(Version::V1)[..], b"Host: a\r\n\r\n"].concat()).await;
    assert_eq!(caller.response().await.status, 505, "no version of HTTP");
}

/// Answers each request with the caller that the connection's header told.
fn told() -> Upstream {
    Upstream::tcp(|mut socket: TcpStream| async move {
        let header = proxy_protocol::read(&mut socket).await.unwrap();
        let asked = header.tlvs.iter().find_map(|tlv| match tlv {
            Tlv::Authority(name) => Some(name.clone()),
            _ => None,
        });
        let body = format!("{} {}", header.source().unwrap(), asked.unwrap_or_default());
        let mut seen = [0; 4_096];
        while socket.read(&mut seen).await.unwrap_or(0) > 0 {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
        }
    })
}

#[tokio::test]
async fn a_service_is_told_who_calls_on_a_connection_of_that_caller_alone() {
    for version in [ProxyVersion::V1, ProxyVersion::V2] {
        let upstream = told();
        let mut web = service("web", &[upstream.address()]);
        web.proxy_protocol = Some(version);
        let rig = Rig::start_with(model(vec![web.clone()]), |deps| deps.workers = 1).await;
        let mut said = Vec::new();
        for _ in 0..2 {
            let socket = TcpStream::connect(rig.address).await.unwrap();
            let own = socket.local_addr().unwrap();
            let mut caller = RawClient::over(socket);
            for _ in 0..2 {
                let answer = caller.get("a", "/").await;
                assert_eq!(answer.text().trim_end(), own.to_string());
            }
            said.push(own);
        }
        assert_eq!(upstream.connections(), 2, "kept for its caller, and for nobody else");
        // The same of what is relayed.
        let rig = Rig::start(relaying(vec![web])).await;
        let socket = TcpStream::connect(rig.address).await.unwrap();
        let own = socket.local_addr().unwrap();
        let answer = RawClient::over(socket).get("a", "/").await;
        assert_eq!(answer.text().trim_end(), own.to_string());
    }
}

#[tokio::test]
async fn the_name_that_tls_asked_for_is_told_as_well() {
    let (pki, upstream) = (Pki::new(), told());
    let mut web = service("web", &[upstream.address()]);
    web.proxy_protocol = Some(ProxyVersion::V2);
    let mut model = model(vec![web]);
    let certificate = files(pki.issue_files(&["one.test"]));
    model.listeners[0].tls = Some(tls_of(Certificates::Files(vec![certificate])));
    let rig = Rig::start(model).await;
    let answer = asks(rig.address, &pki.client(&[HTTP_1_1]), "one.test").await.unwrap();
    assert!(answer.ends_with(" one.test"), "{answer}");
}

#[tokio::test]
async fn a_header_may_stand_before_tls_and_its_caller_is_told_on() {
    let (pki, upstream) = (
        Pki::new(),
        Upstream::http(|request| async move {
            let value = request.headers()["x-forwarded-for"].to_str().unwrap().to_owned();
            Response::new(full(value))
        }),
    );
    let mut model = model(vec![service("web", &[upstream.address()])]);
    let certificate = files(pki.issue_files(&["one.test"]));
    model.listeners[0].tls = Some(tls_of(Certificates::Files(vec![certificate])));
    model.listeners[0].proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
    let rig = Rig::start(model).await;
    let mut socket = TcpStream::connect(rig.address).await.unwrap();
    socket.write_all(&header(Version::V2)).await.unwrap();
    let server = rustls::pki_types::ServerName::try_from("one.test").unwrap();
    let connector = tokio_rustls::TlsConnector::from(pki.client(&[HTTP_1_1]));
    let secured = within("a handshake", connector.connect(server, socket)).await.unwrap();
    let answer = RawClient::over(secured).get("one.test", "/").await;
    assert_eq!(answer.text(), "192.0.2.7");
    assert_eq!(rig.records.wait(1).await[0].scheme, Scheme::Https.as_str());
}
