//! The access log that is wanted: where lines go, which exchanges have one, and how it looks.
//!
//! A format is a word or a [`Template`]: a text with fields, parsed once. What it cannot mean is an
//! error with its place in the text, so that a mistake is shown where it was made and not found in
//! the log.

mod choice;
mod field;
mod template;

use std::path::PathBuf;

use crate::units::Share;

pub use choice::{Always, Condition, InvalidAlways};
pub use field::Field;
pub use template::{InvalidTemplate, Part, Template};

/// Where access-log lines go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To standard output of `serve`.
    Stdout(LogLines),
    /// To this file, opened again on SIGUSR1 and when it was moved away.
    File(LogLines, PathBuf),
}

/// Which lines are written, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogLines {
    /// How a line looks.
    pub format: LogFormat,
    /// Share of the exchanges that have one, chosen by the trace.
    pub sample: Share,
    /// Those that have one in any case.
    pub always: Always,
}

impl From<LogFormat> for LogLines {
    /// A line for every exchange.
    fn from(format: LogFormat) -> Self {
        Self { format, sample: Share::ALL, always: Always::default() }
    }
}

/// How a line looks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Common Log Format, with request and trace ids after it.
    Clf,
    /// Combined Log Format: that of Common with referer and user agent.
    Combined,
    /// The format that HAProxy's `option httplog` made known.
    Httplog,
    /// As a text with fields says.
    Template(Template),
}
