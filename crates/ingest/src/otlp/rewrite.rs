//! A batch written anew with some of its parts changed, at the level of protobuf's fields.
//!
//! What is not changed is copied as it came, fields that we do not know included. Nothing is
//! decoded that nobody asks about.

use trunkline_otlp::view::SpanView;
use trunkline_otlp::wire::{Fields, Malformed, Raw, put_message, put_present, put_varint};

/// Copies a field as it is.
pub(crate) fn put_raw(into: &mut Vec<u8>, field: u32, raw: Raw<'_>) {
    let key = u64::from(field) << 3;
    match raw {
        Raw::Varint(number) => {
            put_varint(into, key);
            put_varint(into, number);
        }
        Raw::Fixed64(number) => {
            put_varint(into, key | 1);
            into.extend_from_slice(&number.to_le_bytes());
        }
        Raw::Bytes(bytes) => put_present(into, field, bytes),
        Raw::Fixed32(number) => {
            put_varint(into, key | 5);
            into.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// Copies a message; the messages of one field are written by `change`.
pub(crate) fn map_field<'a>(
    message: &'a [u8],
    number: u32,
    into: &mut Vec<u8>,
    mut change: impl FnMut(&'a [u8], &mut Vec<u8>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    for field in Fields::of(message) {
        match field? {
            (found, Raw::Bytes(inner)) if found == number => change(inner, into)?,
            (found, raw) => put_raw(into, found, raw),
        }
    }
    Ok(())
}

/// Writes a message whose content may fail.
pub(crate) fn put_checked(
    into: &mut Vec<u8>,
    field: u32,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut filled = Ok(());
    put_message(into, field, |into| filled = fill(into));
    filled
}

/// The batch without its spans that `keep` does not want. Resources and libraries without spans
/// are left out with them.
pub(crate) fn retain(
    request: &[u8],
    mut keep: impl FnMut(&SpanView<'_>) -> bool,
) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(request.len());
    map_field(request, 1, &mut out, |resource_spans, out| {
        drop_empty(out, 1, |out, kept| {
            map_field(resource_spans, 2, out, |scope_spans, out| {
                drop_empty(out, 2, |out, in_scope| {
                    map_field(scope_spans, 2, out, |span, out| {
                        if keep(&SpanView::read(span)?) {
                            *in_scope = true;
                            put_present(out, 2, span);
                        }
                        Ok(())
                    })?;
                    *kept |= *in_scope;
                    Ok(())
                })
            })
        })
    })?;
    Ok(out)
}

/// Writes a message and takes it back if nothing in it was kept.
fn drop_empty(
    into: &mut Vec<u8>,
    field: u32,
    fill: impl FnOnce(&mut Vec<u8>, &mut bool) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let before = into.len();
    let mut kept = false;
    put_checked(into, field, |into| fill(into, &mut kept))?;
    if !kept {
        into.truncate(before);
    }
    Ok(())
}

/// The batch without the spans whose ids are none.
pub(crate) fn without_invalid(request: &[u8]) -> Result<Vec<u8>, Malformed> {
    retain(request, |span| span.trace.is_some() && span.id.is_some())
}
