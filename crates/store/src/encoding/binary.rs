//! Our own files: numbers as varints, texts and lists with their length before them.

use std::sync::Arc;

use trunkline_otlp::wire::put_varint;

use super::{Damaged, array, size, take, varint};

/// Bytes that are being written.
#[derive(Debug, Default)]
pub(crate) struct Out(pub(crate) Vec<u8>);

impl Out {
    pub(crate) fn number(&mut self, number: impl Into<u64>) {
        put_varint(&mut self.0, number.into());
    }

    pub(crate) fn bool(&mut self, yes: bool) {
        self.0.push(yes.into());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn list<T>(&mut self, all: &[T], each: impl Fn(&mut Self, &T)) {
        self.number(all.len() as u64);
        for one in all {
            each(self, one);
        }
    }
}

pub(crate) fn short(rest: &mut &[u8]) -> Result<u32, Damaged> {
    u32::try_from(varint(rest)?).map_err(|_| Damaged::Number)
}

pub(crate) fn byte(rest: &mut &[u8]) -> Result<u8, Damaged> {
    let [byte] = array(rest)?;
    Ok(byte)
}

pub(crate) fn bool(rest: &mut &[u8]) -> Result<bool, Damaged> {
    match byte(rest)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Damaged::Number),
    }
}

pub(crate) fn text(rest: &mut &[u8]) -> Result<Arc<str>, Damaged> {
    let length = size(rest)?;
    let text = std::str::from_utf8(take(rest, length)?).map_err(|_| Damaged::Text)?;
    Ok(text.into())
}

pub(crate) fn list<T>(
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
