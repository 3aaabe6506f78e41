//! The index as bytes.

use super::super::layout::{Dense, Layout};
use super::{Chunk, Group, Index, KeyCount, OperationCount, Place, Service};
use crate::encoding::binary::{Out, bool, byte, list, short, text};
use crate::encoding::thrift::Encoding;
use crate::encoding::{Damaged, varint};
use crate::source::Level;
use crate::table::Type;

const LEVELS: [Level; 6] =
    [Level::Any, Level::Resource, Level::Scope, Level::Span, Level::Event, Level::Link];

impl Index {
    /// As bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.list(&self.layout.attributes, |out, dense| dense.put(out));
        out.list(&self.layout.resource, |out, dense| dense.put(out));
        out.list(&self.groups, |out, group| group.put(out));
        out.list(&self.services, |out, service| service.put(out));
        out.list(&self.operations, |out, operation| operation.put(out));
        out.bool(self.operations_complete);
        out.list(&self.keys, |out, key| key.put(out));
        out.bool(self.keys_complete);
        self.bloom.put(&mut out);
        out.0
    }

    /// Of bytes.
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, Damaged> {
        let rest = &mut bytes;
        let attributes = list(rest, Dense::take)?;
        let resource = list(rest, Dense::take)?;
        Ok(Self {
            layout: Layout { attributes, resource },
            groups: list(rest, Group::take)?,
            services: list(rest, Service::take)?,
            operations: list(rest, OperationCount::take)?,
            operations_complete: bool(rest)?,
            keys: list(rest, KeyCount::take)?,
            keys_complete: bool(rest)?,
            bloom: Place::take(rest)?,
        })
    }
}

impl Place {
    pub(crate) fn put(self, out: &mut Out) {
        out.number(self.offset);
        out.number(self.length);
        out.number(self.crc);
    }

    pub(crate) fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self { offset: varint(rest)?, length: short(rest)?, crc: short(rest)? })
    }
}

impl Service {
    pub(crate) fn put(&self, out: &mut Out) {
        out.text(&self.name);
        out.number(self.spans);
        out.number(self.latest);
    }

    pub(crate) fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self { name: text(rest)?, spans: varint(rest)?, latest: varint(rest)? })
    }
}

impl Dense {
    fn put(&self, out: &mut Out) {
        out.text(&self.key);
        out.0.push(self.kind as u8);
    }

    fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self { key: text(rest)?, kind: kind(rest)? })
    }
}

impl Group {
    fn put(&self, out: &mut Out) {
        out.number(self.rows);
        out.number(self.start.0);
        out.number(self.start.1);
        self.sources.put(out);
        out.number(self.sources_bytes);
        out.list(&self.chunks, |out, chunk| {
            out.bool(chunk.is_some());
            if let Some(chunk) = chunk {
                chunk.put(out);
            }
        });
    }

    fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self {
            rows: short(rest)?,
            start: (varint(rest)?, varint(rest)?),
            sources: Place::take(rest)?,
            sources_bytes: short(rest)?,
            chunks: list(
                rest,
                |rest| {
                    if bool(rest)? { Chunk::take(rest).map(Some) } else { Ok(None) }
                },
            )?,
        })
    }
}

impl Chunk {
    fn put(&self, out: &mut Out) {
        out.number(self.offset);
        out.number(self.dictionary);
        out.number(self.distinct);
        out.number(self.values);
        out.number(self.page_rows);
        out.0.push(self.encoding as u8);
        out.bool(self.raw);
        out.list(&self.pages, |out, page| out.number(*page));
    }

    fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self {
            offset: varint(rest)?,
            dictionary: short(rest)?,
            distinct: short(rest)?,
            values: short(rest)?,
            page_rows: short(rest)?,
            encoding: Encoding::of(byte(rest)?.into())?,
            raw: bool(rest)?,
            pages: list(rest, short)?,
        })
    }
}

impl OperationCount {
    fn put(&self, out: &mut Out) {
        out.number(self.service);
        out.text(&self.name);
        out.0.push(self.kind);
        out.number(self.spans);
    }

    fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self {
            service: short(rest)?,
            name: text(rest)?,
            kind: byte(rest)?,
            spans: varint(rest)?,
        })
    }
}

impl KeyCount {
    fn put(&self, out: &mut Out) {
        out.0.push(LEVELS.iter().position(|level| *level == self.level).unwrap_or(0) as u8);
        out.text(&self.key);
        out.0.push(self.kind as u8);
        out.number(self.count);
        out.number(self.distinct);
        out.number(self.groups);
    }

    fn take(rest: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self {
            level: LEVELS.get(usize::from(byte(rest)?)).copied().ok_or(Damaged::Number)?,
            key: text(rest)?,
            kind: kind(rest)?,
            count: varint(rest)?,
            distinct: short(rest)?,
            groups: varint(rest)?,
        })
    }
}

fn kind(rest: &mut &[u8]) -> Result<Type, Damaged> {
    let number = usize::from(byte(rest)?);
    Type::ALL.get(number).copied().ok_or(Damaged::Number)
}
