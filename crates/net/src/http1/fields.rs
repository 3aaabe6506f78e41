//! The fields of a head: where they are, and what they say about framing and connection.

use std::ops::Range;

use super::refusal::Refusal;
use super::tokens;
use crate::http::{Found, Head, Version};

/// What the fields say about framing and connection.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own in the head")]
pub(super) struct Facts {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) names_upgrade: bool,
    pub(super) upgrade: bool,
    pub(super) expects: bool,
}

impl Facts {
    /// Takes note of one field. Only names of a few lengths matter.
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects = value.eq_ignore_ascii_case(b"100-continue");
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.close |= tokens::has_element(value, b"close");
                self.keep_alive |= tokens::has_element(value, b"keep-alive");
                self.names_upgrade |= tokens::has_element(value, b"upgrade");
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = tokens::length(value).ok_or(Refusal::Length)?;
                if self.length.replace(length).is_some() {
                    return Err(Refusal::Length);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::Coding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Refuses framing that could be read in two ways.
    pub(super) fn check(&self, version: Version) -> Result<(), Refusal> {
        match (self.chunked, self.length, version) {
            (true, Some(_), _) => Err(Refusal::LengthAndCoding),
            (true, None, Version::Http10) => Err(Refusal::CodingInHttp10),
            _ => Ok(()),
        }
    }

    pub(super) fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Takes the fields of a head into it. Tells as well how long the head is, if it is a plain case:
/// its lines follow each other, the first from where the content of the start line ends, and each
/// ends in CR LF.
pub(super) fn take_fields(
    head: &mut Head,
    block: &[u8],
    fields: &[httparse::Header<'_>],
    start_line: Option<usize>,
) -> Result<(Facts, Option<usize>), Refusal> {
    let mut facts = Facts::default();
    let mut next = start_line.and_then(|end| line_end(block, end));
    for field in fields {
        facts.note(field.name.as_bytes(), field.value)?;
        let (name, value, end) = found(block, field);
        next = next.filter(|next| *next == name.start).and_then(|_| line_end(block, value.end));
        head.found((name, value, end));
    }
    facts.check(head.version())?;
    let end = next.and_then(|next| line_end(block, next));
    Ok((facts, end.filter(|end| *end == block.len())))
}

/// Where the line behind begins, if this one ends here in CR LF.
#[inline]
fn line_end(block: &[u8], at: usize) -> Option<usize> {
    (block.get(at..at + 2)? == b"\r\n").then_some(at + 2)
}

/// Where a field of `block` is. Its line ends at the next LF.
fn found(block: &[u8], field: &httparse::Header<'_>) -> Found {
    let name = range_in(block, field.name.as_bytes());
    let value = range_in(block, field.value);
    // An empty value may lie anywhere: the line is found from the name.
    let from = value.end.max(name.end);
    let rest = block.get(from..).unwrap_or_default();
    // Hardly anybody puts space behind a value.
    let line_end = match rest {
        [b'\r', b'\n', ..] => from + 2,
        rest => memchr::memchr(b'\n', rest).map_or(0, |at| from + at + 1),
    };
    (name, value, line_end)
}

/// Where `part`, a piece of `block`, lies in it.
pub(super) fn range_in(block: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(block.as_ptr() as usize);
    if part.is_empty() || start > block.len() {
        return 0..0;
    }
    start..start + part.len()
}
