//! `/metrics`, judged by the parsers of others where they are installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use trunkline_model::ports::Surface::Metrics;

use crate::running::{config, serve};

const PARSER: &str = r"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(sys.stdin.read())}
requests = families['trunkline_requests']
assert requests.type == 'counter', requests
assert {s.labels['route'] for s in requests.samples} == {'or' + chr(34) + 'ders' + chr(92) + '1' + chr(10)}, requests
assert sum(s.value for s in requests.samples) == 100, requests
duration = families['trunkline_request_duration_seconds']
assert (duration.type, duration.unit) == ('histogram', 'seconds'), duration
assert [s.value for s in duration.samples if s.name.endswith('_count')] == [100.0], duration
print(len(families))
";

#[tokio::test]
async fn openmetrics_is_the_default_and_the_older_text_is_negotiated() {
    let running = serve(&config());
    let response = running.get(Metrics, "/metrics").await;
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = response.text();
    assert!(text.ends_with("# EOF\n"));
    for line in [
        "trunkline_service_requests_total{service=\"orders\",status=\"200\"} 98",
        "trunkline_endpoint_healthy{service=\"orders\",endpoint=\"orders@127.0.0.1:5000\"} 1",
        "trunkline_request_duration_seconds_bucket{route=\"or\\\"ders\\\\1\\n\",service=\"\",le=\"0.001024\"} 90",
        "trunkline_records_dropped_total 4",
        "trunkline_generation 3",
        "trunkline_uptime_seconds 12.5",
        "trunkline_build_info{version=\"0.1.0\",role=\"all\",project=\"shop\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} of\n{text}");
    }
    for name in
        ["process_resident_memory_bytes ", "process_open_fds ", "process_cpu_seconds_total "]
    {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
    }
    let older = running.send(Metrics, "GET /metrics\naccept: text/plain;version=0.0.4", "").await;
    assert_eq!(older.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(older.text().contains("# TYPE trunkline_requests_total counter\n"));
    assert!(!older.text().contains("# EOF"));
}

/// Runs a program on a text; `None` when it is not there.
fn judge(program: &str, arguments: &[&str], text: &str) -> Option<(bool, String)> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.ok()?;
    // A judge that ends early says why on its way out.
    let _ = child.stdin.take()?.write_all(text.as_bytes());
    let output = child.wait_with_output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[tokio::test]
async fn the_parser_of_prometheus_for_python_accepts_every_line() {
    let venv = tempfile::tempdir().unwrap();
    let path = venv.path().to_str().unwrap();
    let python = format!("{path}/bin/python");
    let made = judge("python3", &["-m", "venv", path], "").is_some_and(|(good, _)| good)
        && judge(&python, &["-m", "pip", "-q", "install", "prometheus_client==0.22.1"], "")
            .is_some_and(|(good, _)| good);
    if !made {
        println!("skipped: needs python3 with venv, and prometheus_client from PyPI");
        return;
    }
    let running = serve(&config());
    let response = running.get(Metrics, "/metrics").await;
    let (good, said) = judge(&python, &["-c", PARSER], response.text()).unwrap();
    assert!(good, "{said}\n{}", response.text());
}

#[tokio::test]
async fn promtool_accepts_every_line() {
    let running = serve(&config());
    let older = running.send(Metrics, "GET /metrics\naccept: text/plain", "").await;
    match judge("promtool", &["check", "metrics"], older.text()) {
        None => println!("skipped: needs promtool"),
        Some((good, said)) => assert!(good, "{said}"),
    }
}
