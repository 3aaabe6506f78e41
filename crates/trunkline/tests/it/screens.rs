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
