//! Thrift as Jaeger's clients speak it: the binary and the compact protocol, read in place.
//!
//! A struct is read field by field; whoever reads takes the fields it knows, in the type it expects,
//! and skips the rest, as generated code does. Depth is bounded, and nothing is allocated because of
//! a length that only was announced. Sources: thrift-binary-protocol.md and
//! thrift-compact-protocol.md of apache/thrift; doubles are little-endian in the compact protocol, as
//! all its implementations write them.

use std::borrow::Cow;

/// Structs and containers may lie in each other so deep.
pub const DEPTH_MAX: usize = 32;

/// Elements of lists that one span may have: an empty one is a byte on the wire, and many more in
/// memory.
pub const PARTS_MAX: usize = 65_536;

/// Why bytes are no Thrift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They end too early.
    #[error("the data end in the middle of a value")]
    Cut,
    /// A type that the protocol does not have.
    #[error("type {0} is unknown")]
    Type(u8),
    /// A varint is longer than ten bytes.
    #[error("a number is longer than ten bytes")]
    LongVarint,
    /// A negative length.
    #[error("a length is negative")]
    Length,
    /// Deeper than [`DEPTH_MAX`].
    #[error("the data are nested more than {DEPTH_MAX} deep")]
    Depth,
    /// One span has more parts than [`PARTS_MAX`].
    #[error("a span has more than {PARTS_MAX} parts")]
    Parts,
    /// Another protocol, or another version of it.
    #[error("the message has an unknown version")]
    Version,
}

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Fixed sizes, big-endian.
    Binary,
    /// Varints.
    Compact,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Bool,
    /// 8 bits.
    Byte,
    /// 16 bits.
    I16,
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// A floating number.
    Double,
    /// Text or bytes.
    Bytes,
    /// Values of one type.
    List,
    /// Values of one type, each once.
    Set,
    /// Keys and values.
    Map,
    /// Fields.
    Struct,
}

impl Kind {
    fn binary(number: u8) -> Result<Self, Malformed> {
        Ok(match number {
            2 => Self::Bool,
            3 => Self::Byte,
            4 => Self::Double,
            6 => Self::I16,
            8 => Self::I32,
            10 => Self::I64,
            11 => Self::Bytes,
            12 => Self::Struct,
            13 => Self::Map,
            14 => Self::Set,
            15 => Self::List,
            other => return Err(Malformed::Type(other)),
        })
    }

    fn compact(number: u8) -> Result<Self, Malformed> {
        Ok(match number {
            1 | 2 => Self::Bool,
            3 => Self::Byte,
            4 => Self::I16,
            5 => Self::I32,
            6 => Self::I64,
            7 => Self::Double,
            8 => Self::Bytes,
            9 => Self::List,
            10 => Self::Set,
            11 => Self::Map,
            12 => Self::Struct,
            other => return Err(Malformed::Type(other)),
        })
    }
}

/// The envelope of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The method.
    pub name: Cow<'a, str>,
}

/// Reads values from the front of bytes.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    flavor: Flavor,
    depth: usize,
    parts: usize,
    /// Compact: a field that is a bool has its value in its type.
    told: Option<bool>,
}

impl<'a> Reader<'a> {
    /// Reads these bytes.
    pub const fn new(bytes: &'a [u8], flavor: Flavor) -> Self {
        Self { rest: bytes, flavor, depth: 0, parts: 0, told: None }
    }

    /// Begins to count the parts of a span anew.
    pub const fn reset_parts(&mut self) {
        self.parts = 0;
    }

    /// Reads the envelope of a call.
    pub fn message(&mut self) -> Result<Message<'a>, Malformed> {
        match self.flavor {
            Flavor::Binary => self.binary_message(),
            Flavor::Compact => self.compact_message(),
        }
    }

    fn binary_message(&mut self) -> Result<Message<'a>, Malformed> {
        let first = i32::from_be_bytes(self.chunk()?);
        let name = if first < 0 {
            // The strict form: version 1 and the kind of message, then the name.
            if (first >> 16) & 0xffff != 0x8001 {
                return Err(Malformed::Version);
            }
            self.text()?
        } else {
            // The older form begins with the length of the name.
            let name = self.take(usize::try_from(first).map_err(|_| Malformed::Length)?)?;
            self.chunk::<1>()?;
            String::from_utf8_lossy(name)
        };
        self.chunk::<4>()?;
        Ok(Message { name })
    }

    fn compact_message(&mut self) -> Result<Message<'a>, Malformed> {
        let [protocol, version] = self.chunk()?;
        if protocol != 0x82 || version & 0x1f != 1 {
            return Err(Malformed::Version);
        }
        self.varint()?;
        Ok(Message { name: self.text()? })
    }

    /// Reads a struct: `field` is given each field and must read its value or skip it.
    pub fn structure(
        &mut self,
        mut field: impl FnMut(&mut Self, i16, Kind) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.deeper()?;
        let mut last = 0;
        while let Some((id, kind)) = self.field(last)? {
            last = id;
            field(self, id, kind)?;
            self.told = None;
        }
        self.depth -= 1;
        Ok(())
    }

    fn field(&mut self, last: i16) -> Result<Option<(i16, Kind)>, Malformed> {
        let [head] = self.chunk()?;
        if head == 0 {
            return Ok(None);
        }
        if self.flavor == Flavor::Binary {
            let kind = Kind::binary(head)?;
            return Ok(Some((i16::from_be_bytes(self.chunk()?), kind)));
        }
        let kind = Kind::compact(head & 0x0f)?;
        let id = match head >> 4 {
            0 => self.short()?,
            delta => last.wrapping_add(i16::from(delta)),
        };
        self.told = (kind == Kind::Bool).then_some(head & 0x0f == 1);
        Ok(Some((id, kind)))
    }

    /// Reads a list or set: `element` is given the type of each element and must read or skip it.
    pub fn list(
        &mut self,
        mut element: impl FnMut(&mut Self, Kind) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.deeper()?;
        let (kind, count) = self.list_head()?;
        for _ in 0..count {
            self.parts += 1;
            if self.parts > PARTS_MAX {
                return Err(Malformed::Parts);
            }
            element(self, kind)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn list_head(&mut self) -> Result<(Kind, usize), Malformed> {
        let [head] = self.chunk()?;
        if self.flavor == Flavor::Binary {
            let count = self.length()?;
            // An empty list may have any type.
            return Ok((if count == 0 { Kind::Bool } else { Kind::binary(head)? }, count));
        }
        let count = match head >> 4 {
            15 => self.length()?,
            short => usize::from(short),
        };
        Ok((if count == 0 { Kind::Bool } else { Kind::compact(head & 0x0f)? }, count))
    }

    fn map(&mut self) -> Result<(), Malformed> {
        self.deeper()?;
        let (key, value, count) = match self.flavor {
            Flavor::Binary => {
                let [key, value] = self.chunk()?;
                (key, value, self.length()?)
            }
            Flavor::Compact => match self.length()? {
                0 => (0, 0, 0),
                count => {
                    let [kinds] = self.chunk()?;
                    (kinds >> 4, kinds & 0x0f, count)
                }
            },
        };
        if count > 0 {
            let kind = match self.flavor {
                Flavor::Binary => Kind::binary,
                Flavor::Compact => Kind::compact,
            };
            let (key, value) = (kind(key)?, kind(value)?);
            for _ in 0..count {
                self.skip(key)?;
                self.skip(value)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a value that nobody wants.
    pub fn skip(&mut self, kind: Kind) -> Result<(), Malformed> {
        match kind {
            Kind::Bool => self.boolean().map(drop),
            Kind::Byte => self.chunk::<1>().map(drop),
            Kind::I16 => self.short().map(drop),
            Kind::I32 => self.int().map(drop),
            Kind::I64 => self.long().map(drop),
            Kind::Double => self.chunk::<8>().map(drop),
            Kind::Bytes => self.bytes().map(drop),
            Kind::List | Kind::Set => self.list(Self::skip),
            Kind::Map => self.map(),
            Kind::Struct => self.structure(|reader, _, kind| reader.skip(kind)),
        }
    }

    /// Yes or no.
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        if let Some(told) = self.told.take() {
            return Ok(told);
        }
        // In a list, a byte: 1 is yes; 2 is no in the compact protocol, 0 in the binary one.
        Ok(self.chunk::<1>()? == [1])
    }

    fn short(&mut self) -> Result<i16, Malformed> {
        match self.flavor {
            Flavor::Binary => Ok(i16::from_be_bytes(self.chunk()?)),
            #[expect(clippy::cast_possible_truncation, reason = "as every implementation reads it")]
            Flavor::Compact => Ok(self.zigzag()? as i16),
        }
    }

    /// A number of 32 bits.
    pub fn int(&mut self) -> Result<i32, Malformed> {
        match self.flavor {
            Flavor::Binary => Ok(i32::from_be_bytes(self.chunk()?)),
            #[expect(clippy::cast_possible_truncation, reason = "as every implementation reads it")]
            Flavor::Compact => Ok(self.zigzag()? as i32),
        }
    }

    /// A number of 64 bits.
    pub fn long(&mut self) -> Result<i64, Malformed> {
        match self.flavor {
            Flavor::Binary => Ok(i64::from_be_bytes(self.chunk()?)),
            Flavor::Compact => self.zigzag(),
        }
    }

    /// A floating number.
    pub fn double(&mut self) -> Result<f64, Malformed> {
        let bytes = self.chunk()?;
        Ok(match self.flavor {
            Flavor::Binary => f64::from_be_bytes(bytes),
            Flavor::Compact => f64::from_le_bytes(bytes),
        })
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        self.take(length)
    }

    /// Text; what is not UTF-8 is replaced.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.bytes().map(String::from_utf8_lossy)
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        let length = match self.flavor {
            Flavor::Binary => i32::from_be_bytes(self.chunk()?).into(),
            Flavor::Compact => self.varint()?.cast_signed(),
        };
        usize::try_from(length).map_err(|_| Malformed::Length)
    }

    fn zigzag(&mut self) -> Result<i64, Malformed> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let [byte] = self.chunk()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed::LongVarint)
    }

    fn deeper(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Malformed::Depth) } else { Ok(()) }
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(Malformed::Cut)?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Cut)?;
        self.rest = rest;
        Ok(bytes)
    }
}
