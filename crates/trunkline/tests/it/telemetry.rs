//! What comes in as telemetry is kept and sent on, whatever happens to the process or the receiver.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use trunkline_testkit::Upstream;

use crate::serve::get;
use crate::support::{Running, World, free_port, is_alive, until};

/// A gateway that takes OTLP over HTTP, and its ports.
struct Gateway {
    world: World,
    http: u16,
    otlp: u16,
    jaeger: u16,
    upstream: Upstream,
}

impl Gateway {
    fn new(upstream: Upstream) -> Self {
        let (http, otlp, jaeger) = (free_port(), free_port(), free_port());
        Self { world: World::new(), http, otlp, jaeger, upstream }
    }

    /// Serves, and sends on to a port of this machine if there is one.
    fn start(&self, forward: Option<u16>) -> Running {
        let forward = forward.map_or_else(String::new, |port| {
            format!(", forward: \"http://127.0.0.1:{port}/v1/traces\"")
        });
        let metrics = free_port();
        let ports = format!(
            "ports: {{ metrics: {metrics}, jaeger: {}, console: {} }}\n",
            self.jaeger,
            free_port()
        );
        self.world.write(
            "trunkline.yaml",
            &format!(
                "version: 1\nname: demo\n\
                 gateway: {{ http: 127.0.0.1:{}, access_log: off }}\n{ports}\
                 telemetry: {{ receive: {{ otlp_grpc: off, otlp_http: {} }}{forward} }}\n\
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
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let start = now.as_nanos();
        let body = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
            "scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{:016x}","name":"buy","kind":2,
            "startTimeUnixNano":"{start}","endTimeUnixNano":"{}"}}]}}]}}]}}"#,
            trace(number),
            number + 1,
            start + 1_000_000
        );
        until("the store takes spans", || self.post(&body), String::new);
    }

    fn post(&self, body: &str) -> bool {
        let mut socket = TcpStream::connect(("127.0.0.1", self.otlp)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            socket,
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        let _ = socket.read_to_string(&mut text);
        text.starts_with("HTTP/1.1 200")
    }

    /// Spans of a trace, as Jaeger's API tells them.
    fn spans(&self, trace: &str) -> usize {
        let (status, body) = get(self.jaeger, &format!("/api/traces/{trace}"));
        if status != 200 {
            return 0;
        }
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        answer["data"][0]["spans"].as_array().map_or(0, Vec::len)
    }
}

fn trace(number: u32) -> String {
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
