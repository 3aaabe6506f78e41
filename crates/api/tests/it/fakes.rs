//! A proxy and a binary that answer what they were told to, and remember what was asked of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_api::commands::{
    Commands, Configuration, File, Instance, LogLine, LogQuery, Object, Process, ProcessState,
    Readiness, Refused, Reloaded, Setting, Stream, Upgraded, Url, UrlTarget,
};
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{
    AdaptiveStats, BreakerOrder, BreakerStats, BulkheadStats, ClusterStats, Fault, HedgeStats,
    PolicyStats, RateLimiterStats, ResilienceError, ResilienceEvent, RetryStats, UnknownService,
};
use trunkline_model::ops::{
    BoxFuture, Distribution, EndpointOrder, EndpointStats, Explanation, ListenerStats, OpenRequest,
    Ops, Question, RouteStats, ServiceStats, Session, SessionFilter, SessionId, Stats,
    UnknownEndpoint,
};
use trunkline_model::{EndpointId, ListenerId, Model, Origin, RouteId, ServiceName};

/// What was asked that changes something, in order.
pub(crate) type Deeds = Arc<Mutex<Vec<String>>>;

pub(crate) const ENDPOINT: &str = "orders@127.0.0.1:5000";

pub(crate) struct FakeOps {
    pub(crate) deeds: Deeds,
    /// Counters besides those that are always there.
    pub(crate) routes: Vec<RouteStats>,
}

pub(crate) fn latency() -> Distribution {
    Distribution { buckets: vec![(1_023, 90), (8_191, 9), (65_535, 1)], sum: 150_000, count: 100 }
}

fn stats() -> Stats {
    let endpoint = EndpointStats {
        id: EndpointId::new(ENDPOINT),
        address: "127.0.0.1:5000".parse().unwrap(),
        state: EndpointState::Ready,
        overridden: false,
        weight_ordered: None,
        limit_ordered: None,
        healthy: true,
        health_error: None,
        health_changes: 2,
        agent: None,
        ejected: false,
        weight: 1,
        in_flight: 2,
        requests: vec![(200, 99), (0, 1)],
        connect_failures: 1,
        limit: 0,
        latency: latency(),
    };
    Stats {
        generation: 3,
        uptime: Duration::from_millis(12_500),
        workers: 2,
        cache: trunkline_model::ops::CacheStats::default(),
        guard: trunkline_model::ops::GuardStats { level: "calm", ..Default::default() },
        listeners: vec![ListenerStats {
            id: ListenerId::new("http"),
            address: "127.0.0.1:8000".parse().unwrap(),
            caller: None,
            accepted: 7,
            open: 1,
            handshakes_full: 0,
            handshakes_resumed: 0,
            handshakes_failed: 0,
            refused: vec![("content_length", 2)],
            handshake_failures: Vec::new(),
            certificates: Vec::new(),
            headers_failed: 0,
            relayed: None,
        }],
        routes: vec![RouteStats {
            id: RouteId::new("or\"ders\\1\n"),
            origin: Origin::new("trunkline.yaml", 5, 3),
            requests: vec![(200, 98), (503, 2)],
            latency: latency(),
        }],
        services: vec![ServiceStats {
            name: "orders".parse().unwrap(),
            requests: vec![(200, 98), (503, 2)],
            in_flight: 2,
            held: 0,
            queue: trunkline_model::ops::QueueStats::default(),
            latency: latency(),
            endpoints: vec![endpoint],
        }],
        records_dropped: 4,
        loop_stall: latency(),
    }
}

/// What the policies of `orders` know: its breaker is open.
fn policy() -> PolicyStats {
    PolicyStats {
        name: "orders".into(),
        cluster: Some(ClusterStats { away: true, alone: 12 }),
        breaker: Some(BreakerStats {
            state: "OPEN",
            failure_rate: 62.5,
            slow_call_rate: 0.0,
            failure_rate_threshold: 50.0,
            slow_call_rate_threshold: 100.0,
            buffered: 8,
            failed: 5,
            slow: 0,
            slow_failed: 0,
            not_permitted: 3,
            retry_after: Some(Duration::from_millis(1_500)),
            trials_left: None,
            calls: [("successful", latency()), ("failed", latency()), ("ignored", latency())],
            dry_run: false,
        }),
        retry: Some(RetryStats {
            calls: [
                ("successful_without_retry", 5),
                ("successful_with_retry", 1),
                ("failed_without_retry", 0),
                ("failed_with_retry", 2),
            ],
            repeated: 3,
            budget_exhausted: 1,
            budget: Some(7),
        }),
        hedge: Some(HedgeStats {
            delay: Some(Duration::from_millis(40)),
            made: 5,
            won: 4,
            budget_exhausted: 1,
            dry_run: false,
        }),
        rate_limiter: Some(RateLimiterStats {
            limit: 100,
            period: Duration::from_secs(1),
            available: -3,
            permitted: 103,
            refused: 9,
            dry_run: false,
        }),
        bulkhead: Some(BulkheadStats {
            max: 10,
            available: 8,
            waiting: 0,
            rejected: 4,
            dry_run: false,
        }),
        adaptive: Some(AdaptiveStats { limit: 20, running: 2, rejected: 0, dry_run: true }),
        shed: 0,
        dry_run_refused: 6,
        fallbacks: 2,
        others: vec!["fallback"],
    }
}

impl Ops for FakeOps {
    fn stats(&self) -> BoxFuture<'_, Stats> {
        let mut stats = stats();
        stats.routes.extend(self.routes.iter().cloned());
        Box::pin(async { stats })
    }

    fn sessions(&self, which: SessionFilter, limit: usize) -> BoxFuture<'_, Vec<Session>> {
        let request = OpenRequest {
            method: "GET".into(),
            host: "shop.localhost".into(),
            target: "/orders/7".into(),
            service: which.service,
            endpoint: Some(EndpointId::new(ENDPOINT)),
            age: Duration::from_millis(1_500),
            bytes_received: 0,
            bytes_sent: 512,
        };
        let session = Session {
            id: SessionId { worker: 0, number: 17 },
            listener: ListenerId::new("http"),
            peer: "127.0.0.1:4000".parse().unwrap(),
            age: Duration::from_secs(3),
            requests: 5,
            open: vec![request],
        };
        Box::pin(async move { vec![session; limit.min(2)] })
    }

    fn cut_sessions(&self, which: SessionFilter) -> BoxFuture<'_, usize> {
        self.deeds.lock().unwrap().push(format!("cut {:?} {:?}", which.peer, which.id));
        Box::pin(async move { usize::from(which.id.is_none_or(|id| id.number == 17)) })
    }

    fn purge_cache(&self, host: Option<&str>, prefix: &str) -> usize {
        self.deeds.lock().unwrap().push(format!("purge {host:?} {prefix}"));
        2
    }

    fn policies(&self) -> Vec<PolicyStats> {
        vec![policy()]
    }

    fn order_breaker(&self, policy: &str, order: BreakerOrder) -> Result<(), ResilienceError> {
        if policy != "orders" {
            return Err(ResilienceError::Unknown(policy.to_owned()));
        }
        self.deeds.lock().unwrap().push(format!("{policy} {order:?}"));
        Ok(())
    }

    fn resilience_events(&self, after: u64) -> Vec<ResilienceEvent> {
        let event = |number| ResilienceEvent {
            number,
            at_unix_ms: 1_767_225_600_000,
            policy: "orders".into(),
            kind: "STATE_TRANSITION",
            detail: "CLOSED to OPEN".into(),
        };
        (after + 1..=2).map(event).collect()
    }

    fn inject(&self, service: &ServiceName, fault: Fault) -> Result<(), UnknownService> {
        if service.as_str() != "orders" {
            return Err(UnknownService(service.clone()));
        }
        self.deeds.lock().unwrap().push(format!("{service} {fault:?}"));
        Ok(())
    }

    fn order_endpoint(
        &self,
        endpoint: EndpointId,
        order: EndpointOrder,
    ) -> BoxFuture<'_, Result<(), UnknownEndpoint>> {
        if endpoint.as_str() != ENDPOINT {
            return Box::pin(async move { Err(UnknownEndpoint(endpoint)) });
        }
        let word = match order {
            EndpointOrder::State(state) => state.map_or("none", EndpointState::as_str).to_owned(),
            EndpointOrder::Weight(weight) => format!("weight {weight:?}"),
            EndpointOrder::Limit(limit) => format!("maxconn {limit:?}"),
        };
        self.deeds.lock().unwrap().push(format!("{endpoint} {word}"));
        Box::pin(async { Ok(()) })
    }

    fn in_flight(&self, _service: ServiceName) -> BoxFuture<'_, u64> {
        Box::pin(async { 2 })
    }

    fn explain(&self, request: Question) -> BoxFuture<'_, Explanation> {
        let route = (request.host == "shop.localhost")
            .then(|| (RouteId::new("orders-1"), Origin::new("trunkline.yaml", 5, 3)));
        Box::pin(async move {
            Explanation {
                listener: Some(ListenerId::new("http")),
                route,
                filters: vec!["secure_headers".into()],
                targets: vec![("orders".parse().unwrap(), 100.0, vec![EndpointId::new(ENDPOINT)])],
                passed_over: vec![(RouteId::new("web-1"), "the path differs".into())],
                forwarded: Some("/orders".into()),
                answer: None,
            }
        })
    }
}

pub(crate) struct FakeCommands {
    pub(crate) deeds: Deeds,
    /// Lines that come after those that exist, for who follows.
    pub(crate) later: tokio::sync::broadcast::Sender<LogLine>,
    pub(crate) model: Option<Arc<Model>>,
}

impl FakeCommands {
    fn did(&self, deed: impl Into<String>) {
        self.deeds.lock().unwrap().push(deed.into());
    }
}

pub(crate) fn line(text: &str) -> LogLine {
    LogLine {
        unix_nanos: 1_000_000_000,
        service: "orders".into(),
        stream: Stream::Stderr,
        text: text.into(),
    }
}

impl Commands for FakeCommands {
    fn instance(&self) -> Instance {
        Instance { project: "shop".into(), version: "0.1.0".into(), role: "all", pid: 42 }
    }

    fn model(&self) -> Option<Arc<Model>> {
        self.model.clone()
    }

    fn configuration(&self) -> BoxFuture<'_, Option<Configuration>> {
        let setting = |key: &str, value: &str, origin| Setting {
            key: key.into(),
            value: value.into(),
            origin,
        };
        let written = Some(Origin::new("trunkline.yaml", 7, 5));
        let settings = vec![
            setting("timeout.request", "3s", written),
            setting("balance", "round_robin", None),
        ];
        let configuration = Configuration {
            loaded_unix_nanos: 1_000_000_000,
            files: vec![File { name: "trunkline.yaml".into(), text: Some("version: 1".into()) }],
            settings: vec![(Object::Service("orders".parse().unwrap()), settings)],
        };
        Box::pin(async { Some(configuration) })
    }

    fn urls(&self) -> Vec<Url> {
        let listener = UrlTarget::Listener(ListenerId::new("http"));
        let service = UrlTarget::Service("orders".parse().unwrap());
        vec![
            Url { target: listener, url: "http://shop.localhost:8000".into(), also: vec![] },
            Url { target: service, url: "http://orders.shop.localhost:8000".into(), also: vec![] },
        ]
    }

    fn readiness(&self) -> Readiness {
        Readiness::Waiting(vec!["orders".into()])
    }

    fn processes(&self) -> BoxFuture<'_, Vec<Process>> {
        let process = |name: &str, state| Process {
            service: name.parse().unwrap(),
            state,
            pid: Some(77),
            address: Some("127.0.0.1:5000".parse().unwrap()),
            command: "go run .".into(),
            since: Duration::from_secs(1),
            restarts: 0,
            detail: None,
        };
        let processes =
            vec![process("web", ProcessState::BackingOff), process("orders", ProcessState::Ready)];
        Box::pin(async move { processes })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, Refused>> {
        self.did("reload");
        Box::pin(async { Err(Refused::Invalid(vec!["error[TL0103]: a".into(), "b".into()])) })
    }

    fn restart(
        &self,
        service: ServiceName,
        dependants: bool,
    ) -> BoxFuture<'_, Result<Vec<ServiceName>, Refused>> {
        if service.as_str() != "orders" {
            return Box::pin(async move { Err(Refused::UnknownService(service.to_string())) });
        }
        let callers = if dependants { vec!["web".parse().unwrap()] } else { Vec::new() };
        self.did(format!("restart {service} {dependants}"));
        Box::pin(async { Ok(callers) })
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), Refused>> {
        self.did("shutdown");
        Box::pin(async { Ok(()) })
    }

    fn upgrade(&self) -> BoxFuture<'_, Result<Upgraded, Refused>> {
        self.did("upgrade");
        Box::pin(async { Ok(Upgraded { pid: 43, version: "0.2.0".into() }) })
    }

    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<mpsc::Receiver<LogLine>, Refused>> {
        let (sender, receiver) = mpsc::channel(16);
        let mut later = self.later.subscribe();
        tokio::spawn(async move {
            for line in [line("first"), line("second \u{1b}[31m")] {
                if query.takes(&line) && sender.send(line).await.is_err() {
                    return;
                }
            }
            if !query.follow {
                return;
            }
            loop {
                let Ok(line) = later.recv().await else { return };
                if sender.send(line).await.is_err() {
                    return;
                }
            }
        });
        Box::pin(async { Ok(receiver) })
    }
}
