//! Attributes and their values, read in place.

use crate::wire::{DEPTH_MAX, Fields, Malformed, Raw};

/// Keys and values of one message.
#[derive(Debug, Clone, Copy)]
pub struct AttributesView<'a> {
    message: &'a [u8],
    field: u32,
}

impl<'a> AttributesView<'a> {
    pub(super) const fn new(message: &'a [u8], field: u32) -> Self {
        Self { message, field }
    }

    /// Each key with its value, as they were sent.
    pub fn iter(self) -> impl Iterator<Item = Result<(&'a str, ValueView<'a>), Malformed>> {
        super::messages(self.message, self.field).map(|pair| key_value(pair?))
    }

    /// The first value of this key.
    ///
    /// # Errors
    /// What stands before it cannot be read.
    pub fn get(self, key: &str) -> Result<Option<ValueView<'a>>, Malformed> {
        for pair in self.iter() {
            let (name, value) = pair?;
            if name == key {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// Several values.
#[derive(Debug, Clone, Copy)]
pub struct ArrayView<'a>(&'a [u8]);

impl<'a> ArrayView<'a> {
    /// Each value.
    pub fn iter(self) -> impl Iterator<Item = Result<ValueView<'a>, Malformed>> {
        super::messages(self.0, 1).map(|value| ValueView::read(value?))
    }
}

/// A value: `AnyValue`.
#[derive(Debug, Clone, Copy)]
pub enum ValueView<'a> {
    /// No value.
    Empty,
    /// Text.
    Text(&'a str),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Several values.
    Array(ArrayView<'a>),
    /// Named values.
    Map(AttributesView<'a>),
}

impl<'a> ValueView<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut value = Self::Empty;
        for field in Fields::of(message) {
            let (field, raw) = field?;
            value = Self::of(field, raw)?.unwrap_or(value);
        }
        Ok(value)
    }

    fn of(field: u32, raw: Raw<'a>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match field {
            1 => Self::Text(raw.text(1)?),
            2 => Self::Bool(raw.varint(2)? != 0),
            3 => Self::Int(raw.varint(3)?.cast_signed()),
            4 => Self::Double(f64::from_bits(raw.fixed64(4)?)),
            5 => Self::Array(ArrayView(raw.bytes(5)?)),
            6 => Self::Map(AttributesView::new(raw.bytes(6)?, 1)),
            7 => Self::Bytes(raw.bytes(7)?),
            _ => return Ok(None),
        }))
    }

    /// Reads everything in it, at most [`DEPTH_MAX`] deep.
    pub(super) fn check(self, depth: usize) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return Err(Malformed::Depth);
        }
        match self {
            Self::Array(values) => values.iter().try_for_each(|value| value?.check(depth + 1)),
            Self::Map(pairs) => pairs.iter().try_for_each(|pair| pair?.1.check(depth + 1)),
            _ => Ok(()),
        }
    }
}

/// Reads a `KeyValue` message.
///
/// # Errors
/// It is not one.
pub fn key_value(message: &[u8]) -> Result<(&str, ValueView<'_>), Malformed> {
    let (mut key, mut value) = ("", ValueView::Empty);
    for field in Fields::of(message) {
        match field? {
            (1, raw) => key = raw.text(1)?,
            (2, raw) => value = ValueView::read(raw.bytes(2)?)?,
            _ => {}
        }
    }
    Ok((key, value))
}
