//! How one field of a span is compared.

use std::borrow::Cow;
use std::fmt::Write as _;

use trunkline_otlp::{Attributes, Kind, Span, StatusCode, Value};

use super::{Field, Level, Test};

/// Whether a field of this span passes the test.
pub(super) fn field_passes(field: &Field, test: &Test, span: &Span) -> bool {
    match field {
        Field::Service => test.passes_text(span.service()),
        Field::Operation => test.passes_text(&span.name),
        Field::Kind => test.passes_kind(span.kind),
        Field::Status => test.passes_status(span.status.code),
        Field::StatusMessage => test.passes_text(&span.status.message),
        Field::Duration => test.passes_int(span.duration_nanos().cast_signed()),
        Field::TraceState => test.passes_text(&span.trace_state),
        Field::ScopeName => test.passes_text(&span.scope.name),
        Field::ScopeVersion => test.passes_text(&span.scope.version),
        Field::EventName => span.events.iter().any(|event| test.passes_text(&event.name)),
        Field::Attribute(level, key) => attribute_passes(*level, key, test, span),
    }
}

fn attribute_passes(level: Level, key: &str, test: &Test, span: &Span) -> bool {
    let one = |attributes: &Attributes| {
        attributes.iter().any(|(name, value)| **name == *key && test.passes(value))
    };
    let at = |wanted: Level| level == Level::Any || level == wanted;
    at(Level::Span) && one(&span.attributes)
        || at(Level::Resource) && one(&span.resource.attributes)
        || at(Level::Event) && span.events.iter().any(|event| one(&event.attributes))
        || at(Level::Link) && span.links.iter().any(|link| one(&link.attributes))
        || at(Level::Scope) && one(&span.scope.attributes)
}

impl Test {
    /// Whether a value passes.
    pub fn passes(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::Is(Value::Int(wanted)), Value::Double(number))
            | (Self::Is(Value::Double(number)), Value::Int(wanted)) => {
                as_float(*wanted).total_cmp(number).is_eq()
            }
            (Self::Is(wanted), value) => wanted == value,
            (Self::Text(wanted), value) => as_text(value) == **wanted,
            (Self::Between { .. }, Value::Int(number)) => self.holds(as_float(*number)),
            (Self::Between { .. }, Value::Double(number)) => self.holds(*number),
            (Self::Between { .. }, Value::Text(text)) => {
                text.parse().is_ok_and(|number| self.holds(number))
            }
            (Self::Fits(pattern), value) => pattern.fits(&as_text(value)),
            (Self::Between { .. } | Self::Kind(_) | Self::Status(_), _) => false,
        }
    }

    /// Whether a text passes; an empty one does not exist.
    pub fn passes_text(&self, text: &str) -> bool {
        match self {
            Self::Exists => !text.is_empty(),
            Self::Is(Value::Text(wanted)) | Self::Text(wanted) => **wanted == *text,
            Self::Fits(pattern) => pattern.fits(text),
            Self::Between { .. } => text.parse().is_ok_and(|number| self.holds(number)),
            Self::Is(_) | Self::Kind(_) | Self::Status(_) => false,
        }
    }

    /// Whether a whole number passes.
    pub fn passes_int(&self, number: i64) -> bool {
        self.passes(&Value::Int(number))
    }

    /// Whether a kind passes.
    pub fn passes_kind(&self, kind: Kind) -> bool {
        matches!(self, Self::Kind(wanted) if *wanted == kind)
    }

    /// Whether a status passes.
    pub fn passes_status(&self, code: StatusCode) -> bool {
        matches!(self, Self::Status(wanted) if *wanted == code)
    }

    /// Whether a number lies within [`Test::Between`].
    fn holds(&self, number: f64) -> bool {
        let Self::Between { min, max } = self else { return false };
        min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers are compared as JSON has them")]
const fn as_float(number: i64) -> f64 {
    number as f64
}

/// A value as Jaeger writes it in a tag: bytes as hex digits, lists and maps as JSON would be.
pub fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        value => {
            let mut text = String::new();
            write_value(&mut text, value, false);
            Cow::Owned(text)
        }
    }
}

/// Whether a number is better read with an exponent: as of JavaScript and Go.
fn is_far_out(number: f64) -> bool {
    number.is_finite() && number != 0.0 && !(1e-7..1e21).contains(&number.abs())
}

fn write_value(into: &mut String, value: &Value, quoted: bool) {
    // Writing into a String cannot fail.
    let _ = match value {
        Value::Empty => Ok(()),
        Value::Text(text) if quoted => write!(into, "{text:?}"),
        Value::Text(text) => write!(into, "{text}"),
        Value::Bool(yes) => write!(into, "{yes}"),
        Value::Int(number) => write!(into, "{number}"),
        // Written out, the smallest would have hundreds of digits.
        Value::Double(number) if is_far_out(*number) => write!(into, "{number:e}"),
        Value::Double(number) => write!(into, "{number}"),
        Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(into, "{byte:02x}")),
        Value::Array(values) => {
            into.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                write_value(into, value, true);
            }
            into.push(']');
            Ok(())
        }
        Value::Map(pairs) => {
            into.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                let _ = write!(into, "{key:?}:");
                write_value(into, value, true);
            }
            into.push('}');
            Ok(())
        }
    };
}
