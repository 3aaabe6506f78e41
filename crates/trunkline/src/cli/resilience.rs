//! `resilience`: what breakers, retries and bulkheads know, and orders to breakers.

use serde_json::{Value, json};

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Verdict};
use crate::print::clean;
use crate::runtime;
use crate::screen;

/// Arguments of `resilience`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline resilience force-open payments")]
pub(crate) struct Args {
    #[command(subcommand)]
    deed: Option<Deed>,
}

/// What is done.
#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Show every policy with its state and numbers
    Ls,
    /// Show what happened to policies
    Events,
    /// Refuse every call until told otherwise
    ForceOpen(Which),
    /// Let every call pass and count nothing
    Disable(Which),
    /// Let every call pass and count
    MetricsOnly(Which),
    /// Protect again
    Close(Which),
    /// Protect again, and forget everything
    Reset(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The policy, as `resilience ls` names it: a service, or SERVICE/ROUTE
    #[arg(value_name = "POLICY")]
    policy: String,
}

/// Does what is asked for.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        match args.deed.as_ref().unwrap_or(&Deed::Ls) {
            Deed::Ls => show(&control, context).await,
            Deed::Events => events(&control, context).await,
            Deed::ForceOpen(which) => order(&control, context, which, "force-open").await,
            Deed::Disable(which) => order(&control, context, which, "disable").await,
            Deed::MetricsOnly(which) => order(&control, context, which, "metrics-only").await,
            Deed::Close(which) => order(&control, context, which, "close").await,
            Deed::Reset(which) => order(&control, context, which, "reset").await,
        }
    })
}

async fn show(control: &Control, context: &Context) -> Verdict {
    let document: Value = control.get("/v1/resilience").await?;
    if context.printer.is_json() {
        context.printer.json(&document);
    } else {
        context.printer.raw(&screen::resilience::policies(&document, context.printer.data));
    }
    Ok(Exit::Done)
}

async fn events(control: &Control, context: &Context) -> Verdict {
    let document: Value = control.get("/v1/resilience/events").await?;
    if context.printer.is_json() {
        context.printer.json(&document);
    } else {
        context.printer.raw(&screen::resilience::events(&document, context.printer.data));
    }
    Ok(Exit::Done)
}

async fn order(control: &Control, context: &Context, which: &Which, word: &str) -> Verdict {
    let path = format!("/v1/resilience/{}/{word}", encode(&which.policy));
    let done: Value = control.order(&path, &json!({})).await?;
    if context.printer.is_json() {
        context.printer.json(&done);
    } else {
        let state = done.get("state").and_then(Value::as_str).unwrap_or("as told");
        context.printer.data(format_args!("{} is {}", clean(&which.policy), clean(state)));
    }
    Ok(Exit::Done)
}
