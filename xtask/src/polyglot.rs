//! `examples/monorepo-polyglot`: its packages fetched and its services built before anything waits for them.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{Outcome, Steps, command, root};

/// Fetches and builds all seven services, so that their first start is quick and needs no network.
pub(crate) fn build(steps: &mut Steps) -> Outcome {
    if !folder().join("node_modules/typescript").exists() {
        steps.command("polyglot: packages", &mut at("npm ci --no-audit --no-fund", folder()))?;
    }
    steps.command("polyglot: TypeScript", &mut at("npm run --silent build", folder()))?;
    steps
        .command("polyglot: Go", &mut at("go build -o /dev/null .", service("payment-service")))?;
    steps.command("polyglot: Rust", &mut at("cargo build --quiet", analytics()))?;
    let java = "javac -d build/classes src/*.java";
    steps.command("polyglot: Java", &mut shell(java, service("pdf-service")))
}

/// The services' own tests.
pub(crate) fn test(steps: &mut Steps) -> Outcome {
    steps.command("polyglot: TypeScript tests", &mut at("npm test", folder()))?;
    steps.command("polyglot: Go vet", &mut at("go vet ./...", service("payment-service")))?;
    let go = "go test -count=1 ./...";
    steps.command("polyglot: Go tests", &mut at(go, service("payment-service")))?;
    steps.command("polyglot: Rust tests", &mut at("cargo test", analytics()))?;
    let python = "python3 -m unittest";
    steps.command("polyglot: Python tests", &mut at(python, service("ai-service")))?;
    let java = "javac -d build/tests src/*.java test/*.java && exec java -ea -cp build/tests Tests";
    steps.command("polyglot: Java tests", &mut shell(java, service("pdf-service")))
}

/// The example's folder.
pub(crate) fn folder() -> PathBuf {
    root().join("examples/monorepo-polyglot")
}

/// The service in Rust, which has a workspace of its own.
pub(crate) fn analytics() -> PathBuf {
    service("analytics-service")
}

fn service(name: &str) -> PathBuf {
    folder().join("services").join(name)
}

fn at(line: &str, folder: PathBuf) -> Command {
    let mut command = command(line);
    command.current_dir(folder);
    command
}

fn shell(line: &str, folder: PathBuf) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder);
    command
}
