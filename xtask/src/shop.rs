//! `examples/shop`: its packages fetched and its services built before anything waits for them.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{Outcome, Steps, command, root};

/// Fetches and builds all three services, so that their first start is quick and needs no network.
pub(crate) fn build(steps: &mut Steps) -> Outcome {
    if !web().join("node_modules/typescript").exists() {
        steps.command("shop: web packages", &mut at("npm ci", web()))?;
    }
    steps.command("shop: orders", &mut at("go build -o /dev/null .", orders()))?;
    steps.command("shop: payments", &mut at("cargo build --quiet", payments()))
}

/// The services' own tests.
pub(crate) fn test(steps: &mut Steps) -> Outcome {
    steps.command("shop: web tests", &mut at("npm test", web()))?;
    steps.command("shop: orders vet", &mut at("go vet ./...", orders()))?;
    steps.command("shop: orders tests", &mut at("go test -count=1 ./...", orders()))?;
    steps.command("shop: payments tests", &mut at("cargo test", payments()))
}

/// The example's folder.
pub(crate) fn folder() -> PathBuf {
    root().join("examples/shop")
}

pub(crate) fn payments() -> PathBuf {
    folder().join("services/payments")
}

fn web() -> PathBuf {
    folder().join("apps/web")
}

fn orders() -> PathBuf {
    folder().join("services/orders")
}

fn at(line: &str, folder: PathBuf) -> Command {
    let mut command = command(line);
    command.current_dir(folder);
    command
}
