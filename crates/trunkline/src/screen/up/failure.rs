//! A service that ended when it should not: what happened, the lines that tell why, what may help.

use std::fmt::Write as _;
use std::time::Duration;

use trunkline_local::event::Retry;

use super::{Look, Mark, hint, marked, span};
use crate::lines::{Level, Record};
use crate::print::{Paint, Role, cut};
use crate::screen::logs;

/// Lines that are shown of an output.
const LINES_MAX: usize = 8;
/// Cells before a line.
const INDENT: usize = 8;

/// How a try ended.
pub(super) struct Tried<'a> {
    /// Why.
    pub reason: &'a str,
    /// After how long.
    pub after: Duration,
    /// What comes next.
    pub retry: Option<&'a Retry>,
}

/// The lines of a failed try.
pub(super) fn exited(
    name: &str,
    tried: &Tried<'_>,
    last_lines: &[String],
    help: Option<&str>,
    look: &Look,
) -> String {
    let mut what = tried.reason.to_owned();
    // What was waited for too long says so itself.
    if !what.contains(" after ") {
        let _ = write!(what, " after {}", span(tried.after));
    }
    match tried.retry {
        Some(retry) => {
            let wait = span(retry.after);
            let (attempt, most) = (retry.attempt, retry.attempts_max);
            let _ = write!(what, ", next try in {wait} ({attempt} of {most})");
        }
        None => what.push_str("; it stays down"),
    }
    let mark = Mark { role: Role::Error, name, what: &what, after: None };
    let mut text = marked(&mark, look);
    for record in telling(last_lines) {
        let bar = look.paint.apply(Role::Faint, "│");
        let _ = write!(text, "\n      {bar} {}", shown(&record, look));
    }
    if let Some(help) = help {
        text.push_str(&hint(help, look));
    }
    text
}

fn shown(record: &Record, look: &Look) -> String {
    let paint = look.paint;
    let Some(columns) = look.columns else {
        return logs::body(record, None, paint).0;
    };
    // Cut first, paint then: a colour must not be cut in two.
    let (plain, width) = logs::body(record, None, Paint::new(false));
    let room = columns.saturating_sub(INDENT);
    if width <= room { logs::body(record, None, paint).0 } else { cut(&plain, room).into_owned() }
}

/// The lines that say most: from the first error on without the frames of its stack trace, which are
/// indented everywhere; else the last ones.
pub(super) fn telling(lines: &[String]) -> Vec<Record> {
    let records = lines.iter().map(|line| Record::of(line));
    let mut records: Vec<Record> =
        records.filter(|record| record.structured || !is_noise(&record.message)).collect();
    let is_error = |record: &Record| record.level >= Some(Level::Error);
    if let Some(first) = records.iter().position(is_error) {
        records.drain(..first);
        records.retain(|record| !record.message.starts_with([' ', '\t']));
        records.truncate(LINES_MAX);
        return records;
    }
    records.split_off(records.len().saturating_sub(LINES_MAX))
}

/// What says nothing to anybody.
fn is_noise(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text.chars().all(|c| "^~{}()[];".contains(c))
        || ["stack backtrace:", "note: ", "Node.js v", "Emitted 'error' event"]
            .iter()
            .any(|begin| text.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_shown_and_its_frames_are_not() {
        let lines = "node:events:502\n      throw er; // Unhandled 'error' event\n      ^\n\nError: listen EADDRINUSE: address already in use 127.0.0.1:39871\n    at Server.setupListenHandle [as _listen2] (node:net:1908:16)\n    at doListen (node:net:2139:7) {\n  code: 'EADDRINUSE',\n  errno: -98,\n  syscall: 'listen',\n  address: '127.0.0.1',\n  port: 39871\n}\n\nNode.js v20.20.2";
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        let shown: Vec<_> = telling(&lines).into_iter().map(|record| record.message).collect();
        assert_eq!(shown, ["Error: listen EADDRINUSE: address already in use 127.0.0.1:39871"]);
    }

    #[test]
    fn without_an_error_the_last_lines_are_shown() {
        let lines: Vec<String> = (0..20).map(|number| format!("line {number}")).collect();
        let shown: Vec<_> = telling(&lines).into_iter().map(|record| record.message).collect();
        assert_eq!((shown.first().unwrap().as_str(), shown.len()), ("line 12", LINES_MAX));
    }
}
