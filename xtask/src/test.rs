//! `./x test`: all tests, of the workspace and of the examples.

use crate::steps::{Outcome, Steps, command};
use crate::{console, polyglot, shop};

/// The product does without the layers of tower, so the tests of the workspace do too. The name picks their unit
/// tests, their integration tests and the examples in their documentation.
const LAYERS: &str = "cargo test --package trunkline-resilience --features tower layer";

pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        let mut chosen = command("cargo test --workspace --exclude trunkline-fuzz");
        return steps.command("chosen tests", chosen.args(arguments));
    }
    // The end-to-end tests start the examples' services; building them here keeps that out of their deadlines.
    shop::build(steps)?;
    polyglot::build(steps)?;
    console::packages(steps)?;
    steps.command(
        "build of the tests",
        &mut command("cargo test --workspace --exclude trunkline-fuzz --no-run --quiet"),
    )?;
    steps.command(
        "tests",
        &mut command("cargo test --workspace --exclude trunkline-fuzz --no-fail-fast"),
    )?;
    steps.command("tests: layers of tower", &mut command(LAYERS))?;
    shop::test(steps)?;
    polyglot::test(steps)?;
    console::test(steps)
}
