//! The header of a page, in Thrift's compact protocol.

use trunkline_otlp::wire::put_varint;

use super::{Damaged, take, unzigzag, varint, zigzag};

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Levels and values, of so many places.
    Values {
        /// Places, empty ones included.
        count: u32,
        /// How the values are written.
        encoding: Encoding,
    },
    /// The distinct values of a chunk.
    Dictionary {
        /// How many.
        count: u32,
        /// Whether they are sorted.
        sorted: bool,
    },
}

/// How values are written. Numbers are Parquet's `Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Encoding {
    /// One after the other.
    Plain = 0,
    /// Runs and packed bits; of levels.
    Runs = 3,
    /// Differences of neighbours.
    Delta = 5,
    /// Places in a dictionary.
    Dictionary = 8,
}

impl Encoding {
    pub(crate) const fn of(number: u64) -> Result<Self, Damaged> {
        Ok(match number {
            0 => Self::Plain,
            3 => Self::Runs,
            5 => Self::Delta,
            8 => Self::Dictionary,
            _ => return Err(Damaged::Number),
        })
    }
}

/// `PageHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) content: Content,
    /// Bytes after unpacking.
    pub(crate) unpacked: u32,
    /// Bytes in the file, after this header.
    pub(crate) packed: u32,
    /// CRC-32 of those.
    pub(crate) crc: u32,
}

// Types of fields.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const STRUCT: u8 = 12;

/// Deeper structures are not read: no header has them.
const DEPTH_MAX: usize = 4;

impl Header {
    /// Appends it.
    pub(crate) fn put(&self, into: &mut Vec<u8>) {
        let kind = match self.content {
            Content::Values { .. } => 0,
            Content::Dictionary { .. } => 2,
        };
        put_i32(into, 1, kind);
        put_i32(into, 1, self.unpacked.cast_signed());
        put_i32(into, 1, self.packed.cast_signed());
        put_i32(into, 1, self.crc.cast_signed());
        match self.content {
            Content::Values { count, encoding } => {
                into.push(1 << 4 | STRUCT);
                put_i32(into, 1, count.cast_signed());
                put_i32(into, 1, i32::from(encoding as u8));
                put_i32(into, 1, i32::from(Encoding::Runs as u8));
                put_i32(into, 1, i32::from(Encoding::Runs as u8));
            }
            Content::Dictionary { count, sorted } => {
                into.push(3 << 4 | STRUCT);
                put_i32(into, 1, count.cast_signed());
                put_i32(into, 1, i32::from(Encoding::Plain as u8));
                into.push(1 << 4 | if sorted { TRUE } else { FALSE });
            }
        }
        into.extend_from_slice(&[0, 0]);
    }

    /// Takes one from the front.
    pub(crate) fn read(rest: &mut &[u8]) -> Result<Self, Damaged> {
        let mut numbers = [0_u32; 5];
        let mut content = None;
        fields(rest, &mut |id, kind, rest| {
            match (id, kind) {
                (1..=4, I32) => {
                    let number = i32_of(rest)?;
                    if let Some(place) = numbers.get_mut(usize::from(id)) {
                        *place = number;
                    }
                }
                (5, STRUCT) => content = Some(values(rest)?),
                (7, STRUCT) => content = Some(dictionary(rest)?),
                _ => skip(rest, kind, 0)?,
            }
            Ok(())
        })?;
        let [_, _, unpacked, packed, crc] = numbers;
        Ok(Self { content: content.ok_or(Damaged::Number)?, unpacked, packed, crc })
    }
}

fn values(rest: &mut &[u8]) -> Result<Content, Damaged> {
    let (mut count, mut encoding) = (0, Encoding::Plain);
    fields(rest, &mut |id, kind, rest| {
        match (id, kind) {
            (1, I32) => count = i32_of(rest)?,
            (2, I32) => encoding = Encoding::of(u64::from(i32_of(rest)?))?,
            _ => skip(rest, kind, 0)?,
        }
        Ok(())
    })?;
    Ok(Content::Values { count, encoding })
}

fn dictionary(rest: &mut &[u8]) -> Result<Content, Damaged> {
    let (mut count, mut sorted) = (0, false);
    fields(rest, &mut |id, kind, rest| {
        match (id, kind) {
            (1, I32) => count = i32_of(rest)?,
            (3, TRUE) => sorted = true,
            _ => skip(rest, kind, 0)?,
        }
        Ok(())
    })?;
    Ok(Content::Dictionary { count, sorted })
}

fn put_i32(into: &mut Vec<u8>, difference: u8, number: i32) {
    into.push(difference << 4 | I32);
    put_varint(into, zigzag(number.into()));
}

fn i32_of(rest: &mut &[u8]) -> Result<u32, Damaged> {
    let number = i32::try_from(unzigzag(varint(rest)?)).map_err(|_| Damaged::Number)?;
    Ok(number.cast_unsigned())
}

type See<'a> = dyn FnMut(u8, u8, &mut &[u8]) -> Result<(), Damaged> + 'a;

/// Hands out the fields of a structure: number, type, and the bytes that begin with its value.
fn fields(rest: &mut &[u8], see: &mut See<'_>) -> Result<(), Damaged> {
    let mut id = 0_u8;
    loop {
        let [head] = super::array(rest)?;
        if head == 0 {
            return Ok(());
        }
        // No header has fields that are numbered otherwise.
        let difference = head >> 4;
        if difference == 0 {
            return Err(Damaged::Number);
        }
        id = id.checked_add(difference).ok_or(Damaged::Number)?;
        see(id, head & 0x0f, rest)?;
    }
}

fn skip(rest: &mut &[u8], kind: u8, depth: usize) -> Result<(), Damaged> {
    match kind {
        TRUE | FALSE => {}
        3 => drop(take(rest, 1)?),
        4..=6 => drop(varint(rest)?),
        7 => drop(take(rest, 8)?),
        8 => {
            let length = super::size(rest)?;
            take(rest, length)?;
        }
        STRUCT if depth < DEPTH_MAX => {
            fields(rest, &mut |_, kind, rest| skip(rest, kind, depth + 1))?;
        }
        _ => return Err(Damaged::Number),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_come_back() {
        for content in [
            Content::Values { count: 2048, encoding: Encoding::Dictionary },
            Content::Values { count: 0, encoding: Encoding::Delta },
            Content::Dictionary { count: 70_000, sorted: true },
            Content::Dictionary { count: 1, sorted: false },
        ] {
            let header = Header { content, unpacked: 70_000, packed: 12, crc: 0xfeed_beef };
            let mut bytes = Vec::new();
            header.put(&mut bytes);
            bytes.push(9);
            let mut rest = bytes.as_slice();
            assert_eq!(Header::read(&mut rest), Ok(header));
            assert_eq!(rest, [9]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Header::read(&mut bytes.as_slice());
        }
    }
}
