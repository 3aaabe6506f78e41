//! The shop of `examples/`: three services in three languages behind one gateway.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::serve::get;
use crate::support::{Running, World, repository, until};

/// How long a service may take to be built; `./x test` has built them before.
const BUILD_MAX: Duration = Duration::from_secs(300);

/// A tool that the shop needs and that this machine lacks.
fn missing() -> Option<&'static str> {
    let is_there = |tool: &str, argument: &str| {
        Command::new(tool)
            .arg(argument)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let tools = [("node", "--version"), ("npm", "--version"), ("go", "version")];
    let tool = tools.iter().find(|(tool, argument)| !is_there(tool, argument));
    let packages = repository("examples/shop/apps/web/node_modules");
    tool.map(|(tool, _)| *tool)
        .or_else(|| (!packages.is_dir()).then_some("npm ci in examples/shop/apps/web"))
}

/// Builds a service, so that its build does not count against its start.
fn build(folder: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    let mut build = Running::new(command);
    let deadline = Instant::now() + BUILD_MAX;
    let status = loop {
        if let Some(status) = build.child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "{program} takes too long");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{program}: {}", build.text());
}

#[test]
fn the_shop_answers_through_the_gateway() {
    if let Some(tool) = missing() {
        eprintln!("skipped: needs {tool}");
        return;
    }
    let services = repository("examples/shop/services");
    build(&services.join("orders"), "go", &["build", "-o", "/dev/null", "."]);
    build(&services.join("payments"), "cargo", &["build", "--quiet"]);
    let world = World::new();
    let mut command = world.command(&["up"]);
    // Toolchains keep what they built in the real home folder.
    command.current_dir(repository("examples/shop")).env("HOME", std::env::var_os("HOME").unwrap());
    let mut up = Running::new(command);
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
