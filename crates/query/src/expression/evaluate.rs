//! Whether a span satisfies a predicate: what every faster way must agree with.

use std::borrow::Cow;
use std::cmp::Ordering;

use trunkline_otlp::{Attributes, Event, Kind, Link, Span, StatusCode, Value};
use trunkline_store::source::{Level, as_text};

use super::{Comparison, Constant, Field, Nested, Operand, Place, Predicate, Reference};

/// A span, and the event or link of it that `some` is about.
#[derive(Clone, Copy)]
struct Subject<'a> {
    span: &'a Span,
    event: Option<&'a Event>,
    link: Option<&'a Link>,
}

/// A value that a span has, or that somebody wrote.
#[derive(Debug, Clone)]
enum Got<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Double(f64),
    Bool(bool),
    Duration(i64),
    Moment(u64),
    Kind(Kind),
    Status(StatusCode),
    /// A list, a map, bytes or nothing.
    Other(&'a Value),
    /// A constant that takes the type of what it is compared with.
    Untyped(&'a str),
}

impl Predicate {
    /// Whether a span satisfies it. It was checked.
    pub fn takes(&self, span: &Span) -> bool {
        self.holds(Subject { span, event: None, link: None })
    }

    fn holds(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(subject)),
            Self::Not(part) => !part.holds(subject),
            Self::Compare(left, Comparison::NotEqual, right) => {
                let (left, right) = (subject.operand(left), subject.operand(right));
                let equal = |l: &Got<'_>| right.iter().any(|r| l.equals(r));
                !left.is_empty() && !right.is_empty() && !left.iter().any(equal)
            }
            Self::Compare(left, how, right) => {
                let (left, right) = (subject.operand(left), subject.operand(right));
                left.iter().any(|l| right.iter().any(|r| how.holds(l, r)))
            }
            Self::Fits(reference, pattern) => {
                subject.reference(reference).iter().any(|got| pattern.fits(&got.text()))
            }
            Self::Words(reference, words) => {
                subject.reference(reference).iter().any(|got| words.are_in(&got.text()))
            }
            Self::Exists(reference) => !subject.reference(reference).is_empty(),
            Self::In(reference, list) => {
                subject.reference(reference).iter().any(|got| got.is_one_of(list))
            }
            Self::NotIn(reference, list) => {
                let found = subject.reference(reference);
                !found.is_empty() && !found.iter().any(|got| got.is_one_of(list))
            }
            Self::Some(Nested::Event, part) => subject
                .span
                .events
                .iter()
                .any(|event| part.holds(Subject { event: Some(event), ..subject })),
            Self::Some(Nested::Link, part) => subject
                .span
                .links
                .iter()
                .any(|link| part.holds(Subject { link: Some(link), ..subject })),
        }
    }
}

impl Comparison {
    fn holds(self, left: &Got<'_>, right: &Got<'_>) -> bool {
        let ordered = |fits: fn(Ordering) -> bool| left.order(right).is_some_and(fits);
        match self {
            Self::Equal => left.equals(right),
            Self::NotEqual => !left.equals(right),
            Self::Greater => ordered(Ordering::is_gt),
            Self::GreaterOrEqual => ordered(Ordering::is_ge),
            Self::Less => ordered(Ordering::is_lt),
            Self::LessOrEqual => ordered(Ordering::is_le),
        }
    }
}

impl<'a> Subject<'a> {
    fn operand(self, operand: &'a Operand) -> Vec<Got<'a>> {
        match operand {
            Operand::Reference(reference) => self.reference(reference),
            Operand::Constant(constant) => vec![Got::of(constant)],
        }
    }

    fn reference(self, reference: &Reference) -> Vec<Got<'a>> {
        match reference {
            Reference::Attribute(place, key) => self.attribute(*place, key),
            Reference::Field(field) => self.field(*field),
        }
    }

    fn attribute(self, place: Place, key: &str) -> Vec<Got<'a>> {
        let at = |level| match place {
            Place::SpanOrResource => matches!(level, Level::Span | Level::Resource),
            Place::At(wanted) => wanted == Level::Any || wanted == level,
        };
        let mut found = Vec::new();
        let mut look = |attributes: &'a Attributes| {
            let values = attributes.iter().filter(|(name, _)| **name == *key);
            found.extend(values.map(|(_, value)| Got::from(value)));
        };
        if at(Level::Span) {
            look(&self.span.attributes);
        }
        if at(Level::Resource) {
            look(&self.span.resource.attributes);
        }
        if at(Level::Scope) {
            look(&self.span.scope.attributes);
        }
        if at(Level::Event) {
            self.events().for_each(|event| look(&event.attributes));
        }
        if at(Level::Link) {
            self.links().for_each(|link| look(&link.attributes));
        }
        found
    }

    fn events(self) -> impl Iterator<Item = &'a Event> {
        let all = if self.event.is_none() { &self.span.events[..] } else { &[] };
        self.event.into_iter().chain(all)
    }

    fn links(self) -> impl Iterator<Item = &'a Link> {
        let all = if self.link.is_none() { &self.span.links[..] } else { &[] };
        self.link.into_iter().chain(all)
    }

    fn field(self, field: Field) -> Vec<Got<'a>> {
        let span = self.span;
        let text = |text: &'a str| {
            if text.is_empty() { Vec::new() } else { vec![Got::Text(Cow::Borrowed(text))] }
        };
        let id = |id: String| Got::Text(Cow::Owned(id));
        match field {
            Field::TraceId => vec![id(span.trace.to_string())],
            Field::SpanId => vec![id(span.id.to_string())],
            Field::ParentSpanId => {
                span.parent.iter().map(|parent| id(parent.to_string())).collect()
            }
            Field::TraceState => text(&span.trace_state),
            Field::Name => text(&span.name),
            Field::Kind => vec![Got::Kind(span.kind)],
            Field::StartTime => vec![Got::Moment(span.start_unix_nanos)],
            Field::EndTime => vec![Got::Moment(span.end_unix_nanos)],
            Field::Duration => vec![Got::Duration(nanos(span.duration_nanos()))],
            Field::Status => vec![Got::Status(span.status.code)],
            Field::StatusMessage => text(&span.status.message),
            Field::Service => text(span.service()),
            Field::ResourceSchema => text(&span.resource.schema_url),
            Field::ScopeName => text(&span.scope.name),
            Field::ScopeVersion => text(&span.scope.version),
            Field::ScopeSchema => text(&span.scope.schema_url),
            Field::EventName => self.events().flat_map(|event| text(&event.name)).collect(),
            Field::EventTime => {
                self.events().map(|event| Got::Moment(event.time_unix_nanos)).collect()
            }
            Field::EventSinceStart => {
                let since = |event: &Event| {
                    let since =
                        i128::from(event.time_unix_nanos) - i128::from(span.start_unix_nanos);
                    Got::Duration(i64::try_from(since).unwrap_or(i64::MAX))
                };
                self.events().map(since).collect()
            }
            Field::LinkTraceId => self.links().map(|link| id(link.trace.to_string())).collect(),
            Field::LinkSpanId => self.links().map(|link| id(link.span.to_string())).collect(),
            Field::LinkTraceState => {
                self.links().flat_map(|link| text(&link.trace_state)).collect()
            }
        }
    }
}

fn nanos(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

impl<'a> From<&'a Value> for Got<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Double(*number),
            Value::Bool(yes) => Self::Bool(*yes),
            other => Self::Other(other),
        }
    }
}

impl<'a> Got<'a> {
    fn of(constant: &'a Constant) -> Self {
        match constant {
            Constant::Untyped(text) => Self::Untyped(text),
            Constant::Text(text) => Self::Text(Cow::Borrowed(text)),
            Constant::Int(number) => Self::Int(*number),
            Constant::Double(number) => Self::Double(*number),
            Constant::Bool(yes) => Self::Bool(*yes),
            Constant::Duration(nanos) => Self::Duration(*nanos),
            Constant::Moment(moment) => Self::Moment(*moment),
            Constant::Kind(kind) => Self::Kind(*kind),
            Constant::Status(status) => Self::Status(*status),
        }
    }

    fn is_one_of(&self, list: &[Constant]) -> bool {
        list.iter().any(|one| self.equals(&Got::of(one)))
    }

    /// As it is written.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Untyped(text) => Cow::Borrowed(text),
            Self::Int(number) => Cow::Owned(number.to_string()),
            Self::Double(number) => Cow::Owned(number.to_string()),
            Self::Bool(yes) => Cow::Owned(yes.to_string()),
            Self::Duration(nanos) => Cow::Owned(nanos.to_string()),
            Self::Moment(moment) => Cow::Owned(moment.to_string()),
            Self::Kind(kind) => Cow::Borrowed(kind_word(*kind)),
            Self::Status(status) => Cow::Borrowed(crate::trace::status_word(*status)),
            Self::Other(value) => as_text(value),
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Untyped(text), value) | (value, Self::Untyped(text)) => value.is_written(text),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Int(a), Self::Int(b)) | (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Int(int), Self::Double(double)) | (Self::Double(double), Self::Int(int)) => {
                float(*int).total_cmp(double).is_eq()
            }
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b) == Some(Ordering::Equal),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Moment(a), Self::Moment(b)) => a == b,
            (Self::Kind(a), Self::Kind(b)) => a == b,
            (Self::Status(a), Self::Status(b)) => a == b,
            (Self::Other(a), Self::Other(b)) => a == b,
            _ => false,
        }
    }

    /// Whether this text means it: numbers by what they are, all else by how it is written.
    fn is_written(&self, text: &str) -> bool {
        match self {
            Self::Int(number) => {
                number.to_string() == text || number_in(text) == Some(float(*number))
            }
            Self::Double(number) => number.to_string() == text || number_in(text) == Some(*number),
            value => value.text() == text,
        }
    }

    /// Which is greater, if they have an order. A text is a number where it is compared with one.
    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) | (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Moment(a), Self::Moment(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Untyped(b)) if number_in(b).is_none() => Some((**a).cmp(*b)),
            (Self::Untyped(a), Self::Text(b)) if number_in(a).is_none() => Some((**a).cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (a, b) => a.number()?.partial_cmp(&b.number()?),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(float(*number)),
            Self::Double(number) => Some(*number),
            Self::Text(text) => number_in(text),
            Self::Untyped(text) => number_in(text),
            _ => None,
        }
    }
}

/// The number that a text is.
pub(super) fn number_in(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[expect(clippy::cast_precision_loss, reason = "numbers are compared as JSON has them")]
pub(super) const fn float(number: i64) -> f64 {
    number as f64
}

/// The word for a kind, as Jaeger's filters write it.
const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "unspecified",
        kind => kind.as_str(),
    }
}
