//! One JSON object per line on standard output, with the trace id of the request it tells of.

use std::io::Write;
use std::time::Duration;

use serde_json::{json, Value};

use crate::store::now_ms;

/// What one request was and what became of it.
pub struct Line<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub status: u16,
    pub elapsed: Duration,
    pub traceparent: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub error: Option<&'a str>,
}

pub fn request(line: &Line) {
    let level = if line.status >= 500 { "error" } else { "info" };
    write_line(json!({
        "time_ms": now_ms(),
        "level": level,
        "service": "payments",
        "msg": "request",
        "method": line.method,
        "path": line.path,
        "status": line.status,
        "ms": (line.elapsed.as_micros() as f64) / 1000.0,
        "trace_id": line.traceparent.and_then(trace_id),
        "request_id": line.request_id,
        "error": line.error,
    }));
}

pub fn event(message: &str, fields: &[(&str, Value)]) {
    let mut line = json!({ "time_ms": now_ms(), "level": "info", "service": "payments", "msg": message });
    for (name, value) in fields {
        line[*name] = value.clone();
    }
    write_line(line);
}

/// The trace id of a `traceparent` (W3C Trace Context, section 3.2): 32 hexadecimal digits, not all zero.
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    let hexadecimal = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    (hexadecimal && id.bytes().any(|b| b != b'0')).then_some(id)
}

fn write_line(line: Value) {
    // Nobody reads us any more: not a reason to stop serving.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::trace_id;

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
}
