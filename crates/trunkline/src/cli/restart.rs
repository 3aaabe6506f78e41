//! `restart`: one service, while its requests are held.

use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Verdict};
use crate::print::clean;
use crate::runtime;

/// Arguments of `restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline restart orders")]
pub(crate) struct Args {
    /// Which service
    service: String,
}

/// Restarts the service and returns when it is ready again.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let done: Value =
            control.post(&format!("/v1/services/{}/restart", encode(&args.service))).await?;
        if context.printer.is_json() {
            context.printer.json(&done);
        } else {
            context
                .printer
                .data(format_args!("{} was restarted and is ready", clean(&args.service)));
        }
        Ok(Exit::Done)
    })
}
