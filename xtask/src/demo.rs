//! `./x demo`: from a fresh checkout to a page in the browser. With `--drive`, to a customer's whole journey.
//!
//! The unoptimised build is taken: it is ready in a fraction of the time, and the demo serves one person.

use std::process::Command;

use crate::polyglot;
use crate::steps::{Outcome, Steps, command, target_dir};

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    polyglot::build(steps)?;
    steps.command("trunkline", &mut command("cargo build --package trunkline"))?;
    match arguments.iter().position(|argument| argument == "--drive") {
        None => stay(arguments),
        Some(at) => {
            let others = arguments.iter().enumerate().filter(|(index, _)| *index != at);
            drive(steps, &others.map(|(_, other)| other.clone()).collect::<Vec<_>>())
        }
    }
}

/// Runs until Ctrl-C.
fn stay(arguments: &[String]) -> Outcome {
    eprintln!("\n$ cd examples/monorepo-polyglot && trunkline up {}", arguments.join(" "));
    // Ctrl-C reaches the whole foreground group: `up` drains and ends first, then this command reports its exit code.
    let status = trunkline("up")
        .args(arguments)
        .status()
        .map_err(|e| format!("trunkline did not start: {e}"))?;
    match status.code() {
        // 130: ended by Ctrl-C, as every demo is.
        Some(0 | 130) => Ok(()),
        _ => Err(format!("trunkline up ended with {status}")),
    }
}

/// Starts everything, lets one customer go all the way, shows what was seen of it, and ends what was started.
fn drive(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let runs = trunkline("status").output().is_ok_and(|status| status.status.success());
    if !runs {
        steps.command("up", trunkline("up").arg("--detach").args(arguments))?;
    }
    let driven = steps.command("journey", &mut journey());
    let shown = steps.command("traces", &mut trunkline("traces"));
    if !runs {
        steps.command("down", &mut trunkline("down"))?;
    }
    driven.and(shown)
}

/// The journey asks `trunkline urls` where the gateway is.
fn journey() -> Command {
    let mut journey = command("node journey/journey.mjs");
    journey.current_dir(polyglot::folder());
    if let Some(base) = gateway() {
        journey.arg("--base").arg(base);
    }
    journey
}

/// Where the gateway is, as a person would be told.
fn gateway() -> Option<String> {
    let printed = trunkline("urls").arg("app").output().ok()?;
    let url = String::from_utf8(printed.stdout).ok()?.trim().to_owned();
    Some(url).filter(|url| !url.is_empty())
}

fn trunkline(verb: &str) -> Command {
    let mut command = Command::new(target_dir().join("debug/trunkline"));
    command.arg(verb).current_dir(polyglot::folder());
    command
}
