//! Datagrams that are passed on, those of one source to one endpoint.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use trunkline_model::ops::{Ops as _, Relayed, SessionFilter};
use trunkline_model::record::End;
use trunkline_model::relay::{Datagrams, Relay};
use trunkline_model::route::Target;
use trunkline_model::service::Service;
use trunkline_model::{ListenerId, Model};
use trunkline_net::socket::Bound;
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::{until, within};

use crate::rig::{Rig, listener, model, service};

/// One listener that passes datagrams on to the first service.
fn relaying(services: Vec<Service>) -> Model {
    let target = Target { service: services[0].name.clone(), weight: 1 };
    let mut model = model(services);
    model.routes.clear();
    model.listeners[0].relay = Some(Relay {
        names: Vec::new(),
        targets: vec![target],
        greeting: Duration::from_secs(1),
        idle: Duration::from_secs(30),
        datagrams: Some(Datagrams { responses: None }),
    });
    model
}

fn relay_of(model: &mut Model) -> &mut Relay {
    model.listeners[0].relay.as_mut().unwrap()
}

/// Sends back what comes, behind a mark of its own; ends with the test.
struct Echo {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn echo(mark: u8) -> Echo {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut bytes = vec![0; 65_536];
        loop {
            let (length, from) = socket.recv_from(&mut bytes[1..]).await.unwrap();
            bytes[0] = mark;
            // The longest datagram has no room for the mark.
            let answer = if length > 60_000 { &bytes[1..=length] } else { &bytes[..=length] };
            let _ = socket.send_to(answer, from).await;
        }
    });
    Echo { address, task }
}

async fn caller(of: &Rig) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(of.address).await.unwrap();
    socket
}

/// Sends until it is answered: a datagram may be lost. Returns the answer.
async fn ask(caller: &UdpSocket, text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 65_536];
    for _ in 0..20 {
        caller.send(text).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(500), caller.recv(&mut bytes));
        if let Ok(Ok(length)) = answer.await {
            bytes.truncate(length);
            return bytes;
        }
    }
    panic!("no answer to {} bytes", text.len());
}

async fn relayed(rig: &Rig) -> Relayed {
    rig.stats().await.listeners[0].relayed.unwrap()
}

#[tokio::test]
async fn a_thousand_sources_have_a_session_each_and_keep_their_endpoint() {
    let (one, two) = (echo(b'1').await, echo(b'2').await);
    let rig = Rig::start(relaying(vec![service("dns", &[one.address, two.address])])).await;
    let mut callers = Vec::new();
    let mut marks = HashSet::new();
    for number in 0..1_000_u32 {
        let caller = caller(&rig).await;
        let answer = ask(&caller, &number.to_be_bytes()).await;
        assert_eq!(answer[1..], number.to_be_bytes());
        marks.insert(answer[0]);
        callers.push((caller, answer));
    }
    assert_eq!(marks.len(), 2, "both endpoints have a part");
    for (caller, before) in &callers {
        assert_eq!(ask(caller, &before[1..]).await, *before, "a session keeps its endpoint");
    }
    let stats = rig.stats().await;
    assert_eq!((stats.listeners[0].accepted, stats.listeners[0].open), (1_000, 1_000));
    assert_eq!(rig.service("dns").await.in_flight, 1_000);
    assert_eq!(rig.proxy.sessions(SessionFilter::default(), 10_000).await.len(), 1_000);
}

#[tokio::test]
async fn the_longest_and_the_empty_datagram_pass() {
    let far = echo(b'.').await;
    let rig = Rig::start(relaying(vec![service("dns", &[far.address])])).await;
    let caller = caller(&rig).await;
    let longest = vec![b'x'; 65_507];
    assert_eq!(ask(&caller, &longest).await, longest);
    assert_eq!(ask(&caller, b"").await, b".");
}

#[tokio::test]
async fn a_session_ends_after_its_answers_or_without_a_datagram_and_is_recorded() {
    let far = echo(b'.').await;
    let mut model = relaying(vec![service("dns", &[far.address])]);
    relay_of(&mut model).datagrams = Some(Datagrams { responses: Some(1) });
    let rig = Rig::start(model.clone()).await;
    let caller = caller(&rig).await;
    assert_eq!(ask(&caller, b"who").await, b".who");
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!((record.protocol, record.scheme, record.end), ("UDP", "udp", End::Complete));
    assert_eq!((record.bytes_received, record.bytes_sent), (3, 4));
    assert_eq!(record.peer, caller.local_addr().unwrap());
    assert_eq!(record.attempts.len(), 1);
    let relay = relay_of(&mut model);
    relay.datagrams = Some(Datagrams { responses: None });
    relay.idle = Duration::from_millis(50);
    rig.reload(model).await;
    assert_eq!(ask(&caller, b"who").await, b".who");
    let record = rig.records.wait(2).await.remove(1);
    assert_eq!(record.end, End::Idle);
    let counted = relayed(&rig).await;
    assert_eq!((counted.received, counted.sent, counted.dropped), (6, 8, 0));
    assert_eq!(rig.service("dns").await.in_flight, 0);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_left_and_what_finds_none_is_counted() {
    let far = echo(b'.').await;
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let rig = Rig::start(relaying(vec![service("dns", &[gone, far.address])])).await;
    for _ in 0..4 {
        let caller = caller(&rig).await;
        assert_eq!(ask(&caller, b"x").await, b".x");
    }
    let failures: u64 = rig.endpoints("dns").await.iter().map(|e| e.connect_failures).sum();
    assert!(failures > 0);
    let rig = Rig::start(relaying(vec![service("none", &[])])).await;
    let caller = caller(&rig).await;
    caller.send(b"x").await.unwrap();
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!(record.reason.unwrap().to_string(), "no_endpoint;service=\"none\"");
    until("the drop is counted", async || relayed(&rig).await.dropped == 1).await;
}

#[tokio::test]
async fn tcp_and_udp_share_a_port_and_the_next_process_takes_both() {
    let far = echo(b'.').await;
    let mut wanted = relaying(vec![service("dns", &[far.address])]);
    let address = unused_address();
    wanted.listeners[0].id = ListenerId::new("udp");
    wanted.listeners[0].address = address;
    wanted.listeners.push(listener("http", address));
    let rig = Rig::start(wanted.clone()).await;
    let early = caller(&rig).await;
    assert_eq!(ask(&early, b"x").await, b".x");
    assert_eq!(rig.client().await.get("shop.localhost", "/").await.status, 404);
    let inherited = Bound::adopt(rig.proxy.listening_fds().unwrap()).unwrap();
    assert_eq!(inherited.len(), 2);
    rig.proxy.pause_accepting().await.unwrap();
    // It waits in the queue of the socket.
    early.send(b"y").await.unwrap();
    let next = Rig::start_with(wanted, |deps| deps.inherited = inherited).await;
    assert_eq!(next.address, rig.address);
    let mut answer = [0; 4];
    let length = within("the answer", early.recv(&mut answer)).await.unwrap();
    assert_eq!(&answer[..length], b".y");
    assert_eq!(next.stats().await.listeners[0].accepted, 1);
}

#[tokio::test]
async fn what_was_asked_before_a_drain_is_answered() {
    let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::start(relaying(vec![service("dns", &[far.local_addr().unwrap()])])).await;
    let caller = caller(&rig).await;
    caller.send(b"slow").await.unwrap();
    let mut bytes = [0; 8];
    let (length, session) = within("the question", far.recv_from(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..length], b"slow");
    let proxy = rig.proxy.clone();
    let drained = tokio::spawn(async move { proxy.drain(None).await });
    far.send_to(b"answer", session).await.unwrap();
    let length = within("the answer", caller.recv(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..length], b"answer");
    assert_eq!(within("the drain", drained).await.unwrap(), 0, "nothing was cut");
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!((record.end, record.bytes_sent), (End::Idle, 6));
}

#[tokio::test]
async fn a_busy_port_is_found_before_anything_changes() {
    let far = echo(b'.').await;
    let held = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::start(relaying(vec![service("dns", &[far.address])])).await;
    let mut busy = relaying(vec![service("dns", &[far.address])]);
    busy.listeners[0].address = held.local_addr().unwrap();
    let refused = rig.proxy.prepare(Arc::new(busy)).unwrap_err().to_string();
    assert!(refused.contains("already in use"), "{refused}");
    assert_eq!(ask(&caller(&rig).await, b"x").await, b".x");
}
