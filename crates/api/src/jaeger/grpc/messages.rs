//! The messages of `jaeger.api_v3` (jaeger-idl, `api_v3/query_service.proto` and
//! `expression/v1/expression.proto`), field by field.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use trunkline_net::grpc::{Code, Status};
use trunkline_otlp::wire::{Fields, Malformed, put_bytes, put_fixed64, put_message, put_number};
use trunkline_query::expression::Patterns;
use trunkline_store::source::{Operation, Summary};

use super::super::v3::filter::{self, Call, Invalid, LEVELS, Named, OPERATORS, Term};
use super::super::v3::query::{Asked, Page};

/// Levels of a filter at most.
const DEPTH_MAX: usize = 24;

fn malformed(error: Malformed) -> Status {
    Status::new(Code::InvalidArgument, format!("the message cannot be read: {error}"))
}

fn invalid(message: impl Into<String>) -> Status {
    Status::new(Code::InvalidArgument, message)
}

/// `GetTraceRequest`: the id, and whether it is wanted raw.
pub(super) fn trace(message: &[u8]) -> Result<(String, bool), Status> {
    let (mut id, mut raw) = (String::new(), false);
    for field in Fields::of(message) {
        match field.map_err(malformed)? {
            (1, value) => value.text(1).map_err(malformed)?.clone_into(&mut id),
            (4, value) => raw = value.varint(4).map_err(malformed)? != 0,
            _ => {}
        }
    }
    Ok((id, raw))
}

/// `FindTracesRequest` and `FindTraceSummariesRequest`.
pub(super) fn search(message: &[u8]) -> Result<Asked, Status> {
    let mut query = None;
    for field in Fields::of(message) {
        if let (1, value) = field.map_err(malformed)? {
            query = Some(value.bytes(1).map_err(malformed)?);
        }
    }
    let query = query.ok_or_else(|| invalid("missing query"))?;
    parameters(query)
}

fn parameters(message: &[u8]) -> Result<Asked, Status> {
    let mut asked = Asked::default();
    // Once: a field that comes again must not bring as many again.
    let mut patterns = Patterns::default();
    for field in Fields::of(message) {
        let (number, value) = field.map_err(malformed)?;
        let text = || value.text(number).map_err(malformed);
        let bytes = || value.bytes(number).map_err(malformed);
        match number {
            1 => asked.wanted.service = Some(text()?.to_owned()).filter(|name| !name.is_empty()),
            2 => asked.wanted.operation = Some(text()?.to_owned()).filter(|name| !name.is_empty()),
            3 => asked.wanted.attributes.push(pair(bytes()?).map_err(malformed)?),
            4 => asked.start = Some(moment(bytes()?)?),
            5 => asked.end = Some(moment(bytes()?)?),
            6 => asked.wanted.duration_min = Some(duration(bytes()?)?).filter(|d| !d.is_zero()),
            7 => asked.wanted.duration_max = Some(duration(bytes()?)?).filter(|d| !d.is_zero()),
            8 => {
                let depth = value.varint(8).map_err(malformed)?.cast_signed();
                let depth =
                    u64::try_from(depth).map_err(|_| invalid("search depth is negative"))?;
                asked.depth = Some(depth);
            }
            9 => asked.raw = value.varint(9).map_err(malformed)? != 0,
            10 => {
                let call = call(bytes()?, 0).map_err(|error| error.0)?;
                let predicate = filter::predicate(&call, &mut patterns);
                asked.filter = Some(predicate.map_err(|error| invalid(error.to_string()))?);
            }
            11 => asked.page = Some(page(bytes()?).map_err(malformed)?),
            _ => {}
        }
    }
    // The order of a map means nothing.
    asked.wanted.attributes.sort();
    Ok(asked)
}

fn pair(message: &[u8]) -> Result<(String, String), Malformed> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in Fields::of(message) {
        match field? {
            (1, raw) => raw.text(1)?.clone_into(&mut key),
            (2, raw) => raw.text(2)?.clone_into(&mut value),
            _ => {}
        }
    }
    Ok((key, value))
}

fn page(message: &[u8]) -> Result<Page, Malformed> {
    let mut page = Page::default();
    for field in Fields::of(message) {
        match field? {
            (1, raw) => page.size = raw.varint(1)?,
            (2, raw) => raw.text(2)?.clone_into(&mut page.token),
            _ => {}
        }
    }
    Ok(page)
}

/// `Timestamp` and `Duration`: seconds and nanoseconds.
fn seconds(message: &[u8]) -> Result<i128, Malformed> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    for field in Fields::of(message) {
        match field? {
            (1, raw) => seconds = raw.varint(1)?.cast_signed(),
            (2, raw) => nanos = raw.varint(2)?.cast_signed(),
            _ => {}
        }
    }
    Ok(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
}

/// Nanoseconds since 1970; what is before that is 0.
fn moment(message: &[u8]) -> Result<u64, Status> {
    let nanos = seconds(message).map_err(malformed)?;
    Ok(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

fn duration(message: &[u8]) -> Result<Duration, Status> {
    let nanos = seconds(message).map_err(malformed)?;
    let nanos = u64::try_from(nanos).map_err(|_| invalid("a duration is negative or too long"))?;
    Ok(Duration::from_nanos(nanos))
}

/// A filter that cannot be read.
struct NoCall(Status);

impl From<Malformed> for NoCall {
    fn from(error: Malformed) -> Self {
        Self(malformed(error))
    }
}

fn call(message: &[u8], depth: usize) -> Result<Call, NoCall> {
    if depth >= DEPTH_MAX {
        let error = Invalid::new(format!("a filter has at most {DEPTH_MAX} levels"));
        return Err(NoCall(invalid(error.to_string())));
    }
    let mut call = Call::default();
    for field in Fields::of(message) {
        match field? {
            (1, raw) => raw.text(1)?.clone_into(&mut call.op),
            (2, raw) => call.args.push(term(raw.bytes(2)?, depth + 1)?),
            _ => {}
        }
    }
    Ok(call)
}

fn term(message: &[u8], depth: usize) -> Result<Term, NoCall> {
    let mut term = None;
    for field in Fields::of(message) {
        let (number, raw) = field?;
        let bytes = raw.bytes(number)?;
        // Of a `oneof` the last one counts.
        term = Some(match number {
            1 => Term::Attribute(named(bytes)?),
            2 => Term::Field(named(bytes)?),
            3 => Term::Nested(nested(bytes)?),
            4 => {
                let (mut values, kind) = constants(bytes)?;
                Term::Scalar { value: values.pop().unwrap_or_default(), kind }
            }
            5 => {
                let (values, kind) = constants(bytes)?;
                Term::List { values, kind }
            }
            6 => Term::Call(call(bytes, depth)?),
            _ => continue,
        });
    }
    let missing =
        "a filter argument is empty: attr, field, nested, scalar, list or call must be set";
    term.ok_or_else(|| NoCall(invalid(missing)))
}

/// `AttributeReference` and `FieldReference`.
fn named(message: &[u8]) -> Result<Named, Malformed> {
    let mut named = Named::default();
    for field in Fields::of(message) {
        match field? {
            (1, raw) => raw.text(1)?.clone_into(&mut named.name),
            (2, raw) => raw.text(2)?.clone_into(&mut named.level),
            _ => {}
        }
    }
    Ok(named)
}

/// `NestedReference`.
fn nested(message: &[u8]) -> Result<Named, Malformed> {
    let named = named(message)?;
    Ok(Named { name: String::new(), level: named.name })
}

/// `Scalar` and `List`.
fn constants(message: &[u8]) -> Result<(Vec<String>, String), Malformed> {
    let (mut values, mut kind) = (Vec::new(), String::new());
    for field in Fields::of(message) {
        match field? {
            (1, raw) => values.push(raw.text(1)?.to_owned()),
            (2, raw) => raw.text(2)?.clone_into(&mut kind),
            _ => {}
        }
    }
    Ok((values, kind))
}

/// `GetOperationsRequest`: the service, and the kind.
pub(super) fn operations_asked(message: &[u8]) -> Result<(String, String), Status> {
    pair(message).map_err(malformed)
}

/// `GetDependenciesRequest`: nanoseconds since 1970.
pub(super) fn interval(message: &[u8]) -> Result<RangeInclusive<u64>, Status> {
    let (mut start, mut end) = (None, None);
    for field in Fields::of(message) {
        match field.map_err(malformed)? {
            (1, raw) => start = Some(moment(raw.bytes(1).map_err(malformed)?)?),
            (2, raw) => end = Some(moment(raw.bytes(2).map_err(malformed)?)?),
            _ => {}
        }
    }
    match (start, end) {
        (Some(start), Some(end)) if start <= end => Ok(start..=end),
        (Some(_), Some(_)) => Err(invalid("start_time must be before end_time")),
        _ => Err(invalid("start_time and end_time are required")),
    }
}

/// `GetServicesResponse`.
pub(super) fn services(services: &[Arc<str>]) -> Vec<u8> {
    let mut into = Vec::new();
    for name in services {
        trunkline_otlp::wire::put_present(&mut into, 1, name.as_bytes());
    }
    into
}

/// `GetOperationsResponse`.
pub(super) fn operations(operations: &[Operation]) -> Vec<u8> {
    let mut into = Vec::new();
    for operation in operations {
        put_message(&mut into, 1, |into| {
            put_bytes(into, 1, operation.name.as_bytes());
            put_bytes(into, 2, operation.kind.as_str().as_bytes());
        });
    }
    into
}

/// `DependenciesResponse`.
pub(super) fn dependencies(calls: &[(&str, &str, u64)]) -> Vec<u8> {
    let mut into = Vec::new();
    for (parent, child, calls) in calls {
        put_message(&mut into, 1, |into| {
            put_bytes(into, 1, parent.as_bytes());
            put_bytes(into, 2, child.as_bytes());
            put_number(into, 3, *calls);
        });
    }
    into
}

/// `FindTraceSummariesResponse`.
pub(super) fn summaries(summaries: &[Summary], next: &str) -> Vec<u8> {
    let mut into = Vec::new();
    for summary in summaries {
        put_message(&mut into, 1, |into| {
            put_bytes(into, 1, summary.trace.to_string().as_bytes());
            put_bytes(into, 2, summary.root_service.as_bytes());
            put_bytes(into, 3, summary.root_operation.as_bytes());
            put_fixed64(into, 4, summary.start_unix_nanos);
            put_fixed64(into, 5, summary.end_unix_nanos);
            put_number(into, 6, summary.spans as u64);
            put_number(into, 7, summary.failed as u64);
            put_number(into, 8, summary.orphans as u64);
            for one in &summary.services {
                put_message(into, 9, |into| {
                    put_bytes(into, 1, one.service.as_bytes());
                    put_number(into, 2, one.spans as u64);
                    put_number(into, 3, one.failed as u64);
                });
            }
        });
    }
    put_bytes(&mut into, 2, next.as_bytes());
    into
}

/// `GetCapabilitiesResponse` (jaeger-idl, `api_v3/capabilities.proto`).
pub(super) fn capabilities() -> Vec<u8> {
    let mut into = Vec::new();
    put_message(&mut into, 1, |into| {
        put_number(into, 1, 1);
        put_number(into, 2, 1);
        put_message(into, 3, |into| {
            for level in LEVELS {
                put_bytes(into, 1, level.as_bytes());
            }
            for operator in OPERATORS {
                put_bytes(into, 2, operator.as_bytes());
            }
        });
        put_number(into, 4, 1);
    });
    into
}
