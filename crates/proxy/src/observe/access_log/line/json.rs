//! A line as a JSON object: everything that a record tells.
//!
//! Texts are escaped as RFC 8259 §7 wants it, and beyond it whatever steers a terminal. Steps that
//! an exchange did not come to have no key.

use std::fmt::Write as _;
use std::time::Duration;

use trunkline_model::record::{Attempt, ExchangeRecord};

use super::{ATTEMPTS_MAX, TARGET_BYTES_MAX, TEXT_BYTES_MAX, digits, escape, steers};

/// A key of ours with all that stands around it; keys need no escaping.
macro_rules! key {
    ($key:literal) => {
        concat!(",\"", $key, "\":")
    };
}

/// Appends the object, without an end of line.
pub(super) fn line(record: &ExchangeRecord, into: &mut String) {
    into.push_str("{\"time\":\"");
    digits::iso(record.start_unix_nanos, into);
    into.push('"');
    text(key!("correlation_id"), &record.correlation, into);
    quoted(key!("trace_id"), into, |into| digits::hex(record.trace.trace.bytes(), into));
    quoted(key!("span_id"), into, |into| digits::hex(record.trace.span.bytes(), into));
    into.push_str(key!("sampled"));
    into.push_str(if record.trace.sampled { "true" } else { "false" });
    quoted(key!("peer"), into, |into| digits::socket(record.peer, into));
    if record.client != record.peer.ip() {
        quoted(key!("client"), into, |into| digits::address(record.client, into));
    }
    text(key!("listener"), record.listener.as_str(), into);
    if let Some(route) = &record.route {
        text(key!("route"), route.as_str(), into);
    }
    request(record, into);
    response(record, into);
    attempts(&record.attempts, into);
    into.push('}');
}

fn request(record: &ExchangeRecord, into: &mut String) {
    text(key!("method"), &record.method, into);
    text(key!("scheme"), record.scheme, into);
    text(key!("host"), &record.host, into);
    limited(key!("target"), &record.target, TARGET_BYTES_MAX, into);
    text(key!("protocol"), record.protocol, into);
    text(key!("user_agent"), &record.user_agent, into);
    if !record.referer.is_empty() {
        text(key!("referer"), &record.referer, into);
    }
}

fn response(record: &ExchangeRecord, into: &mut String) {
    number(key!("status"), record.status.into(), into);
    number(key!("bytes_received"), record.bytes_received, into);
    number(key!("bytes_sent"), record.bytes_sent, into);
    milliseconds(key!("duration_ms"), record.duration, into);
    let timings = &record.timings;
    for (key, step) in [
        (key!("head_ms"), timings.head),
        (key!("queue_ms"), timings.queue),
        (key!("connect_ms"), timings.connect),
        (key!("response_ms"), timings.response),
    ] {
        if let Some(step) = step {
            milliseconds(key, step, into);
        }
    }
    text(key!("end"), record.end.as_str(), into);
    let termination = record.termination();
    quoted(key!("termination"), into, |into| {
        into.push(termination.cause);
        into.push(termination.phase);
        into.push_str("--");
    });
    if let Some(reason) = &record.reason {
        text(key!("reason"), reason.kind.as_str(), into);
        text(key!("reason_detail"), &reason.to_string(), into);
    }
}

fn attempts(attempts: &[Attempt], into: &mut String) {
    let Some(last) = attempts.last() else { return };
    text(key!("service"), last.service.as_str(), into);
    text(key!("endpoint"), last.endpoint.as_str(), into);
    into.push_str(key!("attempts"));
    into.push('[');
    for (index, one) in attempts.iter().take(ATTEMPTS_MAX).enumerate() {
        if index > 0 {
            into.push(',');
        }
        attempt(one, into);
    }
    into.push(']');
    let more = attempts.len().saturating_sub(ATTEMPTS_MAX);
    if more > 0 {
        number(key!("attempts_more"), more as u64, into);
    }
}

fn attempt(attempt: &Attempt, into: &mut String) {
    text("{\"endpoint\":", attempt.endpoint.as_str(), into);
    match attempt.outcome {
        Ok(status) => number(key!("status"), status.into(), into),
        Err(kind) => text(key!("error"), kind.as_str(), into),
    }
    milliseconds(key!("offset_ms"), attempt.offset, into);
    milliseconds(key!("connect_ms"), attempt.connect, into);
    milliseconds(key!("duration_ms"), attempt.duration, into);
    into.push('}');
}

fn quoted(key: &str, into: &mut String, value: impl FnOnce(&mut String)) {
    into.push_str(key);
    into.push('"');
    value(into);
    into.push('"');
}

fn number(key: &str, value: u64, into: &mut String) {
    into.push_str(key);
    digits::number(value, into);
}

fn milliseconds(key: &str, duration: Duration, into: &mut String) {
    into.push_str(key);
    digits::millis(duration, into);
}

fn text(key: &str, value: &str, into: &mut String) {
    limited(key, value, TEXT_BYTES_MAX, into);
}

fn limited(key: &str, value: &str, bytes_max: usize, into: &mut String) {
    quoted(key, into, |into| escape(value, bytes_max, into, json_char));
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
