//! `cache`: takes stored responses out of the cache.

use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Verdict};
use crate::runtime;

/// Arguments of `cache`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline cache purge --prefix /products")]
pub(crate) struct Args {
    #[command(subcommand)]
    deed: Deed,
}

/// What is done to the cache.
#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Take stored responses out; all of them unless something says which
    Purge(Purge),
}

#[derive(Debug, clap::Args)]
struct Purge {
    /// Only those of this host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Only those whose path begins so
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
}

/// Does what is asked for.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let Deed::Purge(which) = &args.deed;
    runtime::small(purge(which, context))
}

async fn purge(which: &Purge, context: &Context) -> Verdict {
    let host = which.host.iter().map(|host| format!("host={}", encode(host)));
    let prefix = which.prefix.iter().map(|prefix| format!("prefix={}", encode(prefix)));
    let query: Vec<_> = host.chain(prefix).collect();
    let control = Control::connect(context).await?;
    let done: Value = control.post(&format!("/v1/cache/purge?{}", query.join("&"))).await?;
    if context.printer.is_json() {
        context.printer.json(&done);
        return Ok(Exit::Done);
    }
    let count = done.get("purged").and_then(Value::as_u64).unwrap_or_default();
    let word = if count == 1 { "response is" } else { "responses are" };
    context.printer.data(format_args!("{count} stored {word} gone"));
    Ok(Exit::Done)
}
