//! `init`: a trunkline.yaml of what is found in a folder.
//!
//! It writes nothing over what is there unless told to, and asks only a person: without a terminal
//! it leaves out what is not clear and says so.

mod questions;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::json;
use trunkline_local::discover::Choices;

use super::Context;
use crate::exit::{Exit, Failure, Verdict};
use crate::print::Role;
use crate::{found, loader};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trunkline init --print")]
pub(crate) struct Args {
    /// Print the file instead of writing it
    #[arg(long)]
    print: bool,
    /// Replace the file that is there
    #[arg(long)]
    force: bool,
}

/// Looks, asks, and writes.
pub(crate) fn run(args: &Args, context: &Context) -> Verdict {
    let (dir, printer) = (&context.globals.dir, &context.printer);
    if !args.print && !args.force {
        refuse_existing(dir)?;
    }
    let mut choices = Choices::default();
    let mut found = found::look(dir, &choices)?;
    if questions::can_ask() {
        found = questions::ask(dir, found, &mut choices, printer)?;
    }
    found::tell_left_out(&found, printer);
    if found.services.is_empty() {
        return Err(found::nothing(&found));
    }
    let text = found::checked_text(&found, dir, printer)?;
    if args.print {
        printer.raw(&text);
        return Ok(Exit::Done);
    }
    let file = dir.join(file_name());
    write(&file, &text, args.force)
        .map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))?;
    let names: Vec<_> = found.services.iter().map(|service| service.name.to_string()).collect();
    if printer.is_json() {
        printer.json(&json!({ "schema": 1, "file": file, "services": names }));
        return Ok(Exit::Done);
    }
    printer.data(format_args!(
        "{} {} with {}",
        printer.data.apply(Role::Good, "✓"),
        file.display(),
        names.join(", ")
    ));
    printer.note("  read it, then start everything with `trunkline up`");
    Ok(Exit::Done)
}

fn file_name() -> &'static str {
    loader::NAMES.first().copied().unwrap_or_default()
}

fn refuse_existing(dir: &Path) -> Result<(), Failure> {
    let existing = loader::NAMES.iter().map(|name| dir.join(name)).find(|file| file.exists());
    match existing {
        None => Ok(()),
        Some(file) => Err(Failure::usage(format_args!("{} is there already", file.display()))
            .hint("`trunkline add <path>` adds a service to it, `trunkline init --print` shows a new one, `--force` replaces it")),
    }
}

/// Writes a file that is not there, or replaces it whole.
fn write(file: &Path, text: &str, force: bool) -> io::Result<()> {
    if force {
        return std::fs::write(file, text);
    }
    // Between the question and here it may have come into being.
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text.as_bytes())
}
