//! Large files: read in time that grows with them, and refused beyond the limits.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use trunkline_config::{Options, load};

use crate::rig::{load_text, screen, shown};

/// A file of so many routes of all kinds.
fn large(routes: usize) -> String {
    let mut text = String::from("version: 1\nroutes:\n");
    for i in 0..routes {
        let service = i % 100;
        let line = match i % 5 {
            0 => {
                format!("  - {{ match: \"GET,POST /api/v1/resource-{i}/**\", to: svc-{service} }}")
            }
            1 => format!("  - {{ match: \"host-{i}.example.com/**\", to: svc-{service} }}"),
            2 => format!(
                "  - host: h{i}.example.com\n    prefix: /a/b{i}\n    headers: {{ x-a: \"{i}\" }}\n    to: svc-{service}\n    timeout: 2s"
            ),
            3 => {
                format!("  - path: /exact/{i}\n    to: [{{ service: svc-{service}, weight: 90 }}]")
            }
            _ => format!("  - {{ glob: \"/g{i}/*/x\", to: svc-{service} }}"),
        };
        writeln!(text, "{line}").unwrap();
    }
    text.push_str("services:\n");
    for i in 0..100 {
        writeln!(
            text,
            "  svc-{i}: {{ external: \"127.0.0.1:{}\" }}",
            10_000 + i
        )
        .unwrap();
    }
    text
}

#[test]
fn ten_thousand_routes_load() {
    let loaded = load_text(&large(10_000));
    assert!(loaded.diagnostics.is_empty(), "{}", shown(&loaded));
    assert_eq!(loaded.model.unwrap().routes.len(), 10_000);
}

/// `cargo test --release -p trunkline-config -- --ignored --nocapture ten_thousand`
#[test]
#[ignore = "a measurement: run it alone, in release"]
fn ten_thousand_routes_load_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunkline.yaml");
    std::fs::write(&path, large(10_000)).unwrap();
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let start = Instant::now();
            let loaded = load(std::slice::from_ref(&path), &Options::default());
            assert!(loaded.model.is_some());
            start.elapsed()
        })
        .collect();
    times.sort();
    eprintln!(
        "10 000 routes, read to Model: median {:?}, worst {:?}",
        times[4], times[8]
    );
    assert!(
        times[4] < Duration::from_millis(400),
        "of 500 ms for the whole prepare"
    );
}

#[test]
fn one_long_line_is_not_quadratic() {
    let lines = large(2_000);
    let loaded = load_text(&lines);
    assert!(loaded.model.is_some());
    let mut json = String::from(
        "{\"version\":1,\"name\":\"ü\",\"services\":{\"a\":{\"external\":\"a:1\"}},\"routes\":[",
    );
    json = json.replace('ü', "u");
    for i in 0..20_000 {
        if i > 0 {
            json.push(',');
        }
        write!(json, "{{\"path\":\"/ä{i}\",\"to\":\"a\"}}").unwrap();
    }
    json.push_str("]}");
    assert!(load_text(&json).model.is_some());
}

#[test]
fn a_thousand_mistakes_are_counted_and_not_all_shown() {
    let mut text = String::from("version: 1\n");
    for i in 0..3_000 {
        writeln!(text, "key{i}: 1").unwrap();
    }
    let shown = screen(&text);
    assert!(shown.contains("… and 2000 more"));
    assert!(shown.ends_with("3000 errors\n"));
}
