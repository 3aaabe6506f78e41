//! `endpoint`: what a person orders of one endpoint while everything runs.
//!
//! The words are those of every load balancer: `drain` lets it finish what it has, `maint` takes it
//! out, `ready` takes both back, `weight` changes its part of the traffic, `maxconn` how many requests
//! it is given at one time. Orders hold over reloads
//! and upgrades until they are taken back, and `status` shows them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Failure, Verdict};
use crate::print::clean;
use crate::runtime;

/// Arguments of `endpoint`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  trunkline endpoint drain orders@127.0.0.1:9001 --idle --timeout 5m"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    order: Order,
}

/// What is ordered.
#[derive(Debug, clap::Subcommand)]
enum Order {
    /// Let it finish what it has, and give it nothing new
    Drain(Which),
    /// Take it out
    Maint(Which),
    /// Take `drain` and `maint` back
    Ready(Which),
    /// Change its part of the traffic
    Weight(Weight),
    /// Change how many requests it is given at one time
    Maxconn(Maxconn),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Which endpoints, as `status --format json` names them: orders@127.0.0.1:9001
    #[arg(required = true, value_name = "ENDPOINT")]
    endpoints: Vec<String>,
    /// Return when nothing is in flight to them any more, or fail after --timeout
    #[arg(long)]
    idle: bool,
}

#[derive(Debug, clap::Args)]
struct Weight {
    /// Which endpoint
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    /// Its weight among its siblings, or `written` for the one in the configuration
    #[arg(value_name = "WEIGHT", value_parser = weight)]
    weight: Wanted,
}

#[derive(Debug, clap::Args)]
struct Maxconn {
    /// Which endpoint
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    /// Requests at one time, 0 for any number, or `written` for the limit in the configuration
    #[arg(value_name = "NUMBER", value_parser = weight)]
    limit: Wanted,
}

/// A number, or none of a person's.
#[derive(Debug, Clone, Copy)]
struct Wanted(Option<u32>);

fn weight(text: &str) -> Result<Wanted, String> {
    if text == "written" {
        return Ok(Wanted(None));
    }
    let number = text.parse().map_err(|_| "expected a number, or `written`".to_owned())?;
    Ok(Wanted(Some(number)))
}

/// Between two looks at what is in flight.
const LOOK: Duration = Duration::from_millis(100);

/// Gives the order, endpoint by endpoint.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    runtime::small(async {
        let control = Control::connect(context).await?;
        match &args.order {
            Order::Drain(which) => state(&control, context, which, Some("draining")).await,
            Order::Maint(which) => state(&control, context, which, Some("maint")).await,
            Order::Ready(which) => state(&control, context, which, None).await,
            Order::Weight(wanted) => change_weight(&control, context, wanted).await,
            Order::Maxconn(wanted) => change_limit(&control, context, wanted).await,
        }
    })
}

async fn state(
    control: &Control,
    context: &Context,
    which: &Which,
    state: Option<&str>,
) -> Verdict {
    let mut documents = Vec::new();
    for endpoint in &which.endpoints {
        let path = format!("/v1/endpoints/{}/state", encode(endpoint));
        let done: Value = control.order(&path, &json!({ "state": state })).await?;
        if !context.printer.is_json() {
            let word = match state {
                Some("draining") => "finishes what it has",
                Some(_) => "is taken out",
                None => "is its owner's again",
            };
            context.printer.data(format_args!("{} {word}", clean(endpoint)));
        }
        documents.push(done);
    }
    if which.idle {
        until_idle(control, context, &which.endpoints).await?;
    }
    if context.printer.is_json() {
        context.printer.json(&json!({ "schema": 1, "endpoints": documents }));
    }
    Ok(Exit::Done)
}

async fn change_weight(control: &Control, context: &Context, wanted: &Weight) -> Verdict {
    let path = format!("/v1/endpoints/{}/weight", encode(&wanted.endpoint));
    let done: Value = control.order(&path, &json!({ "weight": wanted.weight.0 })).await?;
    if context.printer.is_json() {
        context.printer.json(&done);
        return Ok(Exit::Done);
    }
    let name = clean(&wanted.endpoint);
    match wanted.weight.0 {
        Some(weight) => context.printer.data(format_args!("{name} has weight {weight}")),
        None => context.printer.data(format_args!("{name} has its written weight")),
    }
    Ok(Exit::Done)
}

async fn change_limit(control: &Control, context: &Context, wanted: &Maxconn) -> Verdict {
    let path = format!("/v1/endpoints/{}/maxconn", encode(&wanted.endpoint));
    let done: Value = control.order(&path, &json!({ "maxconn": wanted.limit.0 })).await?;
    if context.printer.is_json() {
        context.printer.json(&done);
        return Ok(Exit::Done);
    }
    let name = clean(&wanted.endpoint);
    match wanted.limit.0 {
        Some(0) => context.printer.data(format_args!("{name} is given any number of requests")),
        Some(limit) => {
            context.printer.data(format_args!("{name} is given {limit} requests at one time"));
        }
        None => context.printer.data(format_args!("{name} has its written limit")),
    }
    Ok(Exit::Done)
}

/// The part of `/v1/status` that tells what is in flight.
#[derive(Debug, Deserialize)]
struct Status {
    services: std::collections::BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    id: String,
    in_flight: u64,
}

/// Waits until nothing is in flight to these endpoints.
async fn until_idle(
    control: &Control,
    context: &Context,
    endpoints: &[String],
) -> Result<(), Failure> {
    let mut busy = Vec::new();
    let idle = async {
        loop {
            let status: Status = control.get("/v1/status").await?;
            let all = status.services.into_values().flat_map(|service| service.endpoints);
            busy = all
                .filter(|endpoint| endpoint.in_flight > 0 && endpoints.contains(&endpoint.id))
                .map(|endpoint| format!("{} has {} in flight", endpoint.id, endpoint.in_flight))
                .collect();
            if busy.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let waited = tokio::time::timeout(context.globals.timeout, idle).await;
    waited.unwrap_or_else(|_| {
        Err(Failure::new(format_args!("{}, and the time is over", clean(&busy.join(", "))))
            .hint("--timeout gives it more; `trunkline sessions` shows what it waits for"))
    })
}
