//! Reads a rollup.

use std::borrow::Cow;
use std::sync::Arc;

use trunkline_otlp::{Kind, StatusCode};
use trunkline_rt::metrics::Sparse;

use super::bytes::Reader;
use super::{BODY_BYTES_MAX, Unreadable, VERSION, Wanted};
use crate::rollup::cell::{Cell, EdgeCell};
use crate::rollup::period::{EdgeKey, EdgeKind, Recorder, Rollup, SeriesKey};
use crate::rollup::texts::Texts;
use crate::rollup::weight::FRACTION_BITS;

/// What is wanted of a rollup.
///
/// # Errors
/// It is damaged, or of a newer version.
pub fn read(bytes: &[u8], wanted: &Wanted<'_>, texts: &mut Texts) -> Result<Rollup, Unreadable> {
    let body = open(bytes)?;
    let mut reader = Reader(&body);
    let names = (0..reader.count()?).map(|_| reader.text()).collect::<Result<Vec<_>, _>>()?;
    let mut rollup = Rollup::default();
    for _ in 0..reader.count()? {
        let service = *name(&names, &mut reader)?;
        let recorder = recorder(reader.byte()?)?;
        let length = reader.count()?;
        let block = reader.bytes(length)?;
        if (wanted.series)(service) {
            let service = texts.get(service);
            operations(Reader(block), &service, recorder, texts, &mut rollup)?;
        }
    }
    if wanted.edges {
        for _ in 0..reader.count()? {
            let (key, cell) = edge(&names, &mut reader, texts)?;
            rollup.edges.insert(key, cell);
        }
    }
    Ok(rollup)
}

fn open(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    let mut reader = Reader(bytes);
    match reader.byte()? {
        VERSION => {}
        newer if newer > VERSION => return Err(Unreadable::Newer(newer)),
        _ => return Err(Unreadable::Damaged),
    }
    let compression = reader.byte()?;
    let length = reader.varint()?;
    let length = usize::try_from(length).ok().filter(|length| *length <= BODY_BYTES_MAX);
    let length = length.ok_or(Unreadable::Damaged)?;
    let body = match compression {
        0 => Cow::Borrowed(reader.0),
        1 => Cow::Owned(zstd::bulk::decompress(reader.0, length).map_err(|_| Unreadable::Damaged)?),
        _ => return Err(Unreadable::Damaged),
    };
    if body.len() == length { Ok(body) } else { Err(Unreadable::Damaged) }
}

fn name<'a, T>(names: &'a [T], reader: &mut Reader<'_>) -> Result<&'a T, Unreadable> {
    let number = usize::try_from(reader.varint()?).map_err(|_| Unreadable::Damaged)?;
    names.get(number).ok_or(Unreadable::Damaged)
}

pub(super) fn recorder(number: u8) -> Result<Recorder, Unreadable> {
    match number {
        0 => Ok(Recorder::Own),
        1 => Ok(Recorder::Proxy),
        _ => Err(Unreadable::Damaged),
    }
}

fn operations(
    mut reader: Reader<'_>,
    service: &Arc<str>,
    recorder: Recorder,
    texts: &mut Texts,
    into: &mut Rollup,
) -> Result<(), Unreadable> {
    for _ in 0..reader.count()? {
        let operation = texts.get(reader.text()?);
        for _ in 0..reader.count()? {
            let code = reader.byte()?;
            let kind = Kind::of(u64::from(code / 3));
            let status = StatusCode::of(u64::from(code % 3));
            let (service, operation) = (Arc::clone(service), Arc::clone(&operation));
            let key = SeriesKey { service, recorder, operation, kind, status };
            let (spans, bytes, sum_micros) = (reader.varint()?, reader.varint()?, reader.varint()?);
            let latency = histogram(&mut reader)?;
            into.series.insert(key, Cell { spans, bytes, sum_micros, latency });
        }
    }
    if reader.is_empty() { Ok(()) } else { Err(Unreadable::Damaged) }
}

fn edge(
    names: &[&str],
    reader: &mut Reader<'_>,
    texts: &mut Texts,
) -> Result<(EdgeKey, EdgeCell), Unreadable> {
    let caller = texts.get(name(names, reader)?);
    let callee = texts.get(name(names, reader)?);
    let code = reader.byte()?;
    let kind = EdgeKind::of(code / 2).ok_or(Unreadable::Damaged)?;
    let key = EdgeKey { caller, callee, kind, recorder: recorder(code % 2)? };
    let (seen, calls, failed) = (reader.varint()?, weight(reader)?, weight(reader)?);
    let (caller_micros, caller) = (reader.varint()?, histogram(reader)?);
    let (callee_micros, callee) = (reader.varint()?, histogram(reader)?);
    Ok((key, EdgeCell { seen, calls, failed, caller_micros, caller, callee_micros, callee }))
}

fn histogram(reader: &mut Reader<'_>) -> Result<Sparse, Unreadable> {
    let mut histogram = Sparse::default();
    for _ in 0..reader.count()? {
        let bucket = reader.byte()?;
        histogram.add_to(bucket, weight(reader)?);
    }
    Ok(histogram)
}

pub(super) fn weight(reader: &mut Reader<'_>) -> Result<u64, Unreadable> {
    let number = reader.varint()?;
    let whole = (number >> 1).checked_mul(1 << FRACTION_BITS).ok_or(Unreadable::Damaged)?;
    let fraction = if number & 1 == 1 { u16::from_le_bytes(reader.array()?) } else { 0 };
    Ok(whole | u64::from(fraction))
}
