//! Protobuf's wire format: tags, varints and fields that have a length.
//!
//! Source: the encoding chapter of the Protocol Buffers documentation. Groups (wire types 3 and 4)
//! are refused: OTLP has none.

/// A message cannot be read as protobuf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends in the middle of a field.
    #[error("the message ends within a field")]
    Cut,
    /// A varint is longer than ten bytes.
    #[error("a number is longer than ten bytes")]
    LongVarint,
    /// A field has number 0 or a wire type that OTLP does not use.
    #[error("a field has an unknown wire type or the number 0")]
    Tag,
    /// A known field came in another wire type than the one it has.
    #[error("field {0} has another type than the protocol says")]
    Type(u32),
    /// A text is not UTF-8.
    #[error("field {0} is not UTF-8")]
    Text(u32),
    /// An id of a trace or span has another length than 16 or 8 bytes, or is all zeros.
    #[error("field {0} is not an id")]
    Id(u32),
    /// Values lie in each other deeper than [`DEPTH_MAX`].
    #[error("values are nested more than {DEPTH_MAX} deep")]
    Depth,
}

/// How deep arrays and maps of attributes may lie in each other.
pub const DEPTH_MAX: usize = 32;

/// What a field carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: text, bytes, a message.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// One field: its number and what it carries.
pub type Field<'a> = (u32, Raw<'a>);

/// Reads the fields of a message one after the other. After an error it ends.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of this message.
    pub const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<Field<'a>, Malformed> {
        let tag = varint(&mut self.rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed::Tag)?;
        if number == 0 {
            return Err(Malformed::Tag);
        }
        let raw = match tag & 7 {
            0 => Raw::Varint(varint(&mut self.rest)?),
            1 => Raw::Fixed64(u64::from_le_bytes(*chunk(&mut self.rest)?)),
            2 => Raw::Bytes(bytes(&mut self.rest)?),
            5 => Raw::Fixed32(u32::from_le_bytes(*chunk(&mut self.rest)?)),
            _ => return Err(Malformed::Tag),
        };
        Ok((number, raw))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

impl<'a> Raw<'a> {
    /// A varint field's number.
    ///
    /// # Errors
    /// It is of another type.
    pub const fn varint(self, field: u32) -> Result<u64, Malformed> {
        if let Self::Varint(number) = self { Ok(number) } else { Err(Malformed::Type(field)) }
    }

    /// A `fixed64`, `sfixed64` or `double` field's bits.
    ///
    /// # Errors
    /// It is of another type.
    pub const fn fixed64(self, field: u32) -> Result<u64, Malformed> {
        if let Self::Fixed64(number) = self { Ok(number) } else { Err(Malformed::Type(field)) }
    }

    /// A `fixed32` field's bits.
    ///
    /// # Errors
    /// It is of another type.
    pub const fn fixed32(self, field: u32) -> Result<u32, Malformed> {
        if let Self::Fixed32(number) = self { Ok(number) } else { Err(Malformed::Type(field)) }
    }

    /// A field that has a length.
    ///
    /// # Errors
    /// It is of another type.
    pub const fn bytes(self, field: u32) -> Result<&'a [u8], Malformed> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(Malformed::Type(field)) }
    }

    /// A text field.
    ///
    /// # Errors
    /// It is of another type, or not UTF-8.
    pub fn text(self, field: u32) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| Malformed::Text(field))
    }
}

/// Reads a varint from the front.
#[inline]
fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let (&first, more) = rest.split_first().ok_or(Malformed::Cut)?;
    *rest = more;
    if first < 0x80 {
        return Ok(u64::from(first));
    }
    let mut number = u64::from(first & 0x7f);
    for shift in (7..70).step_by(7) {
        let (&byte, more) = rest.split_first().ok_or(Malformed::Cut)?;
        *rest = more;
        // The tenth byte has room for one bit; what is more falls off, as everywhere.
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed::LongVarint)
}

fn chunk<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (chunk, more) = rest.split_first_chunk().ok_or(Malformed::Cut)?;
    *rest = more;
    Ok(chunk)
}

fn bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(varint(rest)?).map_err(|_| Malformed::Cut)?;
    let (bytes, more) = rest.split_at_checked(length).ok_or(Malformed::Cut)?;
    *rest = more;
    Ok(bytes)
}

/// Puts a varint.
pub fn put_varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Puts a varint field; nothing for 0, protobuf's default.
pub fn put_number(into: &mut Vec<u8>, field: u32, number: u64) {
    if number != 0 {
        put_varint(into, u64::from(field) << 3);
        put_varint(into, number);
    }
}

/// Puts a `fixed64` field; nothing for 0.
pub fn put_fixed64(into: &mut Vec<u8>, field: u32, number: u64) {
    if number != 0 {
        put_varint(into, u64::from(field) << 3 | 1);
        into.extend_from_slice(&number.to_le_bytes());
    }
}

/// Puts a `fixed32` field; nothing for 0.
pub fn put_fixed32(into: &mut Vec<u8>, field: u32, number: u32) {
    if number != 0 {
        put_varint(into, u64::from(field) << 3 | 5);
        into.extend_from_slice(&number.to_le_bytes());
    }
}

/// Puts a field that has a length; nothing when it is empty.
pub fn put_bytes(into: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_present(into, field, bytes);
    }
}

/// Puts a field that has a length even when it is empty: of a `oneof`, presence tells.
pub fn put_present(into: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_varint(into, u64::from(field) << 3 | 2);
    put_varint(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Puts a message that `fill` writes. Its length stands before it, and is only known after: room
/// for one byte is left, and what is longer is moved.
pub fn put_message(into: &mut Vec<u8>, field: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    put_varint(into, u64::from(field) << 3 | 2);
    let at = into.len();
    into.push(0);
    fill(into);
    let length = into.len() - at - 1;
    if let Some(short) = u8::try_from(length).ok().filter(|length| *length < 0x80) {
        if let Some(place) = into.get_mut(at) {
            *place = short;
        }
        return;
    }
    let mut prefix = Vec::with_capacity(5);
    put_varint(&mut prefix, length as u64);
    into.splice(at..=at, prefix);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            assert_eq!(varint(&mut bytes.as_slice()), Ok(number));
        }
    }

    #[test]
    fn what_is_cut_or_endless_is_refused() {
        assert_eq!(varint(&mut [0x80_u8].as_slice()), Err(Malformed::Cut));
        assert_eq!(varint(&mut [0xff_u8; 11].as_slice()), Err(Malformed::LongVarint));
        let read: Vec<_> = Fields::of(&[0x0a, 5, 1]).collect();
        assert_eq!(read, [Err(Malformed::Cut)]);
        assert_eq!(Fields::of(&[0x0b]).next(), Some(Err(Malformed::Tag)));
        assert_eq!(Fields::of(&[0x00, 0x00]).next(), Some(Err(Malformed::Tag)));
    }

    #[test]
    fn messages_of_any_length_have_their_length_before_them() {
        for length in [0_usize, 1, 127, 128, 20_000] {
            let mut bytes = Vec::new();
            put_message(&mut bytes, 3, |into| into.resize(into.len() + length, 7));
            put_number(&mut bytes, 4, 1);
            let read: Vec<_> = Fields::of(&bytes).map(Result::unwrap).collect();
            assert_eq!(read, [(3, Raw::Bytes(&vec![7; length])), (4, Raw::Varint(1))]);
        }
    }
}
