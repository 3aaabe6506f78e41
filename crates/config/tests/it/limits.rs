//! `limits` of the gateway.

use std::time::Duration;

use trunkline_model::guard::{Action, Guard};

use crate::rig::{model, screen};

fn guard(gateway: &str) -> Guard {
    model(&format!("version: 1\ngateway:\n  http: 80\n{gateway}")).guard
}

#[test]
fn limits_are_generous_until_they_are_written() {
    assert_eq!(guard(""), Guard::default());
    let written = guard(
        "  body_max: 10MiB
  limits:
    connections: 20000
    memory: 2GiB
    uri: 8KiB
    pace: 1KiB
    grace: 5s
    per_source:
      connections: 100
      connection_rate: 20/s
      request_rate: 600/m
      burst: 50
      action: throttle
      delay_max: 3s
      except: [10.0.0.0/8]
",
    );
    assert_eq!((written.connections, written.memory), (Some(20_000), Some(2 << 30)));
    assert_eq!((written.target_bytes, written.body_bytes), (8 << 10, Some(10 << 20)));
    assert_eq!((written.pace.bytes_per_second, written.pace.grace.as_secs()), (1_024, 5));
    let source = written.per_source.unwrap();
    assert_eq!((source.action, source.delay_max), (Action::Delay, Duration::from_secs(3)));
    assert_eq!(source.request_rate.unwrap().burst, 50);
    assert_eq!(source.except, ["10.0.0.0/8".parse().unwrap()]);
    let short = guard("  limits: { per_source: { request_rate: 20/s } }\n");
    assert_eq!(short.per_source.unwrap().request_rate.unwrap().burst, 20);
}

#[test]
fn limits_that_would_let_nobody_in_are_told() {
    let told = screen(
        "version: 1
gateway:
  http: 80
  limits: { head: 100B, header_count: 0, connections: 0, per_source: { connections: 0 } }
",
    );
    for expect in [
        "`head` is between 1 KiB and 1 MiB",
        "`uri` is above zero",
        "`header_count` is between 1 and 100",
        "`connections` is at least 1",
        "`connections` and `burst` are at least 1",
    ] {
        assert!(told.contains(expect), "{expect}\n{told}");
    }
}
