//! Zipkin's JSON, read one span after the other.
//!
//! Senders differ: numbers come as text and as floating numbers, tags have values that are no text,
//! ports are signed. All that means something is taken; what is no span refuses the batch.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::model::{self, Annotation, Endpoint, Kind, Span};
use super::{Batch, v1};
use crate::json::{TooDeep, check_depth};
use crate::thrift::PARTS_MAX;

/// Why a text is no batch.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is nested too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// It is not JSON, or not of Zipkin's shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Reads a list of spans of version 2 and gives it as OTLP.
pub fn read_v2(text: &[u8], now_unix_nanos: u64) -> Result<Vec<u8>, Unreadable> {
    read(text, now_unix_nanos, |raw: RawSpan, batch| batch.push(raw.into()))
}

/// Reads a list of spans of version 1 and gives it as OTLP.
pub fn read_v1(text: &[u8], now_unix_nanos: u64) -> Result<Vec<u8>, Unreadable> {
    read(text, now_unix_nanos, |raw: v1::RawSpan, batch| {
        v1::spans(raw).into_iter().try_for_each(|span| batch.push(span))
    })
}

fn read<T: DeserializeOwned>(
    text: &[u8],
    now_unix_nanos: u64,
    take: impl Fn(T, &mut Batch) -> Result<(), model::NoId>,
) -> Result<Vec<u8>, Unreadable> {
    check_depth(text)?;
    let mut batch = Batch::new(now_unix_nanos);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let list = List { take: |span| take(span, &mut batch), of: PhantomData };
    reader.deserialize_seq(list)?;
    reader.end()?;
    Ok(batch.finish())
}

/// Gives each element away as soon as it is read.
struct List<T, F> {
    take: F,
    of: PhantomData<T>,
}

impl<'de, T, F> Visitor<'de> for List<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T) -> Result<(), model::NoId>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut spans: A) -> Result<(), A::Error> {
        while let Some(span) = spans.next_element()? {
            (self.take)(span).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase", expecting = "a span")]
struct RawSpan {
    trace_id: Text,
    id: Text,
    parent_id: Text,
    name: Text,
    kind: Text,
    timestamp: Option<Micros>,
    duration: Option<Micros>,
    local_endpoint: Option<RawEndpoint>,
    remote_endpoint: Option<RawEndpoint>,
    annotations: Few<RawAnnotation>,
    tags: Tags,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase", expecting = "an endpoint")]
pub(super) struct RawEndpoint {
    service_name: Text,
    ipv4: Text,
    ipv6: Text,
    port: Option<Port>,
}

#[derive(Deserialize, Default)]
#[serde(default, expecting = "an annotation")]
struct RawAnnotation {
    timestamp: Option<Micros>,
    value: Text,
}

impl From<RawSpan> for Span {
    fn from(raw: RawSpan) -> Self {
        let annotations = raw.annotations.0.into_iter().map(|annotation| Annotation {
            time_unix_nanos: annotation.timestamp.map_or(0, Micros::nanos),
            value: annotation.value.0,
        });
        Self {
            trace: model::id(&raw.trace_id.0, 32),
            id: short(&raw.id.0),
            parent: short(&raw.parent_id.0),
            name: raw.name.0,
            kind: match raw.kind.0.to_ascii_uppercase().as_str() {
                "CLIENT" => Kind::Client,
                "SERVER" => Kind::Server,
                "PRODUCER" => Kind::Producer,
                "CONSUMER" => Kind::Consumer,
                _ => Kind::None,
            },
            start_unix_nanos: raw.timestamp.map(Micros::nanos).filter(|start| *start > 0),
            duration_nanos: raw.duration.map_or(0, Micros::nanos),
            local: raw.local_endpoint.unwrap_or_default().into(),
            remote: raw.remote_endpoint.unwrap_or_default().into(),
            annotations: annotations.collect(),
            tags: raw.tags.0,
        }
    }
}

impl From<RawEndpoint> for Endpoint {
    fn from(raw: RawEndpoint) -> Self {
        let ip = |text: Text| text.0.parse::<IpAddr>().ok();
        let ip = ip(raw.ipv4).or_else(|| ip(raw.ipv6));
        Self { service: raw.service_name.0, ip, port: raw.port.map_or(0, |port| port.0) }
    }
}

/// An id of a span.
pub(super) fn short(text: &str) -> u64 {
    u64::try_from(model::id(text, 16)).unwrap_or(0)
}

/// A text; numbers and yes or no are written as one, `null` is none.
#[derive(Default)]
pub(super) struct Text(pub(super) String);

/// Microseconds, whole or not, as a number or as text.
#[derive(Clone, Copy)]
pub(super) struct Micros(f64);

impl Micros {
    /// Nanoseconds; what is negative is 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "microseconds of this age are exact in a double, and what is beyond saturates"
    )]
    pub(super) fn nanos(self) -> u64 {
        // Whole microseconds first: their product with 1000 may not be exact.
        let whole = self.0.trunc();
        let rest = ((self.0 - whole) * 1_000.0).round();
        (whole as u64).saturating_mul(1_000).saturating_add(rest as u64)
    }
}

/// A port, which some send as a signed number of 16 bits.
#[derive(Clone, Copy)]
pub(super) struct Port(u16);

struct Scalar;

/// A value that is no list and no object.
enum Any {
    Nothing,
    Text(String),
    Number(f64),
    Int(i64),
    Bool(bool),
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_unit<E: Error>(self) -> Result<Any, E> {
        Ok(Any::Nothing)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Any, E> {
        Ok(Any::Text(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Any, E> {
        Ok(Any::Bool(yes))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Any, E> {
        Ok(Any::Int(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "what is beyond a signed number is no time")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Any, E> {
        Ok(i64::try_from(number).map_or(Any::Number(number as f64), Any::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Any, E> {
        Ok(Any::Number(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Any, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Err(A::Error::invalid_type(de::Unexpected::Seq, &self))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Ok(Self(match reader.deserialize_any(Scalar)? {
            Any::Nothing => String::new(),
            Any::Text(text) => text,
            Any::Number(number) => number.to_string(),
            Any::Int(number) => number.to_string(),
            Any::Bool(yes) => yes.to_string(),
        }))
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("a time is no number of microseconds");
        #[expect(clippy::cast_precision_loss, reason = "exact for 285 years from 1970")]
        let number = match reader.deserialize_any(Scalar)? {
            Any::Nothing => 0.0,
            Any::Text(text) => text.trim().parse().map_err(|_| wrong())?,
            Any::Number(number) => number,
            Any::Int(number) => number as f64,
            Any::Bool(_) => return Err(wrong()),
        };
        Ok(Self(number))
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let number = match reader.deserialize_any(Scalar)? {
            Any::Int(number) => number,
            Any::Text(text) => text.trim().parse().unwrap_or(0),
            _ => 0,
        };
        let signed = i16::try_from(number).map(i16::cast_unsigned);
        Ok(Self(u16::try_from(number).or(signed).unwrap_or(0)))
    }
}

/// Keys and values of an object.
#[derive(Default)]
struct Tags(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Tags;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tags")
            }

            fn visit_unit<E: Error>(self) -> Result<Tags, E> {
                Ok(Tags::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
                let mut tags = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Text>()? {
                    few(tags.len())?;
                    tags.push((key, value.0));
                }
                Ok(Tags(tags))
            }
        }
        reader.deserialize_any(Pairs)
    }
}

/// A list of a bounded number of elements.
pub(super) struct Few<T>(pub(super) Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E: Error>(self) -> Result<Few<T>, E> {
                Ok(Few::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = list.next_element()? {
                    few(all.len())?;
                    all.push(element);
                }
                Ok(Few(all))
            }
        }
        reader.deserialize_any(Elements(PhantomData))
    }
}

fn few<E: Error>(count: usize) -> Result<(), E> {
    if count < PARTS_MAX {
        return Ok(());
    }
    Err(E::custom(format!("a span has more than {PARTS_MAX} parts")))
}
