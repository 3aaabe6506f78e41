//! `doctor`: with and without a project, before and after a run was killed.

use std::net::TcpListener;

use crate::support::{World, describe, free_port};

/// A project whose written ports are free, with these lines of services.
fn project(world: &World, port: u16, services: &str) {
    world.write(
        "trunkline.yaml",
        &format!(
            "version: 1\nname: ill\ngateway: {{ http: {port}, domain: ill.test }}\n{}services:\n{services}",
            crate::serve::ports()
        ),
    );
}

fn checks(world: &World, arguments: &[&str]) -> (Option<i32>, Vec<(String, String, String)>) {
    let output = world.run(&[&["doctor", "--format", "json"], arguments].concat());
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", describe(&output)));
    let sections = document["sections"].as_array().unwrap().iter();
    let checks = sections.flat_map(|section| section["checks"].as_array().unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let found = checks
        .map(|check| (text(&check["state"]), text(&check["what"]), text(&check["fix"][0])))
        .collect();
    (output.status.code(), found)
}

/// State and fix of the check that says `what`.
#[track_caller]
fn check(world: &World, what: &str) -> (String, String) {
    let (_, all) = checks(world, &[]);
    let found = all.iter().find(|(_, said, _)| said.contains(what));
    let (state, _, fix) = found.unwrap_or_else(|| panic!("nothing about `{what}`: {all:#?}"));
    (state.clone(), fix.clone())
}

#[test]
fn without_a_project_the_machine_is_looked_at() {
    let world = World::new();
    let text = String::from_utf8(world.run(&["doctor"]).stdout).unwrap();
    for section in ["Ports\n", "Names\n", "Machine\n", "Leftovers\n", "Summary: "] {
        assert!(text.contains(section), "{section} {text}");
    }
    assert!(!text.contains("Toolchains"), "{text}");
    let hosts = world.run(&["doctor", "--hosts"]);
    assert_eq!(hosts.status.code(), Some(2), "{}", describe(&hosts));
}

#[test]
fn a_name_that_leads_nowhere_has_its_hosts_lines() {
    let world = World::new();
    project(&world, free_port(), "  web-service: { external: \"127.0.0.1:1\" }\n");
    let (code, all) = checks(&world, &[]);
    assert_eq!(code, Some(1), "{all:#?}");
    let (state, fix) = check(&world, "ill.test and ");
    assert_eq!(state, "failed");
    assert!(fix.starts_with("trunkline doctor --hosts"));
    let lines = world.data(&["doctor", "--hosts"]);
    assert!(lines.lines().all(|line| line.starts_with("127.0.0.1 ")), "{lines}");
    for name in ["ill.test", "web.ill.test", "web-service.ill.test", "console.ill.test"] {
        assert!(lines.split_whitespace().any(|word| word == name), "{name}: {lines}");
    }
}

#[test]
fn who_holds_a_written_port_is_said_with_the_way_out() {
    let (world, port) = (World::new(), free_port());
    let _held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    project(&world, port, "  web: { external: \"127.0.0.1:1\" }\n");
    let (state, fix) = check(&world, &format!("port {port} (http) is held by "));
    assert_eq!(state, "failed");
    assert!(fix.starts_with(&format!("kill {}", std::process::id())), "{fix}");
}

#[test]
fn a_toolchain_that_the_project_needs_and_lacks_has_its_install_line() {
    let world = World::new();
    let services = "  web: { command: \"mix phx.server\" }\n  sh: { command: \"sh run.sh\" }\n";
    project(&world, free_port(), services);
    let mut command = world.command(&["doctor"]);
    let output = command.env("PATH", world.path("nothing")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("× mix is not installed, which web needs"), "{text}");
    assert!(text.contains("fix: sudo apt install elixir"), "{text}");
    assert!(!text.contains("node") && !text.contains("cargo is"), "{text}");
}

#[test]
fn a_root_that_nobody_trusts_is_a_warning_until_it_is_trusted() {
    let world = World::new();
    world.write("trunkline.yaml", "version: 1\nname: ill\n");
    assert_eq!(check(&world, "made by the first `up`").0, "good");
    let store = world.path("truststore.p12");
    world.run(&["trust", "--store", "java", "--truststore", store.to_str().unwrap()]);
    assert_eq!(check(&world, "root certificate /").0, "good");
    let (state, fix) = check(&world, "Chromium");
    assert_eq!(state, "warning");
    assert!(fix.contains("trunkline trust --store nss"), "{fix}");
}

#[test]
fn what_a_killed_run_left_is_said_and_removed() {
    let (world, port) = (World::new(), free_port());
    project(&world, port, "  web: { external: \"127.0.0.1:1\" }\n");
    let mut up = world.start(&["up"]);
    up.wait_for("Ready in");
    assert_eq!(check(&world, &format!("port {port} (http) is this project's own")).0, "good");
    up.signal("KILL");
    up.ended();
    let (state, fix) = check(&world, " is of a dead run");
    assert_eq!((state.as_str(), fix.as_str()), ("warning", "trunkline doctor --fix"));
    let mended = checks(&world, &["--fix"]).1;
    assert!(!mended.iter().any(|(_, what, _)| what.contains(" is of a dead run")), "{mended:#?}");
    assert_eq!(std::fs::read_dir(world.path("run/trunkline")).unwrap().count(), 0);
}
