//! `reload`: the running process reads its configuration again.

use serde_json::Value;

use super::Context;
use crate::client::Control;
use crate::exit::{Exit, Verdict};
use crate::runtime;

/// Arguments of `reload`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline reload -C /etc/trunkline")]
pub(crate) struct Args {}

/// Reloads; a wrong file is told and leaves the former configuration in force.
pub(crate) fn run(_args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let done: Value = Control::connect(context).await?.post("/v1/reload").await?;
        let printer = &context.printer;
        if printer.is_json() {
            printer.json(&done);
            return Ok(Exit::Done);
        }
        for warning in done.get("warnings").and_then(Value::as_array).into_iter().flatten() {
            crate::print::complain(&format!(
                "{}\n",
                warning.as_str().unwrap_or_default().trim_end()
            ));
        }
        let generation = done.get("generation").and_then(Value::as_u64).unwrap_or_default();
        let changed = done.get("changed").and_then(Value::as_bool).unwrap_or_default();
        let what = if changed { "is in force" } else { "is in force; nothing changed" };
        printer.data(format_args!("configuration {generation} {what}"));
        Ok(Exit::Done)
    })
}
