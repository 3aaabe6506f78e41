//! Calls between services of `up`: services that record nothing yield one connected trace, and a
//! callee that restarts costs its caller no request.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::serve::{get, ports};
use crate::support::{World, free_port, until};

/// Passes the trace on, as any service should, and records nothing.
const SERVER: &str = r#"
import http.server, os, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body, url = b"done", os.environ.get("ORDERS_URL")
        if url and self.path != "/healthz":
            passed = {name: self.headers[name] for name in ("traceparent", "x-request-id")}
            body = urllib.request.urlopen(urllib.request.Request(url + "/orders/42", headers=passed)).read()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn started(world: &World, port: u16) -> crate::support::Running {
    world.write("server.py", SERVER);
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: calls-{port}\ngateway: {{ http: {port} }}\n{}services:\n  \
             web: {{ command: \"exec python3 server.py\", calls: [orders], health: /healthz }}\n  \
             orders: {{ command: \"exec python3 server.py\", health: /healthz }}\n\
             routes: [ {{ match: \"/**\", to: web }} ]\n",
            ports()
        ),
    );
    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    up
}

fn document(world: &World, arguments: &[&str]) -> Value {
    serde_json::from_str(&world.data(arguments)).unwrap()
}

#[test]
fn services_that_record_nothing_yield_one_connected_trace() {
    let (world, port) = (World::new(), free_port());
    let _up = started(&world, port);
    assert_eq!(get(port, "/checkout"), (200, "done".to_owned()));
    let newest = || {
        let list = document(&world, &["traces", "--format", "json"]);
        let traces = list["traces"].as_array().unwrap().clone();
        traces.into_iter().find(|trace| trace["name"] == "GET /**" && trace["spans"] == 5)
    };
    until("the trace is whole", || newest().is_some(), || format!("{:?}", newest()));
    let id = newest().unwrap()["id"].as_str().unwrap().to_owned();
    let trace = document(&world, &["traces", &id, "--format", "json"]);
    let spans = trace["spans"].as_array().unwrap();
    let by_id: BTreeMap<_, _> =
        spans.iter().map(|span| (span["id"].as_str().unwrap(), span)).collect();
    let described = |span: &Value| {
        let text = |key: &str| span[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text("service"), text("kind"), text("name"))
    };
    let told = |span: &Value| {
        let parent = span["parent"].as_str().and_then(|parent| by_id.get(parent));
        format!("{} < {}", described(span), parent.map_or("-".to_owned(), |one| described(one)))
    };
    let gateway = format!("calls-{port}");
    let mut told: Vec<String> = spans.iter().map(told).collect();
    told.sort();
    let mut expected = vec![
        format!("{gateway} server GET /** < -"),
        format!("{gateway} client GET web < {gateway} server GET /**"),
        format!("web server GET /checkout < {gateway} client GET web"),
        "web client GET orders < web server GET /checkout".to_owned(),
        "orders server GET /orders/{id} < web client GET orders".to_owned(),
    ];
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn a_callee_that_restarts_costs_its_caller_nothing() {
    let (world, port) = (World::new(), free_port());
    let _up = started(&world, port);
    std::thread::scope(|scope| {
        let restart = scope.spawn(|| world.data(&["restart", "orders"]));
        while !restart.is_finished() {
            assert_eq!(get(port, "/"), (200, "done".to_owned()));
        }
        restart.join().unwrap();
    });
    let status = document(&world, &["status", "--format", "json"]);
    assert_eq!(status["services"]["orders"]["process"]["restarts"], 1);
    let inner = status["listeners"].as_array().unwrap().iter().find(|one| one["caller"] == "web");
    assert_eq!(inner.unwrap()["id"], "web->orders");
    let urls = world.data(&["urls"]);
    assert!(!urls.contains("->") && !urls.contains(inner.unwrap()["address"].as_str().unwrap()));
}
