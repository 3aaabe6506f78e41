//! What services write: kept on disk per service, bounded, and readable while it grows.
//!
//! A line of a log file is `<RFC 3339 time> <out|err> <text>`, so that a file is useful without
//! Trunkline. One thread writes all files; services wait for it only when a thousand lines are
//! queued. A file that reaches [`FILE_BYTES_MAX`] becomes `<service>.log.1`, replacing the one before.
//! Control characters are kept as they came: whoever shows a line escapes them.

mod read;
mod write;

use std::fmt;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use read::{Follow, read};
pub use write::{FILE_BYTES_MAX, LogWriter};

/// Which output of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line a service wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was read.
    pub at: SystemTime,
    /// Where it was written to.
    pub stream: Stream,
    /// What it says, without line end; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl Stream {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}

/// The text of a line in a log file.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from(self.at).format(&Rfc3339).map_err(|_| fmt::Error)?;
        write!(f, "{at} {} {}", self.stream.as_str(), self.text)
    }
}

impl Line {
    /// Reads a line of a log file; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let at = OffsetDateTime::parse(words.next()?, &Rfc3339).ok()?.into();
        let stream = match words.next()? {
            "out" => Stream::Out,
            "err" => Stream::Err,
            _ => return None,
        };
        Some(Self { at, stream, text: words.next()?.to_owned() })
    }
}

fn file_name(service: &str) -> String {
    format!("{service}.log")
}

fn old_file_name(service: &str) -> String {
    format!("{service}.log.1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_line_survives_its_file() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_042);
        let line = Line { at, stream: Stream::Err, text: "  two  spaces \u{1b}[31m".into() };
        assert_eq!(line.to_string(), "2026-01-01T00:00:00.042Z err   two  spaces \u{1b}[31m");
        assert_eq!(Line::parse(&line.to_string()), Some(line));
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in ["", "hello", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z in x"] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }
}
