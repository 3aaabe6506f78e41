//! What comes in as telemetry is kept and sent on, whatever happens to the process or the receiver.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use trunkline_testkit::Upstream;

use crate::serve::get;
use crate::support::{Running, World, free_port, is_alive, until};

/// A gateway that takes OTLP over HTTP, and its ports.
pub struct Gateway {
    world: World,
    http: u16,
    otlp: u16,
    jaeger: u16,
    metrics: u16,
    upstream: Upstream,
}

impl Gateway {
    pub fn new(upstream: Upstream) -> Self {
        let (http, otlp, jaeger, metrics) = (free_port(), free_port(), free_port(), free_port());
        Self { world: World::new(), http, otlp, jaeger, metrics, upstream }
    }

    /// Serves, and sends on to a port of this machine if there is one.
    fn start(&self, forward: Option<u16>) -> Running {
        self.start_with(&forward.map_or_else(String::new, |port| {
            format!("forward: \"http://127.0.0.1:{port}/v1/traces\"")
        }))
    }

    /// Serves with more of `telemetry`.
    pub fn start_with(&self, more: &str) -> Running {
        let ports = format!(
            "ports: {{ metrics: {}, jaeger: {}, console: {} }}\n",
            self.metrics,
            self.jaeger,
            free_port()
        );
        self.world.write(
            "trunkline.yaml",
            &format!(
                "version: 1\nname: demo\n\
                 gateway: {{ http: 127.0.0.1:{}, access_log: off }}\n{ports}\
                 telemetry: {{ receive: {{ otlp_grpc: off, otlp_http: {} }}, {more} }}\n\
                 services:\n  web: {{ external: \"{}\" }}\n\
                 routes:\n  - {{ match: \"/**\", to: web }}\n",
                self.http,
                self.otlp,
                self.upstream.address(),
            ),
        );
        let mut serving = self.world.start(&["serve", "-c", "trunkline.yaml"]);
        serving.wait_for("serving");
        serving
    }

    /// Sends one span, which is acknowledged when this returns.
    fn send(&self, number: u32) {
        self.send_with(number, "buy", "");
    }

    /// Sends one span of this name with attributes, which are JSON.
    fn send_with(&self, number: u32, name: &str, attributes: &str) {
        let body = batch(number, name, attributes);
        until("the store takes spans", || self.post(&body), String::new);
    }

    /// Sends one span; says whether it was acknowledged.
    pub fn try_send(&self, number: u32) -> bool {
        self.post(&batch(number, "buy", ""))
    }

    fn post(&self, body: &str) -> bool {
        let Ok(mut socket) = TcpStream::connect(("127.0.0.1", self.otlp)) else { return false };
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            socket,
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap_or_default();
        let mut text = String::new();
        let _ = socket.read_to_string(&mut text);
        text.starts_with("HTTP/1.1 200")
    }

    /// A number of `/metrics`.
    pub fn number(&self, sample: &str) -> Option<u64> {
        let page = get(self.metrics, "/metrics").1;
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// Spans of a trace, as Jaeger's API tells them.
    fn trace(&self, trace: &str) -> Vec<serde_json::Value> {
        let (status, body) = get(self.jaeger, &format!("/api/traces/{trace}"));
        if status != 200 {
            return Vec::new();
        }
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        answer["data"][0]["spans"].as_array().cloned().unwrap_or_default()
    }

    pub fn spans(&self, trace: &str) -> usize {
        self.trace(trace).len()
    }
}

/// One span as OTLP's JSON. `attributes` are JSON.
fn batch(number: u32, name: &str, attributes: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let start = now.as_nanos();
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{:016x}","name":"{name}","kind":2,"attributes":[{attributes}],
        "startTimeUnixNano":"{start}","endTimeUnixNano":"{}"}}]}}]}}]}}"#,
        trace(number),
        number + 1,
        start + 1_000_000,
    )
}

pub fn trace(number: u32) -> String {
    format!("{:032x}", 0xabcd_0000_u64 + u64::from(number))
}

#[test]
fn what_was_acknowledged_reaches_a_collector_that_was_away_over_a_kill() {
    let near = Gateway::new(Upstream::answering(200, "ok"));
    let far = Gateway::new(Upstream::answering(200, "ok"));
    let mut serving = near.start(Some(far.otlp));
    (0..20).for_each(|number| near.send(number));
    serving.child.kill().unwrap();
    serving.ended();
    // Nobody took them yet; they are in the log alone.
    let mut serving = near.start(Some(far.otlp));
    (20..25).for_each(|number| near.send(number));
    let mut receiving = far.start(None);
    for number in 0..25 {
        let arrived = || far.spans(&trace(number)) == 1;
        until("the span at the collector", arrived, || serving.text());
        assert_eq!(near.spans(&trace(number)), 1);
    }
    for process in [&mut serving, &mut receiving] {
        process.signal("TERM");
        assert!(process.ended().success());
    }
}

#[test]
fn an_upgrade_loses_no_span_of_the_old_process() {
    let slow = Upstream::streaming(20, "piece", Duration::from_millis(100));
    let gateway = Gateway::new(slow);
    let mut serving = gateway.start(None);
    gateway.send(0);
    // The old process answers this one after it has handed over.
    let http = gateway.http;
    let slow = std::thread::spawn(move || get(http, "/slow"));
    until("the request", || gateway.upstream.requests() > 0, String::new);
    let upgraded = gateway.world.data(&["upgrade", "--format", "json"]);
    let upgraded: serde_json::Value = serde_json::from_str(&upgraded).unwrap();
    let pid = u32::try_from(upgraded["pid"].as_u64().unwrap()).unwrap();
    // The new process has the store while the old one still answers.
    gateway.send(1);
    assert!(!slow.is_finished(), "it is to take longer than that");
    assert_eq!((gateway.spans(&trace(0)), gateway.spans(&trace(1))), (1, 1));
    assert_eq!(slow.join().unwrap().0, 200);
    serving.ended();
    let own = || {
        let (_, body) = get(gateway.jaeger, "/api/traces?service=demo&limit=20&lookback=1h");
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        answer["data"].as_array().is_some_and(|traces| !traces.is_empty())
    };
    until("the span of the slow request", own, || serving.text());
    gateway.world.data(&["down"]);
    until("the end of the new process", || !is_alive(pid), String::new);
}

/// The value of a tag of the only span of a trace.
fn tag(spans: &[serde_json::Value], key: &str) -> Option<String> {
    let tags = spans[0]["tags"].as_array().unwrap();
    let found = tags.iter().find(|tag| tag["key"] == key)?;
    Some(found["value"].as_str().unwrap().to_owned())
}

#[test]
fn what_rules_take_out_is_nowhere_on_the_disk() {
    const SECRETS: [&str; 4] = ["ann@example.test", "4111111111111111", "user-81", "tok_51x"];
    let gateway = Gateway::new(Upstream::answering(200, "ok"));
    let rules = "rules: [\n\
        { name: probes, drop: { service: shop, operation: \"GET /health*\" } },\n\
        { delete: [user.email, \"http.request.header.*\"] },\n\
        { hash: [user.id] },\n\
        { mask: [card], with: hidden },\n\
        { replace: \"tok_[0-9a-z]+\", with: tok } ]";
    let attribute = |key: &str, value: &str| {
        format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
    };
    let attributes = [
        attribute("user.email", SECRETS[0]),
        attribute("http.request.header.cookie", SECRETS[0]),
        attribute("card", SECRETS[1]),
        attribute("user.id", SECRETS[2]),
        attribute("url", &format!("/pay?{}", SECRETS[3])),
    ]
    .join(",");
    let mut hashes = Vec::new();
    for round in 0..2 {
        let mut serving = gateway.start_with(rules);
        gateway.send_with(round * 2, "buy", &attributes);
        gateway.send_with(round * 2 + 1, "GET /healthz", &attributes);
        let spans = gateway.trace(&trace(round * 2));
        assert_eq!(spans.len(), 1);
        let tag = |key| tag(&spans, key);
        assert_eq!((tag("user.email"), tag("http.request.header.cookie")), (None, None));
        assert_eq!(tag("card").as_deref(), Some("hidden"));
        assert_eq!(tag("url").as_deref(), Some("/pay?tok"));
        hashes.push(tag("user.id").unwrap());
        assert_eq!(gateway.spans(&trace(round * 2 + 1)), 0, "it was dropped");
        let number = |sample| gateway.number(sample);
        assert_eq!(number("trunkline_ingest_spans_total{protocol=\"otlp_http\"}"), Some(1));
        assert_eq!(number("trunkline_ingest_dropped_spans_total{protocol=\"otlp_http\"}"), Some(1));
        assert_eq!(number("trunkline_rule_spans_total{rule=\"probes\"}"), Some(1));
        assert_eq!(number("trunkline_rule_values_total{rule=\"delete-2\"}"), Some(2));
        assert!(!gateway.post("{"), "it is no batch");
        let refused =
            "trunkline_ingest_refused_batches_total{protocol=\"otlp_http\",reason=\"malformed\"}";
        assert_eq!(number(refused), Some(1));
        assert!(number("trunkline_store_kept_spans").unwrap() > u64::from(round));
        assert_eq!(number("trunkline_store_removed_spans_total{rule=\"age\"}"), Some(0));
        serving.signal("TERM");
        assert!(serving.ended().success());
    }
    assert_eq!(hashes[0], hashes[1], "equal values stay equal over a restart");
    let mut looked_at = 0;
    for file in files(&gateway.world.path("data")) {
        let bytes = std::fs::read(&file).unwrap();
        looked_at += bytes.len();
        let found = |secret: &&str| bytes.windows(secret.len()).any(|at| at == secret.as_bytes());
        assert!(!SECRETS.iter().any(found), "{}", file.display());
    }
    assert!(looked_at > 1_000);
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_store_is_listed_checked_copied_exported_and_made_again() {
    let gateway = Gateway::new(Upstream::answering(200, "ok"));
    let serving = gateway.start(None);
    (0..12).for_each(|number| gateway.send(number));
    let world = &gateway.world;
    let config = ["--config", "trunkline.yaml"];
    // While it is in use: what only reads goes on, what writes says who has it.
    let copied: serde_json::Value = serde_json::from_str(
        &world.data(&["store", "backup", "copy", "--format", "json", config[0], config[1]]),
    )
    .unwrap();
    assert!(copied["log_bytes"].as_u64().unwrap() > 0, "{copied}");
    world.data(&["store", "ls", config[0], config[1]]);
    let refused = world.run(&["store", "export", "all.parquet", config[0], config[1]]);
    let told = crate::support::screen(&refused);
    assert!(told.contains(&format!("process {}", serving.pid())), "{told}");
    assert!(told.contains("trunkline store backup") && told.contains("[exit 1]"), "{told}");
    drop(serving);

    let checked = world.data(&["store", "fsck", "--store", "copy"]);
    assert!(checked.contains('✓'), "{checked}");
    let exported =
        world.data(&["store", "export", "shop.parquet", "--service", "shop", "--store", "copy"]);
    assert!(exported.starts_with("12 spans are in "), "{exported}");
    let parquet = std::fs::read(world.project().join("shop.parquet")).unwrap();
    assert_eq!((&parquet[..4], &parquet[parquet.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));

    // The copy is a store: exporting cut what was in its log.
    let listed: serde_json::Value =
        serde_json::from_str(&world.data(&["store", "ls", "--store", "copy", "--format", "json"]))
            .unwrap();
    assert!(listed["stored"].as_u64().is_some(), "{listed}");
    let there = world.run(&["store", "restore", "copy", config[0], config[1]]);
    assert!(crate::support::screen(&there).contains("there is a store already"));
    std::fs::remove_dir_all(world.path("data")).unwrap();
    world.data(&["store", "restore", "copy", config[0], config[1]]);
    let mut serving = gateway.start(None);
    for number in 0..12 {
        assert_eq!(gateway.spans(&trace(number)), 1, "span {number}");
    }
    serving.signal("TERM");
    serving.ended();

    // A byte that is another is named, and costs no more than it must.
    let mut log: Vec<_> = files(&world.path("data"));
    log.retain(|file| file.extension().is_some_and(|end| end == "wal"));
    let file = log.iter().max_by_key(|file| std::fs::metadata(file).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    let middle = 8_192 + (bytes.len() - 8_192) / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(file, bytes).unwrap();
    let found = world.run(&["store", "fsck", config[0], config[1]]);
    let told = crate::support::screen(&found);
    assert!(told.contains(file.file_name().unwrap().to_str().unwrap()), "{told}");
    assert!(told.contains("1 batch") && told.contains("[exit 1]"), "{told}");
    let nowhere = world.run(&["store", "ls", "--store", "nowhere"]);
    assert!(crate::support::screen(&nowhere).contains("there is no store in"));
}

#[test]
fn services_that_ask_are_told_the_gateways_share_or_what_a_file_says() {
    let gateway = Gateway::new(Upstream::answering(200, "ok"));
    let world = &gateway.world;
    let port = free_port();
    let config = |strategies: &str| {
        format!(
            "version: 1\nname: demo\ngateway: {{ http: 127.0.0.1:{}, access_log: off }}\n\
             ports: {{ metrics: {}, jaeger: {}, console: {} }}\n\
             trace: {{ sample: 25% }}\n\
             telemetry: {{ receive: {{ otlp_grpc: off, otlp_http: off, sampling_http: {port} }}{strategies} }}\n\
             services:\n  web: {{ external: \"{}\" }}\nroutes:\n  - {{ match: \"/**\", to: web }}\n",
            gateway.http,
            gateway.metrics,
            gateway.jaeger,
            free_port(),
            gateway.upstream.address(),
        )
    };
    let asked = |service: &str| get(port, &format!("/sampling?service={service}")).1;
    world.write("trunkline.yaml", &config(""));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    assert!(asked("shop").contains("\"samplingRate\":0.25"), "{}", asked("shop"));

    let file = |rate: u32| {
        format!(
            r#"{{"service_strategies": [{{"service": "shop", "type": "ratelimiting", "param": {rate}}}],
            "default_strategy": {{"type": "probabilistic", "param": 0.5}}}}"#
        )
    };
    world.write("sampling.json", &file(7));
    world.write("trunkline.yaml", &config(", strategies: sampling.json"));
    world.data(&["reload"]);
    assert!(asked("shop").contains("\"maxTracesPerSecond\":7"), "{}", asked("shop"));
    assert!(asked("other").contains("\"samplingRate\":0.5"));
    // The file alone changes.
    world.write("sampling.json", &file(9));
    world.data(&["reload"]);
    assert!(asked("shop").contains("\"maxTracesPerSecond\":9"), "{}", asked("shop"));
    // One that is none is said, and the gateway's share counts.
    world.write("sampling.json", "{");
    world.data(&["reload"]);
    serving.wait_for("the file of sampling strategies is not used");
    assert!(asked("shop").contains("\"samplingRate\":0.25"));
    serving.signal("TERM");
    assert!(serving.ended().success());
}
