//! The `filter` parameter: conditions combined by and, or and not, as JSON.
//!
//! Either in a short form of our own, `{"or":[{"attribute":"a","op":">","value":5},{"field":"kind",
//! "value":"server"}]}`, or as a call of Jaeger's structured filters (`{"op":…,"args":…}`). Both mean
//! the same predicates: the short form is written out as a call.

use serde_json::{Map, Value, json};
use trunkline_query::expression::{Operand, Patterns, Place, Predicate, Reference};
use trunkline_store::source::Level;

use crate::jaeger::v3::filter as calls;

/// Levels of a filter at most.
const DEPTH_MAX: usize = 16;

/// The fields of the short form, with their level and name in a call.
const FIELDS: &[(&str, &str, &str)] = &[
    ("service", "resource", "service"),
    ("operation", "span", "name"),
    ("kind", "span", "kind"),
    ("status", "span", "status"),
    ("status.message", "span", "statusMessage"),
    ("duration", "span", "duration"),
    ("trace_state", "span", "traceState"),
    ("scope.name", "scope", "name"),
    ("scope.version", "scope", "version"),
    ("event.name", "event", "name"),
];

/// The operators of the short form that are one of a call's.
const OPERATORS: &[(&str, &str)] =
    &[("=", "eq"), ("!=", "ne"), (">", "gt"), (">=", "gte"), ("<", "lt"), ("<=", "lte")];

/// The predicate of a filter; an error says what is wrong with it.
pub(super) fn parse(text: &str, patterns: &mut Patterns) -> Result<Predicate, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.get("op").is_some() && value.get("args").is_some() {
        return calls::of_json(&value, patterns).map_err(|error| error.to_string());
    }
    part(&value, 0, patterns)
}

fn part(value: &Value, depth: usize, patterns: &mut Patterns) -> Result<Predicate, String> {
    if depth >= DEPTH_MAX {
        return Err(format!("a filter has at most {DEPTH_MAX} levels"));
    }
    let Value::Object(members) = value else {
        return Err("a filter is an object".to_owned());
    };
    let mut list = |value: &Value| -> Result<Vec<Predicate>, String> {
        let Value::Array(parts) = value else { return Err("`and` and `or` have lists".to_owned()) };
        parts.iter().map(|value| part(value, depth + 1, patterns)).collect()
    };
    match members.iter().next() {
        Some((name, value)) if members.len() == 1 && name == "and" => {
            Ok(Predicate::All(list(value)?))
        }
        Some((name, value)) if members.len() == 1 && name == "or" => {
            Ok(Predicate::Any(list(value)?))
        }
        Some((name, value)) if members.len() == 1 && name == "not" => {
            Ok(Predicate::Not(Box::new(part(value, depth + 1, patterns)?)))
        }
        _ => condition(members, patterns),
    }
}

fn condition(members: &Map<String, Value>, patterns: &mut Patterns) -> Result<Predicate, String> {
    const KNOWN: &[&str] = &["field", "attribute", "level", "op", "value"];
    if let Some(name) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("a condition has no `{name}`; it has {}", KNOWN.join(", ")));
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let (subject, is_duration) = match (text("field"), text("attribute")) {
        (Some(field), None) => {
            let known = FIELDS.iter().find(|(name, ..)| *name == field).ok_or_else(|| {
                let names: Vec<_> = FIELDS.iter().map(|(name, ..)| *name).collect();
                format!("there is no field `{field}`; there are: {}", names.join(", "))
            })?;
            (json!({ "field": { "level": known.1, "name": known.2 } }), field == "duration")
        }
        (None, Some(key)) => {
            let level = text("level").unwrap_or("any");
            return attribute(key, level, members, patterns);
        }
        _ => return Err("a condition has either `field` or `attribute`".to_owned()),
    };
    let op = text("op").unwrap_or("=");
    let value = members.get("value");
    let call = call(op, &subject, value, is_duration)?;
    calls::of_json(&call, patterns).map_err(|error| error.to_string())
}

/// Attributes at any level have no written form in a call: the condition is read as one of the
/// span's own, which is then looked for everywhere.
fn attribute(
    key: &str,
    level: &str,
    members: &Map<String, Value>,
    patterns: &mut Patterns,
) -> Result<Predicate, String> {
    let op = members.get("op").map_or(Some("="), Value::as_str).ok_or("`op` is a text")?;
    let named = if level == "any" { "span" } else { level };
    let subject = json!({ "attr": { "level": named, "key": key } });
    let call = call(op, &subject, members.get("value"), false)?;
    let found = calls::of_json(&call, patterns).map_err(|error| error.to_string())?;
    Ok(if level == "any" { anywhere(found) } else { found })
}

/// The same condition, of attributes at any level.
fn anywhere(predicate: Predicate) -> Predicate {
    let at = |reference| match reference {
        Reference::Attribute(_, key) => Reference::Attribute(Place::At(Level::Any), key),
        field @ Reference::Field(_) => field,
    };
    let side = |operand| match operand {
        Operand::Reference(reference) => Operand::Reference(at(reference)),
        constant @ Operand::Constant(_) => constant,
    };
    match predicate {
        Predicate::All(parts) => Predicate::All(parts.into_iter().map(anywhere).collect()),
        Predicate::Any(parts) => Predicate::Any(parts.into_iter().map(anywhere).collect()),
        Predicate::Not(part) => Predicate::Not(Box::new(anywhere(*part))),
        Predicate::Compare(left, how, right) => Predicate::Compare(side(left), how, side(right)),
        Predicate::Fits(of, pattern) => Predicate::Fits(at(of), pattern),
        Predicate::Exists(of) => Predicate::Exists(at(of)),
        Predicate::In(of, list) => Predicate::In(at(of), list),
        Predicate::NotIn(of, list) => Predicate::NotIn(at(of), list),
        Predicate::Words(of, words) => Predicate::Words(at(of), words),
        // No short form says it.
        some @ Predicate::Some(..) => some,
    }
}

/// The call for a condition.
fn call(op: &str, subject: &Value, value: Option<&Value>, duration: bool) -> Result<Value, String> {
    let constant = || -> Result<String, String> {
        match value {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(nanos)) if duration => Ok(format!("{nanos}ns")),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
            _ => Err("`value` is a text, a number or a boolean".to_owned()),
        }
    };
    let scalar = |text: String| json!({ "scalar": { "value": text } });
    if let Some((_, name)) = OPERATORS.iter().find(|(word, _)| *word == op) {
        return Ok(json!({ "op": name, "args": [subject, scalar(constant()?)] }));
    }
    match op {
        "exists" => Ok(json!({ "op": "exists", "args": [subject] })),
        "~" => Ok(json!({ "op": "regex", "args": [subject, scalar(constant()?)] })),
        "!~" => {
            let fits = json!({ "op": "regex", "args": [subject, scalar(constant()?)] });
            let exists = json!({ "op": "exists", "args": [subject] });
            let not = json!({ "op": "not", "args": [{ "call": fits }] });
            Ok(json!({ "op": "and", "args": [{ "call": exists }, { "call": not }] }))
        }
        "like" => {
            // As the store writes a wildcard: it is compiled once, where the call is read.
            let literal = regex::escape(&constant()?).replace(r"\*", ".*").replace(r"\?", ".");
            let pattern = scalar(format!("(?s)^{literal}$"));
            Ok(json!({ "op": "regex", "args": [subject, pattern] }))
        }
        "in" => match value {
            Some(Value::Array(values)) => {
                Ok(json!({ "op": "in", "args": [subject, { "list": { "values": values } }] }))
            }
            _ => Err("the `value` of `in` is a list".to_owned()),
        },
        other => Err(format!(
            "there is no operator `{other}`; there are: = != > >= < <= ~ !~ like exists in"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Predicate, String> {
        super::parse(text, &mut Patterns::default())
    }

    #[test]
    fn the_short_form_means_the_same_as_a_call() {
        let check = |short: &str, long: &str| assert_eq!(parse(short), parse(long), "{short}");
        check(
            r#"{"field":"duration","op":">","value":"250ms"}"#,
            r#"{"op":"gt","args":[{"field":{"level":"span","name":"duration"}},{"scalar":{"value":"250ms"}}]}"#,
        );
        check(
            r#"{"field":"duration","op":">","value":250000000}"#,
            r#"{"field":"duration","op":">","value":"250ms"}"#,
        );
        check(
            r#"{"or":[{"field":"kind","value":"server"},{"not":{"attribute":"a","level":"span","op":"exists"}}]}"#,
            r#"{"op":"or","args":[
                {"call":{"op":"eq","args":[{"field":{"level":"span","name":"kind"}},{"scalar":{"value":"server"}}]}},
                {"call":{"op":"not","args":[{"call":{"op":"exists","args":[{"attr":{"level":"span","key":"a"}}]}}]}}]}"#,
        );
        check(
            r#"{"attribute":"a","level":"event","op":"like","value":"x*"}"#,
            r#"{"attribute":"a","level":"event","op":"~","value":"(?s)^x.*$"}"#,
        );
        let reference = Reference::Attribute(Place::At(Level::Any), "a".into());
        assert_eq!(
            parse(r#"{"attribute":"a","op":"exists"}"#),
            Ok(Predicate::Exists(reference)),
            "anywhere, when no level is named"
        );
    }

    #[test]
    fn mistakes_are_told() {
        let check = |text: &str, why: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        };
        check("[]", "an object");
        check(r#"{"field":"size"}"#, "there is no field");
        check(r#"{"attribute":"a","op":"is","value":1}"#, "there is no operator");
        check(r#"{"attribute":"a","op":"="}"#, "`value` is a text");
        check(r#"{"and":{}}"#, "have lists");
        check(r#"{"attribute":"a","filed":1}"#, "has no `filed`");
        let deep = format!(
            "{}{}{}",
            r#"{"not":"#.repeat(20),
            r#"{"attribute":"a","op":"exists"}"#,
            "}".repeat(20)
        );
        check(&deep, "at most 16 levels");
    }
}
