//! A file read through a window of bounded size, however large it is and wherever it is damaged.
//!
//! What the disk cannot read is zeros: no checksum fits them, so that it counts as damaged and the
//! rest of the file is still found.

use std::io;

use crate::disk::File;

/// Bytes that are read at once.
pub(super) const WINDOW_BYTES: usize = 1024 * 1024;

/// Where a large piece cannot be read, it is tried in pieces of this size.
const PAGE_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Window {
    file: Box<dyn File>,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn new(file: Box<dyn File>) -> io::Result<Self> {
        let length = file.length()?;
        Ok(Self { file, length, start: 0, bytes: Vec::new() })
    }

    /// Bytes in the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// So many bytes, but no more than a window; fewer at the end of the file.
    pub(super) fn get(&mut self, offset: u64, count: usize) -> &[u8] {
        let count = count.min(WINDOW_BYTES).min(self.left(offset));
        self.rest(offset, count).get(..count).unwrap_or_default()
    }

    /// What of the file is in the window from an offset on: so many bytes at least, unless the file
    /// ends before.
    pub(super) fn rest(&mut self, offset: u64, least: usize) -> &[u8] {
        let count = least.min(WINDOW_BYTES).min(self.left(offset));
        let end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + count as u64 > end {
            let size = WINDOW_BYTES.min(self.left(offset));
            self.bytes.resize(size, 0);
            self.start = offset;
            read(&*self.file, offset, &mut self.bytes);
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        self.bytes.get(from..).unwrap_or_default()
    }

    /// So many bytes, of any number; fewer at the end of the file.
    pub(super) fn copy(&mut self, offset: u64, count: usize) -> Vec<u8> {
        if count <= WINDOW_BYTES {
            return self.get(offset, count).to_vec();
        }
        let mut bytes = vec![0; count.min(self.left(offset))];
        read(&*self.file, offset, &mut bytes);
        bytes
    }

    /// Bytes up to the end of the file.
    fn left(&self, offset: u64) -> usize {
        usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX)
    }
}

fn read(file: &dyn File, offset: u64, into: &mut [u8]) {
    if file.read_exact_at(offset, into).is_ok() {
        return;
    }
    let mut at = offset;
    for page in into.chunks_mut(PAGE_BYTES) {
        if file.read_exact_at(at, page).is_err() {
            page.fill(0);
        }
        at += page.len() as u64;
    }
}
