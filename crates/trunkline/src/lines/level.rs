//! How bad a line is.

/// The level of a line; greater is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Level {
    /// Every step.
    Trace,
    /// For whoever looks for a defect.
    Debug,
    /// What happens.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
    /// What ended the service.
    Fatal,
}

/// Levels by the numbers of pino and bunyan.
const NUMBERS: &[(u64, Level)] = &[
    (60, Level::Fatal),
    (50, Level::Error),
    (40, Level::Warn),
    (30, Level::Info),
    (20, Level::Debug),
    (10, Level::Trace),
];

impl Level {
    /// Reads a word in any case, with its common other names, or a number of pino.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<u64>() {
            return NUMBERS.iter().find(|(least, _)| number >= *least).map(|(_, level)| *level);
        }
        Some(match text.to_ascii_lowercase().as_str() {
            "trace" | "verbose" | "silly" => Self::Trace,
            "debug" | "dbg" => Self::Debug,
            "info" | "information" | "notice" | "inf" => Self::Info,
            "warn" | "warning" | "wrn" => Self::Warn,
            "error" | "err" | "severe" => Self::Error,
            "fatal" | "critical" | "crit" | "alert" | "emergency" | "panic" | "dpanic" | "ftl" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// The word for people.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}
