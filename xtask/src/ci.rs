//! `./x ci`: everything that is checked before a change is taken, cheapest first.

use crate::steps::{Outcome, Steps, command};
use crate::{console, deny, fuzz, generate, polyglot, shop, test, tidy};

/// Tests may ask the clock, the environment and the process; the code may not (`clippy.toml`).
const LINT_TESTS: &str = "cargo clippy --quiet --workspace --exclude trunkline-fuzz --all-targets \
                          --features trunkline-resilience/tower -- -D warnings -A clippy::disallowed_methods";
const LINT_CODE: &str = "cargo clippy --quiet --workspace --exclude trunkline-fuzz \
                         --features trunkline-resilience/tower -- -D warnings";
const DOCS: &str = "cargo doc --quiet --workspace --exclude trunkline-fuzz --no-deps \
                    --features trunkline-resilience/tower";

pub(crate) fn run(steps: &mut Steps) -> Outcome {
    steps.command("format", &mut command("cargo fmt --all -- --check"))?;
    let mut format_payments = command("cargo fmt -- --check");
    steps.command("format: payments", format_payments.current_dir(shop::payments()))?;
    let mut format_analytics = command("cargo fmt -- --check");
    steps.command("format: analytics", format_analytics.current_dir(polyglot::analytics()))?;
    steps.step("tidy", tidy::check)?;
    steps.command("lint", &mut command(LINT_CODE))?;
    steps.command("lint: tests", &mut command(LINT_TESTS))?;
    test::run(steps, &[])?;
    steps.command("docs", command(DOCS).env("RUSTDOCFLAGS", "-D warnings"))?;
    deny::run(steps)?;
    generate::run(steps, &["--check".to_owned()])?;
    console::run(steps, &["--check".to_owned()])?;
    fuzz::smoke(steps)
}
