//! `run`: one service alone, in the foreground.

use std::process::ExitStatus;

use super::Context;
use crate::alone::{Alone, Port, become_program};
use crate::exit::{Failure, Verdict};
use crate::print::Role;
use crate::screen::up as screen;
use crate::{logging, runtime};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline run orders -- --verbose")]
pub(crate) struct Args {
    /// Which service
    service: String,
    /// What is appended to its command
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

/// Builds the service and becomes it; its exit code is ours.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    logging::start(logging::Reader::Developer, &context.globals, &context.printer);
    let alone = runtime::small(Alone::find(&args.service, Port::Free, context))?;
    let printer = &context.printer;
    let look = screen::Look::of([args.service.as_str()], None, printer.progress);
    if let Some(build) = alone.build() {
        printer.note(screen::mark(Role::Faint, &args.service, build, None, &look));
        let mut building = alone.program("/bin/sh")?;
        let built = building.arg("-c").arg(build).status();
        let built = built.map_err(|error| Failure::new(format_args!("cannot build: {error}")))?;
        if !built.success() {
            return Err(Failure::new(format_args!("the build ended with {}", words(built))));
        }
    }
    let where_it_is = format!("{} on http://{}", alone.line(), alone.address());
    printer.note(screen::mark(Role::Good, &args.service, &where_it_is, None, &look));
    let mut command = alone.program("/bin/sh")?;
    if args.args.is_empty() {
        command.arg("-c").arg(alone.line());
    } else {
        // The shell puts what follows its own name in place of "$@", each word as it is.
        command.arg("-c").arg(format!("{} \"$@\"", alone.line())).arg("sh").args(&args.args);
    }
    Err(become_program(command))
}

fn words(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}
