//! `down`: ends the run of this project, gracefully.

use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use crate::client::Control;
use crate::exit::{Exit, Failure, Verdict};
use crate::runtime;

/// Arguments of `down`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline down --timeout 1m")]
pub(crate) struct Args {}

const LOOK: Duration = Duration::from_millis(20);

/// Asks the run to drain and end, and returns when it has.
pub(crate) fn run(_args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let card = &control.run.card;
        let _: Value = control.post("/v1/shutdown").await?;
        let limit = context.globals.timeout;
        let ended = async {
            while control.run.is_running() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(limit, ended).await.map_err(|_| {
            Failure::new(format_args!(
                "process {} still drains after {} s",
                card.pid,
                limit.as_secs()
            ))
            .hint("it ends by itself at its drain limit; `kill` it to end it now")
        })?;
        if context.printer.is_json() {
            context.printer.json(&json!({ "schema": 1, "stopped": card.pid }));
        } else {
            context
                .printer
                .data(format_args!("`{}` (process {}) has ended", card.project, card.pid));
        }
        Ok(Exit::Done)
    })
}
