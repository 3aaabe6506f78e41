//! What both versions of the query API ask for: service, operation, tags and durations, of one span.
//!
//! Tags mean attributes anywhere (on the span, its process, its library, its events and links), and
//! also what Jaeger shows as tags and OpenTelemetry keeps in fields: status, kind, library. A value
//! with `.*` or a backslash in it is taken as a pattern as well, which is what Jaeger over
//! Elasticsearch does with every value.

use std::sync::Arc;
use std::time::Duration;

use trunkline_otlp::{Kind, StatusCode};
use trunkline_query::expression::{Comparison, Constant, Field, Place, Predicate, Reference};
use trunkline_store::source::{Level, Pattern};

/// Conditions that one and the same span meets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub(super) service: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) duration_min: Option<Duration>,
    pub(super) duration_max: Option<Duration>,
}

impl Wanted {
    /// Whether it asks for nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn predicate(&self) -> Predicate {
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
        all.extend(self.attributes.iter().map(|(key, value)| tag(key, value)));
        Predicate::All(all)
    }
}

/// A tag that is this.
fn tag(key: &str, value: &str) -> Predicate {
    let mut any = vec![Predicate::tag(key, value)];
    any.extend(pattern(key, value));
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
    match (any.len(), any.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            any.extend(last);
            Predicate::Any(any)
        }
    }
}

fn pattern(key: &str, value: &str) -> Option<Predicate> {
    if !value.contains(".*") && !value.contains('\\') {
        return None;
    }
    let pattern = Pattern::regex(&format!("^(?s:{value})$")).ok()?;
    let reference = Reference::Attribute(Place::At(Level::Any), Arc::from(key));
    Some(Predicate::Fits(reference, pattern))
}
