//! `./x demo`: from a fresh checkout to a page in the browser.
//!
//! The unoptimised build is taken: it is ready in a fraction of the time, and the demo serves one person.

use std::process::Command;

use crate::shop;
use crate::steps::{Outcome, Steps, command, target_dir};

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    shop::build(steps)?;
    steps.command("trunkline", &mut command("cargo build --package trunkline"))?;
    eprintln!("\n$ cd examples/shop && trunkline up {}", arguments.join(" "));
    // Ctrl-C reaches the whole foreground group: `up` drains and ends first, then this command reports its exit code.
    let status = Command::new(target_dir().join("debug/trunkline"))
        .arg("up")
        .args(arguments)
        .current_dir(shop::folder())
        .status()
        .map_err(|e| format!("trunkline did not start: {e}"))?;
    match status.code() {
        // 130: ended by Ctrl-C, as every demo is.
        Some(0 | 130) => Ok(()),
        _ => Err(format!("trunkline up ended with {status}")),
    }
}
