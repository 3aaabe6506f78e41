//! One tag: a key and a value with its type.

use serde::Serialize;
use trunkline_otlp::Value;
use trunkline_otlp::json::base64;
use trunkline_store::source::as_text;

/// Greatest whole number that JavaScript reads exactly; Jaeger sends greater ones as text.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

#[derive(Serialize)]
pub(super) struct Tag<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: TagValue<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TagValue<'a> {
    Borrowed(&'a str),
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl<'a> Tag<'a> {
    pub(super) const fn text(key: &'a str, text: &'a str) -> Self {
        Self { key, kind: "string", value: TagValue::Borrowed(text) }
    }

    pub(super) const fn bool(key: &'a str, yes: bool) -> Self {
        Self { key, kind: "bool", value: TagValue::Bool(yes) }
    }

    pub(super) fn of(key: &'a str, value: &'a Value) -> Self {
        let (kind, value) = match value {
            Value::Text(text) => ("string", TagValue::Borrowed(text)),
            Value::Bool(yes) => ("bool", TagValue::Bool(*yes)),
            Value::Int(number) if number.unsigned_abs() > SAFE_INTEGER_MAX => {
                ("int64", TagValue::Text(number.to_string()))
            }
            Value::Int(number) => ("int64", TagValue::Int(*number)),
            // JSON has no infinity and no NaN.
            Value::Double(number) if !number.is_finite() => {
                ("float64", TagValue::Text(number.to_string()))
            }
            Value::Double(number) => ("float64", TagValue::Float(*number)),
            Value::Bytes(bytes) => ("binary", TagValue::Text(base64(bytes))),
            // Jaeger knows no lists: they are written as JSON.
            other => ("string", TagValue::Text(as_text(other).into_owned())),
        };
        Self { key, kind, value }
    }
}
