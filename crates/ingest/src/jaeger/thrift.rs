//! Jaeger's Thrift: `Batch` of jaeger.thrift, and the call of agent.thrift that carries it.

use super::model::{Log, Process, Reference, Span, Tag, TagValue};
use super::{Batch, Translated};
use crate::thrift::{Kind, Malformed, Reader};

/// Reads the call `emitBatch` that agents receive; `None` for another call.
pub fn read_call(reader: &mut Reader<'_>) -> Result<Option<Translated>, Malformed> {
    if reader.message()?.name != "emitBatch" {
        return Ok(None);
    }
    let mut batch = None;
    reader.structure(|reader, id, kind| match (id, kind) {
        (1, Kind::Struct) => {
            batch = Some(read_batch(reader)?);
            Ok(())
        }
        _ => reader.skip(kind),
    })?;
    Ok(Some(batch.unwrap_or_default()))
}

/// Reads a `Batch` and gives it as OTLP.
pub fn read_batch(reader: &mut Reader<'_>) -> Result<Translated, Malformed> {
    let mut batch = Batch::default();
    let mut of_all = Process::default();
    reader.structure(|reader, id, kind| match (id, kind) {
        (1, Kind::Struct) => {
            of_all = process(reader)?;
            Ok(())
        }
        (2, Kind::List | Kind::Set) => reader.list(|reader, kind| match kind {
            Kind::Struct => {
                reader.reset_parts();
                batch.push(span(reader)?, None);
                reader.reset_parts();
                Ok(())
            }
            _ => reader.skip(kind),
        }),
        _ => reader.skip(kind),
    })?;
    Ok(batch.finish(&of_all))
}

fn process(reader: &mut Reader<'_>) -> Result<Process, Malformed> {
    let mut process = Process::default();
    reader.structure(|reader, id, kind| {
        match (id, kind) {
            (1, Kind::Bytes) => process.service = reader.text()?.into_owned(),
            (2, Kind::List) => process.tags = tags(reader)?,
            _ => reader.skip(kind)?,
        }
        Ok(())
    })?;
    Ok(process)
}

fn span(reader: &mut Reader<'_>) -> Result<Span, Malformed> {
    let mut span = Span::default();
    let (mut low, mut high) = (0, 0);
    reader.structure(|reader, id, kind| {
        match (id, kind) {
            (1, Kind::I64) => low = reader.long()?,
            (2, Kind::I64) => high = reader.long()?,
            (3, Kind::I64) => span.id = reader.long()?.cast_unsigned(),
            (4, Kind::I64) => span.parent = reader.long()?.cast_unsigned(),
            (5, Kind::Bytes) => span.name = reader.text()?.into_owned(),
            (6, Kind::List) => span.references = list(reader, reference)?,
            (7, Kind::I32) => span.flags = reader.int()?.cast_unsigned(),
            (8, Kind::I64) => span.start_unix_nanos = nanos(reader.long()?),
            (9, Kind::I64) => span.duration_nanos = nanos(reader.long()?),
            (10, Kind::List) => span.tags = tags(reader)?,
            (11, Kind::List) => span.logs = list(reader, log)?,
            _ => reader.skip(kind)?,
        }
        Ok(())
    })?;
    span.trace = trace(high, low);
    Ok(span)
}

/// Nanoseconds of microseconds; what is negative is 0.
fn nanos(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0).saturating_mul(1_000)
}

fn trace(high: i64, low: i64) -> u128 {
    u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned())
}

fn reference(reader: &mut Reader<'_>) -> Result<Reference, Malformed> {
    let (mut kind_of, mut low, mut high, mut span) = (0, 0, 0, 0);
    reader.structure(|reader, id, kind| {
        match (id, kind) {
            (1, Kind::I32) => kind_of = reader.int()?,
            (2, Kind::I64) => low = reader.long()?,
            (3, Kind::I64) => high = reader.long()?,
            (4, Kind::I64) => span = reader.long()?.cast_unsigned(),
            _ => reader.skip(kind)?,
        }
        Ok(())
    })?;
    Ok(Reference { child_of: kind_of == 0, trace: trace(high, low), span })
}

fn log(reader: &mut Reader<'_>) -> Result<Log, Malformed> {
    let mut log = Log::default();
    reader.structure(|reader, id, kind| {
        match (id, kind) {
            (1, Kind::I64) => log.time_unix_nanos = nanos(reader.long()?),
            (2, Kind::List) => log.fields = tags(reader)?,
            _ => reader.skip(kind)?,
        }
        Ok(())
    })?;
    Ok(log)
}

fn tags(reader: &mut Reader<'_>) -> Result<Vec<Tag>, Malformed> {
    list(reader, tag)
}

fn tag(reader: &mut Reader<'_>) -> Result<Tag, Malformed> {
    let (mut key, mut kind_of) = (String::new(), 0);
    let (mut text, mut double, mut yes, mut long) = (String::new(), 0.0, false, 0);
    let mut bytes: &[u8] = &[];
    reader.structure(|reader, id, kind| {
        match (id, kind) {
            (1, Kind::Bytes) => key = reader.text()?.into_owned(),
            (2, Kind::I32) => kind_of = reader.int()?,
            (3, Kind::Bytes) => text = reader.text()?.into_owned(),
            (4, Kind::Double) => double = reader.double()?,
            (5, Kind::Bool) => yes = reader.boolean()?,
            (6, Kind::I64) => long = reader.long()?,
            (7, Kind::Bytes) => bytes = reader.bytes()?,
            _ => reader.skip(kind)?,
        }
        Ok(())
    })?;
    let value = match kind_of {
        0 => TagValue::Text(text),
        1 => TagValue::Double(double),
        2 => TagValue::Bool(yes),
        3 => TagValue::Int(long),
        4 => TagValue::Bytes(bytes.to_vec()),
        other => TagValue::Unknown(other.into()),
    };
    Ok(Tag { key, value })
}

/// The structs of a list; elements of another type are skipped.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut all = Vec::new();
    reader.list(|reader, kind| match kind {
        Kind::Struct => {
            all.push(read(reader)?);
            Ok(())
        }
        _ => reader.skip(kind),
    })?;
    Ok(all)
}
