//! `fault`: makes calls to a service slow, or fail, to see what protects it.

use serde_json::{Value, json};

use super::Context;
use crate::client::{Control, encode};
use crate::exit::{Exit, Verdict};
use crate::print::clean;
use crate::runtime;

/// Arguments of `fault`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  trunkline fault payments abort --share 50%\n  trunkline fault payments off"
)]
pub(crate) struct Args {
    /// The service whose calls it happens to
    #[arg(value_name = "SERVICE")]
    service: String,
    #[command(subcommand)]
    what: What,
}

/// What happens.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Each call is sent this much later
    Latency(Latency),
    /// Calls fail without being sent
    Abort(Abort),
    /// Nothing any more
    Off,
}

#[derive(Debug, clap::Args)]
struct Latency {
    /// How much later: 200ms, 2s
    #[arg(value_name = "DELAY")]
    delay: String,
    /// The share of calls that it happens to
    #[arg(long, value_name = "SHARE", default_value = "100%")]
    share: String,
}

#[derive(Debug, clap::Args)]
struct Abort {
    /// The status that they fail with
    #[arg(long, value_name = "STATUS", default_value_t = 503)]
    status: u16,
    /// The share of calls that it happens to
    #[arg(long, value_name = "SHARE", default_value = "100%")]
    share: String,
}

/// Gives the order.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let (body, told) = match &args.what {
        What::Latency(latency) => (
            json!({ "latency": { "delay": latency.delay, "share": latency.share } }),
            format!("{} of its calls are sent {} later", latency.share, latency.delay),
        ),
        What::Abort(abort) => (
            json!({ "abort": { "status": abort.status, "share": abort.share } }),
            format!("{} of its calls fail with {}", abort.share, abort.status),
        ),
        What::Off => (json!({}), "nothing is injected any more".to_owned()),
    };
    runtime::small(async {
        let control = Control::connect(context).await?;
        let path = format!("/v1/services/{}/fault", encode(&args.service));
        let done: Value = control.order(&path, &body).await?;
        if context.printer.is_json() {
            context.printer.json(&done);
        } else {
            let (service, told) = (clean(&args.service), clean(&told));
            context.printer.data(format_args!("{service}: {told}"));
        }
        Ok(Exit::Done)
    })
}
