//! The shop of `examples/`: three services in three languages behind one gateway.

use std::process::{Command, Stdio};

use crate::serve::get;
use crate::support::{World, repository, until};

/// A tool that the shop needs and that this machine lacks.
fn missing() -> Option<&'static str> {
    let is_there = |tool: &str, argument: &str| {
        Command::new(tool)
            .arg(argument)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    if !is_there("node", "--version") {
        return Some("node");
    }
    if !is_there("go", "version") {
        return Some("go");
    }
    (!repository("examples/shop/apps/web/node_modules").is_dir())
        .then_some("npm install in examples/shop/apps/web")
}

#[test]
#[ignore = "builds three services: cargo test -p trunkline --test it -- --ignored shop"]
fn the_shop_answers_through_the_gateway() {
    if let Some(tool) = missing() {
        eprintln!("skipped: needs {tool}");
        return;
    }
    let world = World::new();
    let mut command = world.command(&["up"]);
    // Toolchains keep what they built in the real home folder.
    command
        .current_dir(repository("examples/shop"))
        .env("HOME", std::env::var_os("HOME").unwrap());
    let mut up = crate::support::Running::new(command);
    until("the shop", || up.text().contains("Ready in"), || up.text());
    let urls = up.text();
    let port = urls
        .split("http://shop.localhost")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let port = port.trim_start_matches(':').parse().unwrap_or(80);
    assert_eq!(get(port, "/healthz").0, 200);
    up.signal("INT");
    assert_eq!(up.ended().code(), Some(130));
}
