//! Spans sent on to a receiver that is slow, down, small, or wrong.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use trunkline_ingest::forward::{Backlog, Config, Forwarder, Mark, Memory, Wire};
use trunkline_ingest::{Limits, Metrics, Refused, Surface};
use trunkline_net::client::{Client, Connect};
use trunkline_resilience::backoff;
use trunkline_rt::{Policy, Scope};
use trunkline_testkit::wait;

use crate::rig::{Rig, Setup, batch, rig};

const WIRES: [(Wire, Surface); 2] =
    [(Wire::Grpc, Surface::OtlpGrpc), (Wire::Http, Surface::OtlpHttp)];

struct Sending {
    backlog: Arc<Memory>,
    metrics: Arc<Metrics>,
    scope: Scope,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.scope.abort();
    }
}

fn config(wire: Wire, address: SocketAddr) -> Config {
    let client = Client { limit: wait::PATIENCE, ..Client::new(Connect::Address(address)) };
    let mut config = Config::new(format!("http://{address}").parse().unwrap(), wire, client);
    config.backoff = backoff::Config::new(Duration::from_millis(5), Duration::from_millis(50));
    config.retry_after_max = Duration::from_millis(50);
    config
}

fn send_to(config: Config) -> Sending {
    let (scope, metrics) = (Scope::new("forward"), Arc::new(Metrics::default()));
    let backlog = Memory::new(64 << 20, Arc::clone(&metrics));
    let forwarder = Forwarder::new(Arc::clone(&backlog) as _, config, Arc::clone(&metrics));
    scope.spawn("forward", Policy::Best, forwarder.run(scope.child("forward")));
    Sending { backlog, metrics, scope }
}

impl Sending {
    /// Waits until nothing waits any more.
    async fn settled(&self) {
        wait::until("nothing waits", async || self.backlog.bytes() == 0).await;
    }

    async fn failed(&self, times: u64) {
        let failed = async || self.metrics.forward_failures.get() >= times;
        wait::until("sending failed", failed).await;
    }
}

fn names(rig: &Rig) -> Vec<String> {
    rig.kept.spans().iter().map(|span| span.name.to_string()).collect()
}

#[tokio::test]
async fn what_waits_arrives_whole_over_either_wire() {
    for (wire, surface) in WIRES {
        let rig = rig();
        let sending = send_to(config(wire, rig.address(surface)));
        for count in 1..=20 {
            assert!(sending.backlog.push(batch(count).into()));
        }
        let spans = rig.kept.wait_for(210).await;
        sending.settled().await;
        assert_eq!((spans.len(), sending.metrics.forwarded_spans.get()), (210, 210));
        assert_eq!(sending.metrics.forwarded_batches.get(), 20);
        assert_eq!(sending.metrics.forward_waiting_bytes.get(), 0);
    }
}

#[tokio::test]
async fn a_receiver_that_has_no_room_gets_everything_once_it_has() {
    for (wire, surface) in WIRES {
        let rig = rig();
        rig.kept.refuse(Some(Refused::Full { retry_after: Duration::from_secs(3600) }));
        let sending = send_to(config(wire, rig.address(surface)));
        sending.backlog.push(batch(2).into());
        sending.failed(2).await;
        sending.backlog.push(batch(3).into());
        rig.kept.refuse(None);
        rig.kept.wait_for(5).await;
        sending.settled().await;
        assert_eq!((rig.kept.spans().len(), sending.metrics.forwarded_spans.get()), (5, 5));
    }
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_everything_once_it_is_up() {
    for (wire, surface) in WIRES {
        // A port that nobody listens on at first.
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        drop(held);
        let sending = send_to(config(wire, address));
        sending.backlog.push(batch(2).into());
        sending.failed(1).await;
        let rig = rig();
        let bound = trunkline_net::socket::Bound::bind(address, 1).unwrap();
        rig.server.serve(surface, &bound, None, &rig.scope).unwrap();
        rig.kept.wait_for(2).await;
        sending.settled().await;
    }
}

#[tokio::test]
async fn what_is_too_large_goes_in_halves_and_only_the_hopeless_is_rejected() {
    for (wire, surface) in WIRES {
        let limits = Limits { body_bytes_max: 2_000, ..Limits::default() };
        let rig = Setup { limits, ..Setup::default() }.start();
        let mut config = config(wire, rig.address(surface));
        config.gzip = false;
        let sending = send_to(config);
        sending.backlog.push(batch(100).into());
        let mut huge = crate::rig::span(7);
        huge.name = "x".repeat(4_000).into();
        sending.backlog.push(trunkline_otlp::write::request([&huge]).into());
        sending.backlog.push(batch(1).into());
        rig.kept.wait_for(101).await;
        sending.settled().await;
        assert!(rig.kept.batches().iter().all(|batch| batch.len() <= 2_000));
        let mut arrived = names(&rig);
        arrived.sort();
        arrived.dedup();
        assert_eq!(arrived.len(), 100);
        assert_eq!(sending.metrics.forward_rejected_spans.get(), 1);
        assert_eq!(sending.metrics.forwarded_spans.get(), 101);
    }
}

#[tokio::test]
async fn spans_that_the_receiver_rejects_are_counted_and_do_not_stop_the_rest() {
    for (wire, surface) in WIRES {
        let rig = rig();
        let mut config = config(wire, rig.address(surface));
        config.request_bytes = 1;
        let sending = send_to(config);
        // Not protobuf at all: rejected for good.
        sending.backlog.push(Bytes::from_static(b"\xff"));
        sending.backlog.push(batch(2).into());
        rig.kept.wait_for(2).await;
        sending.settled().await;
        assert_eq!(sending.metrics.forward_failures.get(), 0);
    }
}

#[tokio::test]
async fn when_too_much_waits_what_comes_is_dropped_and_counted() {
    let metrics = Arc::new(Metrics::default());
    let backlog = Memory::new(100, Arc::clone(&metrics));
    assert!(backlog.push(vec![1; 60].into()));
    assert!(!backlog.push(vec![2; 60].into()));
    assert!(backlog.push(vec![3; 40].into()));
    assert_eq!(metrics.forward_dropped_batches.get(), 1);
    let first = backlog.read(None, 60).await;
    assert_eq!(first.len(), 1);
    assert_eq!(backlog.read(Some(first[0].mark), 1).await[0].batch[0], 3);
    assert_eq!(backlog.read(None, 1_000).await.len(), 2);
    backlog.done(first[0].mark);
    assert_eq!((backlog.bytes(), metrics.forward_waiting_bytes.get()), (40, 40));
}

/// Reports what was reported to it.
#[derive(Default)]
struct Watched {
    entries: Mutex<VecDeque<Vec<trunkline_ingest::forward::Entry>>>,
    done: Arc<Mutex<Vec<Mark>>>,
}

impl Backlog for Watched {
    fn read(
        &self,
        _: Option<Mark>,
        _: usize,
    ) -> BoxFuture<'static, Vec<trunkline_ingest::forward::Entry>> {
        match self.entries.lock().unwrap().pop_front() {
            Some(entries) => Box::pin(async move { entries }),
            None => Box::pin(std::future::pending()),
        }
    }

    fn done(&self, upto: Mark) {
        self.done.lock().unwrap().push(upto);
    }
}

#[tokio::test]
async fn what_is_done_is_reported_in_order_although_it_is_sent_at_once() {
    let rig = rig();
    let backlog = Watched::default();
    for number in 1..=30 {
        let batch = batch(if number % 2 == 0 { 1 } else { 500 }).into();
        let entry = trunkline_ingest::forward::Entry { mark: Mark(number), batch };
        backlog.entries.lock().unwrap().push_back(vec![entry]);
    }
    let done = Arc::clone(&backlog.done);
    let scope = Scope::new("forward");
    let metrics = Arc::new(Metrics::default());
    let config = config(Wire::Grpc, rig.address(Surface::OtlpGrpc));
    let forwarder = Forwarder::new(Arc::new(backlog), config, metrics);
    scope.spawn("forward", Policy::Best, forwarder.run(scope.child("forward")));
    wait::until("all is done", async || done.lock().unwrap().len() == 30).await;
    assert_eq!(*done.lock().unwrap(), (1..=30).map(Mark).collect::<Vec<_>>());
    scope.abort();
}
