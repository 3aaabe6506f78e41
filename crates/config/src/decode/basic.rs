//! Decoders of the plain types: numbers, text, units, lists and maps.

use std::fmt;
use std::time::Duration;

use trunkline_model::Network;
use trunkline_model::log::Always;
use trunkline_model::units::{ByteSize, Rate, Share, format_duration, parse_duration};

use super::{Context, Decode, Shape, Shapes, Spanned};
use crate::diagnostic::{Diagnostic, codes};
use crate::node::{Entry, Node, Value};

/// "expected …, found …".
#[must_use]
pub fn wrong_type(node: &Node, expected: &str) -> Diagnostic {
    Diagnostic::new(codes::WRONG_TYPE, format!("expected {expected}, found {}", node.value))
        .at(node.span, "this has another type")
}

/// Reads text and parses it; `what` names it with its article: `a duration`.
pub fn decode_text<T, E: fmt::Display>(
    node: &Node,
    what: &str,
    example: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
    context: &mut Context<'_>,
) -> Option<T> {
    let text = match &node.value {
        Value::String(text) => text.as_str(),
        // `0` is a fine duration, and a number without unit deserves the parser's own message.
        Value::Int(_) | Value::Float(_) => context.sources.slice(node.span),
        _ => {
            let wanted = if example.is_empty() {
                what.to_owned()
            } else {
                format!("{what} such as `{example}`")
            };
            context.diagnostics.push(wrong_type(node, &wanted));
            return None;
        }
    };
    match parse(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let mut diagnostic = Diagnostic::new(codes::BAD_VALUE, error.to_string())
                .at(node.span, format!("not {what}"));
            if !example.is_empty() && !diagnostic.message.contains(example) {
                diagnostic = diagnostic.hint(format!("write it like `{example}`"));
            }
            context.diagnostics.push(diagnostic);
            None
        }
    }
}

impl Decode for String {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::String(text) => Some(text.clone()),
            // An unquoted number or truth value where text is meant: its spelling is the text.
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                Some(context.sources.slice(node.span).to_owned())
            }
            _ => {
                context.diagnostics.push(wrong_type(node, "text"));
                None
            }
        }
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::Text { what: "text", example: "" }
    }
}

impl Decode for bool {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if let Value::Bool(truth) = node.value {
            return Some(truth);
        }
        let mut diagnostic = wrong_type(node, "`true` or `false`");
        let meant = node.as_str().map(str::to_lowercase);
        diagnostic = match meant.as_deref() {
            Some("yes" | "on" | "y" | "1") => diagnostic.hint("write `true`"),
            Some("no" | "off" | "n" | "0") => diagnostic.hint("write `false`"),
            _ => diagnostic,
        };
        context.diagnostics.push(diagnostic);
        None
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::Bool
    }
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {$(
        impl Decode for $number {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                let (min, max) = (i64::from(<$number>::MIN), i64::from(<$number>::MAX));
                let Value::Int(value) = node.value else {
                    context.diagnostics.push(wrong_type(node, "a whole number"));
                    return None;
                };
                <$number>::try_from(value).ok().or_else(|| {
                    context.diagnostics.push(
                        Diagnostic::new(
                            codes::BAD_VALUE,
                            format!("`{value}` is not between {min} and {max}"),
                        )
                        .at(node.span, "out of range"),
                    );
                    None
                })
            }

            fn shape(_: &mut Shapes) -> Shape {
                Shape::Int { min: i64::from(<$number>::MIN), max: i64::from(<$number>::MAX) }
            }
        }
    )*};
}

whole_numbers!(i8 u8 u16 u32);

/// A duration as it is written; prints like `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_duration(self.0))
    }
}

impl Decode for Period {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        decode_text(node, "a duration", "2s", |text| parse_duration(text).map(Self), context)
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::Text { what: "duration", example: "2s" }
    }
}

macro_rules! units {
    ($($unit:ty: $what:literal, $article:literal, $example:literal;)*) => {$(
        impl Decode for $unit {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                decode_text(node, $article, $example, str::parse, context)
            }

            fn shape(_: &mut Shapes) -> Shape {
                Shape::Text { what: $what, example: $example }
            }
        }
    )*};
}

units! {
    Share: "share", "a share", "12.5%";
    Rate: "rate", "a rate", "20/s";
    ByteSize: "size", "a size", "16MiB";
    Network: "network", "a network", "10.0.0.0/8";
    Always: "choice", "a choice of requests", "status >= 500 or duration > 1s";
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.is_null() {
            return Some(None);
        }
        T::decode(node, context).map(Some)
    }

    fn decode_entry(entry: &Entry, context: &mut Context<'_>) -> Option<Self> {
        if entry.node.is_null() {
            return Some(None);
        }
        T::decode_entry(entry, context).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        T::shape(shapes)
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        T::decode(node, context).map(Self::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Self::new)
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        T::shape(shapes)
    }
}

/// A list, or a single value for a list of one.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Seq(items) => {
                Some(items.iter().filter_map(|item| T::decode(item, context)).collect())
            }
            Value::Null | Value::Map(_) => {
                context.diagnostics.push(wrong_type(node, "a list"));
                None
            }
            _ => T::decode(node, context).map(|one| vec![one]),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::List(Box::new(T::shape(shapes)))
    }
}

/// A map from names to values, in the order they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entries<T> {
    /// The entries that could be read.
    pub all: Vec<(Spanned<String>, T)>,
    /// The names of those that could not, so that what refers to them is not reported as well.
    pub failed: Vec<String>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { all: Vec::new(), failed: Vec::new() }
    }
}

impl<T: Decode> Decode for Entries<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let Some(entries) = node.as_map() else {
            context.diagnostics.push(wrong_type(node, "a map from names to values"));
            return None;
        };
        let mut decoded = Self::default();
        for entry in entries {
            let name = Spanned { value: entry.key.clone(), span: entry.key_span };
            match T::decode(&entry.node, context) {
                Some(value) => decoded.all.push((name, value)),
                None => decoded.failed.push(entry.key.clone()),
            }
        }
        Some(decoded)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::Map(Box::new(T::shape(shapes)))
    }
}
