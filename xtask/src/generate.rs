//! Files that are made from the code: the configuration's schema and the reference pages.
//!
//! They are committed, so that a reader needs no build, and compared in CI, so that they cannot go stale. Pages that
//! a crate can write alone are kept by a test of that crate (`UPDATE=1` rewrites them); what needs the whole binary is
//! printed by it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::pages;
use crate::steps::{Outcome, Steps, command, execute, output, root, target_dir};

/// Arguments of `trunkline`, and the file that holds what it then prints.
const PRINTED: [(&[&str], &str); 2] = [
    (&["schema"], "docs/reference/trunkline.schema.json"),
    (&["__docs", "cli"], "docs/reference/cli.md"),
];

/// Tests that write pages when asked to.
const WRITTEN_BY_TESTS: [&str; 2] = [
    "cargo test --quiet --package trunkline-config --test it generated",
    "cargo test --quiet --package trunkline-api is_fresh",
];

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let only_compare = arguments.iter().any(|argument| argument == "--check");
    if !only_compare {
        for test in WRITTEN_BY_TESTS {
            steps.command("pages of a crate", command(test).env("UPDATE", "1"))?;
        }
    }
    steps.step("pages of the binary", || {
        execute(&mut command("cargo build --quiet --package trunkline"))?;
        PRINTED.iter().try_for_each(|(arguments, path)| generate(arguments, path, only_compare))
    })?;
    steps.step("commands in the guides exist", pages::check)
}

fn generate(arguments: &[&str], path: &str, only_compare: bool) -> Outcome {
    let mut printed = output(Command::new(target_dir().join("debug/trunkline")).args(arguments))?;
    if Path::new(path).extension() == Some("json".as_ref()) {
        // One key per line, so that a change of the schema reads as one.
        let value: Value = serde_json::from_slice(&printed).map_err(|e| format!("{path}: {e}"))?;
        printed = format!("{value:#}\n").into_bytes();
    }
    let file = root().join(path);
    if !only_compare {
        return fs::write(&file, printed).map_err(|e| format!("{path}: {e}"));
    }
    let committed = fs::read(&file).map_err(|e| format!("{path}: {e}"))?;
    if committed == printed {
        return Ok(());
    }
    Err(format!("{path} is stale: run `./x generate` and commit it"))
}
