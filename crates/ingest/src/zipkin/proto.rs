//! Zipkin's protobuf: `ListOfSpans` of zipkin.proto (openzipkin/zipkin-api).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use trunkline_otlp::wire::{Fields, Malformed, Raw};

use super::Batch;
use super::model::{Annotation, Endpoint, Kind, NoId, Span};
use crate::thrift::PARTS_MAX;

/// Why a message is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not protobuf of this shape.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A span has no id.
    #[error(transparent)]
    NoId(#[from] NoId),
    /// A span has too many parts.
    #[error("a span has more than {PARTS_MAX} parts")]
    Parts,
}

/// Reads a list of spans and gives it as OTLP.
pub fn read(message: &[u8], now_unix_nanos: u64) -> Result<Vec<u8>, Unreadable> {
    let mut batch = Batch::new(now_unix_nanos);
    for field in Fields::of(message) {
        if let (1, raw) = field? {
            batch.push(span(raw.bytes(1)?)?)?;
        }
    }
    Ok(batch.finish())
}

fn span(message: &[u8]) -> Result<Span, Unreadable> {
    let mut span = Span::default();
    for field in Fields::of(message) {
        match field? {
            (1, raw) => span.trace = number(raw.bytes(1)?, 16),
            (2, raw) => span.parent = short(raw.bytes(2)?),
            (3, raw) => span.id = short(raw.bytes(3)?),
            (4, raw) => span.kind = kind(raw.varint(4)?),
            (5, raw) => span.name = text(raw, 5)?,
            (6, raw) => span.start_unix_nanos = Some(nanos(raw.fixed64(6)?)).filter(|t| *t > 0),
            (7, raw) => span.duration_nanos = nanos(raw.varint(7)?),
            (8, raw) => span.local = endpoint(raw.bytes(8)?)?,
            (9, raw) => span.remote = endpoint(raw.bytes(9)?)?,
            (10, raw) => span.annotations.push(annotation(raw.bytes(10)?)?),
            (11, raw) => span.tags.push(tag(raw.bytes(11)?)?),
            _ => {}
        }
        if span.annotations.len() + span.tags.len() > PARTS_MAX {
            return Err(Unreadable::Parts);
        }
    }
    Ok(span)
}

const fn kind(number: u64) -> Kind {
    match number {
        1 => Kind::Client,
        2 => Kind::Server,
        3 => Kind::Producer,
        4 => Kind::Consumer,
        _ => Kind::None,
    }
}

fn endpoint(message: &[u8]) -> Result<Endpoint, Malformed> {
    let mut endpoint = Endpoint::default();
    let mut second = None;
    for field in Fields::of(message) {
        match field? {
            (1, raw) => endpoint.service = text(raw, 1)?,
            (2, raw) => {
                let v4 = <[u8; 4]>::try_from(raw.bytes(2)?);
                endpoint.ip = v4.ok().map(|bytes| IpAddr::from(Ipv4Addr::from(bytes)));
            }
            (3, raw) => {
                let v6 = <[u8; 16]>::try_from(raw.bytes(3)?);
                second = v6.ok().map(|bytes| IpAddr::from(Ipv6Addr::from(bytes)));
            }
            (4, raw) => endpoint.port = u16::try_from(raw.varint(4)?).unwrap_or(0),
            _ => {}
        }
    }
    endpoint.ip = endpoint.ip.or(second);
    Ok(endpoint)
}

fn annotation(message: &[u8]) -> Result<Annotation, Malformed> {
    let mut annotation = Annotation { time_unix_nanos: 0, value: String::new() };
    for field in Fields::of(message) {
        match field? {
            (1, raw) => annotation.time_unix_nanos = nanos(raw.fixed64(1)?),
            (2, raw) => annotation.value = text(raw, 2)?,
            _ => {}
        }
    }
    Ok(annotation)
}

fn tag(message: &[u8]) -> Result<(String, String), Malformed> {
    let mut tag = (String::new(), String::new());
    for field in Fields::of(message) {
        match field? {
            (1, raw) => tag.0 = text(raw, 1)?,
            (2, raw) => tag.1 = text(raw, 2)?,
            _ => {}
        }
    }
    Ok(tag)
}

fn text(raw: Raw<'_>, field: u32) -> Result<String, Malformed> {
    raw.text(field).map(str::to_owned)
}

const fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1_000)
}

/// A big-endian id; 0, which is none, for a longer one.
fn number(bytes: &[u8], bytes_max: usize) -> u128 {
    if bytes.len() > bytes_max {
        return 0;
    }
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn short(bytes: &[u8]) -> u64 {
    u64::try_from(number(bytes, 8)).unwrap_or(0)
}
