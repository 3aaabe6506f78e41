//! A line that is a JSON object. The order of its members is kept: who wrote them had a reason.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::Record;

/// Members that are read of one line.
const MEMBERS_MAX: usize = 64;
/// Objects inside objects are taken apart this deep: `{"trace":{"id":…}}` is `trace.id`.
const DEPTH_MAX: usize = 2;

/// The record of a JSON line; `None` if it is none.
pub(super) fn read(text: &str) -> Option<Record> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    let Members(members) = serde_json::from_str(text).ok()?;
    let mut record = Record { structured: true, ..Record::default() };
    for (name, value) in members {
        take(&mut record, &name, value, 1);
    }
    Some(record)
}

fn take(record: &mut Record, name: &str, value: Value, depth: usize) {
    match value {
        Value::Null => {}
        Value::String(text) => record.take(name, text),
        // An error as pino and others write it: its message is what people look for.
        Value::Object(members) if matches!(name, "err" | "error" | "exception") => {
            let message = members.get("message").or_else(|| members.get("type"));
            let text = message.and_then(Value::as_str).map(str::to_owned);
            record.take(name, text.unwrap_or_else(|| Value::Object(members).to_string()));
        }
        Value::Object(members) if depth < DEPTH_MAX => {
            for (inner, value) in members {
                take(record, &format!("{name}.{inner}"), value, depth + 1);
            }
        }
        value => record.take(name, value.to_string()),
    }
}

/// The members of an object, in the order they were written.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;

        impl<'de> Visitor<'de> for Ordered {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while members.len() < MEMBERS_MAX
                    && let Some(member) = map.next_entry()?
                {
                    members.push(member);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Ordered)
    }
}
