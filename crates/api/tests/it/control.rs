//! The control API, document by document.

use std::sync::Arc;

use serde_json::json;
use trunkline_api::control::PATHS;
use trunkline_model::ports::Surface::Console;
use trunkline_testkit::RawClient;

use crate::fakes::{ENDPOINT, line};
use crate::running::{config, json, serve, serve_model};

#[tokio::test]
async fn the_status_names_every_service_with_its_state_and_numbers() {
    let running = serve(&config());
    let response = running.get(Console, "/v1/status").await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    let status = json(&response);
    assert_eq!(status["schema"], 1);
    assert_eq!((&status["project"], &status["generation"]), (&json!("shop"), &json!(3)));
    assert_eq!(status["ready"], false);
    assert_eq!(status["waiting_for"], json!(["orders"]));
    assert_eq!(status["listeners"][0]["url"], "http://shop.localhost:8000");
    assert_eq!(status["services"]["web"]["state"], "backing_off");
    let orders = &status["services"]["orders"];
    assert_eq!(orders["state"], "ready");
    assert_eq!(orders["url"], "http://orders.shop.localhost:8000");
    assert_eq!(orders["process"]["pid"], 77);
    assert_eq!(
        orders["requests"],
        json!({ "total": 100, "failed": 2, "by_status": { "200": 98, "503": 2 } })
    );
    assert_eq!(
        orders["latency_ms"],
        json!({ "count": 100, "p50": 1.023, "p90": 1.023, "p99": 8.191 })
    );
    assert_eq!(orders["endpoints"][0]["id"], ENDPOINT);
    assert_eq!(orders["endpoints"][0]["state"], "ready");
}

#[tokio::test]
async fn every_path_of_the_table_is_served_and_documented() {
    let running = serve(&config());
    let page = include_str!("../../../../docs/reference/api.md");
    for (method, path, _) in PATHS {
        assert!(page.contains(&format!("## `{method} {path}`")), "{method} {path} in api.md");
        // A stream has no end; its own tests read it.
        if *path == "/v1/events" {
            continue;
        }
        let target = path.replace("{id}", "x").replace("{name}", "y");
        let response = running.send(Console, &format!("{method} {target}"), "").await;
        assert_ne!(response.status, 405, "{method} {path}");
        let text = response.text();
        assert!(!text.contains("has no path"), "{method} {path}");
    }
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_are_problems() {
    let running = serve(&config());
    let response = running.get(Console, "/v1/nothing").await;
    assert_eq!(response.status, 404);
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(json(&response)["detail"], "the control API has no path `/v1/nothing`");
    let response = running.get(Console, "/v1/reload").await;
    assert_eq!((response.status, json(&response)["code"].clone()), (405, json!("method")));
}

#[tokio::test]
async fn commands_are_carried_out_or_say_why_not() {
    let running = serve(&config());
    let post = async |target: &str, body: &str| {
        running.send(Console, &format!("POST {target}\ncontent-type: application/json"), body).await
    };
    let response = post("/v1/reload", "").await;
    assert_eq!(response.status, 422);
    assert_eq!(json(&response)["errors"], json!(["error[TL0103]: a", "b"]));

    assert_eq!(post("/v1/services/orders/restart", "").await.status, 200);
    let with_callers = post("/v1/services/orders/restart?dependants=true", "").await;
    assert_eq!(json(&with_callers)["dependants"], json!(["web"]));
    assert_eq!(post("/v1/services/orders/restart?dependents=true", "").await.status, 400);
    assert_eq!(post("/v1/services/no%20name/restart", "").await.status, 404);
    assert_eq!(post("/v1/services/missing/restart", "").await.status, 404);

    let state = "/v1/endpoints/orders%40127.0.0.1%3A5000/state";
    let response = post(state, r#"{"state":"draining"}"#).await;
    assert_eq!(json(&response), json!({ "endpoint": ENDPOINT, "override": "draining" }));
    assert_eq!(post(state, r#"{"state":null}"#).await.status, 200);
    assert_eq!(post(state, r#"{"state":"starting"}"#).await.status, 400);
    assert_eq!(post(state, r#"{"weight":1}"#).await.status, 400);
    assert_eq!(post("/v1/endpoints/x/state", r#"{"state":"down"}"#).await.status, 404);
    let weight = "/v1/endpoints/orders%40127.0.0.1%3A5000/weight";
    let response = post(weight, r#"{"weight":7}"#).await;
    assert_eq!(json(&response), json!({ "endpoint": ENDPOINT, "weight": 7 }));
    assert_eq!(post(weight, r#"{"weight":70000}"#).await.status, 400);
    assert_eq!(post(weight, r#"{"weight":-1}"#).await.status, 400);

    assert_eq!(json(&post("/v1/upgrade", "").await)["pid"], 43);
    assert_eq!(post("/v1/shutdown", "").await.status, 202);
    assert_eq!(
        running.deeds(),
        [
            "reload",
            "restart orders false",
            "restart orders true",
            "orders@127.0.0.1:5000 draining",
            "orders@127.0.0.1:5000 none",
            "orders@127.0.0.1:5000 weight Some(7)",
            "upgrade",
            "shutdown",
        ]
    );
}

#[tokio::test]
async fn readiness_is_a_status() {
    let running = serve(&config());
    let response = running.get(Console, "/v1/ready").await;
    assert_eq!((response.status, json(&response)), (503, json!({ "state": "waiting" })));
    assert_eq!(running.get(Console, "/v1/live").await.status, 200);
}

#[tokio::test]
async fn an_explanation_says_where_everything_is_written() {
    let model = Arc::new(crate::console::model_with("orders-1"));
    let running = serve_model(&config(), Some(model), Vec::new());
    let target = "/v1/explain?url=https://shop.localhost/api/orders";
    let told = json(&running.get(Console, target).await);
    let origin = json!({ "file": "trunkline.yaml", "line": 5, "column": 3 });
    assert_eq!(
        (&told["route"]["id"], &told["route"]["origin"], &told["route"]["reads"]),
        (&json!("orders-1"), &origin, &json!("/**"))
    );
    // What was there before there were details.
    assert_eq!(
        (&told["listener"], &told["filters"][0]),
        (&json!("http"), &json!("secure_headers"))
    );
    assert_eq!(told["targets"][0]["endpoints"], json!(["orders@127.0.0.1:5000"]));
    assert_eq!(told["passed_over"][0]["because"], "the path differs");

    assert_eq!(told["listener_detail"]["address"], "127.0.0.1:8000");
    assert_eq!(told["passed_over"][0]["origin"], origin);
    assert_eq!((&told["running"], &told["forwarded"]), (&json!(true), &json!("/orders")));
    let target = &told["targets"][0];
    assert_eq!(target["origin"]["line"], 9);
    assert_eq!(target["endpoint_detail"][0]["able"], true);
    assert_eq!(
        told["now"],
        json!({ "kind": "forward", "status": null, "text": "forwarded to orders at 127.0.0.1:5000" })
    );
    assert_eq!(running.get(Console, "/v1/explain?url=shop").await.status, 400);
    assert_eq!(running.get(Console, "/v1/explain?url=http://orders/&from=A!").await.status, 400);
}

#[tokio::test]
async fn log_lines_are_ndjson_and_follow_when_asked_to() {
    let running = serve(&config());
    let response = running.get(Console, "/v1/logs?grep=sec.nd").await;
    assert_eq!(response.header("content-type"), Some("application/x-ndjson"));
    let expect = r#"{"service":"orders","stream":"stderr","text":"second \u001b[31m","time":"1970-01-01T00:00:01Z"}"#;
    assert_eq!(response.text(), format!("{expect}\n"));

    let mut client = RawClient::connect(running.address(Console)).await;
    client.send("GET /v1/logs?follow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.until(b"second").await;
    running.later.send(line("third")).unwrap();
    client.until(b"third").await;
}

#[tokio::test]
async fn sessions_are_limited_picked_and_cut() {
    let running = serve(&config());
    let path = "/v1/sessions?limit=1&service=orders";
    let sessions = json(&running.get(Console, path).await);
    let open = json!([{
        "method": "GET", "host": "shop.localhost", "target": "/orders/7", "service": "orders",
        "endpoint": ENDPOINT, "age_seconds": 1.5, "bytes_received": 0, "bytes_sent": 512,
    }]);
    let expect = json!([{
        "id": "0-17", "listener": "http", "peer": "127.0.0.1:4000", "age_seconds": 3.0,
        "requests": 5, "open": open,
    }]);
    assert_eq!(sessions["sessions"], expect);
    let post = async |path: &str| running.send(Console, &format!("POST {path}"), "").await;
    assert_eq!(json(&post("/v1/sessions/cut?id=0-17").await), json!({ "cut": 1 }));
    assert_eq!(json(&post("/v1/sessions/cut?from=10.0.0.7").await), json!({ "cut": 1 }));
    assert_eq!(post("/v1/sessions/cut?id=0-1").await.status, 404);
    for wrong in ["", "?id=x", "?from=home", "?to=1.2.3.4"] {
        assert_eq!(post(&format!("/v1/sessions/cut{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(running.get(Console, "/v1/sessions?limit=all").await.status, 400);
}
