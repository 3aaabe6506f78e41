//! Surfaces that are served for a test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast;
use trunkline_api::commands::LogLine;
use trunkline_api::surfaces::Config;
use trunkline_api::{Surfaces, Wiring, guard, surfaces, traces};
use trunkline_model::Model;
use trunkline_model::ops::RouteStats;
use trunkline_model::ports::Surface;
use trunkline_query::red::Rollups;
use trunkline_query::{Reader, reader};
use trunkline_rt::{Clock, Scope};
use trunkline_store::source::SpanSource;
use trunkline_testkit::RawClient;
use trunkline_testkit::raw::RawResponse;

use crate::fakes::{Deeds, FakeCommands, FakeOps};

pub(crate) struct Running {
    pub(crate) surfaces: Surfaces,
    pub(crate) scope: Scope,
    pub(crate) wiring: Wiring,
    pub(crate) traces: Arc<traces::Buffer>,
    pub(crate) deeds: Deeds,
    pub(crate) later: broadcast::Sender<LogLine>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.scope.abort();
    }
}

/// All surfaces on free ports of loopback, for a project `shop`.
pub(crate) fn config() -> Config {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let surfaces = [Surface::Console, Surface::Metrics, Surface::JaegerQuery];
    Config {
        addresses: surfaces.map(|surface| (surface, any)).into(),
        guard: guard::Config {
            names: vec!["shop.localhost".into(), "*.shop.localhost".into()],
            ..guard::Config::default()
        },
        idle: Duration::from_secs(5),
        answer_bytes_max: surfaces::ANSWER_BYTES_MAX,
    }
}

pub(crate) fn serve(config: &Config) -> Running {
    serve_model(config, None, Vec::new())
}

/// With a Model, and counters of its further routes.
pub(crate) fn serve_model(
    config: &Config,
    model: Option<Arc<Model>>,
    routes: Vec<RouteStats>,
) -> Running {
    serve_all(config, model, routes, None, None)
}

/// With stored spans, and rollups.
pub(crate) fn serve_stored(
    source: Arc<dyn SpanSource>,
    rollups: Option<Arc<dyn Rollups>>,
) -> Running {
    let mut config = config();
    config.addresses.push((Surface::JaegerQueryGrpc, "127.0.0.1:0".parse().unwrap()));
    serve_all(&config, None, Vec::new(), Some(source), rollups)
}

/// With stored spans, and little room for answers.
pub(crate) fn serve_stored_within(source: Arc<dyn SpanSource>, answer_bytes_max: usize) -> Running {
    let mut config = Config { answer_bytes_max, ..config() };
    config.addresses.push((Surface::JaegerQueryGrpc, "127.0.0.1:0".parse().unwrap()));
    serve_all(&config, None, Vec::new(), Some(source), None)
}

/// With a Model, counters of its further routes, and rollups.
pub(crate) fn serve_carrying(
    model: Arc<Model>,
    routes: Vec<RouteStats>,
    rollups: Arc<dyn Rollups>,
) -> Running {
    let mut config = config();
    config.addresses.push((Surface::JaegerQueryGrpc, "127.0.0.1:0".parse().unwrap()));
    serve_all(&config, Some(model), routes, None, Some(rollups))
}

fn serve_all(
    config: &Config,
    model: Option<Arc<Model>>,
    routes: Vec<RouteStats>,
    source: Option<Arc<dyn SpanSource>>,
    rollups: Option<Arc<dyn Rollups>>,
) -> Running {
    let deeds = Deeds::default();
    let later = broadcast::channel(16).0;
    let traces = Arc::new(traces::Buffer::new(traces::Config::default(), "shop"));
    let source = source.unwrap_or_else(|| Arc::clone(&traces) as _);
    let reader = Reader::new(reader::Config::default(), source, rollups, Clock::system());
    let wiring = Wiring {
        reader,
        read_json: Some(Arc::new(crate::otlp_json::spans)),
        ops: Arc::new(FakeOps { deeds: Arc::clone(&deeds), routes }),
        commands: Arc::new(FakeCommands { deeds: Arc::clone(&deeds), later: later.clone(), model }),
        traces: Arc::clone(&traces) as _,
        console: Arc::default(),
        telemetry: None,
        clock: Clock::system(),
    };
    let (surfaces, missing) = Surfaces::bind(config, &mut Vec::new());
    assert!(missing.is_empty(), "{missing:?}");
    let scope = Scope::new("management");
    surfaces.serve(&scope, &wiring).unwrap();
    Running { surfaces, scope, wiring, traces, deeds, later }
}

impl Running {
    pub(crate) fn address(&self, surface: Surface) -> SocketAddr {
        let addresses = self.surfaces.addresses();
        addresses.iter().find(|(found, _)| *found == surface).unwrap().1
    }

    pub(crate) fn deeds(&self) -> Vec<String> {
        self.deeds.lock().unwrap().clone()
    }

    /// Sends a head, with `Host: localhost` unless it has one, and a body.
    pub(crate) async fn send(&self, surface: Surface, head: &str, body: &str) -> RawResponse {
        let mut client = RawClient::connect(self.address(surface)).await;
        let (line, fields) = head.split_once('\n').unwrap_or((head, ""));
        let mut head = vec![format!("{line} HTTP/1.1")];
        if !fields.lines().any(|field| field.starts_with("host:")) {
            head.push("Host: localhost".into());
        }
        head.extend(fields.lines().map(|field| field.trim().to_owned()));
        if !body.is_empty() {
            head.push(format!("Content-Length: {}", body.len()));
        }
        client.send(format!("{}\r\n\r\n{body}", head.join("\r\n"))).await;
        client.response().await
    }

    pub(crate) async fn get(&self, surface: Surface, target: &str) -> RawResponse {
        self.send(surface, &format!("GET {target}"), "").await
    }
}

pub(crate) fn json(response: &RawResponse) -> Value {
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("{error}: {} {}", response.head, response.text()))
}
