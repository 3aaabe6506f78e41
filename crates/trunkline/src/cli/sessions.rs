//! `sessions`: the open connections of callers, what is asked for on them, and how to be rid of one.

use std::net::IpAddr;

use serde_json::Value;

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::runtime;
use crate::screen::sessions::render;

/// Arguments of `sessions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  trunkline sessions --service orders",
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    deed: Option<Deed>,
    /// List at most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    which: Which,
}

/// What is done to connections.
#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Cut connections at once, with what they carry
    Kill(Kill),
}

#[derive(Debug, clap::Args)]
struct Kill {
    /// The connection of this id
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Only connections with a request open that goes to this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only connections of this caller
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
}

impl Which {
    fn query(&self) -> Vec<String> {
        let service = self.service.iter().map(|name| format!("service={}", encode(name)));
        let from = self.from.iter().map(|ip| format!("from={}", encode(&ip.to_string())));
        service.chain(from).collect()
    }
}

/// Prints the list, or cuts what is meant.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        match &args.deed {
            None => list(args, context).await,
            Some(Deed::Kill(kill)) => cut(kill, context).await,
        }
    })
}

async fn list(args: &Args, context: &Context) -> Verdict {
    let control = Control::connect(context).await?;
    let mut query = args.which.query();
    query.push(format!("limit={}", args.limit));
    let document: Value = control.get(&format!("/v1/sessions?{}", query.join("&"))).await?;
    if context.printer.is_json() {
        context.printer.json(&document);
        return Ok(Exit::Done);
    }
    let sessions = serde_json::from_value(document).map_err(Failure::new)?;
    context.printer.raw(&render(&sessions, context.printer.data));
    Ok(Exit::Done)
}

async fn cut(kill: &Kill, context: &Context) -> Verdict {
    let mut query = kill.which.query();
    query.extend(kill.id.iter().map(|id| format!("id={}", encode(id))));
    if query.is_empty() {
        return Err(Failure::usage("nothing says which connections are to be cut")
            .hint("give an id of `trunkline sessions`, `--service` or `--from`"));
    }
    let control = Control::connect(context).await?;
    let done: Value = control.post(&format!("/v1/sessions/cut?{}", query.join("&"))).await?;
    if context.printer.is_json() {
        context.printer.json(&done);
        return Ok(Exit::Done);
    }
    let count = done.get("cut").and_then(Value::as_u64).unwrap_or_default();
    let word = if count == 1 { "connection is" } else { "connections are" };
    context.printer.data(format_args!("{count} {word} cut"));
    Ok(Exit::Done)
}
