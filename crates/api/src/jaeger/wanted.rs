//! What both versions of the query API ask for: service, operation, tags and durations, of one span.
//!
//! Tags mean attributes anywhere (on the span, its process, its library, its events and links), and
//! also what Jaeger shows as tags and OpenTelemetry keeps in fields: status, kind, library. A value
//! with `.*` or a backslash in it is taken as a pattern as well, which is what Jaeger over
//! Elasticsearch does with every value.

use std::sync::Arc;
use std::time::Duration;

use trunkline_otlp::{Kind, StatusCode};
use trunkline_query::expression::{
    Comparison, Constant, Field, Invalid, NoPattern, Patterns, Place, Predicate, Reference,
};
use trunkline_store::source::Level;

/// Tags of a search at most.
const TAGS_MAX: usize = 64;

/// Conditions that one and the same span meets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub(super) service: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) duration_min: Option<Duration>,
    pub(super) duration_max: Option<Duration>,
}

/// Why a search is not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It has too many tags.
    #[error("a search has at most {TAGS_MAX} tags")]
    Tags,
    /// It has too many tags that are patterns.
    #[error(transparent)]
    Patterns(#[from] NoPattern),
    /// It is too large in other ways.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl Wanted {
    /// Whether it asks for nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a span must be. Call it where questions are answered: patterns are compiled here.
    pub(super) fn predicate(&self) -> Result<Predicate, Refused> {
        if self.attributes.len() > TAGS_MAX {
            return Err(Refused::Tags);
        }
        let text = |field, text: &String| {
            Predicate::equal(Reference::Field(field), Constant::Untyped(Arc::from(text.as_str())))
        };
        let duration = |how, duration: Duration| {
            let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
            let field = Reference::Field(Field::Duration);
            Predicate::compare(field, how, Constant::Duration(nanos))
        };
        let mut all = Vec::new();
        all.extend(self.service.iter().map(|name| text(Field::Service, name)));
        all.extend(self.operation.iter().map(|name| text(Field::Name, name)));
        all.extend(self.duration_min.map(|min| duration(Comparison::GreaterOrEqual, min)));
        all.extend(self.duration_max.map(|max| duration(Comparison::LessOrEqual, max)));
        let mut patterns = Patterns::default();
        for (key, value) in &self.attributes {
            all.push(tag(key, value, &mut patterns)?);
        }
        let all = Predicate::All(all);
        all.check()?;
        Ok(all)
    }
}

/// A tag that is this.
fn tag(key: &str, value: &str, patterns: &mut Patterns) -> Result<Predicate, NoPattern> {
    let mut any = vec![Predicate::tag(key, value)];
    any.extend(pattern(key, value, patterns)?);
    let field = |field: Field| {
        Predicate::equal(Reference::Field(field), Constant::Untyped(Arc::from(value)))
    };
    let status = |code| Predicate::equal(Reference::Field(Field::Status), Constant::Status(code));
    match key {
        "error" if value == "true" => any.push(status(StatusCode::Error)),
        "error" if value == "false" => {
            let failed =
                Predicate::Any(vec![status(StatusCode::Error), Predicate::tag(key, "true")]);
            any.push(Predicate::Not(Box::new(failed)));
        }
        "otel.status_code" if value == "ERROR" => any.push(status(StatusCode::Error)),
        "otel.status_code" if value == "OK" => any.push(status(StatusCode::Ok)),
        "span.kind" => {
            let kinds = (0..=5).map(Kind::of).filter(|kind| kind.as_str() == value);
            any.extend(
                kinds.take(1).map(|kind| {
                    Predicate::equal(Reference::Field(Field::Kind), Constant::Kind(kind))
                }),
            );
        }
        "otel.status_description" => any.push(field(Field::StatusMessage)),
        "otel.scope.name" | "otel.library.name" => any.push(field(Field::ScopeName)),
        "otel.scope.version" | "otel.library.version" => any.push(field(Field::ScopeVersion)),
        "w3c.tracestate" => any.push(field(Field::TraceState)),
        "event" => any.push(field(Field::EventName)),
        _ => {}
    }
    Ok(match (any.len(), any.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            any.extend(last);
            Predicate::Any(any)
        }
    })
}

/// The value as a pattern, if it is one.
fn pattern(
    key: &str,
    value: &str,
    patterns: &mut Patterns,
) -> Result<Option<Predicate>, NoPattern> {
    if !value.contains(".*") && !value.contains('\\') {
        return Ok(None);
    }
    let pattern = match patterns.regex(&format!("^(?s:{value})$")) {
        Ok(pattern) => pattern,
        Err(NoPattern::Wrong(_)) => return Ok(None),
        Err(error @ NoPattern::TooMany) => return Err(error),
    };
    let reference = Reference::Attribute(Place::At(Level::Any), Arc::from(key));
    Ok(Some(Predicate::Fits(reference, pattern)))
}
