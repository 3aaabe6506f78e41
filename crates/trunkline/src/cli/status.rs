//! `status`: what runs, its health, rates and latencies.

use std::time::Duration;

use serde_json::Value;

use super::Context;
use crate::client::Control;
use crate::exit::{Exit, Failure, Verdict};
use crate::print::Paint;
use crate::runtime;
use crate::screen::status::{Status, render};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline status --wait --format json")]
pub(crate) struct Args {}

/// Time between the two looks that give rates.
const RATE_WINDOW: Duration = Duration::from_millis(500);
/// Between two looks while waiting to be ready.
const LOOK: Duration = Duration::from_millis(100);

/// Prints the status. With `--wait`, once everything is ready.
pub(crate) fn run(_args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        if context.globals.wait {
            wait(&control, context.globals.timeout).await?;
        }
        if context.printer.is_json() {
            let document: Value = control.get("/v1/status").await?;
            context.printer.json(&document);
            return Ok(Exit::Done);
        }
        context.printer.raw(&text(&control, context.printer.data).await?);
        Ok(Exit::Done)
    })
}

/// The status as people read it; takes a moment, for rates.
pub(crate) async fn text(control: &Control, paint: Paint) -> Result<String, Failure> {
    let earlier = read(control.get("/v1/status").await?)?;
    tokio::time::sleep(RATE_WINDOW).await;
    Ok(render(&control.get("/v1/status").await?, &earlier, paint))
}

async fn wait(control: &Control, limit: Duration) -> Result<(), Failure> {
    let ready = async {
        while !read(control.get("/v1/status").await?)?.is_ready() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    let late = |_| Failure::new(format_args!("not ready after {} s", limit.as_secs()));
    tokio::time::timeout(limit, ready).await.map_err(late)?
}

fn read(document: Value) -> Result<Status, Failure> {
    serde_json::from_value(document)
        .map_err(|error| Failure::new(format_args!("the status cannot be read: {error}")))
}
