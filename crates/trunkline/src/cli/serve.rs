//! `serve`: the production form, one process in front of services that run elsewhere.

use std::path::PathBuf;

use trunkline_config::{Options, Profile};

use super::Context;
use crate::exit::Verdict;
use crate::loader::Loader;
use crate::node::Start;
use crate::{logging, privilege, runtime};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  trunkline serve -c /etc/trunkline/trunkline.yaml --env production"
)]
pub(crate) struct Args {
    /// Configuration to serve; can be repeated
    #[arg(short, long = "config", value_name = "FILE", required = true)]
    config: Vec<PathBuf>,
    /// Take over from the process that listens on this socket
    #[arg(long, value_name = "SOCKET", hide = true)]
    takeover: Option<PathBuf>,
}

/// Serves until it is asked to end.
pub(crate) fn run(args: Args, context: &Context) -> Verdict {
    logging::start(logging::Reader::Operator, &context.globals, &context.printer);
    let options = Options {
        env: context.globals.env.clone(),
        profile: Profile::Production,
        low_ports: privilege::may_bind_low_ports(),
        ..Options::default()
    };
    let loader = Loader::new(&context.globals.dir, &args.config, options)?;
    runtime::serving(async {
        let start = Start { verb: "serve", role: "gateway", loader, takeover: args.takeover };
        let mut node = start.start(context).await?;
        let ending = node.run().await;
        node.end(ending).await
    })
}
