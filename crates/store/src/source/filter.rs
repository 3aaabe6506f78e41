//! What a span must satisfy: comparisons of its fields, combined by and, or and not.
//!
//! [`Filter::takes`] is the meaning: whoever has an index may find spans faster, never others.

mod compare;

pub use compare::as_text;

use std::sync::Arc;

use regex::Regex;
use trunkline_otlp::{Kind, Span, StatusCode, Value};

/// Where an attribute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Anywhere: what Jaeger's tags mean.
    Any,
    /// On the process.
    Resource,
    /// On the library.
    Scope,
    /// On the span.
    Span,
    /// On an event of the span.
    Event,
    /// On a link of the span.
    Link,
}

/// A field of a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// `service.name` of its process.
    Service,
    /// Its name.
    Operation,
    /// Its kind: tested with [`Test::Kind`].
    Kind,
    /// Its status: tested with [`Test::Status`].
    Status,
    /// What its maker says about its status.
    StatusMessage,
    /// Its duration in nanoseconds.
    Duration,
    /// Its `tracestate`.
    TraceState,
    /// Name of the library.
    ScopeName,
    /// Version of the library.
    ScopeVersion,
    /// Name of an event.
    EventName,
    /// An attribute.
    Attribute(Level, Arc<str>),
}

/// What a field is compared with. A field that stands several times is taken if one of its values
/// is.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is there.
    Exists,
    /// It is this value, of this type; whole and other numbers compare by what they are.
    Is(Value),
    /// Written as text it is this: how Jaeger compares tags.
    Text(Arc<str>),
    /// It is a number from here to there, both included.
    Between {
        /// Least.
        min: Option<f64>,
        /// Most.
        max: Option<f64>,
    },
    /// Its text fits the pattern.
    Fits(Pattern),
    /// The kind of the span.
    Kind(Kind),
    /// The status of the span.
    Status(StatusCode),
}

/// A regular expression; it takes time linear in the text, whatever it is.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// Compiled, a pattern may take so many bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

impl Pattern {
    /// A regular expression that somewhere fits.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn regex(expression: &str) -> Result<Self, regex::Error> {
        regex::RegexBuilder::new(expression).size_limit(PATTERN_BYTES_MAX).build().map(Self)
    }

    /// A text in which `*` is any text and `?` any character.
    ///
    /// # Errors
    /// It is too large.
    pub fn wildcard(text: &str) -> Result<Self, regex::Error> {
        let literal = regex::escape(text).replace(r"\*", ".*").replace(r"\?", ".");
        Self::regex(&format!("(?s)^{literal}$"))
    }

    /// The expression.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it fits.
    pub fn fits(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// Combined tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every one; of nothing: every span.
    All(Vec<Filter>),
    /// At least one; of nothing: no span.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A field passes a test.
    Where(Field, Test),
}

impl Default for Filter {
    /// Every span.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// Whether a span satisfies it.
    pub fn takes(&self, span: &Span) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.takes(span)),
            Self::Any(filters) => filters.iter().any(|filter| filter.takes(span)),
            Self::Not(filter) => !filter.takes(span),
            Self::Where(field, test) => compare::field_passes(field, test, span),
        }
    }
}
