//! What the process itself has to say while it serves: `tracing` events on standard error, as text
//! on a terminal and as JSON for whoever collects logs.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::cli::Globals;
use crate::environment;
use crate::print::Printer;

/// For whom the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Whoever runs a server: how it is doing, for people on a terminal, else as JSON.
    Operator,
    /// Whoever runs `up`: only what its screen does not show.
    Developer,
}

/// Starts the log. Calling it twice keeps the first.
pub(crate) fn start(reader: Reader, globals: &Globals, printer: &Printer) {
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter(reader, globals)).with_writer(io::stderr);
    // A second subscriber is refused; the first one goes on, which is what is wanted.
    if reader == Reader::Developer {
        let _ = builder
            .without_time()
            .with_ansi(printer.progress.is_on())
            .with_target(false)
            .try_init();
    } else if io::stderr().is_terminal() {
        let _ = builder.with_ansi(printer.progress.is_on()).with_target(false).try_init();
    } else {
        let _ = builder.json().flatten_event(true).with_target(false).try_init();
    }
}

fn filter(reader: Reader, globals: &Globals) -> EnvFilter {
    if let Some(directives) = environment::log_directives() {
        return EnvFilter::new(directives);
    }
    EnvFilter::new(match (globals.quiet, globals.verbose) {
        (true, _) => "error",
        (false, 0) if reader == Reader::Developer => "warn,trunkline_proxy=error",
        (false, 0) => "warn,trunkline=info",
        (false, 1) => "info,trunkline=debug",
        (false, _) => "debug",
    })
}
