//! Everything the binary says goes through the [`Printer`].
//!
//! Data goes to standard output, progress and messages to standard error, so that a pipe sees data
//! only. Colour carries no meaning alone and is left out where it would be noise: not a terminal,
//! `NO_COLOR`, `--no-color`. A reader that went away (`trunkline logs | head`) is not an error.
//! Text that came from elsewhere (requests, services, files) is passed through [`clean`] first: it
//! must not move the cursor or change the terminal.

mod escape;
mod paint;
mod progress;
mod table;
mod width;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::environment;
use crate::exit::Failure;

pub(crate) use escape::{clean, clean_lines};
pub(crate) use paint::{Paint, Role};
pub(crate) use progress::{Progress, sent};
pub(crate) use table::{Align, Table};
pub(crate) use width::{cells, cut, wrap};

/// In what form data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document per command, or one object per line with `-f`.
    Json,
}

/// What the command line says about printing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Form of data.
    pub format: Format,
    /// No colour, whatever the terminal can do.
    pub no_color: bool,
    /// Errors only on standard error.
    pub quiet: bool,
}

/// Prints. One per process.
#[derive(Debug)]
pub(crate) struct Printer {
    settings: Settings,
    /// How standard output is painted.
    pub data: Paint,
    /// How standard error is painted.
    pub progress: Paint,
    gone: AtomicBool,
    /// Columns of the terminal that another process shows everything on.
    remote: Option<usize>,
}

impl Printer {
    /// A printer for the streams of this process.
    pub(crate) fn new(settings: Settings) -> Self {
        let plain = settings.no_color || environment::no_color() || environment::dumb_terminal();
        Self {
            settings,
            data: Paint::new(!plain && io::stdout().is_terminal())
                .within(width::columns(io::stdout())),
            progress: Paint::new(!plain && io::stderr().is_terminal()),
            gone: AtomicBool::new(false),
            remote: None,
        }
    }

    /// A printer whose output another process passes on, to a terminal with so many columns or,
    /// with none, to something else.
    pub(crate) fn remote(settings: Settings, columns: Option<usize>) -> Self {
        let paint = Paint::new(columns.is_some() && !settings.no_color && !environment::no_color());
        Self {
            settings,
            data: paint,
            progress: paint,
            gone: AtomicBool::new(false),
            remote: columns,
        }
    }

    /// Columns of the terminal that data is shown on; `None` if it is none.
    pub(crate) fn data_columns(&self) -> Option<usize> {
        self.remote.or_else(|| width::columns(io::stdout()))
    }

    /// Columns of the terminal that progress is shown on; `None` if it is none.
    pub(crate) fn progress_columns(&self) -> Option<usize> {
        self.remote.or_else(|| width::columns(io::stderr()))
    }

    /// Whether data is wanted as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.settings.format == Format::Json
    }

    /// Whether whoever read standard output went away: there is nobody to print for.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Prints data: the text and a line end.
    pub(crate) fn data(&self, text: impl Display) {
        self.write(&format!("{text}\n"));
    }

    /// Prints data exactly as it is.
    pub(crate) fn raw(&self, text: &str) {
        self.write(text);
    }

    /// Prints a JSON document over several lines.
    pub(crate) fn json(&self, value: &impl Serialize) {
        self.data(serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string()));
    }

    /// Prints a JSON object on one line.
    pub(crate) fn json_line(&self, value: &impl Serialize) {
        self.data(serde_json::to_string(value).unwrap_or_else(|error| error.to_string()));
    }

    /// Tells progress; not with `-q`.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.settings.quiet {
            complain(&format!("{text}\n"));
        }
    }

    /// Tells what went wrong.
    pub(crate) fn error(&self, text: impl Display) {
        let text = clean_lines(&text.to_string());
        complain(&format!("{}: {text}\n", self.progress.apply(Role::Error, "error")));
    }

    /// Tells why the command failed, and how to go on.
    pub(crate) fn failure(&self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.error(&failure.message);
        }
        if let Some(hint) = &failure.hint {
            let hint = clean_lines(hint);
            complain(&format!("  {}: {hint}\n", self.progress.apply(Role::Hint, "hint")));
        }
    }

    /// Lines that show what is waited for, on terminals only.
    pub(crate) fn progress_lines(&self) -> Progress {
        if self.settings.quiet {
            return Progress::off();
        }
        match self.remote {
            Some(_) => Progress::wire(),
            None if io::stderr().is_terminal() && self.progress.is_on() => Progress::bars(),
            None => Progress::off(),
        }
    }

    /// What the command line said.
    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    fn write(&self, text: &str) {
        if self.is_reader_gone() {
            return;
        }
        let mut out = io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
    }
}

/// Prints to standard error as it is, `-q` or not: diagnostics. Standard error may be closed; there
/// is no one left to tell then.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
