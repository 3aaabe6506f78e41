//! The console on the real binary: what it shows is what was sent, and secrets stay where they are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use serde_json::Value;
use trunkline_testkit::Upstream;

use crate::serve::get;
use crate::support::{Running, World, free_port, until};

/// A gateway with its console, in front of a service that answers and one that is not there.
fn config(port: u16, console: u16, upstream: &Upstream) -> String {
    let (metrics, jaeger, gone) = (free_port(), free_port(), free_port());
    format!(
        "version: 1\nname: shop\ngateway: {{ http: 127.0.0.1:{port}, access_log: off }}\n\
         ports: {{ metrics: {metrics}, jaeger: {jaeger}, console: {console} }}\nservices:\n  web:\n    \
         external: \"{}\"\n    calls: [gone]\n    timeout: 7s\n  gone: {{ external: \"127.0.0.1:{gone}\" }}\n\
         routes:\n  - {{ match: \"/gone/**\", to: gone }}\n  - {{ match: \"/**\", to: web }}\n",
        upstream.address()
    )
}

struct Shop {
    world: World,
    serving: Running,
    port: u16,
    console: u16,
    /// What is in force.
    config: String,
    _upstream: Upstream,
}

impl Shop {
    fn open() -> Self {
        let upstream = Upstream::answering(200, "one");
        let (world, port, console) = (World::new(), free_port(), free_port());
        let config = config(port, console, &upstream);
        world.write("trunkline.yaml", &config);
        let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
        serving.wait_for("serving");
        Self { world, serving, port, console, config, _upstream: upstream }
    }

    fn document(&self, path: &str) -> Value {
        let (status, body) = get(self.console, path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&unchunked(&body)).unwrap_or_else(|error| panic!("{error}: {body}"))
    }
}

/// A body without the frames of chunks, where it has any.
fn unchunked(body: &str) -> String {
    if body.starts_with(['{', '[']) {
        return body.to_owned();
    }
    body.split("\r\n").skip(1).step_by(2).collect()
}

fn find(list: &Value, key: &str, value: &str) -> Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == value);
    found.unwrap_or_else(|| panic!("no {key}={value} in {list:#}")).clone()
}

#[test]
fn what_the_console_shows_is_what_was_sent() {
    let shop = Shop::open();
    for _ in 0..30 {
        assert_eq!(get(shop.port, "/page?x=1").0, 200);
    }
    for _ in 0..5 {
        assert_eq!(get(shop.port, "/gone/x").0, 502);
    }
    let requests = || shop.document("/v1/requests")["requests"].as_array().unwrap().len();
    until("all requests", || requests() == 35, || shop.serving.text());

    let services = shop.document("/v1/services");
    let web = find(&services["services"], "name", "web");
    assert_eq!((web["requests"].as_u64(), web["error_share"].as_f64()), (Some(30), Some(0.0)));
    assert!(web["rate_per_second"].as_f64().unwrap() > 0.0 && web["latency_ms"]["p99"].is_number());
    let gone = find(&services["services"], "name", "gone");
    assert_eq!((gone["failed"].as_u64(), gone["error_share"].as_f64()), (Some(5), Some(1.0)));

    let graph = shop.document("/v1/graph");
    let edge = |from: &str, to: &str| {
        let edges = graph["edges"].as_array().unwrap();
        edges.iter().find(|edge| edge["from"] == from && edge["to"] == to).unwrap().clone()
    };
    assert_eq!(edge("gateway", "web")["requests"], 30);
    assert_eq!(edge("gateway", "gone")["status"], "observed");
    // `serve` does not lead calls between services: nobody can know.
    assert_eq!(edge("web", "gone")["status"], "declared");

    let failed = shop.document("/v1/requests?status=failed&limit=1");
    let failed = &failed["requests"][0];
    assert_eq!(
        (failed["status"].as_u64(), failed["reason"].as_str()),
        (Some(502), Some("connect"))
    );
    let trace = shop.document(&format!("/v1/traces/{}", failed["trace"].as_str().unwrap()));
    assert_eq!(trace["spans"][0]["depth"], 0);
    assert_eq!(trace["spans"].as_array().unwrap().len() as u64, failed["spans"].as_u64().unwrap());
}

#[test]
fn the_configuration_is_told_without_secrets_and_follows_a_reload() {
    let mut shop = Shop::open();
    let document = shop.document("/v1/configuration");
    let web = find(&document["services"], "name", "web");
    let timeout = find(&web["settings"], "key", "timeout.request");
    assert_eq!((&timeout["value"], &timeout["default"]), (&"7s".into(), &false.into()));
    assert_eq!(timeout["origin"]["line"], 9, "{timeout}");
    assert_eq!(find(&web["settings"], "key", "balance")["default"], true);

    let overlay = "env:\n  other: { services: { web: { env: { KEY: very-secret } } } }\n";
    let text = shop.config.replace("7s", "8s") + overlay;
    shop.world.write("trunkline.yaml", &text);
    shop.serving.wait_for("configuration is in force");
    let document = shop.document("/v1/configuration");
    assert!(document["generation"].as_u64() > Some(1));
    let file = document["files"][0]["text"].as_str().unwrap().to_owned();
    assert!(file.contains("timeout: 8s") && file.contains("KEY: "), "{file}");
    assert!(!document.to_string().contains("very-secret"));
}

#[test]
fn events_come_while_requests_do_and_end_with_the_process() {
    let mut shop = Shop::open();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", shop.console)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "event: snapshot"));
    assert_eq!(get(shop.port, "/seen").0, 200);
    assert!(lines.any(|line| line == "event: request"));
    let data = lines.next().unwrap();
    let request: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&request["path"], &request["spans"]), (&"/seen".into(), &3.into()));
    let text = shop.config.replace("7s", "8s");
    shop.world.write("trunkline.yaml", &text);
    assert!(lines.any(|line| line == "event: generation"));
    shop.serving.signal("TERM");
    assert_eq!(lines.last().as_deref(), Some(""), "the stream ends as a stream ends");
    assert_eq!(shop.serving.ended().code(), Some(0));
}

#[test]
fn a_browser_gets_the_page_and_a_tool_the_list_of_paths() {
    let shop = Shop::open();
    let ask = |path: &str, headers: &str| {
        use std::io::Read as _;
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", shop.console)).unwrap();
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n"
        )
        .unwrap();
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let page = ask("/services/web", "accept: text/html,*/*;q=0.8\r\n");
    assert!(page.contains("content-type: text/html") && page.contains("<script"), "{page}");
    assert!(
        page.contains("script-src 'self'") && page.contains("cache-control: no-cache"),
        "{page}"
    );
    let script = page.split(['"', '\'']).find(|text| text.starts_with("/assets/")).unwrap();
    let script = ask(script, "accept-encoding: gzip\r\n");
    assert!(
        script.contains("immutable") && script.contains("content-encoding: gzip"),
        "{}",
        &script[..400]
    );
    assert!(ask("/", "").contains("\"api\":\"trunkline control\""));
}
