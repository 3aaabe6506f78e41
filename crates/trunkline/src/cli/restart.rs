//! `restart`: services, one after the other, while their requests are held.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Verdict};
use crate::print::clean;
use crate::runtime;

/// Arguments of `restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline restart orders --dependants")]
pub(crate) struct Args {
    /// Which services
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,
    /// Then restart the services that call them
    #[arg(long)]
    dependants: bool,
}

/// What the control API says.
#[derive(Debug, Deserialize, Serialize)]
struct Restarted {
    service: String,
    dependants: Vec<String>,
}

/// Restarts the services and returns when they are ready again.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let query = if args.dependants { "?dependants=true" } else { "" };
        let mut documents = Vec::new();
        for service in &args.services {
            let path = format!("/v1/services/{}/restart{query}", encode(service));
            let done: Restarted = control.post(&path).await?;
            if !context.printer.is_json() {
                let names = std::iter::once(&done.service).chain(&done.dependants);
                for name in names {
                    context
                        .printer
                        .data(format_args!("{} was restarted and is ready", clean(name)));
                }
            }
            documents.push(done);
        }
        if context.printer.is_json() {
            context.printer.json(&json!({ "schema": 1, "restarted": documents }));
        }
        Ok(Exit::Done)
    })
}
