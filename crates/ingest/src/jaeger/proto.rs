//! Jaeger's protobuf: `PostSpansRequest` of collector.proto, with `Batch` and `Span` of model.proto.
//!
//! Field numbers are those of jaeger-idl (`proto/api_v2`). Ids are bytes, big-endian.

use trunkline_otlp::wire::{Fields, Malformed, Raw};

use super::model::{Log, Process, Reference, Span, Tag, TagValue};
use super::{Batch, Translated};
use crate::thrift::PARTS_MAX;

/// Why a message is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not protobuf of this shape.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// One span has too many parts.
    #[error("a span has more than {PARTS_MAX} parts")]
    Parts,
}

/// Reads a `PostSpansRequest` and gives it as OTLP.
pub fn read_post(message: &[u8]) -> Result<Translated, Unreadable> {
    let mut batch = Batch::default();
    let mut of_all = Process::default();
    for field in Fields::of(message) {
        if let (1, raw) = field? {
            read_batch(raw.bytes(1)?, &mut batch, &mut of_all)?;
        }
    }
    Ok(batch.finish(&of_all))
}

fn read_batch(message: &[u8], batch: &mut Batch, of_all: &mut Process) -> Result<(), Unreadable> {
    for field in Fields::of(message) {
        match field? {
            (1, raw) => {
                let mut parts = Parts(0);
                let (span, process) = span(raw.bytes(1)?, &mut parts)?;
                batch.push(span, process);
            }
            (2, raw) => *of_all = process(raw.bytes(2)?, &mut Parts(0))?,
            _ => {}
        }
    }
    Ok(())
}

/// Counts the parts of a span: an empty one is two bytes on the wire, and many more in memory.
struct Parts(usize);

impl Parts {
    fn count(&mut self) -> Result<(), Unreadable> {
        self.0 += 1;
        if self.0 > PARTS_MAX { Err(Unreadable::Parts) } else { Ok(()) }
    }
}

fn span(message: &[u8], parts: &mut Parts) -> Result<(Span, Option<Process>), Unreadable> {
    let mut span = Span::default();
    let mut own = None;
    for field in Fields::of(message) {
        match field? {
            (1, raw) => span.trace = number(raw.bytes(1)?),
            (2, raw) => span.id = short(raw.bytes(2)?),
            (3, raw) => span.name = text(raw, 3)?,
            (4, raw) => {
                parts.count()?;
                span.references.push(reference(raw.bytes(4)?)?);
            }
            (5, raw) => span.flags = small(raw.varint(5)?),
            (6, raw) => span.start_unix_nanos = nanos(raw.bytes(6)?)?,
            (7, raw) => span.duration_nanos = nanos(raw.bytes(7)?)?,
            (8, raw) => span.tags.push(tag(raw.bytes(8)?, parts)?),
            (9, raw) => span.logs.push(log(raw.bytes(9)?, parts)?),
            (10, raw) => own = Some(process(raw.bytes(10)?, parts)?),
            _ => {}
        }
    }
    Ok((span, own))
}

fn process(message: &[u8], parts: &mut Parts) -> Result<Process, Unreadable> {
    let mut process = Process::default();
    for field in Fields::of(message) {
        match field? {
            (1, raw) => process.service = text(raw, 1)?,
            (2, raw) => process.tags.push(tag(raw.bytes(2)?, parts)?),
            _ => {}
        }
    }
    Ok(process)
}

fn reference(message: &[u8]) -> Result<Reference, Malformed> {
    let mut reference = Reference { child_of: true, trace: 0, span: 0 };
    for field in Fields::of(message) {
        match field? {
            (1, raw) => reference.trace = number(raw.bytes(1)?),
            (2, raw) => reference.span = short(raw.bytes(2)?),
            (3, raw) => reference.child_of = raw.varint(3)? == 0,
            _ => {}
        }
    }
    Ok(reference)
}

fn log(message: &[u8], parts: &mut Parts) -> Result<Log, Unreadable> {
    parts.count()?;
    let mut log = Log::default();
    for field in Fields::of(message) {
        match field? {
            (1, raw) => log.time_unix_nanos = nanos(raw.bytes(1)?)?,
            (2, raw) => log.fields.push(tag(raw.bytes(2)?, parts)?),
            _ => {}
        }
    }
    Ok(log)
}

fn tag(message: &[u8], parts: &mut Parts) -> Result<Tag, Unreadable> {
    parts.count()?;
    let (mut key, mut kind) = (String::new(), 0);
    let (mut said, mut yes, mut int, mut double) = (String::new(), false, 0, 0.0);
    let mut bytes: &[u8] = &[];
    for field in Fields::of(message) {
        match field? {
            (1, raw) => key = text(raw, 1)?,
            (2, raw) => kind = raw.varint(2)?,
            (3, raw) => said = text(raw, 3)?,
            (4, raw) => yes = raw.varint(4)? != 0,
            (5, raw) => int = raw.varint(5)?.cast_signed(),
            (6, raw) => double = f64::from_bits(raw.fixed64(6)?),
            (7, raw) => bytes = raw.bytes(7)?,
            _ => {}
        }
    }
    let value = match kind {
        0 => TagValue::Text(said),
        1 => TagValue::Bool(yes),
        2 => TagValue::Int(int),
        3 => TagValue::Double(double),
        4 => TagValue::Bytes(bytes.to_vec()),
        other => TagValue::Unknown(other.cast_signed()),
    };
    Ok(Tag { key, value })
}

/// Nanoseconds of a `Timestamp` or `Duration`; what is negative is 0.
fn nanos(message: &[u8]) -> Result<u64, Malformed> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    for field in Fields::of(message) {
        match field? {
            (1, raw) => seconds = raw.varint(1)?.cast_signed(),
            (2, raw) => nanos = raw.varint(2)?.cast_signed(),
            _ => {}
        }
    }
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Ok(u64::try_from(total.max(0)).unwrap_or(u64::MAX))
}

fn text(raw: Raw<'_>, field: u32) -> Result<String, Malformed> {
    raw.bytes(field).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// An id of up to 16 bytes, big-endian; 0, which is none, for a longer one.
fn number(bytes: &[u8]) -> u128 {
    if bytes.len() > 16 {
        return 0;
    }
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn short(bytes: &[u8]) -> u64 {
    u64::try_from(number(bytes)).unwrap_or(0)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
