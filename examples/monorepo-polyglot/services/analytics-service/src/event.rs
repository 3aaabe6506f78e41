//! What a caller tells of: a kind, perhaps a value in cents, and when.

use serde_json::{json, Value};

use crate::calendar;

const KIND_BYTES_MAX: usize = 40;
/// The largest amount one event may tell of, in cents: sums of a day stay far from the end of an `i64`.
const VALUE_MAX: i64 = 100_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    /// One, but for a line of the journal that stands for many.
    pub count: u64,
    /// Cents in all; zero for an event without a value.
    pub value: i64,
    /// Minutes since 1970.
    pub minute: u64,
}

impl Event {
    /// Reads a request's body. The error is what to tell the caller.
    pub fn read(body: &[u8], now_minute: u64) -> Result<Self, &'static str> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
        let Some(body) = body.as_object() else {
            return Err("the body is not an object");
        };
        let kind = body.get("type").and_then(Value::as_str).filter(|kind| is_kind(kind));
        let value = match body.get("value") {
            None | Some(Value::Null) => Some(0),
            Some(value) => value
                .as_i64()
                .filter(|value| value.unsigned_abs() <= VALUE_MAX.unsigned_abs()),
        };
        let minute = match body.get("at") {
            None | Some(Value::Null) => Some(now_minute),
            Some(at) => at.as_str().and_then(calendar::parse_minute),
        };
        Ok(Self {
            kind: kind
                .ok_or("type must be 1 to 40 of a-z 0-9 _ . - and begin with a letter")?
                .to_owned(),
            count: 1,
            value: value.ok_or("value must be a whole number of cents, at most 100000000000")?,
            minute: minute.ok_or("at must be a time such as 2030-01-31T12:00:00Z")?,
        })
    }

    /// One line of the journal, with its line feed.
    pub fn to_line(&self) -> String {
        json!({ "type": self.kind, "count": self.count, "value": self.value, "minute": self.minute }).to_string() + "\n"
    }

    pub fn from_line(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            kind: line["type"].as_str().filter(|kind| is_kind(kind))?.to_owned(),
            count: line["count"].as_u64()?,
            value: line["value"].as_i64()?,
            minute: line["minute"].as_u64()?,
        })
    }
}

fn is_kind(kind: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    kind.len() <= KIND_BYTES_MAX && kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_the_journal() {
        let read = Event::read(br#"{"type":"payment","value":1250,"currency":"EUR"}"#, 7).unwrap();
        assert_eq!(
            read,
            Event {
                kind: "payment".into(),
                count: 1,
                value: 1250,
                minute: 7
            }
        );
        assert_eq!(Event::from_line(&read.to_line()), Some(read));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |body: &str, says: &str| {
            let refused = Event::read(body.as_bytes(), 0).unwrap_err();
            assert!(refused.contains(says), "{body}: {refused}");
        };
        check("nonsense", "JSON");
        check("[]", "object");
        check("{}", "type");
        check(r#"{"type":"Payment"}"#, "type");
        check(&format!(r#"{{"type":"{}"}}"#, "a".repeat(41)), "type");
        check(r#"{"type":"a","value":1.5}"#, "value");
        check(r#"{"type":"a","value":-100000000001}"#, "value");
        check(r#"{"type":"a","at":"yesterday"}"#, "at must");
    }
}
