//! Change without loss: reloads and upgrades while callers never stop.

use std::net::SocketAddr;
use std::time::Duration;

use trunkline_testkit::Upstream;

use crate::load::Load;
use crate::serve::{config, get};
use crate::support::{World, free_port, is_alive, signal, until};

const CALLERS: usize = 8;

#[test]
fn twenty_upgrades_lose_no_request() {
    let upstream = Upstream::answering(200, "ok");
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &upstream));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    let load = Load::start(SocketAddr::from(([127, 0, 0, 1], port)), CALLERS);
    let mut pid = serving.pid();
    for _ in 0..20 {
        let done: serde_json::Value =
            serde_json::from_str(&world.data(&["upgrade", "--format", "json"])).unwrap();
        let next = u32::try_from(done["pid"].as_u64().unwrap()).unwrap();
        assert_ne!(next, pid);
        pid = next;
        let before = load.answered();
        until(
            "requests through the new process",
            || load.answered() > before + 50,
            || serving.text(),
        );
    }
    eprintln!("20 upgrades: {} requests answered, none failed", load.finish());
    serving.ended();
    world.data(&["down"]);
    until("the last process", || !is_alive(pid), String::new);
    assert_eq!(get(port, "/").0, 0);
}

#[test]
fn an_upgrade_that_fails_leaves_the_old_process_serving() {
    let upstream = Upstream::answering(200, "ok");
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &upstream));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    let load = Load::start(SocketAddr::from(([127, 0, 0, 1], port)), CALLERS);
    // A binary that ends at once, one that cannot be started, and a configuration that is wrong.
    for binary in ["/bin/false", "/etc/passwd"] {
        let output = world.run(&["upgrade", "--binary", binary]);
        assert_eq!(output.status.code(), Some(1), "{}", crate::support::describe(&output));
    }
    world.write("trunkline.yaml", "version: 1\nnonsense: 1\n");
    assert_eq!(world.run(&["upgrade"]).status.code(), Some(1));
    assert!(is_alive(serving.pid()));
    load.finish();
    serving.signal("TERM");
    assert!(serving.ended().success());
}

/// Reloads of alternating files while callers never stop; then the loop stalls from `/metrics`.
fn reloads(count: usize, pause: Duration) {
    let (one, two) = (Upstream::answering(200, "one"), Upstream::answering(200, "two"));
    let (world, port) = (World::new(), free_port());
    let texts = [config(port, &one), config(port, &two)];
    let metrics = texts[0]
        .split("metrics: ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .unwrap()
        .parse()
        .unwrap();
    world.write("trunkline.yaml", &texts[0]);
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    let load = Load::start(SocketAddr::from(([127, 0, 0, 1], port)), CALLERS);
    for round in 0..count {
        world.write("trunkline.yaml", &texts[(round + 1) % 2]);
        signal(serving.pid(), "HUP");
        std::thread::sleep(pause);
    }
    world.data(&["reload"]);
    let expected = if count.is_multiple_of(2) { "one" } else { "two" };
    assert_eq!(get(port, "/").1, expected);
    let answered = load.finish();
    let stalls = get(metrics, "/metrics").1;
    let stalls: Vec<_> = stalls.lines().filter(|line| line.contains("stall")).collect();
    eprintln!("{count} reloads: {answered} requests answered, none failed\n{}", stalls.join("\n"));
    serving.signal("TERM");
    assert!(serving.ended().success());
}

#[test]
fn a_hundred_reloads_lose_no_request() {
    reloads(100, Duration::from_millis(20));
}

#[test]
#[ignore = "takes a minute: cargo test -p trunkline --test it -- --ignored thousand"]
fn a_thousand_reloads_lose_no_request() {
    reloads(1_000, Duration::from_millis(20));
}
