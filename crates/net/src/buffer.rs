//! Buffers for bytes on their way, from a pool of the thread.
//!
//! A [`Buffer`] without content holds no memory: an idle connection costs its socket only. Memory
//! comes from a small stack of blocks that the thread keeps, and goes back there; what a large
//! message needed beyond a block is freed. Blocks are never cleared: a buffer shows only what was
//! put into it.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, ReadBuf};

use crate::stream::Stream;

/// Bytes of a block: most heads with a small body fit.
pub const BLOCK_BYTES: usize = 16 << 10;
/// Bytes of a large block, for bodies that fill the small one.
pub const LARGE_BLOCK_BYTES: usize = 64 << 10;
/// Free blocks of each size that a thread keeps.
const BLOCKS_KEPT: usize = 128;
/// Free large blocks that a thread keeps.
const LARGE_BLOCKS_KEPT: usize = 32;

struct Free {
    blocks: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
}

thread_local! {
    static FREE: RefCell<Free> = const { RefCell::new(Free { blocks: Vec::new(), large: Vec::new() }) };
}

/// A block of at least `bytes`.
fn take(bytes: usize) -> Vec<u8> {
    let kept = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        match size_for(bytes) {
            BLOCK_BYTES => free.blocks.pop(),
            LARGE_BLOCK_BYTES => free.large.pop(),
            _ => None,
        }
    });
    kept.ok().flatten().unwrap_or_else(|| vec![0; size_for(bytes)])
}

/// The size of the block that so many bytes are put into.
fn size_for(bytes: usize) -> usize {
    if bytes <= BLOCK_BYTES {
        BLOCK_BYTES
    } else if bytes <= LARGE_BLOCK_BYTES {
        LARGE_BLOCK_BYTES
    } else {
        bytes.next_power_of_two()
    }
}

/// Gives a block back. At the end of a thread there is no pool any more, and it is freed.
fn give(block: Vec<u8>) {
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if block.len() == BLOCK_BYTES && free.blocks.len() < BLOCKS_KEPT {
            free.blocks.push(block);
        } else if block.len() == LARGE_BLOCK_BYTES && free.large.len() < LARGE_BLOCKS_KEPT {
            free.large.push(block);
        }
    });
}

/// Bytes that arrived and were not used yet, or that wait to be sent.
#[derive(Debug, Default)]
pub struct Buffer {
    /// Empty while there is no content.
    block: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// The content.
    pub fn data(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Number of bytes of the content.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes away bytes at the front; more than there are empties it.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Adds bytes at the end.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        if let Some(room) = self.block.get_mut(self.end..self.end + bytes.len()) {
            room.copy_from_slice(bytes);
            self.end += bytes.len();
        }
    }

    /// Makes room for so many bytes behind the content, moving it where that suffices.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) {
        if self.block.len() - self.end < bytes {
            self.make_room(bytes);
        }
    }

    fn make_room(&mut self, bytes: usize) {
        let content = self.len();
        if !self.block.is_empty() && self.block.len() - content >= bytes {
            self.block.copy_within(self.start..self.end, 0);
        } else {
            let mut larger = take(content + bytes);
            if let Some(room) = larger.get_mut(..content) {
                room.copy_from_slice(self.data());
            }
            give(std::mem::replace(&mut self.block, larger));
        }
        self.start = 0;
        self.end = content;
    }

    /// Gives memory back while there is no content.
    pub fn release(&mut self) {
        if self.is_empty() && !self.block.is_empty() {
            give(std::mem::take(&mut self.block));
        }
    }

    /// The room behind the content.
    fn room(&mut self) -> &mut [u8] {
        self.block.get_mut(self.end..).unwrap_or_default()
    }

    /// Reads once from `stream` into at least `room` bytes of room; 0 is the end of the stream.
    /// While nothing has arrived, an empty buffer holds no memory, and none is taken to find that
    /// out.
    ///
    /// # Errors
    /// What the stream says.
    pub fn poll_fill(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        if stream.poll_may_read(cx).is_pending() {
            self.release();
            return Poll::Pending;
        }
        self.reserve(room);
        let mut read = ReadBuf::new(self.room());
        let polled = Pin::new(stream).poll_read(cx, &mut read);
        let count = read.filled().len();
        if polled.is_pending() {
            self.release();
        }
        ready!(polled)?;
        self.end += count;
        Poll::Ready(Ok(count))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.block.is_empty() {
            give(std::mem::take(&mut self.block));
        }
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_buffer_holds_no_memory_and_blocks_come_back() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.block.capacity(), 0);
        buffer.extend(b"abc");
        let block = buffer.block.as_ptr();
        buffer.consume(3);
        buffer.release();
        assert_eq!(buffer.block.capacity(), 0);
        let mut other = Buffer::default();
        other.extend(b"x");
        assert_eq!(other.block.as_ptr(), block, "the block was pooled");
    }

    #[test]
    fn what_is_too_large_for_a_block_is_not_kept() {
        let mut buffer = Buffer::default();
        buffer.extend(&vec![1; LARGE_BLOCK_BYTES + 1]);
        assert_eq!(buffer.len(), LARGE_BLOCK_BYTES + 1);
        drop(buffer);
        FREE.with(|free| {
            let free = free.borrow();
            assert!(free.large.iter().all(|block| block.len() == LARGE_BLOCK_BYTES));
        });
    }

    proptest! {
        #[test]
        fn a_buffer_is_a_queue(steps in prop::collection::vec((0_usize..40_000, 0_usize..40_000), 1..20)) {
            let mut buffer = Buffer::default();
            let mut expect = std::collections::VecDeque::new();
            let mut next = 0_u8;
            for (add, take) in steps {
                let bytes: Vec<u8> = (0..add).map(|_| { next = next.wrapping_add(1); next }).collect();
                buffer.extend(&bytes);
                expect.extend(bytes);
                let take = take.min(expect.len());
                buffer.consume(take);
                expect.drain(..take);
                prop_assert!(buffer.data().iter().eq(expect.iter()));
            }
        }
    }
}
