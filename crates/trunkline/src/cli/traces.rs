//! `traces`: recent requests, or the waterfall of one.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::print::Paint;
use crate::runtime;
use crate::screen::traces::{render_list, render_one};

/// Arguments of `traces`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline traces --limit 50")]
pub(crate) struct Args {
    /// Draw this trace
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// List at most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, conflicts_with = "id")]
    limit: usize,
    /// Only traces with a span of this service
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    service: Option<String>,
}

/// Prints the list or the trace.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        let path = match (&args.id, &args.service) {
            (Some(id), _) => format!("/v1/traces/{}", encode(id)),
            (None, Some(service)) => {
                format!("/v1/traces?limit={}&service={}", args.limit, encode(service))
            }
            (None, None) => format!("/v1/traces?limit={}", args.limit),
        };
        let document: Value = control.get(&path).await?;
        if context.printer.is_json() {
            context.printer.json(&document);
            return Ok(Exit::Done);
        }
        let paint = context.printer.data;
        let text = match args.id {
            Some(_) => render_one(&read(document)?, paint),
            None => render_list(&read(document)?, paint),
        };
        context.printer.raw(&text);
        Ok(Exit::Done)
    })
}

/// The last requests as people read them.
pub(crate) async fn list(control: &Control, limit: usize, paint: Paint) -> Result<String, Failure> {
    Ok(render_list(&read(control.get(&format!("/v1/traces?limit={limit}")).await?)?, paint))
}

fn read<T: DeserializeOwned>(document: Value) -> Result<T, Failure> {
    serde_json::from_value(document)
        .map_err(|error| Failure::new(format_args!("the answer cannot be read: {error}")))
}
