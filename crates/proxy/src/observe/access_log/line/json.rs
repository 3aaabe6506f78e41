//! A line as a JSON object: everything that a record tells.
//!
//! Texts are escaped as RFC 8259 §7 wants it, and beyond it whatever steers a terminal. Steps that
//! an exchange did not come to have no key.

use std::fmt::Write as _;
use std::time::Duration;

use trunkline_model::record::{Attempt, ExchangeRecord};

use super::{ATTEMPTS_MAX, ISO, TARGET_BYTES_MAX, TEXT_BYTES_MAX, escape, steers};

/// Appends the object, without an end of line.
pub(super) fn line(record: &ExchangeRecord, into: &mut String) {
    let mut object = Object::new(into);
    object.key("time");
    object.into.push('"');
    super::moment(record.start_unix_nanos, ISO, object.into);
    object.into.push('"');
    object.text("correlation_id", &record.correlation);
    object.raw("trace_id", format_args!("\"{}\"", record.trace.trace));
    object.raw("span_id", format_args!("\"{}\"", record.trace.span));
    object.raw("sampled", format_args!("{}", record.trace.sampled));
    object.raw("peer", format_args!("\"{}\"", record.peer));
    if record.client != record.peer.ip() {
        object.raw("client", format_args!("\"{}\"", record.client));
    }
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
    if !record.referer.is_empty() {
        object.text("referer", &record.referer);
    }
    object.raw("status", format_args!("{}", record.status));
    object.raw("bytes_received", format_args!("{}", record.bytes_received));
    object.raw("bytes_sent", format_args!("{}", record.bytes_sent));
    object.milliseconds("duration_ms", record.duration);
    let timings = &record.timings;
    for (key, step) in [
        ("head_ms", timings.head),
        ("queue_ms", timings.queue),
        ("connect_ms", timings.connect),
        ("response_ms", timings.response),
    ] {
        if let Some(step) = step {
            object.milliseconds(key, step);
        }
    }
    object.text("end", record.end.as_str());
    object.raw("termination", format_args!("\"{}--\"", record.termination()));
    if let Some(reason) = &record.reason {
        object.text("reason", reason.kind.as_str());
        object.text("reason_detail", &reason.to_string());
    }
    if let Some(last) = record.attempts.last() {
        object.text("service", last.service.as_str());
        object.text("endpoint", last.endpoint.as_str());
        object.key("attempts");
        object.into.push('[');
        for (index, one) in record.attempts.iter().take(ATTEMPTS_MAX).enumerate() {
            if index > 0 {
                object.into.push(',');
            }
            attempt(one, object.into);
        }
        object.into.push(']');
        let more = record.attempts.len().saturating_sub(ATTEMPTS_MAX);
        if more > 0 {
            object.raw("attempts_more", format_args!("{more}"));
        }
    }
    object.close();
}

fn attempt(attempt: &Attempt, into: &mut String) {
    let mut object = Object::new(into);
    object.text("endpoint", attempt.endpoint.as_str());
    match attempt.outcome {
        Ok(status) => object.raw("status", format_args!("{status}")),
        Err(kind) => object.text("error", kind.as_str()),
    }
    object.milliseconds("offset_ms", attempt.offset);
    object.milliseconds("connect_ms", attempt.connect);
    object.milliseconds("duration_ms", attempt.duration);
    object.close();
}

/// A JSON object under construction; keys are ours and need no escaping.
struct Object<'a> {
    into: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    fn new(into: &'a mut String) -> Self {
        Self { into, empty: true }
    }

    fn key(&mut self, key: &str) {
        self.into.push(if self.empty { '{' } else { ',' });
        self.empty = false;
        self.into.push('"');
        self.into.push_str(key);
        self.into.push_str("\":");
    }

    fn raw(&mut self, key: &str, value: std::fmt::Arguments<'_>) {
        self.key(key);
        // Writing to a `String` cannot fail.
        let _ = self.into.write_fmt(value);
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
        self.into.push('"');
        escape(value, bytes_max, self.into, json_char);
        self.into.push('"');
    }

    fn close(self) {
        debug_assert!(!self.empty, "every object here has keys");
        self.into.push('}');
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
