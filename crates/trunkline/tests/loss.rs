//! Change without loss, on the real binary: configurations, states of endpoints and binaries change under load, and
//! no request fails. The long form, with its bars, is `./x bench soak`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr)]

#[path = "it/support.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test programs")]
mod support;

use std::path::PathBuf;
use std::time::Duration;

use support::{World, free_port, until};
use trunkline_load::soak::{Plan, soak};

#[test]
fn no_request_is_lost_while_everything_changes() {
    let folder = tempfile::Builder::new().prefix("tl-").tempdir_in("/tmp").unwrap();
    let plan = Plan {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_trunkline")),
        folder: folder.path().to_owned(),
        reloads: 60,
        endpoints: (Duration::from_secs(10), 50),
        upgrades: 3,
        kills: 1,
        fresh: 200,
        rate: 150,
        workers: 2,
        pinned: false,
    };
    let outcome = soak(&plan).unwrap();
    assert_eq!(outcome.lost(), Vec::<String>::new());
    assert!(outcome.phases.iter().all(|phase| phase.requests.answered > 50), "{outcome:?}");
}

fn configuration(gateway: u16, control: u16, body: &str) -> String {
    format!(
        "version: 1
name: rollback
workers: 1
gateway: {{ http: \"127.0.0.1:{gateway}\", access_log: off }}
management: {{ control: {control}, metrics: off, jaeger: off }}
routes:
  - {{ match: \"/**\", respond: {{ body: {body} }} }}
"
    )
}

#[test]
fn an_upgrade_that_cannot_be_leaves_everything_as_it_was() {
    let world = World::new();
    let (gateway, control) = (free_port(), free_port());
    world.write("trunkline.yaml", &configuration(gateway, control, "first"));
    let mut serve = world.start(&["serve", "-c", "trunkline.yaml"]);
    until("readiness", || world.run(&["status"]).status.success(), || serve.text());
    // The running process keeps the last good configuration; a new one cannot start with this.
    world.write("trunkline.yaml", &configuration(gateway, control, "{ no: text }"));
    for _ in 0..2 {
        let refused = world.run(&["upgrade"]);
        assert!(!refused.status.success(), "{}", support::describe(&refused));
        assert!(support::is_alive(serve.pid()));
        let status = world.data(&["status", "--format", "json"]);
        assert!(status.contains(&format!("\"pid\": {}", serve.pid())), "{status}");
    }
    world.write("trunkline.yaml", &configuration(gateway, control, "second"));
    world.data(&["upgrade"]);
    assert!(serve.ended().success());
    world.data(&["status"]);
    world.data(&["down"]);
    until("the end", || !world.run(&["status"]).status.success(), String::new);
}
