//! What taking a span costs, way by way: `cargo run --release -p trunkline-ingest --example intake_cost`.
//!
//! Batches of 512 spans with 11 attributes each go through the intake alone, over gRPC and over HTTP
//! on loopback, one at a time, into a sink that throws them away. The time includes that of our own
//! client and of the system, so it is an upper bound of what the server costs.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for people who develop")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request};
use trunkline_ingest::rules::{Action, Rule, Rules};
use trunkline_ingest::sampling::Strategies;
use trunkline_ingest::{
    Accepted, Guard, Intake, Limits, Metrics, Protocol, Refused, Server, Sink, Surface,
};
use trunkline_model::trace::{SpanId, TraceId};
use trunkline_net::client::{Client, Connect};
use trunkline_net::coding;
use trunkline_net::grpc::client::Channel;
use trunkline_net::socket::Bound;
use trunkline_otlp::{Kind, Resource, Scope as Library, Span, Status, Value, write};
use trunkline_rt::{Clock, Scope};

const SPANS: u32 = 512;
const BATCHES: u32 = 400;
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

struct Nowhere;

impl Sink for Nowhere {
    fn append(&self, _: Bytes) -> BoxFuture<'static, Result<Accepted, Refused>> {
        Box::pin(async { Ok(Accepted::default()) })
    }
}

fn batch() -> Bytes {
    let text = |text: String| Value::Text(text.into());
    let resource = Arc::new(Resource {
        attributes: vec![("service.name".into(), text("orders".to_owned()))],
        ..Resource::default()
    });
    let scope = Arc::new(Library { name: "bench".into(), ..Library::default() });
    let span = |number: u32| Span {
        trace: TraceId::new(u128::from(number / 10 + 1).to_be_bytes()).unwrap(),
        id: SpanId::new(u64::from(number + 1).to_be_bytes()).unwrap(),
        parent: None,
        trace_state: "".into(),
        flags: 1,
        name: format!("operation {}", number % 20).into(),
        kind: Kind::Server,
        start_unix_nanos: 1_700_000_000_000_000_000,
        end_unix_nanos: 1_700_000_000_000_500_000,
        attributes: (0..11)
            .map(|key| (format!("key.{key}").into(), text(format!("value {}", number + key))))
            .collect(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        status: Status::default(),
        resource: Arc::clone(&resource),
        scope: Arc::clone(&scope),
    };
    let spans: Vec<_> = (0..SPANS).map(span).collect();
    write::request(&spans).into()
}

fn intake(rules: Vec<Rule>) -> Arc<Intake> {
    let rules = Rules::new(rules, [0; 32]).unwrap();
    Intake::new(Arc::new(Nowhere), rules, Arc::new(Metrics::default()))
}

async fn measure(what: &str, once: impl AsyncFn()) {
    once().await;
    let clock = Clock::system();
    let begin = clock.now();
    for _ in 0..BATCHES {
        once().await;
    }
    let took: Duration = clock.now() - begin;
    println!("{what:24} {:6} ns a span", (took / (BATCHES * SPANS)).as_nanos());
}

#[tokio::main]
async fn main() {
    let batch = batch();
    println!("{} bytes a span", batch.len() / SPANS as usize);
    let plain = intake(Vec::new());
    measure("intake", async || {
        plain.take(Protocol::Own, batch.clone(), 0).await.unwrap();
    })
    .await;
    let delete = Action::Delete(vec!["user.email".to_owned(), "http.request.header.*".to_owned()]);
    let ruled = intake(vec![Rule { name: "keys".to_owned(), action: delete }]);
    measure("intake, a rule for keys", async || {
        ruled.take(Protocol::Own, batch.clone(), 0).await.unwrap();
    })
    .await;
    let scope = Scope::new("bench");
    let clock = Clock::system();
    let strategies = Strategies::everybody(1.0);
    let server = Server::new(plain, Guard::default(), Limits::default(), strategies, clock);
    let bound = |surface| {
        let bound = Bound::bind(([127, 0, 0, 1], 0).into(), 1).unwrap();
        server.serve(surface, &bound, None, &scope).unwrap();
        bound
    };
    let (over_grpc, over_http) = (bound(Surface::OtlpGrpc), bound(Surface::OtlpHttp));
    let target = format!("http://{}", over_grpc.address()).parse().unwrap();
    let client = Client::new(Connect::Address(over_grpc.address()));
    let channel = Channel::new(client, target, false, scope.child("client"));
    measure("grpc", async || {
        channel.unary(EXPORT, &batch, &HeaderMap::new()).await.unwrap();
    })
    .await;
    let client = Client::new(Connect::Address(over_http.address()));
    let url = format!("http://{}/v1/traces", over_http.address());
    for (what, coding, body) in
        [("http", "identity", batch.clone()), ("http, gzip", "gzip", coding::gzip(&batch).into())]
    {
        measure(what, async || {
            let request = Request::post(&url)
                .header("content-type", "application/x-protobuf")
                .header("content-encoding", coding)
                .body(body.clone());
            let answer = client.request(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
        })
        .await;
    }
    scope.abort();
}
