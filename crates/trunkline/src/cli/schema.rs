//! `schema`: the JSON Schema of `trunkline.yaml`, from the types that read it.

use super::Context;
use crate::exit::{Exit, Verdict};

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline schema > trunkline.schema.json")]
pub(crate) struct Args {}

/// Prints the schema.
#[expect(clippy::unnecessary_wraps, reason = "every verb is called the same way")]
pub(crate) fn run(_args: &Args, context: &Context) -> Verdict {
    context.printer.json(&trunkline_config::schema());
    Ok(Exit::Done)
}
