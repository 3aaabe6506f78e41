//! Limits of requests, refusals and the headers of every answer.

use std::time::Duration;

use trunkline_api::guard::{self, Token};
use trunkline_model::ports::Surface::{Console, JaegerQuery, Metrics};
use trunkline_testkit::RawClient;
use trunkline_testkit::wait::until;

use crate::fakes::line;

use crate::running::{config, json, serve};

const TOKEN: &str = "0123456789abcdef";

#[tokio::test]
async fn every_answer_carries_the_protective_headers() {
    let running = serve(&config());
    for (surface, head) in [
        (Console, "GET /v1/status"),
        (Console, "GET /nothing"),
        (Console, "GET /v1/status\nhost: evil.example"),
        (Console, "POST /v1/reload\norigin: http://evil.example"),
        (Console, "OPTIONS /v1/reload"),
        (Metrics, "GET /metrics"),
        (JaegerQuery, "GET /api/services"),
        (JaegerQuery, "GET /api/none"),
    ] {
        let response = running.send(surface, head, "").await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(response.header(name), Some(value), "{name} of {head}");
        }
        assert_eq!(response.header("access-control-allow-origin"), None, "{head}");
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_what_to_do() {
    let running = serve(&config());
    for surface in [Console, Metrics, JaegerQuery] {
        let response = running.send(surface, "GET /\nhost: evil.example", "").await;
        assert_eq!(response.status, 421);
        let problem = json(&response);
        assert_eq!(problem["code"], "foreign_host");
        assert_eq!(problem["detail"], "`evil.example` is not a name of this Trunkline");
        assert_eq!(problem["hint"], "use localhost, 127.0.0.1 or a name of the project");
    }
    let head = "POST /v1/shutdown\norigin: http://localhost:3000";
    let response = running.send(Console, head, "").await;
    assert_eq!((response.status, json(&response)["code"].as_str()), (403, Some("foreign_page")));
    assert!(running.deeds().is_empty());
}

#[tokio::test]
async fn configured_origins_may_read_and_change() {
    let mut config = config();
    config.guard.origins = vec!["https://tools.example.com".into()];
    let running = serve(&config);
    let origin = "origin: https://tools.example.com";
    let preflight = format!("OPTIONS /v1/shutdown\n{origin}\naccess-control-request-method: POST");
    let response = running.send(Console, &preflight, "").await;
    assert_eq!(response.status, 204);
    assert_eq!(response.header("access-control-allow-origin"), Some("https://tools.example.com"));
    assert_eq!(response.header("access-control-allow-methods"), Some("GET, HEAD, POST"));
    let response = running.send(Console, &format!("POST /v1/shutdown\n{origin}"), "").await;
    assert_eq!(response.status, 202);
    assert_eq!(response.header("access-control-allow-origin"), Some("https://tools.example.com"));
    assert_eq!(response.header("vary"), Some("origin"));
    let response = running.send(Console, "GET /v1/status\norigin: https://evil.example", "").await;
    assert_eq!(response.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_surface_beyond_loopback_asks_for_the_token() {
    let mut config = config();
    config.guard.token = Token::new(TOKEN);
    config.addresses[0].1 = "0.0.0.0:0".parse().unwrap();
    let running = serve(&config);
    let port = running.address(Console).port();
    let ask = async |head: &str| {
        let mut client = RawClient::connect(([127, 0, 0, 1], port).into()).await;
        client.send(format!("GET {head}\r\n\r\n")).await;
        client.response().await
    };
    let response = ask("/v1/status HTTP/1.1\r\nHost: 127.0.0.1").await;
    assert_eq!(response.status, 401);
    assert_eq!(response.header("www-authenticate"), Some("Bearer realm=\"trunkline\""));
    let with_token =
        format!("/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}");
    assert_eq!(ask(&with_token).await.status, 200);
    assert_eq!(ask("/v1/live HTTP/1.1\r\nHost: 127.0.0.1").await.status, 200);
}

#[tokio::test]
async fn bodies_are_limited_in_size_and_time() {
    let mut config = config();
    config.guard = guard::Config {
        body_bytes_max: 100,
        body_time_max: Duration::from_millis(50),
        ..config.guard
    };
    let running = serve(&config);
    let response = running.send(Console, "POST /v1/reload", &"x".repeat(101)).await;
    assert_eq!((response.status, json(&response)["code"].as_str()), (413, Some("body_too_large")));

    let mut client = RawClient::connect(running.address(Console)).await;
    let chunk = format!("{:x}\r\n{}\r\n", 101, "x".repeat(101));
    client
        .send(format!("POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"))
        .await;
    assert_eq!(client.response().await.status, 413);

    let mut client = RawClient::connect(running.address(Console)).await;
    client.send("POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab").await;
    assert_eq!(client.response().await.status, 408);
    assert!(running.deeds().is_empty());
}

#[tokio::test]
async fn heads_are_limited_in_size_and_time() {
    let mut config = config();
    config.idle = Duration::from_millis(100);
    let running = serve(&config);
    let mut client = RawClient::connect(running.address(Console)).await;
    client
        .send(format!("GET / HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n", "x".repeat(40_000)))
        .await;
    assert_eq!(client.response().await.status, 431);

    let mut client = RawClient::connect(running.address(Console)).await;
    let many = "x: y\r\n".repeat(100);
    client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n")).await;
    assert_eq!(client.response().await.status, 431);

    for begun in ["", "GET / HT", "GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut client = RawClient::connect(running.address(Console)).await;
        client.send(begun).await;
        // Ends only when the surface closes the idle connection.
        client.rest().await;
    }
}

#[tokio::test]
async fn a_reader_that_stalls_is_given_up() {
    let mut config = config();
    config.idle = Duration::from_millis(100);
    let running = serve(&config);
    let mut client = RawClient::connect(running.address(Console)).await;
    client.send("GET /v1/logs?follow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.until(b"second").await;
    let connected = || running.scope.tasks().iter().any(|task| task.path.ends_with("/connection"));
    assert!(connected());
    let long = "x".repeat(1 << 20);
    until("the connection is closed", async || {
        // Fails when nobody follows any more.
        let _ = running.later.send(line(&long));
        !connected()
    })
    .await;
}
