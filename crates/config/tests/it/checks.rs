//! How health checks and names of services are read.

use std::time::Duration;

use trunkline_model::route::Authority;
use trunkline_model::service::{AgentCheck, HealthCheck, HttpProbe, Initial, Probe, Source};

use crate::rig::{model, screen};

fn text_of(service: &str) -> String {
    format!("version: 1\nservices:\n  web: {{ external: \"web.test:1\", {service} }}\n")
}

fn health(health: &str) -> HealthCheck {
    model(&text_of(&format!("health: {health}"))).services.remove(0).health.unwrap()
}

#[test]
fn a_word_or_a_path_says_how_an_endpoint_is_checked() {
    let check = |text: &str, expect: Probe| assert_eq!(health(text).probe, expect, "{text}");
    check("/healthz", Probe::Http(HttpProbe::get("/healthz")));
    check("tcp", Probe::Tcp);
    check("tls", Probe::Tls);
    check("grpc", Probe::Grpc { service: String::new() });
    check("{ kind: grpc, service: a.B }", Probe::Grpc { service: "a.B".into() });
    check("redis", Probe::Redis);
    check("postgres", Probe::Postgres);
    check("smtp", Probe::Smtp);
    let probe = HttpProbe {
        method: "HEAD".into(),
        host: Some("shop.test".into()),
        headers: vec![("x-a".into(), "1".into())],
        statuses: vec![(200, 200), (204, 299)],
        contains: Some("ok".into()),
        ..HttpProbe::get("/x")
    };
    let text = "{ path: /x, method: HEAD, host: shop.test, headers: { x-a: 1 }, status: [200, 204-299], contains: ok }";
    check(text, Probe::Http(probe));
}

#[test]
fn paces_follow_the_interval_unless_they_are_written() {
    let ms = Duration::from_millis;
    let paces = |text: &str| {
        let health = health(text);
        (health.interval, health.fast_interval, health.down_interval)
    };
    assert_eq!(paces("{ interval: 5s }"), (ms(5_000), ms(5_000), ms(5_000)));
    let text = "{ interval: 5s, fast_interval: 100ms, down_interval: 20s }";
    assert_eq!(paces(text), (ms(5_000), ms(100), ms(20_000)));
    let health =
        health("{ initial: unhealthy, port: 99, tls: true, agent: { port: 7, send: hi } }");
    assert_eq!(
        (health.initial, health.port, health.tls),
        (Initial::Unhealthy, Some(99), Some(true))
    );
    let agent = AgentCheck { port: 7, interval: ms(2_000), timeout: ms(1_000), send: "hi".into() };
    assert_eq!(health.agent, Some(agent));
}

#[test]
fn a_check_that_cannot_be_is_told() {
    let check = |health: &str, expect: &str| {
        let text = text_of(&format!("health: {health}"));
        let told = screen(&text);
        assert!(told.contains(expect), "{health}: {told}");
    };
    check("{ kind: tcp, path: /x }", "`path` is for a health check of kind `http`");
    check("{ path: /x, service: a }", "`service` is for a health check of kind `grpc`");
    check("{ path: x }", "`x` is not a path");
    check("{ path: /x, status: 700 }", "`700` is neither a status nor a range");
    check("{ path: /x, status: 300-200 }", "`300-200` is neither a status nor a range");
    check("{ fast_interval: 0s }", "above zero");
    check("{ jitter: 101 }", "at most 100 percent");
    check("{ agent: { port: 0 } }", "above zero");
}

#[test]
fn an_address_may_be_a_name_with_records() {
    let text = "version: 1\nservices:\n  web: { external: \"srv:_http._tcp.Web.test\" }\n";
    let Source::Static(endpoints) = &model(text).services[0].source else { panic!() };
    assert_eq!(endpoints[0].authority, Authority::Srv("_http._tcp.web.test".into()));
    let wrong = text.replace("_http._tcp.Web.test", "a b");
    let told = screen(&wrong);
    assert!(told.contains("`a b` is not a name"), "{told}");
}
