//! What people see, compared with `tests/golden`.

use trunkline_testkit::Upstream;

use crate::golden;
use crate::serve::{config, get};
use crate::support::{World, free_port, screen, until};

#[track_caller]
fn check(name: &str, world: &World, arguments: &[&str]) {
    golden::check(name, &screen(&world.run(arguments)));
}

#[test]
fn help_is_grouped_and_bare_trunkline_prints_it() {
    let world = World::new();
    check("help", &world, &[]);
    check("help", &world, &["--help"]);
    check("help-logs", &world, &["logs", "--help"]);
}

#[test]
fn what_does_not_run_is_told_with_exit_3() {
    let world = World::new();
    for verb in ["status", "urls", "logs", "traces", "reload", "upgrade", "down"] {
        check("not-running", &world, &[verb]);
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let world = World::new();
    check("unknown-verb", &world, &["strat"]);
    check("no-config", &world, &["check"]);
}

#[test]
fn check_tells_all_mistakes_and_explain_one_of_them() {
    let world = World::new();
    world.write(
        "trunkline.yaml",
        "version: 1\nname: shop\nservices:\n  orders: { external: 127.0.0.1:1, calls: [payment] }\n  \
         payments: { external: 127.0.0.1:2, helth: / }\nroutes: [ { match: \"/**\", to: order } ]\n",
    );
    check("check-wrong", &world, &["check"]);
    check("explain-code", &world, &["explain", "TL0101"]);
    world.write("trunkline.yaml", "version: 1\nname: shop\nservices:\n  web: { external: 127.0.0.1:1 }\nroutes: [ { match: \"/**\", to: web } ]\n");
    check("check-good", &world, &["check"]);
}

/// Two services of which one calls the other, on ports where nothing is.
const SHOP: &str = "version: 1
name: shop
gateway: { http: 18971, headers: secure }
routes:
  - { match: \"/api/**\", to: orders, rewrite: { prefix: /api, to: / }, timeout: 3s }
  - { match: /old, redirect: { path: /api/ } }
  - { match: \"GET /api/orders\", headers: { x-canary: true }, to: web }
  - { match: \"/**\", to: [ { service: web, weight: 9 }, { service: orders } ] }
services:
  web: { path: ., command: run-web, port: 18972, calls: [orders] }
  orders: { external: 127.0.0.1:18973, health: /healthz, timeout: { connect: 1s } }
";

#[test]
fn what_does_not_run_is_explained_from_the_file() {
    let world = World::new();
    world.write("trunkline.yaml", SHOP);
    for (name, subject) in [
        ("explain-file-request", "GET http://shop.localhost:18971/api/orders?q=1"),
        ("explain-file-redirect", "GET http://shop.localhost:18971/old"),
        ("explain-file-shares", "GET http://shop.localhost:18971/"),
        ("explain-file-call", "web -> orders POST /orders"),
        ("explain-file-no-call", "orders -> web GET /"),
        ("explain-setting", "orders.timeout"),
        ("explain-setting-one", "orders.timeout.connect"),
        ("explain-setting-unknown", "orders.timout"),
        ("explain-service-unknown", "oders"),
    ] {
        check(name, &world, &["explain", subject]);
    }
    let told = world.data(&["explain", "GET http://shop.localhost/api/a", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["running"], &told["forwarded"]), (&false.into(), &"/a".into()));
    assert_eq!(told["targets"][0]["service"], "orders");
}

#[test]
fn a_running_gateway_shows_itself() {
    let (world, port) = (World::new(), free_port());
    let upstream = Upstream::answering(200, "ok");
    world.write("trunkline.yaml", &config(port, &upstream));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    for _ in 0..3 {
        assert_eq!(get(port, "/a?b=1").0, 200);
    }
    let recorded = || {
        let printed = world.data(&["traces", "--format", "json"]);
        let list: serde_json::Value = serde_json::from_str(&printed).unwrap();
        list["traces"].as_array().map_or(0, Vec::len)
    };
    until("the records", || recorded() == 3, || serving.text());
    check("status", &world, &["status"]);
    check("urls", &world, &["urls"]);
    check("traces", &world, &["traces"]);
    let list: serde_json::Value =
        serde_json::from_str(&world.data(&["traces", "--format", "json"])).unwrap();
    let id = list["traces"][0]["id"].as_str().unwrap();
    let drawn = golden::mask(&screen(&world.run(&["traces", id])));
    assert!(drawn.contains("━") && drawn.contains("GET web") && drawn.contains("200"), "{drawn}");
    check("explain-request", &world, &["explain", "GET http://demo.test/a"]);
    check("explain-setting-running", &world, &["explain", "web.timeout.request"]);
    check("reload", &world, &["reload"]);
    check("restart-not-here", &world, &["restart", "web"]);
    check("down", &world, &["down"]);
    serving.ended();
}

#[test]
fn the_reference_of_the_command_line_is_fresh() {
    let world = World::new();
    let page = crate::support::repository("docs/reference/cli.md");
    let printed = world.data(&["__docs", "cli"]);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(page, printed).unwrap();
    } else {
        assert_eq!(printed, std::fs::read_to_string(page).unwrap(), "run with UPDATE=1");
    }
}

#[test]
fn a_reader_that_goes_away_is_not_an_error() {
    let world = World::new();
    let mut child =
        world.command(&["schema"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
