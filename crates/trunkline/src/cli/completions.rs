//! `completions`: a script for the shell, made from the table of verbs.

use clap_complete::Shell;

use super::{Context, command};
use crate::exit::{Exit, Verdict};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  trunkline completions bash > ~/.local/share/bash-completion/completions/trunkline"
)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

/// Prints the script.
#[expect(clippy::unnecessary_wraps, reason = "every verb is called the same way")]
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "trunkline", &mut script);
    context.printer.raw(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
