//! One JSON object per line on standard output, with the ids by which a request is found again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::time::Duration;

use serde_json::{json, Value};

use crate::calendar::{format_ms, now_ms};
use crate::http::Head;

const REQUEST_ID_BYTES_MAX: usize = 128;

pub fn event(level: &str, message: &str, fields: &[(&str, Value)]) {
    let mut line =
        json!({ "time": format_ms(now_ms()), "level": level, "msg": message, "service": "analytics-service" });
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        line[*name] = value.clone();
    }
    // Nobody reads us any more: not a reason to stop serving.
    let _ = writeln!(std::io::stdout(), "{line}");
}

pub fn request(head: &Head, route: &str, status: u16, took: Duration) {
    let level = if status >= 500 { "error" } else { "info" };
    event(
        level,
        "request",
        &[
            ("correlation_id", head.header("x-request-id").into()),
            ("trace_id", head.header("traceparent").and_then(trace_id).into()),
            ("method", head.method.as_str().into()),
            ("route", route.into()),
            ("status", status.into()),
            ("duration_ms", (took.as_micros() as f64 / 1000.0).into()),
        ],
    );
}

/// Keeps the caller's request id if it can be printed and is short, and makes one otherwise.
pub fn ensure_request_id(head: &mut Head) -> String {
    let given = head
        .header("x-request-id")
        .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX);
    if let Some(id) = given.filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic())) {
        return id.to_owned();
    }
    let id = format!("req_{:016x}", random());
    head.set_header("x-request-id", id.clone());
    id
}

/// A number that is unlikely to come twice: the standard library seeds its hash tables with random keys.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The trace id of a `traceparent` (W3C Trace Context, section 3.2): 32 hexadecimal digits, not all zero.
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    let hexadecimal = id.len() == 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (hexadecimal && id.bytes().any(|byte| byte != b'0')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_trace_id_is_logged() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")), Some(id));
        assert_eq!(
            trace_id("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
            None
        );
        assert_eq!(trace_id("nonsense"), None);
    }

    #[test]
    fn a_request_id_is_kept_or_made() {
        let mut head = Head::parse(b"GET / HTTP/1.1\r\nX-Request-Id: r1\r\n").unwrap();
        assert_eq!(ensure_request_id(&mut head), "r1");
        let mut head = Head::parse(b"GET / HTTP/1.1\r\nX-Request-Id: two words\r\n").unwrap();
        let made = ensure_request_id(&mut head);
        assert!(made.starts_with("req_"));
        assert_eq!(head.header("x-request-id"), Some(made.as_str()));
    }
}
