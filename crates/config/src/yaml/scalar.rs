//! What a plain scalar means: the core schema of YAML 1.2 (§10.3.2).

use crate::node::Value;

/// The value of an unquoted scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    // Most scalars are words: one look at the first byte saves two failed number parses.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::String(text.to_owned());
    }
    whole(text).or_else(|| float(text)).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn whole(text: &str) -> Option<Value> {
    let digits = |rest: &str, radix| i64::from_str_radix(rest, radix).ok().map(Value::Int);
    if let Some(hex) = text.strip_prefix("0x").filter(|rest| is_unsigned(rest)) {
        return digits(hex, 16);
    }
    if let Some(octal) = text.strip_prefix("0o").filter(|rest| is_unsigned(rest)) {
        return digits(octal, 8);
    }
    digits(text, 10)
}

fn is_unsigned(text: &str) -> bool {
    !text.starts_with(['+', '-'])
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn float(text: &str) -> Option<Value> {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !text.chars().all(allowed) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(Value::Float)
}

/// The value of a scalar with a core tag such as `!!int`; `None` when the text does not fit it.
pub(super) fn tagged(suffix: &str, text: &str) -> Option<Value> {
    let value = match suffix {
        "str" => return Some(Value::String(text.to_owned())),
        _ => resolve(text),
    };
    let fits = match suffix {
        "null" => matches!(value, Value::Null),
        "bool" => matches!(value, Value::Bool(_)),
        "int" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_) | Value::Int(_)),
        _ => false,
    };
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_yaml_1_1_took_for_truth_values_are_text() {
        for word in ["yes", "no", "on", "off", "12:30", "1.2.3", "0x", "-", "+", ".", "1_000"] {
            assert_eq!(resolve(word), Value::String(word.to_owned()), "{word}");
        }
        assert_eq!(resolve("0x1F"), Value::Int(31));
        assert_eq!(resolve("-12"), Value::Int(-12));
        assert_eq!(resolve("1e3"), Value::Float(1000.0));
        assert_eq!(resolve("99999999999999999999"), Value::Float(1e20));
    }
}
