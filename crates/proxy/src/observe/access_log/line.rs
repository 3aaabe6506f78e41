//! How an exchange looks as a line: JSON, or Common Log Format with our ids behind it.
//!
//! Texts of callers are hostile: control characters (they forge lines and drive terminals) are
//! escaped, and each text has a limit, so that a line has one too.

use std::fmt::Write as _;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use trunkline_model::LogFormat;
use trunkline_model::record::{Attempt, ExchangeRecord};

/// Longest line, in bytes, its end included.
pub const LINE_BYTES_MAX: usize = 16 << 10;

/// Longest escaped text of a caller's target, in bytes.
const TARGET_BYTES_MAX: usize = 2_048;

/// Longest escaped text of any other field, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Attempts that a line tells of; `attempts_more` counts the others.
const ATTEMPTS_MAX: usize = 8;

/// `2026-01-31T12:00:00.123456Z`.
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// `31/Jan/2026:12:00:00 +0000`.
const CLF: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// The line of a record, with its end.
pub(super) fn format(format: LogFormat, record: &ExchangeRecord) -> String {
    let line = match format {
        LogFormat::Json => json(record),
        LogFormat::Clf => clf(record),
    };
    debug_assert!(line.len() <= LINE_BYTES_MAX, "{} bytes", line.len());
    line
}

fn moment(unix_nanos: u64, format: &[BorrowedFormatItem<'_>]) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos))
        .ok()
        .and_then(|time| time.format(format).ok())
        .unwrap_or_default()
}

fn json(record: &ExchangeRecord) -> String {
    let mut object = Object::new();
    object.text("time", &moment(record.start_unix_nanos, ISO));
    object.text("correlation_id", &record.correlation);
    object.text("trace_id", &record.trace.trace.to_string());
    object.text("span_id", &record.trace.span.to_string());
    object.raw("sampled", format_args!("{}", record.trace.sampled));
    object.text("peer", &record.peer.to_string());
    object.text("listener", record.listener.as_str());
    if let Some(route) = &record.route {
        object.text("route", route.as_str());
    }
    object.text("method", &record.method);
    object.text("scheme", record.scheme);
    object.text("host", &record.host);
    object.long_text("target", &record.target);
    object.text("protocol", record.protocol);
    object.text("user_agent", &record.user_agent);
    object.raw("status", format_args!("{}", record.status));
    object.raw("bytes_received", format_args!("{}", record.bytes_received));
    object.raw("bytes_sent", format_args!("{}", record.bytes_sent));
    object.milliseconds("duration_ms", record.duration);
    object.text("end", record.end.as_str());
    if let Some(reason) = &record.reason {
        object.text("reason", reason.kind.as_str());
        object.text("reason_detail", &reason.to_string());
    }
    if let Some(last) = record.attempts.last() {
        object.text("service", last.service.as_str());
        object.text("endpoint", last.endpoint.as_str());
        let attempts: Vec<_> = record.attempts.iter().take(ATTEMPTS_MAX).map(attempt).collect();
        object.raw("attempts", format_args!("[{}]", attempts.join(",")));
        let more = record.attempts.len().saturating_sub(ATTEMPTS_MAX);
        if more > 0 {
            object.raw("attempts_more", format_args!("{more}"));
        }
    }
    let mut line = object.close();
    line.push('\n');
    line
}

fn attempt(attempt: &Attempt) -> String {
    let mut object = Object::new();
    object.text("endpoint", attempt.endpoint.as_str());
    match attempt.outcome {
        Ok(status) => object.raw("status", format_args!("{status}")),
        Err(kind) => object.text("error", kind.as_str()),
    }
    object.milliseconds("offset_ms", attempt.offset);
    object.milliseconds("connect_ms", attempt.connect);
    object.milliseconds("duration_ms", attempt.duration);
    object.close()
}

/// A JSON object under construction; keys are ours and need no escaping.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self(String::with_capacity(768))
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    fn raw(&mut self, key: &str, value: std::fmt::Arguments<'_>) {
        self.key(key);
        // Writing to a `String` cannot fail.
        let _ = self.0.write_fmt(value);
    }

    fn milliseconds(&mut self, key: &str, duration: Duration) {
        let micros = duration.as_micros();
        self.raw(key, format_args!("{}.{:03}", micros / 1_000, micros % 1_000));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.limited(key, value, TEXT_BYTES_MAX);
    }

    fn long_text(&mut self, key: &str, value: &str) {
        self.limited(key, value, TARGET_BYTES_MAX);
    }

    fn limited(&mut self, key: &str, value: &str, bytes_max: usize) {
        self.key(key);
        self.0.push('"');
        escape(value, bytes_max, &mut self.0, json_char);
        self.0.push('"');
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Appends `value` with `one` writing each character, and ends with `…` instead of exceeding
/// `bytes_max`.
fn escape(value: &str, bytes_max: usize, into: &mut String, one: fn(char, &mut String)) {
    let start = into.len();
    for c in value.chars() {
        let before = into.len();
        one(c, into);
        if into.len() - start > bytes_max - '…'.len_utf8() {
            into.truncate(before);
            into.push('…');
            return;
        }
    }
}

/// RFC 8259 §7, and beyond it whatever steers a terminal or turns text around.
fn json_char(c: char, into: &mut String) {
    match c {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        c if steers(c) => {
            let _ = write!(into, "\\u{:04x}", u32::from(c));
        }
        c => into.push(c),
    }
}

/// Control characters of both ranges, line and paragraph separators, and direction marks.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As Apache does: everything but printable ASCII by its bytes.
fn clf_char(c: char, into: &mut String) {
    match c {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        ' '..='~' => into.push(c),
        c => {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(into, "\\x{byte:02x}");
            }
        }
    }
}

/// `peer - - [time] "request" status bytes "correlation" trace`.
fn clf(record: &ExchangeRecord) -> String {
    let time = moment(record.start_unix_nanos, CLF);
    let mut line = format!("{} - - [{time}] \"", record.peer.ip());
    escape(&record.method, TEXT_BYTES_MAX, &mut line, clf_char);
    line.push(' ');
    escape(&record.target, TARGET_BYTES_MAX, &mut line, clf_char);
    let _ = write!(line, " {}\" ", record.protocol);
    match record.status {
        0 => line.push('-'),
        status => {
            let _ = write!(line, "{status}");
        }
    }
    match record.bytes_sent {
        0 => line.push_str(" - \""),
        bytes => {
            let _ = write!(line, " {bytes} \"");
        }
    }
    escape(&record.correlation, TEXT_BYTES_MAX, &mut line, clf_char);
    let _ = writeln!(line, "\" {}", record.trace.trace);
    line
}
