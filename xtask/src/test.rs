//! `./x test`: all tests, of the workspace and of the examples.

use crate::steps::{Outcome, Steps, command};
use crate::{console, polyglot, shop};

/// The product does without the layers of tower, so the tests of the workspace do too.
const LAYERS: &str = "cargo test --package trunkline-resilience --features tower layer";
/// A command that names tests runs no examples of the documentation.
const LAYERS_EXAMPLES: &str = "cargo test --package trunkline-resilience --features tower --doc";

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
    steps.command("examples: layers of tower", &mut command(LAYERS_EXAMPLES))?;
    shop::test(steps)?;
    polyglot::test(steps)?;
    console::test(steps)
}
