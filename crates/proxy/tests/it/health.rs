//! Active checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::route::Authority;
use trunkline_model::service::{
    AgentCheck, HealthCheck, HttpProbe, Initial, Probe, Service, Source, StaticEndpoint,
};
use trunkline_net::dns::Settings;
use trunkline_net::resolve::{Config, Resolver};
use trunkline_rt::Clock;
use trunkline_testkit::dns::{NameServer, Says};
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::until;
use trunkline_testkit::{Pki, Upstream, body};

use crate::rig::{Rig, model, service};

pub fn quick(probe: Probe) -> HealthCheck {
    HealthCheck {
        probe,
        port: None,
        tls: None,
        interval: Duration::from_millis(20),
        fast_interval: Duration::from_millis(20),
        down_interval: Duration::from_millis(20),
        jitter: 10,
        timeout: Duration::from_secs(2),
        rise: 2,
        fall: 2,
        initial: Initial::Healthy,
        agent: None,
    }
}

#[tokio::test]
async fn an_unhealthy_endpoint_gets_nothing_until_it_rises() {
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    let sick = Upstream::http(move |_| {
        let status = if state.load(Ordering::Relaxed) { 200 } else { 503 };
        async move { Response::builder().status(status).body(body::full("sick")).unwrap() }
    });
    let good = Upstream::answering(200, "good");
    let mut web = service("web", &[sick.address(), good.address()]);
    web.health = Some(quick(Probe::Http(HttpProbe::get("/healthz"))));
    let rig = Rig::start(model(vec![web])).await;
    well.store(false, Ordering::Relaxed);
    until("it falls", async || !rig.endpoints("web").await[0].healthy).await;
    let error = rig.endpoints("web").await[0].health_error.clone().unwrap();
    assert!(error.contains("GET /healthz answered 503"), "{error}");
    let mut caller = rig.client().await;
    for _ in 0..6 {
        assert_eq!(caller.get("a", "/").await.text(), "good");
    }
    well.store(true, Ordering::Relaxed);
    until("it rises", async || rig.endpoints("web").await[0].healthy).await;
}

#[tokio::test]
async fn when_all_are_unhealthy_the_reason_tells_how_many_and_why() {
    let mut web = service("web", &[unused_address(), unused_address()]);
    web.health = Some(quick(Probe::Tcp));
    let rig = Rig::start(model(vec![web])).await;
    until("all fall", async || rig.endpoints("web").await.iter().all(|e| !e.healthy)).await;
    let response = rig.client().await.get("a", "/").await;
    assert_eq!(response.status, 503);
    let reason = response.header("x-trunkline-reason").unwrap();
    let expect =
        "no_endpoint;service=\"web\";endpoints=2;unhealthy=2;ejected=0;health=\"127.0.0.1:";
    assert!(reason.starts_with(expect), "{reason}");
}

#[tokio::test]
async fn names_are_resolved_and_services_may_stand_for_others() {
    let upstream = Upstream::answering(200, "ok");
    let port = upstream.address().port();
    let written = |authority| {
        Source::Static(vec![StaticEndpoint {
            authority,
            weight: 1,
            place: EndpointPlace::default(),
            limit: None,
        }])
    };
    let mut named = service("named", &[]);
    named.source = written(Authority::Dns { host: "localhost".into(), port });
    let mut alias = service("alias", &[]);
    alias.source = written(Authority::Service("web".parse().unwrap()));
    let web = service("web", &[upstream.address()]);
    let rig = Rig::start(model(vec![named, alias, web])).await;
    let mut caller = rig.client().await;
    for path in ["/named", "/alias", "/web"] {
        assert_eq!(caller.get("a", path).await.status, 200, "{path}");
    }
    rig.proxy.publish(crate::rig::endpoints("web", &[]));
    until("the one that stands for it follows", async || rig.endpoints("alias").await.is_empty())
        .await;
}

/// Checks an endpoint with `check` and tells what becomes of it.
async fn verdict(upstream: &Upstream, check: HealthCheck) -> Result<(), String> {
    let mut web = service("web", &[upstream.address()]);
    web.health = Some(HealthCheck { initial: Initial::Unhealthy, fall: 1, ..check });
    let rig = Rig::start(model(vec![web])).await;
    let told = async || rig.endpoints("web").await.remove(0);
    let checked = |error: &Option<String>| error.as_deref() != Some("not checked yet");
    until("it is checked", async || checked(&told().await.health_error)).await;
    let endpoint = told().await;
    if endpoint.healthy { Ok(()) } else { Err(endpoint.health_error.unwrap()) }
}

#[tokio::test]
async fn a_request_of_a_check_and_what_it_expects_can_be_written() {
    let upstream = Upstream::http(|request: Request<Incoming>| async move {
        let head = request.headers();
        let text = |name: &str| head.get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
        let said = format!("{} {} {}", request.method(), text("host"), text("x-check"));
        Response::builder().status(207).body(body::full(said)).unwrap()
    });
    let check = async |statuses: Vec<(u16, u16)>, contains: &str| {
        let probe = HttpProbe {
            method: "OPTIONS".into(),
            host: Some("shop.test".into()),
            headers: vec![("x-check".into(), "yes".into())],
            statuses,
            contains: Some(contains.into()),
            ..HttpProbe::get("/")
        };
        verdict(&upstream, quick(Probe::Http(probe))).await
    };
    assert_eq!(check(vec![(200, 200), (207, 299)], "OPTIONS shop.test yes").await, Ok(()));
    let error = check(vec![(200, 206)], "OPTIONS").await.unwrap_err();
    assert!(error.ends_with("OPTIONS / answered 207"), "{error}");
    let error = check(vec![(200, 299)], "GET").await.unwrap_err();
    assert!(error.ends_with("OPTIONS / answered without `GET`"), "{error}");
}

#[tokio::test]
async fn an_answer_may_be_larger_than_what_is_read_of_it() {
    let large = |_: Request<Incoming>| async { Response::new(body::full("x".repeat(200_000))) };
    let upstream = Upstream::http(large);
    assert_eq!(verdict(&upstream, quick(Probe::Http(HttpProbe::get("/")))).await, Ok(()));
    let probe = HttpProbe { contains: Some("y".into()), ..HttpProbe::get("/") };
    let error = verdict(&upstream, quick(Probe::Http(probe))).await.unwrap_err();
    assert!(error.ends_with("GET / answered without `y`"), "{error}");
}

/// A gRPC server whose health service answers with this message.
fn grpc(message: &'static [u8]) -> Upstream {
    Upstream::http(move |request: Request<Incoming>| async move {
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        let (sender, reply) = body::channel();
        tokio::task::spawn_local(async move {
            sender.data(message).await;
            let mut trailers = hyper::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            sender.trailers(trailers).await;
        });
        let response = Response::builder().header("content-type", "application/grpc");
        response.body(reply).unwrap()
    })
}

#[tokio::test]
async fn grpc_servers_are_asked_for_their_health() {
    let probe = || quick(Probe::Grpc { service: "orders.v1.Orders".into() });
    assert_eq!(verdict(&grpc(b"\0\0\0\0\x02\x08\x01"), probe()).await, Ok(()));
    let error = verdict(&grpc(b"\0\0\0\0\x02\x08\x02"), probe()).await.unwrap_err();
    assert!(error.ends_with("the health service says NOT_SERVING"), "{error}");
    let error = verdict(&Upstream::answering(404, "?"), probe()).await.unwrap_err();
    assert!(error.ends_with("the health service answered 404"), "{error}");
}

#[tokio::test]
async fn a_check_may_go_over_tls_and_to_another_port() {
    let pki = Pki::new();
    let secure =
        Upstream::https(&pki.issue(&["localhost"]), |_| async { Response::new(body::full("ok")) });
    let plain = Upstream::answering(200, "plain");
    assert_eq!(verdict(&secure, quick(Probe::Tls)).await, Ok(()));
    let error = verdict(&plain, quick(Probe::Tls)).await.unwrap_err();
    assert!(error.contains("the TLS handshake"), "{error}");
    let port = Some(secure.address().port());
    let over_tls = || HealthCheck { port, ..quick(Probe::Http(HttpProbe::get("/"))) };
    assert_eq!(verdict(&plain, HealthCheck { tls: Some(true), ..over_tls() }).await, Ok(()));
    assert!(verdict(&plain, over_tls()).await.is_err());
}

/// A server that answers the first bytes, or the connection itself, with a line.
fn talking(line: &'static str, first: bool) -> Upstream {
    Upstream::tcp(move |mut socket| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut question = [0; 64];
        if first || socket.read(&mut question).await.is_ok_and(|length| length > 0) {
            let _ = socket.write_all(line.as_bytes()).await;
        }
        let _ = socket.read(&mut question).await;
    })
}

#[tokio::test]
async fn databases_and_mail_servers_are_asked_in_their_own_words() {
    assert_eq!(verdict(&talking("+PONG\r\n", false), quick(Probe::Redis)).await, Ok(()));
    assert_eq!(verdict(&talking("N", false), quick(Probe::Postgres)).await, Ok(()));
    assert_eq!(verdict(&talking("220 mail\r\n", true), quick(Probe::Smtp)).await, Ok(()));
    let error = verdict(&talking("554 no\r\n", true), quick(Probe::Smtp)).await.unwrap_err();
    assert!(error.ends_with("the greeting is `554 no`"), "{error}");
}

#[tokio::test]
async fn an_agent_may_drain_weigh_and_take_down() {
    let (a, b) = (Upstream::answering(200, "a"), Upstream::answering(200, "b"));
    let line = Arc::new(std::sync::Mutex::new("50%\n"));
    let said = Arc::clone(&line);
    let agent = Upstream::tcp(move |mut socket| {
        let line = *said.lock().unwrap();
        async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, line.as_bytes()).await;
        }
    });
    let mut web = service("web", &[a.address(), b.address()]);
    let Source::Static(written) = &mut web.source else { panic!() };
    written[0].weight = 4;
    web.health = Some(HealthCheck {
        agent: Some(AgentCheck {
            port: agent.address().port(),
            interval: Duration::from_millis(20),
            timeout: Duration::from_secs(2),
            send: String::new(),
        }),
        ..quick(Probe::Tcp)
    });
    let rig = Rig::start(model(vec![web])).await;
    let say = |words| *line.lock().unwrap() = words;
    let first = async || rig.endpoints("web").await.remove(0);
    until("it weighs half", async || first().await.weight == 2).await;
    say("drain\n");
    until("it drains", async || first().await.state.as_str() == "draining").await;
    say("ready down # broken disk\n");
    until("it is down", async || !first().await.healthy).await;
    let told = first().await;
    assert_eq!(told.health_error.as_deref(), Some("its agent says `ready down # broken disk`"));
    say("up 100%\n");
    until("it is back", async || {
        let told = first().await;
        told.healthy && told.weight == 4 && told.state.as_str() == "ready"
    })
    .await;
    assert!(first().await.health_changes >= 2);
}

#[tokio::test]
async fn an_endpoint_that_must_be_checked_first_gets_nothing_before() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let wait = Arc::clone(&gate);
    let upstream = Upstream::http(move |request: Request<Incoming>| {
        let wait = Arc::clone(&wait);
        async move {
            if request.uri().path() == "/healthz" {
                wait.notified().await;
            }
            Response::new(body::full("ok"))
        }
    });
    let mut web = service("web", &[upstream.address()]);
    web.health = Some(HealthCheck {
        initial: Initial::Unhealthy,
        timeout: Duration::from_secs(10),
        ..quick(Probe::Http(HttpProbe::get("/healthz")))
    });
    let rig = Rig::start(model(vec![web.clone()])).await;
    assert_eq!(rig.client().await.get("a", "/").await.status, 503);
    gate.notify_one();
    until("its check passes", async || rig.endpoints("web").await[0].healthy).await;
    assert_eq!(rig.client().await.get("a", "/").await.status, 200);
    // A successor knows that already.
    let state = rig.proxy.export_state();
    let heir = Rig::start(model(vec![web])).await;
    heir.proxy.import_state(&state);
    assert_eq!(heir.client().await.get("a", "/").await.status, 200);
}

/// A gateway whose names are known by this server alone.
async fn named(server: &NameServer, web: Service) -> Rig {
    let servers = Settings::of(vec![server.address()]);
    let config = Config { gone: Duration::from_secs(1), ..Config::default() };
    let resolver = Arc::new(Resolver::with_servers(config, Clock::system(), servers));
    Rig::start_with(model(vec![web]), |deps| deps.resolver = resolver).await
}

#[tokio::test]
async fn endpoints_follow_a_name_and_what_is_open_stays() {
    let one = Upstream::answering(200, "one");
    let server = NameServer::new();
    let address = |last| std::net::IpAddr::from([127, 0, 0, last]);
    server.say("web.test", Says::Addresses(vec![address(1)], 1));
    let authority = Authority::Dns { host: "web.test".into(), port: one.address().port() };
    let mut web = service("web", &[]);
    web.source = Source::Static(vec![StaticEndpoint {
        authority,
        weight: 3,
        place: EndpointPlace::default(),
        limit: None,
    }]);
    let rig = named(&server, web).await;
    assert_eq!(rig.client().await.get("a", "/").await.text(), "one");
    let count = async |wanted: usize| {
        until("the endpoints follow", async || rig.endpoints("web").await.len() == wanted).await;
    };
    server.say("web.test", Says::Addresses(vec![address(1), address(2)], 1));
    count(2).await;
    // A server that fails changes nothing.
    server.say("web.test", Says::Failure);
    let asked = server.asked();
    until("it is asked", async || server.asked() > asked).await;
    assert_eq!(rig.endpoints("web").await.len(), 2);
    server.say("web.test", Says::Nobody(1));
    count(0).await;
    assert_eq!(rig.client().await.get("a", "/").await.status, 503);
}

#[tokio::test]
async fn records_of_a_service_tell_ports_and_weights() {
    let upstream = Upstream::answering(200, "ok");
    let port = upstream.address().port();
    let server = NameServer::new();
    let targets = vec![(1, 5, port, "a.test"), (9, 1, 1, "b.test")];
    server.say("_http._tcp.web.test", Says::Services(targets, 60));
    server.say("a.test", Says::Addresses(vec![[127, 0, 0, 1].into()], 60));
    let mut web = service("web", &[]);
    let authority = Authority::Srv("_http._tcp.web.test".into());
    web.source = Source::Static(vec![StaticEndpoint {
        authority,
        weight: 2,
        place: EndpointPlace::default(),
        limit: None,
    }]);
    let rig = named(&server, web).await;
    assert_eq!(rig.client().await.get("a", "/").await.text(), "ok");
    let endpoints = rig.endpoints("web").await;
    assert_eq!((endpoints.len(), endpoints[0].weight), (1, 10));
}
