//! A server with every surface on free ports, a sink in memory, and a client that sends anything.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use trunkline_ingest::rules::{Rule, Rules};
use trunkline_ingest::sampling::Strategies;
use trunkline_ingest::{
    Accepted, Guard, Intake, Limits, Metrics, Protocol, Reason, Refused, Server, Sink, Surface,
};
use trunkline_net::client::{Client, Connect};
use trunkline_net::grpc::Status;
use trunkline_net::grpc::client::Channel;
use trunkline_net::socket::Bound;
use trunkline_otlp::{Span, Value, view, write};
use trunkline_rt::{Clock, Scope};
use trunkline_testkit::wait;

/// Keeps batches in memory, or refuses them.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    batches: Mutex<Vec<Bytes>>,
    refuse: Mutex<Option<Refused>>,
}

impl Sink for Kept {
    fn append(&self, batch: Bytes) -> BoxFuture<'static, Result<Accepted, Refused>> {
        let answer = match self.refuse.lock().unwrap().clone() {
            Some(refused) => Err(refused),
            None => view::check(&batch)
                .map(|counts| Accepted { spans: counts.spans })
                .map_err(Refused::from),
        };
        if answer.is_ok() {
            self.batches.lock().unwrap().push(batch);
        }
        Box::pin(async { answer })
    }
}

impl Kept {
    pub(crate) fn refuse(&self, refused: Option<Refused>) {
        *self.refuse.lock().unwrap() = refused;
    }

    pub(crate) fn batches(&self) -> Vec<Bytes> {
        self.batches.lock().unwrap().clone()
    }

    /// Every span that was kept.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.batches().iter().flat_map(|batch| view::spans(batch).unwrap()).collect()
    }

    /// Waits until there are so many spans.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Span> {
        wait::until("all spans came", async || self.spans().len() >= count).await;
        self.spans()
    }
}

/// What a server is made with.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) guard: Guard,
    pub(crate) limits: Limits,
    pub(crate) rules: Vec<Rule>,
    pub(crate) strategies: Option<Strategies>,
}

pub(crate) struct Rig {
    pub(crate) kept: Arc<Kept>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) server: Arc<Server>,
    pub(crate) scope: Scope,
    bound: Vec<(Surface, Bound)>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.scope.abort();
    }
}

pub(crate) fn rig() -> Rig {
    Setup::default().start()
}

impl Setup {
    pub(crate) fn start(self) -> Rig {
        let scope = Scope::new("test");
        let (kept, metrics) = (Arc::new(Kept::default()), Arc::new(Metrics::default()));
        let rules = Rules::new(self.rules, [7; 32]).unwrap();
        let intake = Intake::new(Arc::clone(&kept) as _, rules, Arc::clone(&metrics));
        let strategies = self.strategies.unwrap_or_else(|| Strategies::everybody(1.0));
        let clock = Clock::system();
        let server = Server::new(Arc::clone(&intake), self.guard, self.limits, strategies, clock);
        let bound: Vec<_> = Surface::ALL
            .map(|surface| {
                let free = ([127, 0, 0, 1], 0).into();
                let bound = Bound::bind_to(surface.transport(), free, 1).unwrap();
                server.serve(surface, &bound, None, &scope).unwrap();
                (surface, bound)
            })
            .into();
        Rig { kept, metrics, intake, server, scope, bound }
    }
}

impl Rig {
    pub(crate) fn address(&self, surface: Surface) -> SocketAddr {
        self.bound.iter().find(|(known, _)| *known == surface).unwrap().1.address()
    }

    /// Sends a request; the head is `METHOD path` and then a field a line.
    pub(crate) async fn send(
        &self,
        surface: Surface,
        head: &str,
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let address = self.address(surface);
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let client = Client { limit: wait::PATIENCE, ..Client::new(Connect::Address(address)) };
        client.request(request.body(body.into()).unwrap()).await.unwrap()
    }

    pub(crate) fn channel(&self, surface: Surface) -> Arc<Channel> {
        let address = self.address(surface);
        let client = Client { limit: wait::PATIENCE, ..Client::new(Connect::Address(address)) };
        let target = format!("http://{address}").parse().unwrap();
        Channel::new(client, target, false, self.scope.child("client"))
    }

    pub(crate) async fn call(
        &self,
        surface: Surface,
        path: &str,
        message: &[u8],
    ) -> Result<Bytes, Status> {
        self.channel(surface).unary(path, message, &HeaderMap::new()).await
    }

    pub(crate) async fn datagram(&self, surface: Surface, bytes: &[u8]) {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(bytes, self.address(surface)).await.unwrap();
    }

    pub(crate) fn refused(&self, protocol: Protocol, reason: Reason) -> u64 {
        self.metrics.refused_batches(protocol, reason)
    }

    /// Waits until so many batches were refused.
    pub(crate) async fn wait_for_refused(&self, protocol: Protocol, reason: Reason, count: u64) {
        let refused = async || self.refused(protocol, reason) >= count;
        wait::until(&format!("{protocol:?} is refused as {reason:?}"), refused).await;
    }
}

/// A field of an answer's head.
pub(crate) fn field<'a>(answer: &'a Response<Bytes>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) fn text(answer: &Response<Bytes>) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

/// Attributes as `key=value` lines, sorted.
pub(crate) fn listed(attributes: &trunkline_otlp::Attributes) -> Vec<String> {
    let mut all: Vec<_> =
        attributes.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
    all.sort();
    all
}

pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}

/// A batch of `count` spans with valid ids.
pub(crate) fn batch(count: u64) -> Vec<u8> {
    let spans: Vec<_> = (1..=count).map(span).collect();
    write::request(&spans)
}

/// A span whose ids are made of `number`.
pub(crate) fn span(number: u64) -> Span {
    use trunkline_model::trace::{SpanId, TraceId};
    Span {
        trace: TraceId::new((u128::from(number) << 64 | 1).to_be_bytes()).unwrap(),
        id: SpanId::new(number.to_be_bytes()).unwrap(),
        parent: None,
        trace_state: "".into(),
        flags: 1,
        name: format!("span {number}").into(),
        kind: trunkline_otlp::Kind::Server,
        start_unix_nanos: 1_700_000_000_000_000_000 + number,
        end_unix_nanos: 1_700_000_000_000_001_000 + number,
        attributes: vec![("number".into(), Value::Int(number.cast_signed()))],
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: trunkline_otlp::Status::default(),
        resource: Arc::default(),
        scope: Arc::default(),
    }
}
