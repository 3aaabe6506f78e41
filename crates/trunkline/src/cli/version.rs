//! `version`: which binary this is.

use serde_json::json;

use super::Context;
use crate::exit::{Exit, Verdict};

/// The version of this binary.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline version --format json")]
pub(crate) struct Args {}

/// Prints the version.
#[expect(clippy::unnecessary_wraps, reason = "every verb is called the same way")]
pub(crate) fn run(_args: &Args, context: &Context) -> Verdict {
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if context.printer.is_json() {
        context.printer.json(&json!({ "schema": 1, "version": VERSION, "target": target }));
    } else {
        context.printer.data(format_args!("trunkline {VERSION} ({target})"));
    }
    Ok(Exit::Done)
}
