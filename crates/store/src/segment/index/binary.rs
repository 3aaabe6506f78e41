//! The index as bytes: numbers as varints, texts with their length before them.

use std::sync::Arc;

use trunkline_otlp::wire::put_varint;

use super::super::layout::{Dense, Layout};
use super::{Chunk, Group, Index, KeyCount, OperationCount, Place, Service};
use crate::encoding::thrift::Encoding;
use crate::encoding::{Damaged, size, take, varint};
use crate::source::Level;
use crate::table::Type;

const LEVELS: [Level; 6] =
    [Level::Any, Level::Resource, Level::Scope, Level::Span, Level::Event, Level::Link];

impl Index {
    /// As bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Out(Vec::new());
        out.list(&self.layout.attributes, Out::dense);
        out.list(&self.layout.resource, Out::dense);
        out.list(&self.groups, Out::group);
        out.list(&self.services, Out::service);
        out.list(&self.operations, Out::operation);
        out.bool(self.operations_complete);
        out.list(&self.keys, Out::key);
        out.bool(self.keys_complete);
        out.place(self.bloom);
        out.0
    }

    /// Of bytes.
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, Damaged> {
        let rest = &mut bytes;
        let layout = Layout { attributes: list(rest, dense)?, resource: list(rest, dense)? };
        Ok(Self {
            layout,
            groups: list(rest, group)?,
            services: list(rest, service)?,
            operations: list(rest, operation)?,
            operations_complete: bool(rest)?,
            keys: list(rest, key)?,
            keys_complete: bool(rest)?,
            bloom: place(rest)?,
        })
    }
}

struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, number: impl Into<u64>) {
        put_varint(&mut self.0, number.into());
    }

    fn bool(&mut self, yes: bool) {
        self.0.push(yes.into());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn list<T>(&mut self, all: &[T], each: impl Fn(&mut Self, &T)) {
        self.number(all.len() as u64);
        all.iter().for_each(|one| each(self, one));
    }

    fn dense(&mut self, dense: &Dense) {
        self.text(&dense.key);
        self.0.push(dense.kind as u8);
    }

    fn place(&mut self, place: Place) {
        self.number(place.offset);
        self.number(place.length);
        self.number(place.crc);
    }

    fn group(&mut self, group: &Group) {
        self.number(group.rows);
        self.number(group.start.0);
        self.number(group.start.1);
        self.place(group.sources);
        self.number(group.sources_bytes);
        self.list(&group.chunks, |out, chunk| {
            out.bool(chunk.is_some());
            if let Some(chunk) = chunk {
                out.chunk(chunk);
            }
        });
    }

    fn chunk(&mut self, chunk: &Chunk) {
        self.number(chunk.offset);
        self.number(chunk.dictionary);
        self.number(chunk.distinct);
        self.number(chunk.values);
        self.number(chunk.page_rows);
        self.0.push(chunk.encoding as u8);
        self.bool(chunk.raw);
        self.list(&chunk.pages, |out, page| out.number(*page));
    }

    fn service(&mut self, service: &Service) {
        self.text(&service.name);
        self.number(service.spans);
        self.number(service.latest);
    }

    fn operation(&mut self, operation: &OperationCount) {
        self.number(operation.service);
        self.text(&operation.name);
        self.0.push(operation.kind);
        self.number(operation.spans);
    }

    fn key(&mut self, key: &KeyCount) {
        self.0.push(LEVELS.iter().position(|level| *level == key.level).unwrap_or(0) as u8);
        self.text(&key.key);
        self.0.push(key.kind as u8);
        self.number(key.count);
        self.number(key.distinct);
        self.number(key.groups);
    }
}

fn short(rest: &mut &[u8]) -> Result<u32, Damaged> {
    u32::try_from(varint(rest)?).map_err(|_| Damaged::Number)
}

fn byte(rest: &mut &[u8]) -> Result<u8, Damaged> {
    let [byte] = crate::encoding::array(rest)?;
    Ok(byte)
}

fn bool(rest: &mut &[u8]) -> Result<bool, Damaged> {
    match byte(rest)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Damaged::Number),
    }
}

fn text(rest: &mut &[u8]) -> Result<Arc<str>, Damaged> {
    let length = size(rest)?;
    let text = std::str::from_utf8(take(rest, length)?).map_err(|_| Damaged::Text)?;
    Ok(text.into())
}

fn kind(rest: &mut &[u8]) -> Result<Type, Damaged> {
    let number = usize::from(byte(rest)?);
    Type::ALL.get(number).copied().ok_or(Damaged::Number)
}

fn list<T>(
    rest: &mut &[u8],
    each: impl Fn(&mut &[u8]) -> Result<T, Damaged>,
) -> Result<Vec<T>, Damaged> {
    let length = size(rest)?;
    // Each takes a byte at least: a wrong length reserves nothing beyond what there is.
    if length > rest.len() {
        return Err(Damaged::Cut);
    }
    (0..length).map(|_| each(rest)).collect()
}

fn dense(rest: &mut &[u8]) -> Result<Dense, Damaged> {
    Ok(Dense { key: text(rest)?, kind: kind(rest)? })
}

fn place(rest: &mut &[u8]) -> Result<Place, Damaged> {
    Ok(Place { offset: varint(rest)?, length: short(rest)?, crc: short(rest)? })
}

fn group(rest: &mut &[u8]) -> Result<Group, Damaged> {
    Ok(Group {
        rows: short(rest)?,
        start: (varint(rest)?, varint(rest)?),
        sources: place(rest)?,
        sources_bytes: short(rest)?,
        chunks: list(rest, |rest| if bool(rest)? { chunk(rest).map(Some) } else { Ok(None) })?,
    })
}

fn chunk(rest: &mut &[u8]) -> Result<Chunk, Damaged> {
    Ok(Chunk {
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

fn service(rest: &mut &[u8]) -> Result<Service, Damaged> {
    Ok(Service { name: text(rest)?, spans: varint(rest)?, latest: varint(rest)? })
}

fn operation(rest: &mut &[u8]) -> Result<OperationCount, Damaged> {
    Ok(OperationCount {
        service: short(rest)?,
        name: text(rest)?,
        kind: byte(rest)?,
        spans: varint(rest)?,
    })
}

fn key(rest: &mut &[u8]) -> Result<KeyCount, Damaged> {
    Ok(KeyCount {
        level: LEVELS.get(usize::from(byte(rest)?)).copied().ok_or(Damaged::Number)?,
        key: text(rest)?,
        kind: kind(rest)?,
        count: varint(rest)?,
        distinct: short(rest)?,
        groups: varint(rest)?,
    })
}
