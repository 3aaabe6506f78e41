//! Structured filters: what a span must be, as a tree of comparisons.
//!
//! The model is that of Jaeger's RFC 0005: operands are attributes at a level, built-in fields and
//! constants; operators are comparisons, patterns, membership, words of a text, and `some` over
//! events and links. A comparison with something that is not there is false, and only `not` turns
//! that round; a negative comparison (`ne`, `not_in`) asks for a value that is there and differs.
//!
//! [`Predicate::takes`] is the meaning. [`lower`] makes the store's [`Filter`] of it, which the
//! store can find by index: the same where it can say the same, else one that takes more, and
//! [`search`](crate::search) looks at the spans again.
//!
//! [`Filter`]: trunkline_store::source::Filter

mod check;
mod evaluate;
mod lower;
mod patterns;
mod words;

use std::sync::Arc;

use trunkline_otlp::{Kind, StatusCode};
use trunkline_store::source::{Level, Pattern};

pub use check::{Invalid, NODES_MAX};
pub use lower::{Lowered, lower};
pub use patterns::{NoPattern, PATTERNS_MAX, Patterns};
pub use words::Words;

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// On the span or on its process: what a filter means that names no level.
    SpanOrResource,
    /// At this level; [`Level::Any`] is all of them, which is what Jaeger's tags mean.
    At(Level),
}

/// A value that a span has by itself, not among its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Hex digits of its trace.
    TraceId,
    /// Hex digits of its id.
    SpanId,
    /// Hex digits of its parent's id.
    ParentSpanId,
    /// Its `tracestate`.
    TraceState,
    /// Its name.
    Name,
    /// Its kind.
    Kind,
    /// When it began.
    StartTime,
    /// When it ended.
    EndTime,
    /// How long it took.
    Duration,
    /// How it ended.
    Status,
    /// What its maker says about that.
    StatusMessage,
    /// The service that made it.
    Service,
    /// Where the names of its process's attributes are defined.
    ResourceSchema,
    /// The library that made it.
    ScopeName,
    /// The version of that library.
    ScopeVersion,
    /// Where the names of that library's attributes are defined.
    ScopeSchema,
    /// The name of an event.
    EventName,
    /// When an event happened.
    EventTime,
    /// How long after the span's start an event happened.
    EventSinceStart,
    /// Hex digits of a link's trace.
    LinkTraceId,
    /// Hex digits of a link's span.
    LinkSpanId,
    /// The `tracestate` of a link.
    LinkTraceState,
}

/// What sort of values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Text.
    Text,
    /// A time that passes, in nanoseconds.
    Duration,
    /// A moment, nanoseconds since the Unix epoch.
    Moment,
    /// One of [`Kind`].
    Kind,
    /// One of [`StatusCode`].
    Status,
}

impl Field {
    /// What sort of values it has.
    pub const fn sort(self) -> Sort {
        match self {
            Self::StartTime | Self::EndTime | Self::EventTime => Sort::Moment,
            Self::Duration | Self::EventSinceStart => Sort::Duration,
            Self::Kind => Sort::Kind,
            Self::Status => Sort::Status,
            _ => Sort::Text,
        }
    }
}

/// Something that a span has: none, one or several values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// An attribute.
    Attribute(Place, Arc<str>),
    /// A field.
    Field(Field),
}

/// A value that somebody wrote.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// Of whatever type it is compared with.
    Untyped(Arc<str>),
    /// A text and nothing else.
    Text(Arc<str>),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// A time that passes, in nanoseconds.
    Duration(i64),
    /// A moment, nanoseconds since the Unix epoch.
    Moment(u64),
    /// A kind of spans.
    Kind(Kind),
    /// A status of spans.
    Status(StatusCode),
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// What the span has.
    Reference(Reference),
    /// What somebody wrote.
    Constant(Constant),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// They are equal.
    Equal,
    /// They are there and differ.
    NotEqual,
    /// The left one is greater.
    Greater,
    /// The left one is not less.
    GreaterOrEqual,
    /// The left one is less.
    Less,
    /// The left one is not greater.
    LessOrEqual,
}

impl Comparison {
    /// The same with its sides exchanged.
    #[must_use]
    pub const fn turned(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }

    /// Whether it asks for an order.
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// Things that a span has several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nested {
    /// Its events.
    Event,
    /// Its links.
    Link,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Every one; of nothing: every span.
    All(Vec<Predicate>),
    /// At least one; of nothing: no span.
    Any(Vec<Predicate>),
    /// Not this.
    Not(Box<Predicate>),
    /// Two values compare so.
    Compare(Operand, Comparison, Operand),
    /// A text fits a pattern.
    Fits(Reference, Pattern),
    /// A value is there.
    Exists(Reference),
    /// A value is one of these.
    In(Reference, Vec<Constant>),
    /// A value is there and none of these.
    NotIn(Reference, Vec<Constant>),
    /// A text has these words.
    Words(Reference, Words),
    /// One event or link satisfies this: what is asked of events is asked of that one.
    Some(Nested, Box<Predicate>),
}

impl Default for Predicate {
    /// Every span.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Predicate {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut all), Self::All(more)) => {
                all.extend(more);
                Self::All(all)
            }
            (Self::All(mut all), other) => {
                all.push(other);
                Self::All(all)
            }
            (one, other) => Self::All(vec![one]).and(other),
        }
    }

    /// An attribute anywhere that is this, written as text: Jaeger's tag.
    pub fn tag(key: &str, text: &str) -> Self {
        let reference = Reference::Attribute(Place::At(Level::Any), Arc::from(key));
        Self::equal(reference, Constant::Untyped(Arc::from(text)))
    }

    /// A value that is this.
    pub const fn equal(reference: Reference, constant: Constant) -> Self {
        Self::compare(reference, Comparison::Equal, constant)
    }

    /// A value that compares so.
    pub const fn compare(reference: Reference, how: Comparison, constant: Constant) -> Self {
        Self::Compare(Operand::Reference(reference), how, Operand::Constant(constant))
    }
}

#[cfg(test)]
mod tests;
