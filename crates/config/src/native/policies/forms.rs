//! Short and long forms: `retry: 3`, `breaker: 50%`, `bulkhead: 25`, `backoff: 100ms..2s`.

use std::fmt;

use trunkline_model::units::{Share, parse_duration};

use super::raw::{RawAdaptive, RawBackoff, RawBreaker, RawBudget, RawBulkhead, RawRetry, RawShed};
use crate::decode::{Context, Decode, Given, Period, Shape, Shapes, wrong_type};
use crate::defaults;
use crate::diagnostic::{Diagnostic, codes};
use crate::node::{Node, Value};
use crate::source::Span;

/// A rate: `50%`, or as Resilience4j writes it, `50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub Share);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Decode for Percent {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if matches!(node.value, Value::Int(_) | Value::Float(_)) {
            let text = format!("{}%", context.sources.slice(node.span));
            return match text.parse() {
                Ok(share) => Some(Self(share)),
                Err(error) => {
                    context.diagnostics.push(
                        Diagnostic::new(codes::BAD_VALUE, format!("{error}"))
                            .at(node.span, "not a share"),
                    );
                    None
                }
            };
        }
        Share::decode(node, context).map(Self)
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Share::shape(shapes), Shape::Int { min: 1, max: 100 }])
    }
}

/// A factor in thousandths, written `1.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor(pub u32);

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1_000.0)
    }
}

impl Decode for Factor {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 100 thousands"
    )]
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let written = matches!(node.value, Value::Int(_) | Value::Float(_) | Value::String(_));
        let number = written.then(|| context.sources.slice(node.span).trim().parse::<f64>().ok());
        let found = number.flatten().filter(|number| (1.0..=100.0).contains(number));
        if found.is_none() {
            context.diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, "a multiplier is a number between 1 and 100")
                    .at(node.span, "not a multiplier")
                    .hint("write it like `1.5`"),
            );
        }
        found.map(|number| Self((number * 1_000.0).round() as u32))
    }

    fn shape(_: &mut Shapes) -> Shape {
        Shape::Text { what: "factor", example: "1.5" }
    }
}

/// The calls that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowForm {
    /// The last so many.
    Calls(u32),
    /// Those of a time.
    Time(Period),
}

impl fmt::Display for WindowForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(calls) => calls.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl Decode for WindowForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match node.value {
            Value::Int(_) => u32::decode(node, context).map(Self::Calls),
            _ => Period::decode(node, context).map(Self::Time),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Shape::Int { min: 1, max: 1_000_000 }, Period::shape(shapes)])
    }
}

/// A sequence of waits.
#[derive(Debug, Clone)]
pub enum BackoffForm {
    /// The same each time.
    Fixed(Period),
    /// Twice as long each time, up to the second.
    Range(Period, Period),
    /// With everything said.
    Long(RawBackoff),
}

impl fmt::Display for BackoffForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(wait) => wait.fmt(f),
            Self::Range(first, last) => write!(f, "{first}..{last}"),
            Self::Long(raw) => raw.initial.value.fmt(f),
        }
    }
}

impl Decode for BackoffForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return RawBackoff::decode(node, context).map(Self::Long);
        }
        let Some((first, last)) = node.as_str().and_then(|text| text.split_once("..")) else {
            return Period::decode(node, context).map(Self::Fixed);
        };
        match (parse_duration(first), parse_duration(last)) {
            (Ok(first), Ok(last)) if first <= last => {
                Some(Self::Range(Period(first), Period(last)))
            }
            (Ok(_), Ok(_)) => {
                context.diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, "a range begins with the shorter wait")
                        .at(node.span, "it would shrink"),
                );
                None
            }
            (Err(error), _) | (_, Err(error)) => {
                context.diagnostics.push(
                    Diagnostic::new(codes::BAD_VALUE, error.to_string())
                        .at(node.span, "not a range of durations")
                        .hint("write it like `100ms..2s`"),
                );
                None
            }
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let range = Shape::Text { what: "duration or range", example: "100ms..2s" };
        Shape::OneOf(vec![range, RawBackoff::shape(shapes)])
    }
}

/// Requests that may be repeated.
#[derive(Debug, Clone)]
pub enum MethodsForm {
    /// Those that are idempotent.
    Idempotent,
    /// All.
    All,
    /// These.
    These(Vec<String>),
}

impl fmt::Display for MethodsForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idempotent => f.write_str("idempotent"),
            Self::All => f.write_str("all"),
            Self::These(methods) => f.write_str(&methods.join(", ")),
        }
    }
}

impl Decode for MethodsForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match node.as_str() {
            Some("idempotent") => Some(Self::Idempotent),
            Some("all") => Some(Self::All),
            _ => Vec::<String>::decode(node, context)
                .map(|all| Self::These(all.iter().map(|one| one.to_uppercase()).collect())),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let words = [("idempotent", "those that may be sent twice"), ("all", "all")];
        Shape::OneOf(vec![Shape::Choice(words.to_vec()), Vec::<String>::shape(shapes)])
    }
}

/// How many repetitions there may be.
#[derive(Debug, Clone)]
pub enum BudgetForm {
    /// Any number.
    Off,
    /// A share of all calls.
    Share(Share),
    /// With everything said.
    Long(RawBudget),
}

impl fmt::Display for BudgetForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Share(share) | Self::Long(RawBudget { share, .. }) => share.fmt(f),
        }
    }
}

impl Decode for BudgetForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawBudget::decode(node, context).map(Self::Long),
            Value::Bool(false) => Some(Self::Off),
            _ if node.as_str() == Some("off") => Some(Self::Off),
            _ => Share::decode(node, context).map(Self::Share),
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        let off = Shape::Choice(vec![("off", "any number")]);
        Shape::OneOf(vec![off, Share::shape(shapes), RawBudget::shape(shapes)])
    }
}

/// An empty map at the place of a short form: every key has its default.
pub(super) fn defaults_at<T: Decode>(span: Span, context: &mut Context<'_>) -> Option<T> {
    T::decode(&Node { value: Value::Map(Vec::new()), span }, context)
}

/// Types of a policy's short form: its map, `true` for its defaults, or one key's value alone.
macro_rules! short_forms {
    ($($(#[doc = $doc:literal])* $form:ident($raw:ident) = $key:ident: $short:ty;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        pub struct $form(pub $raw);

        impl Decode for $form {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                match &node.value {
                    Value::Map(_) => $raw::decode(node, context).map(Self),
                    Value::Bool(true) => {
                        $crate::native::policies::forms::defaults_at(node.span, context).map(Self)
                    }
                    Value::Bool(false) | Value::Seq(_) | Value::Null => {
                        let wanted = concat!("`true`, `", stringify!($key), "` alone, or a map");
                        context.diagnostics.push(wrong_type(node, wanted));
                        None
                    }
                    _ => {
                        let value = <Given<$short>>::decode(node, context)?;
                        let raw: $raw =
                            $crate::native::policies::forms::defaults_at(node.span, context)?;
                        Some(Self($raw { $key: value, ..raw }))
                    }
                }
            }

            fn shape(shapes: &mut Shapes) -> Shape {
                let short = <$short as Decode>::shape(shapes);
                Shape::OneOf(vec![Shape::Bool, short, $raw::shape(shapes)])
            }
        }
    )*};
}
pub(super) use short_forms;

short_forms! {
    /// `breaker: 50%`, `breaker: true`.
    BreakerForm(RawBreaker) = open_at: Percent;
    /// `retry: 3`, `retry: true`.
    RetryForm(RawRetry) = attempts: u32;
    /// `bulkhead: 25`, `bulkhead: true`.
    BulkheadForm(RawBulkhead) = max_calls: u32;
    /// `adaptive: 200` for at most so many, `adaptive: true`.
    AdaptiveForm(RawAdaptive) = max: u32;
}

/// `shed: true`, or a map.
#[derive(Debug, Clone)]
pub struct ShedForm(pub RawShed);

impl Decode for ShedForm {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawShed::decode(node, context).map(Self),
            Value::Bool(true) => Some(Self(RawShed {
                header: defaults::SHED_HEADER.to_owned(),
                default: defaults::SHED_DEFAULT,
                batch: defaults::SHED_BATCH,
            })),
            _ => {
                context.diagnostics.push(wrong_type(node, "`true`, or a map"));
                None
            }
        }
    }

    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::OneOf(vec![Shape::Bool, RawShed::shape(shapes)])
    }
}
