//! How Parquet writes numbers: bits packed, runs, differences, and the headers of its pages.
//!
//! The low-level `parquet` crate writes files, footers and page indices, and splices chunks that
//! are already encoded. Pages are made and read here, because the head has its texts as numbers
//! of a dictionary already and readers want to compare numbers: going through values would cost a
//! hash and a copy of each. Only what the store uses is here. Source: `Encodings.md` and
//! `parquet.thrift` of parquet-format 2.11.

pub(crate) mod binary;
pub(crate) mod bits;
pub(crate) mod delta;
pub(crate) mod hybrid;
pub(crate) mod thrift;

/// Bytes are not what the format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// They end too early.
    #[error("it ends too early")]
    Cut,
    /// They have more, or a number that cannot be.
    #[error("it holds a number that cannot be")]
    Number,
    /// The checksum is another one.
    #[error("the checksum is another one")]
    Checksum,
    /// They do not unpack.
    #[error("it cannot be unpacked")]
    Compression,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
}

/// Reads a varint from the front.
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let (&byte, more) = rest.split_first().ok_or(Damaged::Cut)?;
        *rest = more;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged::Number)
}

/// Reads a varint that counts or measures something in memory.
pub(crate) fn size(rest: &mut &[u8]) -> Result<usize, Damaged> {
    usize::try_from(varint(rest)?).map_err(|_| Damaged::Number)
}

/// Takes so many bytes from the front.
pub(crate) fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], Damaged> {
    let (front, more) = rest.split_at_checked(bytes).ok_or(Damaged::Cut)?;
    *rest = more;
    Ok(front)
}

/// Takes an array from the front.
pub(crate) fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (front, more) = rest.split_first_chunk().ok_or(Damaged::Cut)?;
    *rest = more;
    Ok(*front)
}

/// Small numbers, negative or not, as small ones without a sign.
pub(crate) const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(crate) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
