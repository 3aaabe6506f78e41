//! What a call means: the predicate it stands for, constants read as what they are compared with.

use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trunkline_model::units::parse_duration;
use trunkline_otlp::{Kind, StatusCode};
use trunkline_query::expression::{
    Comparison, Constant, Field, Nested, Operand, Patterns, Place, Predicate, Reference, Sort,
    Words,
};
use trunkline_store::source::Level;

use super::{Call, Invalid, Named, Term};

/// Levels of attributes and fields.
pub(in super::super::super) const LEVELS: &[&str] = &["span", "resource", "scope", "event", "link"];

/// Operators.
pub(in super::super::super) const OPERATORS: &[&str] = &[
    "and", "or", "not", "eq", "ne", "gt", "lt", "gte", "lte", "regex", "exists", "in", "not_in",
    "some", "phrase", "fulltext",
];

pub(super) fn of(call: &Call, patterns: &mut Patterns) -> Result<Predicate, Invalid> {
    let op = call.op.as_str();
    let args = call.args.as_slice();
    Ok(match (op, args) {
        ("and", [_, _, ..]) => Predicate::All(calls(op, args, patterns)?),
        ("or", [_, _, ..]) => Predicate::Any(calls(op, args, patterns)?),
        ("not", [part]) => Predicate::Not(Box::new(inner(op, part, patterns)?)),
        ("eq", [left, right]) => compare(op, left, Comparison::Equal, right)?,
        ("ne", [left, right]) => compare(op, left, Comparison::NotEqual, right)?,
        ("gt", [left, right]) => compare(op, left, Comparison::Greater, right)?,
        ("gte", [left, right]) => compare(op, left, Comparison::GreaterOrEqual, right)?,
        ("lt", [left, right]) => compare(op, left, Comparison::Less, right)?,
        ("lte", [left, right]) => compare(op, left, Comparison::LessOrEqual, right)?,
        ("exists", [one]) => Predicate::Exists(reference(op, one)?),
        ("regex", [subject, Term::Scalar { value, .. }]) => {
            let pattern = patterns.regex(value).map_err(|error| Invalid::new(error.to_string()))?;
            Predicate::Fits(reference(op, subject)?, pattern)
        }
        ("in", [subject, Term::List { values, kind }]) => {
            let subject = reference(op, subject)?;
            let list = list(&subject, values, kind)?;
            Predicate::In(subject, list)
        }
        ("not_in", [subject, Term::List { values, kind }]) => {
            let subject = reference(op, subject)?;
            let list = list(&subject, values, kind)?;
            Predicate::NotIn(subject, list)
        }
        ("phrase" | "fulltext", [Term::Attribute(_), Term::List { kind, .. }])
            if !matches!(kind.as_str(), "" | "string") =>
        {
            return Err(Invalid::new(format!("operator \"{op}\" takes a list of words")));
        }
        ("phrase" | "fulltext", [subject @ Term::Attribute(_), Term::List { values, .. }]) => {
            let words = Words::new(values, op == "phrase");
            let words = words.map_err(|error| Invalid::new(error.to_string()))?;
            Predicate::Words(reference(op, subject)?, words)
        }
        ("some", [Term::Nested(of), part]) => {
            Predicate::Some(nested(&of.level)?, Box::new(inner(op, part, patterns)?))
        }
        (op, _) if OPERATORS.contains(&op) => {
            return Err(Invalid::new(format!("operator \"{op}\" does not take these arguments")));
        }
        (op, _) => {
            let known = OPERATORS.join(", ");
            return Err(Invalid::new(format!(
                "unknown filter operator \"{op}\"; there are: {known}"
            )));
        }
    })
}

fn calls(op: &str, args: &[Term], patterns: &mut Patterns) -> Result<Vec<Predicate>, Invalid> {
    args.iter().map(|arg| inner(op, arg, patterns)).collect()
}

fn inner(op: &str, term: &Term, patterns: &mut Patterns) -> Result<Predicate, Invalid> {
    match term {
        Term::Call(call) => of(call, patterns),
        _ => Err(Invalid::new(format!("operator \"{op}\" takes calls as arguments"))),
    }
}

fn nested(level: &str) -> Result<Nested, Invalid> {
    match level {
        "event" => Ok(Nested::Event),
        "link" => Ok(Nested::Link),
        other => {
            Err(Invalid::new(format!("\"some\" is about \"event\" or \"link\", not \"{other}\"")))
        }
    }
}

fn compare(op: &str, left: &Term, how: Comparison, right: &Term) -> Result<Predicate, Invalid> {
    let sort = |term: &Term| match term {
        Term::Field(named) => Ok(Some(field(named)?.sort())),
        _ => Ok(None),
    };
    let (left_sort, right_sort) = (sort(left)?, sort(right)?);
    let left = operand(op, left, right_sort)?;
    let right = operand(op, right, left_sort)?;
    Ok(match (left, right) {
        // A constant on the left is the same question with its sides exchanged.
        (left @ Operand::Constant(_), right @ Operand::Reference(_)) => {
            Predicate::Compare(right, how.turned(), left)
        }
        (left, right) => Predicate::Compare(left, how, right),
    })
}

/// `beside` is the sort of the field that it is compared with.
fn operand(op: &str, term: &Term, beside: Option<Sort>) -> Result<Operand, Invalid> {
    Ok(match term {
        Term::Scalar { value, kind } => Operand::Constant(constant(value, kind, beside)?),
        other => Operand::Reference(reference(op, other)?),
    })
}

fn reference(op: &str, term: &Term) -> Result<Reference, Invalid> {
    match term {
        Term::Attribute(named) => {
            if named.name.is_empty() {
                return Err(Invalid::new("an attribute has a key"));
            }
            Ok(Reference::Attribute(place(&named.level)?, Arc::from(named.name.as_str())))
        }
        Term::Field(named) => Ok(Reference::Field(field(named)?)),
        _ => Err(Invalid::new(format!("operator \"{op}\" takes an attribute or a field here"))),
    }
}

fn place(level: &str) -> Result<Place, Invalid> {
    Ok(match level {
        "" => Place::SpanOrResource,
        "span" => Place::At(Level::Span),
        "resource" => Place::At(Level::Resource),
        "scope" => Place::At(Level::Scope),
        "event" => Place::At(Level::Event),
        "link" => Place::At(Level::Link),
        other => {
            let known = LEVELS.join(", ");
            return Err(Invalid::new(format!(
                "unknown filter level \"{other}\"; there are: {known}"
            )));
        }
    })
}

fn field(named: &Named) -> Result<Field, Invalid> {
    Ok(match (named.level.as_str(), named.name.as_str()) {
        ("span", "traceID") => Field::TraceId,
        ("span", "spanID") => Field::SpanId,
        ("span", "parentSpanID") => Field::ParentSpanId,
        ("span", "traceState") => Field::TraceState,
        ("span", "name") => Field::Name,
        ("span", "kind") => Field::Kind,
        ("span", "startTime") => Field::StartTime,
        ("span", "endTime") => Field::EndTime,
        ("span", "duration") => Field::Duration,
        ("span", "status") => Field::Status,
        ("span", "statusMessage") => Field::StatusMessage,
        ("resource", "service") => Field::Service,
        ("resource", "schemaURL") => Field::ResourceSchema,
        ("scope", "name") => Field::ScopeName,
        ("scope", "version") => Field::ScopeVersion,
        ("scope", "schemaURL") => Field::ScopeSchema,
        ("event", "name") => Field::EventName,
        ("event", "time") => Field::EventTime,
        ("event", "timeSinceStart") => Field::EventSinceStart,
        ("link", "traceID") => Field::LinkTraceId,
        ("link", "spanID") => Field::LinkSpanId,
        ("link", "traceState") => Field::LinkTraceState,
        (level, name) => {
            return Err(Invalid::new(format!(
                "unknown built-in field \"{name}\" at the \"{level}\" level; an attribute is an `attr`"
            )));
        }
    })
}

fn list(subject: &Reference, values: &[String], kind: &str) -> Result<Vec<Constant>, Invalid> {
    if values.is_empty() {
        return Err(Invalid::new("a list has at least one element"));
    }
    let beside = match subject {
        Reference::Field(field) => Some(field.sort()),
        Reference::Attribute(..) => None,
    };
    values.iter().map(|value| constant(value, kind, beside)).collect()
}

/// A constant, read as the type it names, or as the field that it is compared with has.
fn constant(text: &str, kind: &str, beside: Option<Sort>) -> Result<Constant, Invalid> {
    let no = |what: &str| Invalid::new(format!("\"{text}\" is not {what}"));
    match (kind, beside) {
        ("" | "string", Some(Sort::Kind)) => {
            let known = |kind: &Kind| match kind {
                Kind::Unspecified => text == "unspecified",
                kind => kind.as_str() == text,
            };
            let kind = (0..=5).map(Kind::of).find(known);
            kind.map(Constant::Kind).ok_or_else(|| {
                no("one of unspecified, internal, server, client, producer, consumer")
            })
        }
        ("" | "string", Some(Sort::Status)) => match text {
            "unset" => Ok(Constant::Status(StatusCode::Unset)),
            "ok" => Ok(Constant::Status(StatusCode::Ok)),
            "error" => Ok(Constant::Status(StatusCode::Error)),
            _ => Err(no("one of unset, ok, error")),
        },
        ("", Some(Sort::Duration)) => duration(text)
            .map(Constant::Duration)
            .ok_or_else(|| no("a duration with its unit, such as 250ms")),
        ("", Some(Sort::Moment)) => {
            let time =
                OffsetDateTime::parse(text, &Rfc3339).map_err(|_| no("a time (RFC 3339)"))?;
            let nanos = u64::try_from(time.unix_timestamp_nanos().max(0)).unwrap_or(u64::MAX);
            Ok(Constant::Moment(nanos))
        }
        ("", Some(Sort::Text)) | ("string", _) => Ok(Constant::Text(Arc::from(text))),
        ("", None) => Ok(Constant::Untyped(Arc::from(text))),
        ("int", _) => text.parse().map(Constant::Int).map_err(|_| no("a whole number")),
        ("double", _) => text.parse().map(Constant::Double).map_err(|_| no("a number")),
        ("bool", _) => text.parse().map(Constant::Bool).map_err(|_| no("true or false")),
        (other, _) => Err(Invalid::new(format!("unknown filter value type \"{other}\""))),
    }
}

/// A duration as Go writes it, which may be negative.
fn duration(text: &str) -> Option<i64> {
    let ascii = text.replace(['µ', 'μ'], "u");
    let (sign, rest) = match ascii.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, ascii.as_str()),
    };
    i64::try_from(parse_duration(rest).ok()?.as_nanos()).ok().map(|nanos| sign * nanos)
}
