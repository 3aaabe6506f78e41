//! Structured filters as JSON writes them (RFC 0005 of Jaeger): a call of an operator over
//! attributes, fields, constants and further calls.
//!
//! ```json
//! {"op":"gt","args":[{"attr":{"key":"http.status_code"}},{"scalar":{"value":"499"}}]}
//! ```
//!
//! This reads the tree, whatever its writing; [`meaning`] makes a predicate of it.

mod meaning;

use serde_json::{Map, Value};
use trunkline_query::expression::{Patterns, Predicate};

pub(in super::super) use meaning::{LEVELS, OPERATORS};

/// Levels of a filter at most.
const DEPTH_MAX: usize = 24;

/// Why a filter is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Invalid(pub(in super::super) String);

impl Invalid {
    pub(in super::super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// An operator and what it is applied to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in super::super) struct Call {
    pub(in super::super) op: String,
    pub(in super::super) args: Vec<Term>,
}

/// A level and a name at it; either may be empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in super::super) struct Named {
    pub(in super::super) name: String,
    pub(in super::super) level: String,
}

/// What an operator is applied to.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Term {
    Attribute(Named),
    Field(Named),
    Nested(Named),
    Scalar { value: String, kind: String },
    List { values: Vec<String>, kind: String },
    Call(Call),
}

/// The predicate of a filter that is written as JSON.
pub(crate) fn parse(text: &str) -> Result<Predicate, Invalid> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Invalid::new(error.to_string()))?;
    of_json(&value, &mut Patterns::default())
}

/// The predicate of a filter, with patterns of which the whole question has so many.
pub(crate) fn of_json(value: &Value, patterns: &mut Patterns) -> Result<Predicate, Invalid> {
    predicate(&call(value, 0)?, patterns)
}

/// The predicate of a call, checked.
pub(in super::super) fn predicate(
    call: &Call,
    patterns: &mut Patterns,
) -> Result<Predicate, Invalid> {
    let predicate = meaning::of(call, patterns)?;
    predicate.check().map_err(|error| Invalid::new(error.to_string()))?;
    Ok(predicate)
}

fn call(value: &Value, depth: usize) -> Result<Call, Invalid> {
    if depth >= DEPTH_MAX {
        return Err(Invalid::new(format!("a filter has at most {DEPTH_MAX} levels")));
    }
    let members = members(value, "a call", &["op", "args"])?;
    let op = text(members, "op")?;
    let Some(Value::Array(args)) = members.get("args") else {
        return Err(Invalid::new("the arguments of a call are a list"));
    };
    Ok(Call { op, args: args.iter().map(|arg| term(arg, depth + 1)).collect::<Result<_, _>>()? })
}

fn term(value: &Value, depth: usize) -> Result<Term, Invalid> {
    const KINDS: &[&str] = &["attr", "field", "nested", "scalar", "list", "call"];
    let of = members(value, "an argument", KINDS)?;
    let (Some((kind, value)), 1) = (of.iter().next(), of.len()) else {
        return Err(Invalid::new(format!("an argument is exactly one of {}", KINDS.join(", "))));
    };
    let named = |name: &str, known: &[&str]| -> Result<Named, Invalid> {
        let members = members(value, kind, known)?;
        Ok(Named { name: text(members, name)?, level: text(members, "level")? })
    };
    Ok(match kind.as_str() {
        "attr" => Term::Attribute(named("key", &["key", "level"])?),
        "field" => Term::Field(named("name", &["name", "level"])?),
        "nested" => Term::Nested(named("name", &["level"])?),
        "scalar" => {
            let members = members(value, kind, &["value", "type"])?;
            Term::Scalar { value: constant(members.get("value"))?, kind: text(members, "type")? }
        }
        "list" => {
            let members = members(value, kind, &["values", "type"])?;
            let Some(Value::Array(values)) = members.get("values") else {
                return Err(Invalid::new("the values of a list are a list"));
            };
            let values = values.iter().map(|value| constant(Some(value)));
            Term::List { values: values.collect::<Result<_, _>>()?, kind: text(members, "type")? }
        }
        _ => Term::Call(call(value, depth)?),
    })
}

fn members<'a>(
    value: &'a Value,
    what: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Invalid> {
    let Value::Object(members) = value else {
        return Err(Invalid::new(format!("{what} is an object")));
    };
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            Err(Invalid::new(format!("{what} has no `{key}`; it has {}", known.join(", "))))
        }
        None => Ok(members),
    }
}

/// A text, empty where there is none.
fn text(members: &Map<String, Value>, name: &str) -> Result<String, Invalid> {
    match members.get(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Invalid::new(format!("`{name}` is a text"))),
    }
}

/// A constant; numbers and booleans may stand there as they are.
fn constant(value: Option<&Value>) -> Result<String, Invalid> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
        _ => Err(Invalid::new("a constant is a text")),
    }
}

#[cfg(test)]
mod tests;
