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
        writeln!(text, "  svc-{i}: {{ external: \"127.0.0.1:{}\" }}", 10_000 + i).unwrap();
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
    eprintln!("10 000 routes, read to Model: median {:?}, worst {:?}", times[4], times[8]);
    assert!(times[4] < Duration::from_millis(400), "of 500 ms for the whole prepare");
}

/// Minified JSON with places and messages on one line.
fn one_line(routes: usize, target: &str) -> String {
    let mut json =
        String::from("{\"version\":1,\"services\":{\"a\":{\"external\":\"a:1\"}},\"routes\":[");
    for i in 0..routes {
        let comma = if i == 0 { "" } else { "," };
        write!(json, "{comma}{{\"path\":\"/ä{i}\",\"to\":\"{target}\"}}").unwrap();
    }
    json.push_str("]}");
    json
}

#[test]
fn a_file_on_one_line_takes_linear_time() {
    assert!(load_text(&one_line(20_000, "a")).model.is_some());
    assert!(screen(&one_line(20_000, "b")).ends_with("20000 errors\n"));
}

#[test]
fn a_message_about_a_long_line_shows_its_place_only() {
    let text = one_line(1_000, "a").replace("\"/ä200\",\"to\":\"a\"", "\"/ä200\",\"to\":\"c\"");
    insta::assert_snapshot!(screen(&text), @r#"
    error[TL0108]: this route leads to `c`, which does not exist
     --> trunkline.yaml:1:5171
      |
    1 | ath":"/ä197","to":"a"},{"path":"/ä198","to":"a"},{"path":"/ä199","to":"a"},{"path":"/ä200","to":"c"},{"path":"/ä201","to":"a"},{"path...
      |                                                                                                 ^^^ no service has this name
      |
      = hint: add it to `services`; one that runs elsewhere is `c: { external: "host:port" }`

    1 error
    "#);
}

#[test]
fn keys_without_values_take_linear_time() {
    let text = format!("version: 1\nx-a: {{ {} }}\n", "a, ".repeat(100_000));
    assert!(screen(&text).contains("the key `a` is given twice"));
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
