//! The frames of one file in order, with what is broken between them.
//!
//! After bytes that are no frame, the next one is looked for by its magic number. It has to have a
//! sound header and the salt of the file, which no payload can know.

use bytes::Bytes;
use memchr::memmem::Finder;

use super::format::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader};
use super::window::Window;

#[derive(Debug)]
pub(super) enum Item {
    /// A sound frame.
    Frame { start: u64, header: FrameHeader, payload: Bytes },
    /// Bytes that are no frame; with a header, one frame whose payload is not what was written.
    Broken { start: u64, end: u64, header: Option<FrameHeader> },
}

#[derive(Debug)]
pub(super) struct Scan {
    window: Window,
    salt: u32,
    offset: u64,
    limit: u64,
}

impl Scan {
    /// Looks at a file between two offsets; the first is where a frame begins.
    pub(super) fn new(window: Window, salt: u32, from: u64, to: u64) -> Self {
        let limit = to.min(window.length());
        Self { window, salt, offset: from, limit }
    }

    /// Where the file, or what counts of it, ends.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    fn header(&mut self, offset: u64) -> Option<FrameHeader> {
        let header = FrameHeader::decode(self.window.get(offset, FRAME_HEADER_BYTES))?;
        (header.salt == self.salt).then_some(header)
    }

    fn frame(&mut self, start: u64, header: FrameHeader) -> Item {
        let end = start + header.total();
        if end > self.limit {
            return Item::Broken { start, end: self.limit, header: Some(header) };
        }
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let payload = self.window.copy(start + FRAME_HEADER_BYTES as u64, length);
        if crc32c::crc32c(&payload) == header.payload_crc {
            Item::Frame { start, header, payload: payload.into() }
        } else {
            Item::Broken { start, end, header: Some(header) }
        }
    }

    /// Where the next sound header begins.
    fn find(&mut self, from: u64) -> Option<u64> {
        let finder = Finder::new(&FRAME_MAGIC);
        let mut at = from;
        // A payload may be full of magic numbers: they are looked at where they are in the window,
        // which moves on when it has been searched.
        'window: while at < self.limit {
            let piece = self.window.rest(at, FRAME_HEADER_BYTES);
            for index in finder.find_iter(piece) {
                let rest = piece.get(index..).unwrap_or_default();
                if index > 0 && rest.len() < FRAME_HEADER_BYTES {
                    at += index as u64;
                    continue 'window;
                }
                let header = FrameHeader::decode(rest);
                if header.is_some_and(|header| header.salt == self.salt) {
                    return Some(at + index as u64).filter(|start| *start < self.limit);
                }
            }
            // The magic number may lie across the border of two pieces.
            at += (piece.len() + 1).saturating_sub(FRAME_MAGIC.len()).max(1) as u64;
        }
        None
    }
}

impl Iterator for Scan {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let start = self.offset;
        if start >= self.limit {
            return None;
        }
        let item = if let Some(header) = self.header(start) {
            self.frame(start, header)
        } else {
            let end = self.find(start).unwrap_or(self.limit);
            Item::Broken { start, end, header: None }
        };
        self.offset = match &item {
            Item::Frame { header, .. } => start + header.total(),
            Item::Broken { end, .. } => *end,
        };
        Some(item)
    }
}
