//! OTLP's JSON, written down as its protobuf while it is read.
//!
//! No tree is built: each value is written where it is met, so a text of a megabyte never takes more
//! than that. Names are those of protobuf's JSON, ids are hex digits (OTLP specification, "JSON
//! Protobuf Encoding"), unknown names are skipped, `null` is nothing. An id that is none is written
//! as no id: its span is rejected, and not the whole batch.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use trunkline_otlp::wire::{
    put_bytes, put_fixed32, put_fixed64, put_message, put_number, put_present, put_varint,
};

use super::base64;
use super::schema::{Field, Kind, REQUEST, Schema};
use crate::json::{TooDeep, check_depth};

/// Why a text is no batch.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is nested too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// It is not JSON, or not of OTLP's shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The protobuf bytes of a batch in JSON.
pub fn to_protobuf(text: &[u8]) -> Result<Vec<u8>, Unreadable> {
    check_depth(text)?;
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut reader = serde_json::Deserializer::from_slice(text);
    Message { schema: &REQUEST, out: &mut out }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(out)
}

struct Message<'o> {
    schema: &'static Schema,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Message<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name(self.schema))? {
            match field {
                Some(field) => map.next_value_seed(Value { field, out: self.out })?,
                None => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }
}

/// Finds the field of a name.
struct Name(&'static Schema);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let Schema(fields) = self.0;
        Ok(fields.iter().find(|field| field.name == name || field.original == name))
    }
}

/// A field's value, or its values.
struct Value<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if self.field.repeated {
            return reader.deserialize_any(Many(self));
        }
        One(self).deserialize(reader)
    }
}

struct Many<'o>(Value<'o>);

impl<'de> Visitor<'de> for Many<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of `{}`", self.0.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let Value { field, out } = self.0;
        while values.next_element_seed(One(Value { field, out }))?.is_some() {}
        Ok(())
    }
}

struct One<'o>(Value<'o>);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of `{}`", self.0.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Value { field, out } = self.0;
        let Kind::Message(schema) = field.kind else {
            return Err(Error::custom(format!("`{}` is no object", field.name)));
        };
        let mut read = Ok(());
        put_message(out, field.number, |out| read = Message { schema, out }.visit_map(map));
        read
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<(), E> {
        let Value { field, out } = self.0;
        let Kind::ValueBool = field.kind else { return Err(wrong(field)) };
        put_varint(out, u64::from(field.number) << 3);
        put_varint(out, u64::from(yes));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if let Kind::ValueDouble = self.0.field.kind {
            put_double(self.0.out, self.0.field.number, number);
            return Ok(());
        }
        // Senders whose numbers are all floating write whole ones as `1.0` or `1e3`.
        match whole(number) {
            Some(whole) => self.number(whole),
            None => Err(wrong(self.0.field)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let Value { field, out } = self.0;
        let number = field.number;
        match field.kind {
            Kind::Text => put_bytes(out, number, text.as_bytes()),
            Kind::ValueText => put_present(out, number, text.as_bytes()),
            Kind::Hex => put_bytes(out, number, &hex(text).unwrap_or_default()),
            Kind::ValueBytes => {
                put_present(out, number, &base64::decode(text).ok_or_else(|| wrong(field))?);
            }
            Kind::Choice(names) => {
                let known = names.iter().find(|(name, _)| *name == text);
                put_number(out, number, known.ok_or_else(|| wrong(field))?.1);
            }
            Kind::ValueDouble => put_double(out, number, text.parse().map_err(|_| wrong(field))?),
            Kind::Fixed64 | Kind::Fixed32 | Kind::U32 | Kind::ValueInt => {
                return One(Value { field, out }).number(text.parse().map_err(|_| wrong(field))?);
            }
            Kind::ValueBool | Kind::Message(_) => return Err(wrong(field)),
        }
        Ok(())
    }
}

impl One<'_> {
    /// A whole number, which JSON has as a number or as text.
    fn number<E: Error>(self, value: i128) -> Result<(), E> {
        let Value { field, out } = self.0;
        let unsigned = || u64::try_from(value).map_err(|_| wrong(field));
        let small = || u32::try_from(value).map_err(|_| wrong(field));
        match field.kind {
            Kind::Fixed64 => put_fixed64(out, field.number, unsigned()?),
            Kind::Fixed32 => put_fixed32(out, field.number, small()?),
            Kind::U32 | Kind::Choice(_) => put_number(out, field.number, small()?.into()),
            Kind::ValueInt => {
                let signed = i64::try_from(value).map_err(|_| wrong(field))?;
                put_varint(out, u64::from(field.number) << 3);
                put_varint(out, signed.cast_unsigned());
            }
            #[expect(clippy::cast_precision_loss, reason = "a double holds no more")]
            Kind::ValueDouble => put_double(out, field.number, value as f64),
            _ => return Err(wrong(field)),
        }
        Ok(())
    }
}

fn wrong<E: Error>(field: &Field) -> E {
    E::custom(format!("the value of `{}` is of another type or out of range", field.name))
}

fn put_double(out: &mut Vec<u8>, field: u32, number: f64) {
    put_varint(out, u64::from(field) << 3 | 1);
    out.extend_from_slice(&number.to_bits().to_le_bytes());
}

/// A whole number that a floating one stands for.
#[expect(clippy::cast_possible_truncation, reason = "looked at before")]
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e19).then_some(number as i128)
}

/// Bytes of hex digits in either case.
fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
