//! `upgrade`: the running process hands over to a new binary.

use std::path::PathBuf;

use serde_json::Value;

use super::Context;
use crate::client::Control;
use crate::exit::{Exit, Failure, Verdict};
use crate::runtime;

/// Arguments of `upgrade`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline upgrade -C /etc/trunkline --binary ./trunkline-next")]
pub(crate) struct Args {
    /// Start this binary instead of the one that was started before
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Hands over; any failure leaves the old process serving.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        if let Some(binary) = &args.binary {
            let wrong = |error| Failure::usage(format_args!("{}: {error}", binary.display()));
            let binary = std::fs::canonicalize(binary).map_err(wrong)?;
            // By way of the run's folder, which only this user can write: a path that a process
            // shall start has no place in an API that listens on a port.
            control.run.set_next_binary(&binary).map_err(wrong)?;
        }
        let done: Value = control.post("/v1/upgrade").await?;
        if context.printer.is_json() {
            context.printer.json(&done);
            return Ok(Exit::Done);
        }
        let pid = done.get("pid").and_then(Value::as_u64).unwrap_or_default();
        let version = done.get("version").and_then(Value::as_str).unwrap_or_default();
        context.printer.data(format_args!(
            "process {} handed over to process {pid}, trunkline {}",
            control.run.card.pid,
            crate::print::clean(version)
        ));
        Ok(Exit::Done)
    })
}
