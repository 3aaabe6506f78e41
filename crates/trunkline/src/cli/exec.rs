//! `exec`: a command in a service's folder, with the service's environment.

use std::ffi::OsString;

use trunkline_local::run::{RUN_VARIABLE, SERVICE_VARIABLE};

use super::Context;
use crate::alone::{Alone, Port, become_program};
use crate::exit::{Failure, Verdict};
use crate::{logging, runtime};

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline exec orders -- npm test")]
pub(crate) struct Args {
    /// Which service
    service: String,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Becomes the command; its exit code is ours.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    logging::start(logging::Reader::Developer, &context.globals, &context.printer);
    let alone = runtime::small(Alone::find(&args.service, Port::Usual, context))?;
    let (program, arguments) =
        args.command.split_first().ok_or_else(|| Failure::usage("there is no command to run"))?;
    let mut command = alone.program(program)?;
    // What it starts and leaves running is its own affair, not a leftover of a run.
    command.args(arguments).env_remove(RUN_VARIABLE).env_remove(SERVICE_VARIABLE);
    Err(become_program(command))
}
