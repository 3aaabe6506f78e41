//! Reads a received `ExportTraceServiceRequest` in place.
//!
//! Each level is read when it is asked for: the scalars of a message in one pass, its repeated
//! parts in an iterator over the same bytes. Nothing is allocated. Iterators yield `Err` once and
//! then end. [`check`] walks everything first, so that what is stored is known to be readable.
//!
//! `TracesData`, what queries of version 3 answer with, has the same fields.

mod check;
mod own;
mod value;

use trunkline_model::trace::{SpanId, TraceId};

use crate::span::{Kind, StatusCode};
use crate::wire::{Fields, Malformed, Raw};

pub use check::{Counts, check};
pub use own::{Owner, spans, value};
pub use value::{ArrayView, AttributesView, ValueView, key_value};

/// A batch: `ExportTraceServiceRequest`.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a>(pub &'a [u8]);

impl<'a> RequestView<'a> {
    /// Spans by the process that made them.
    pub fn resource_spans(self) -> impl Iterator<Item = Result<ResourceSpansView<'a>, Malformed>> {
        messages(self.0, 1).map(|message| ResourceSpansView::read(message?))
    }
}

/// Spans of one process: `ResourceSpans`.
#[derive(Debug, Clone, Copy)]
pub struct ResourceSpansView<'a> {
    /// Attributes of the process.
    pub attributes: AttributesView<'a>,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// Where their names are defined.
    pub schema_url: &'a str,
    message: &'a [u8],
}

impl<'a> ResourceSpansView<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut resource: &[u8] = &[];
        let mut schema_url = "";
        for field in Fields::of(message) {
            match field? {
                (1, raw) => resource = raw.bytes(1)?,
                (3, raw) => schema_url = raw.text(3)?,
                _ => {}
            }
        }
        let dropped_attributes = number(resource, 2)?;
        let attributes = AttributesView::new(resource, 1);
        Ok(Self { attributes, dropped_attributes, schema_url, message })
    }

    /// Spans by the library that made them.
    pub fn scope_spans(self) -> impl Iterator<Item = Result<ScopeSpansView<'a>, Malformed>> {
        messages(self.message, 2).map(|message| ScopeSpansView::read(message?))
    }
}

/// Spans of one library: `ScopeSpans`.
#[derive(Debug, Clone, Copy)]
pub struct ScopeSpansView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its attributes.
    pub attributes: AttributesView<'a>,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// Where their names are defined.
    pub schema_url: &'a str,
    message: &'a [u8],
}

impl<'a> ScopeSpansView<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut scope: &[u8] = &[];
        let mut schema_url = "";
        for field in Fields::of(message) {
            match field? {
                (1, raw) => scope = raw.bytes(1)?,
                (3, raw) => schema_url = raw.text(3)?,
                _ => {}
            }
        }
        let (mut name, mut version) = ("", "");
        for field in Fields::of(scope) {
            match field? {
                (1, raw) => name = raw.text(1)?,
                (2, raw) => version = raw.text(2)?,
                _ => {}
            }
        }
        Ok(Self {
            name,
            version,
            attributes: AttributesView::new(scope, 3),
            dropped_attributes: number(scope, 4)?,
            schema_url,
            message,
        })
    }

    /// Its spans.
    pub fn spans(self) -> impl Iterator<Item = Result<SpanView<'a>, Malformed>> {
        messages(self.message, 2).map(|message| SpanView::read(message?))
    }
}

/// One span: its scalars are read, its attributes, events and links on demand.
#[derive(Debug, Clone, Copy)]
pub struct SpanView<'a> {
    /// Its trace; `None` where what was sent is no id: such a span is to be rejected.
    pub trace: Option<TraceId>,
    /// Its id; `None` as above.
    pub id: Option<SpanId>,
    /// The span it is a child of.
    pub parent: Option<SpanId>,
    /// `tracestate` as it was sent.
    pub trace_state: &'a str,
    /// See [`Span::flags`](crate::Span::flags).
    pub flags: u32,
    /// The operation.
    pub name: &'a str,
    /// Which part it has in a call.
    pub kind: Kind,
    /// Start, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// End, nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// Events that its maker left out.
    pub dropped_events: u32,
    /// Links that its maker left out.
    pub dropped_links: u32,
    /// Well or not.
    pub status: StatusCode,
    /// What its maker says about that.
    pub status_message: &'a str,
    /// The bytes of the whole message.
    pub message: &'a [u8],
}

impl<'a> SpanView<'a> {
    /// Reads the scalars of a `Span` message.
    ///
    /// # Errors
    /// It is not one.
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut span = Self {
            trace: None,
            id: None,
            parent: None,
            trace_state: "",
            flags: 0,
            name: "",
            kind: Kind::Unspecified,
            start_unix_nanos: 0,
            end_unix_nanos: 0,
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: "",
            message,
        };
        for field in Fields::of(message) {
            let (field, raw) = field?;
            span.take(field, raw)?;
        }
        Ok(span)
    }

    fn take(&mut self, field: u32, raw: Raw<'a>) -> Result<(), Malformed> {
        match field {
            1 => self.trace = trace_id(raw.bytes(1)?),
            2 => self.id = span_id(raw.bytes(2)?),
            3 => self.trace_state = raw.text(3)?,
            4 => self.parent = span_id(raw.bytes(4)?),
            5 => self.name = raw.text(5)?,
            6 => self.kind = Kind::of(raw.varint(6)?),
            7 => self.start_unix_nanos = raw.fixed64(7)?,
            8 => self.end_unix_nanos = raw.fixed64(8)?,
            10 => self.dropped_attributes = small(raw.varint(10)?),
            12 => self.dropped_events = small(raw.varint(12)?),
            14 => self.dropped_links = small(raw.varint(14)?),
            15 => (self.status, self.status_message) = status(raw.bytes(15)?)?,
            16 => self.flags = raw.fixed32(16)?,
            _ => {}
        }
        Ok(())
    }

    /// Its own attributes.
    pub const fn attributes(&self) -> AttributesView<'a> {
        AttributesView::new(self.message, 9)
    }

    /// What happened within it.
    pub fn events(&self) -> impl Iterator<Item = Result<EventView<'a>, Malformed>> + use<'a> {
        messages(self.message, 11).map(|message| EventView::read(message?))
    }

    /// Other spans it belongs to.
    pub fn links(&self) -> impl Iterator<Item = Result<LinkView<'a>, Malformed>> + use<'a> {
        messages(self.message, 13).map(|message| LinkView::read(message?))
    }

    /// How long it took, in nanoseconds; 0 where its end is before its start.
    pub const fn duration_nanos(&self) -> u64 {
        self.end_unix_nanos.saturating_sub(self.start_unix_nanos)
    }
}

/// Something that happened within a span.
#[derive(Debug, Clone, Copy)]
pub struct EventView<'a> {
    /// When, nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// What.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: AttributesView<'a>,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
}

impl<'a> EventView<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let attributes = AttributesView::new(message, 3);
        let mut event = Self { time_unix_nanos: 0, name: "", attributes, dropped_attributes: 0 };
        for field in Fields::of(message) {
            match field? {
                (1, raw) => event.time_unix_nanos = raw.fixed64(1)?,
                (2, raw) => event.name = raw.text(2)?,
                (4, raw) => event.dropped_attributes = small(raw.varint(4)?),
                _ => {}
            }
        }
        Ok(event)
    }
}

/// Another span that a span belongs to.
#[derive(Debug, Clone, Copy)]
pub struct LinkView<'a> {
    /// Its trace; `None` where what was sent is no id.
    pub trace: Option<TraceId>,
    /// Its id; `None` as above.
    pub span: Option<SpanId>,
    /// Its `tracestate`.
    pub trace_state: &'a str,
    /// Its attributes.
    pub attributes: AttributesView<'a>,
    /// Attributes that its maker left out.
    pub dropped_attributes: u32,
    /// See [`Link::flags`](crate::Link::flags).
    pub flags: u32,
}

impl<'a> LinkView<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut link = Self {
            trace: None,
            span: None,
            trace_state: "",
            attributes: AttributesView::new(message, 4),
            dropped_attributes: 0,
            flags: 0,
        };
        for field in Fields::of(message) {
            match field? {
                (1, raw) => link.trace = trace_id(raw.bytes(1)?),
                (2, raw) => link.span = span_id(raw.bytes(2)?),
                (3, raw) => link.trace_state = raw.text(3)?,
                (5, raw) => link.dropped_attributes = small(raw.varint(5)?),
                (6, raw) => link.flags = raw.fixed32(6)?,
                _ => {}
            }
        }
        Ok(link)
    }
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::new(bytes.try_into().ok()?)
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::new(bytes.try_into().ok()?)
}

fn status(message: &[u8]) -> Result<(StatusCode, &str), Malformed> {
    let (mut code, mut text) = (StatusCode::Unset, "");
    for field in Fields::of(message) {
        match field? {
            (2, raw) => text = raw.text(2)?,
            (3, raw) => code = StatusCode::of(raw.varint(3)?),
            _ => {}
        }
    }
    Ok((code, text))
}

/// The messages of a repeated field.
fn messages(message: &[u8], field: u32) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields::of(message).filter_map(move |read| match read {
        Ok((number, raw)) if number == field => Some(raw.bytes(field)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// A varint field of a message: 0 when it is not there.
fn number(message: &[u8], field: u32) -> Result<u32, Malformed> {
    let mut found = 0;
    for read in Fields::of(message) {
        let (number, raw) = read?;
        if number == field {
            found = small(raw.varint(field)?);
        }
    }
    Ok(found)
}

/// A `uint32` of a varint; what is larger is the largest.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
