//! `check`: what is wrong with configuration files, without running anything.

use std::path::PathBuf;

use serde_json::json;
use trunkline_config::diagnostic::to_json;
use trunkline_config::{Options, Profile};

use super::Context;
use crate::exit::{Exit, Verdict};
use crate::loader::{Loader, tell};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline check --env production --strict")]
pub(crate) struct Args {
    /// Files to check together; without one, the nearest trunkline.yaml
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
}

/// Checks, and ends with 2 when a file cannot be used.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let env = context.globals.env.clone();
    // Without an environment the file is checked as `up` reads it.
    let profile = if env.is_some() { Profile::Production } else { Profile::Laptop };
    let options = Options { env, profile, ..Options::default() };
    let loader = Loader::new(&context.globals.dir, &args.files, options)?.strict(args.strict);
    let loaded = loader.load();
    let printer = &context.printer;
    if printer.is_json() {
        let messages = to_json(&loaded.diagnostics, &loaded.sources);
        printer
            .json(&json!({ "schema": 1, "ok": loaded.model.is_some(), "diagnostics": messages }));
        return Ok(if loaded.model.is_some() { Exit::Done } else { Exit::Usage });
    }
    tell(&loaded, printer)?;
    if let Some(model) = &loaded.model {
        let files: Vec<_> = loader.files().iter().map(|file| file.display().to_string()).collect();
        printer.data(format_args!(
            "{} {}: {}, {}, {}",
            printer.data.apply(crate::print::Role::Good, "✓"),
            files.join(", "),
            count(model.services.len(), "service"),
            count(model.routes.len(), "route"),
            count(model.listeners.len(), "listener"),
        ));
    }
    Ok(Exit::Done)
}

fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}
