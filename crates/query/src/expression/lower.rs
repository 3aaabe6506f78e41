//! From a predicate to the store's filter: the same where that can say it, else one that takes more.
//!
//! Negations are pushed down to comparisons first; then whatever the store cannot say becomes
//! "every span", which is more in a conjunction as in a disjunction.

use std::sync::Arc;

use trunkline_otlp::{Kind, StatusCode, Value};
use trunkline_store::source::{self, Filter, Level, Test};

use super::evaluate::{float, number_in};
use super::{Comparison, Constant, Field, Operand, Place, Predicate, Reference};

/// See [`lower`].
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// Takes whatever the predicate takes.
    pub filter: Filter,
    /// Whether it takes nothing else.
    pub exact: bool,
}

/// The store's filter for a predicate.
pub fn lower(predicate: &Predicate) -> Lowered {
    match lower_part(predicate, Context { negated: false, nested: false }) {
        Some((filter, exact)) => Lowered { filter: flat(filter), exact },
        None => Lowered { filter: Filter::default(), exact: false },
    }
}

#[derive(Clone, Copy)]
struct Context {
    /// Within an odd number of `not`.
    negated: bool,
    /// Within `some`: what is asked of events is asked of one and the same.
    nested: bool,
}

/// The filter and whether it is exact; `None` for one that the store cannot say at all.
type Part = Option<(Filter, bool)>;

fn lower_part(predicate: &Predicate, context: Context) -> Part {
    match predicate {
        Predicate::Not(part) => lower_part(part, Context { negated: !context.negated, ..context }),
        // By De Morgan, within `not` one becomes the other.
        Predicate::All(parts) if context.negated => any(parts, context),
        Predicate::All(parts) => Some(all(parts, context)),
        Predicate::Any(parts) if context.negated => Some(all(parts, context)),
        Predicate::Any(parts) => any(parts, context),
        Predicate::Some(_, part) => {
            // Turned round it would ask for every event.
            if context.negated {
                return None;
            }
            lower_part(part, Context { nested: true, ..context }).map(|(filter, _)| (filter, false))
        }
        leaf => {
            let filter = lower_leaf(leaf)?;
            let about_nested = context.nested && is_about_nested(leaf);
            let negative = matches!(
                leaf,
                Predicate::NotIn(..) | Predicate::Compare(_, Comparison::NotEqual, _)
            );
            // "Another event has it" does not contradict "this one has it not".
            if about_nested && (context.negated || negative) {
                return None;
            }
            let filter = if context.negated { Filter::Not(Box::new(filter)) } else { filter };
            Some((filter, !about_nested))
        }
    }
}

fn all(parts: &[Predicate], context: Context) -> (Filter, bool) {
    let mut exact = true;
    let mut filters = Vec::with_capacity(parts.len());
    for part in parts {
        match lower_part(part, context) {
            Some((filter, is_exact)) => {
                exact &= is_exact;
                filters.push(filter);
            }
            None => exact = false,
        }
    }
    (Filter::All(filters), exact)
}

fn any(parts: &[Predicate], context: Context) -> Part {
    let parts: Option<Vec<_>> = parts.iter().map(|part| lower_part(part, context)).collect();
    let (filters, exact): (Vec<_>, Vec<_>) = parts?.into_iter().unzip();
    Some((Filter::Any(filters), exact.into_iter().all(|exact| exact)))
}

/// Without lists of one part, and lists of the same sort within each other.
fn flat(filter: Filter) -> Filter {
    match filter {
        Filter::All(parts) => {
            let mut flattened = Vec::with_capacity(parts.len());
            for part in parts.into_iter().map(flat) {
                match part {
                    Filter::All(more) => flattened.extend(more),
                    other => flattened.push(other),
                }
            }
            one_or(flattened, Filter::All)
        }
        Filter::Any(parts) => one_or(parts.into_iter().map(flat).collect(), Filter::Any),
        Filter::Not(part) => Filter::Not(Box::new(flat(*part))),
        leaf @ Filter::Where(..) => leaf,
    }
}

fn one_or(mut parts: Vec<Filter>, list: fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            list(parts)
        }
    }
}

fn is_about_nested(leaf: &Predicate) -> bool {
    let nested = |reference: &Reference| match reference {
        Reference::Attribute(place, _) => {
            matches!(place, Place::At(Level::Any | Level::Event | Level::Link))
        }
        Reference::Field(field) => matches!(
            field,
            Field::EventName
                | Field::EventTime
                | Field::EventSinceStart
                | Field::LinkTraceId
                | Field::LinkSpanId
                | Field::LinkTraceState
        ),
    };
    let operand =
        |operand: &Operand| matches!(operand, Operand::Reference(reference) if nested(reference));
    match leaf {
        Predicate::Compare(left, _, right) => operand(left) || operand(right),
        Predicate::Fits(reference, _)
        | Predicate::Exists(reference)
        | Predicate::In(reference, _)
        | Predicate::NotIn(reference, _)
        | Predicate::Words(reference, _) => nested(reference),
        _ => false,
    }
}

/// The filter that is the same as a leaf.
fn lower_leaf(leaf: &Predicate) -> Option<Filter> {
    match leaf {
        Predicate::Compare(Operand::Reference(reference), how, Operand::Constant(constant)) => {
            compare(reference, *how, constant)
        }
        Predicate::Compare(Operand::Constant(constant), how, Operand::Reference(reference)) => {
            // Sides that differ are the same when exchanged, as long as both are there.
            compare(reference, how.turned(), constant)
        }
        Predicate::Exists(reference) => exists(reference),
        Predicate::Fits(reference, pattern) => {
            let fits = at(reference, &Test::Fits(pattern.clone()))?;
            match reference {
                Reference::Attribute(..) => Some(fits),
                Reference::Field(_) if !pattern.fits("") => Some(fits),
                // For the store an empty text is there, also among the names of several events.
                Reference::Field(Field::EventName) => None,
                Reference::Field(_) => Some(Filter::All(vec![exists(reference)?, fits])),
            }
        }
        Predicate::In(reference, list) => one_of(reference, list),
        Predicate::NotIn(reference, list) => {
            Some(differs(exists(reference)?, one_of(reference, list)?))
        }
        _ => None,
    }
}

fn differs(exists: Filter, equal: Filter) -> Filter {
    Filter::All(vec![exists, Filter::Not(Box::new(equal))])
}

fn one_of(reference: &Reference, list: &[Constant]) -> Option<Filter> {
    let equal: Option<Vec<_>> = list.iter().map(|constant| equal(reference, constant)).collect();
    equal.map(Filter::Any)
}

fn compare(reference: &Reference, how: Comparison, constant: &Constant) -> Option<Filter> {
    match how {
        Comparison::Equal => equal(reference, constant),
        Comparison::NotEqual => Some(differs(exists(reference)?, equal(reference, constant)?)),
        ordered => at(reference, &between(ordered, reference, constant)?),
    }
}

/// The field of the store for a field of a span that holds text.
fn text_field(field: Field) -> Option<source::Field> {
    Some(match field {
        Field::Service => source::Field::Service,
        Field::Name => source::Field::Operation,
        Field::StatusMessage => source::Field::StatusMessage,
        Field::TraceState => source::Field::TraceState,
        Field::ScopeName => source::Field::ScopeName,
        Field::ScopeVersion => source::Field::ScopeVersion,
        Field::EventName => source::Field::EventName,
        _ => return None,
    })
}

/// A test of what the store has for a reference.
fn at(reference: &Reference, test: &Test) -> Option<Filter> {
    let attribute = |level, key: &Arc<str>| {
        Filter::Where(source::Field::Attribute(level, Arc::clone(key)), test.clone())
    };
    Some(match reference {
        Reference::Attribute(Place::At(level), key) => attribute(*level, key),
        Reference::Attribute(Place::SpanOrResource, key) => {
            Filter::Any(vec![attribute(Level::Span, key), attribute(Level::Resource, key)])
        }
        Reference::Field(Field::Duration) if matches!(test, Test::Between { .. }) => {
            Filter::Where(source::Field::Duration, test.clone())
        }
        Reference::Field(field) => {
            if matches!(test, Test::Between { .. }) {
                return None;
            }
            Filter::Where(text_field(*field)?, test.clone())
        }
    })
}

fn exists(reference: &Reference) -> Option<Filter> {
    match reference {
        Reference::Field(Field::Kind | Field::Status | Field::Duration) => Some(Filter::default()),
        reference => at(reference, &Test::Exists),
    }
}

fn equal(reference: &Reference, constant: &Constant) -> Option<Filter> {
    let one = |test: Test| at(reference, &test);
    let field = matches!(reference, Reference::Field(_));
    match (reference, constant) {
        (Reference::Field(Field::Kind), constant) => {
            Some(Filter::Where(source::Field::Kind, Test::Kind(kind_of(constant)?)))
        }
        (Reference::Field(Field::Status), constant) => {
            Some(Filter::Where(source::Field::Status, Test::Status(status_of(constant)?)))
        }
        (Reference::Field(Field::Duration), Constant::Duration(nanos)) => {
            let nanos = exactly(*nanos)?;
            one(Test::Between { min: Some(nanos), max: Some(nanos) })
        }
        // An empty text is not there.
        (_, Constant::Untyped(text) | Constant::Text(text)) if field && text.is_empty() => {
            Some(Filter::Any(Vec::new()))
        }
        (_, Constant::Untyped(text)) if field => one(Test::Text(Arc::clone(text))),
        (_, Constant::Untyped(text)) => {
            let written = one(Test::Text(Arc::clone(text)))?;
            let Some(number) = number_in(text) else { return Some(written) };
            Some(Filter::Any(vec![written, one(Test::Is(Value::Double(number)))?]))
        }
        (_, Constant::Text(text)) => one(Test::Is(Value::Text(Arc::clone(text)))),
        (_, Constant::Int(number)) => one(Test::Is(Value::Int(*number))),
        (_, Constant::Double(number)) => one(Test::Is(Value::Double(*number))),
        (_, Constant::Bool(yes)) => one(Test::Is(Value::Bool(*yes))),
        _ => None,
    }
}

fn kind_of(constant: &Constant) -> Option<Kind> {
    match constant {
        Constant::Kind(kind) => Some(*kind),
        _ => None,
    }
}

fn status_of(constant: &Constant) -> Option<StatusCode> {
    match constant {
        Constant::Status(status) => Some(*status),
        _ => None,
    }
}

/// The interval that an ordered comparison with a number means.
fn between(how: Comparison, reference: &Reference, constant: &Constant) -> Option<Test> {
    let number = match (reference, constant) {
        (Reference::Field(Field::Duration), Constant::Duration(nanos)) => exactly(*nanos)?,
        (Reference::Attribute(..), Constant::Int(number)) => exactly(*number)?,
        (Reference::Attribute(..), Constant::Double(number)) => *number,
        (Reference::Attribute(..), Constant::Untyped(text)) => number_in(text)?,
        _ => return None,
    };
    let (min, max) = match how {
        Comparison::Greater => (Some(number.next_up()), None),
        Comparison::GreaterOrEqual => (Some(number), None),
        Comparison::Less => (None, Some(number.next_down())),
        Comparison::LessOrEqual => (None, Some(number)),
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    Some(Test::Between { min, max })
}

/// A number that floats have as it is, and its neighbours too.
fn exactly(number: i64) -> Option<f64> {
    (number.unsigned_abs() < 1 << 53).then(|| float(number))
}
