//! The memory of heads, from a pool of the thread: no head allocates once a thread is warm.
//!
//! A head is moved many times on its way through an exchange: it is a pointer to what it holds.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use super::{Field, Line, Version};

/// Bytes that a fresh head has room for: most heads fit without growing.
const ROOM_BYTES: usize = 2_048;
/// Fields that a fresh head has room for.
const ROOM_FIELDS: usize = 32;
/// Memory of a head that grew beyond this many bytes is freed.
const KEPT_BYTES_MAX: usize = 16 << 10;
/// Free stores that a thread keeps.
const STORES_KEPT: usize = 256;

thread_local! {
    #[expect(clippy::vec_box, reason = "what is kept is the boxes")]
    static FREE: RefCell<Vec<Box<Memory>>> = const { RefCell::new(Vec::new()) };
}

/// What a head holds.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) line: Line,
    pub(super) version: Version,
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
    /// Everything before it is printable ASCII or line ends.
    pub(super) plain_end: u32,
    /// The marks of all names that are, or were, there.
    marks: u64,
}

/// The memory of one head; it goes back to the pool.
#[derive(Debug)]
pub(super) struct Store(ManuallyDrop<Box<Memory>>);

impl Store {
    /// An empty store.
    pub(super) fn take(line: Line, version: Version) -> Self {
        let kept = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
        let mut memory = kept.unwrap_or_else(|| {
            let (bytes, fields) = (Vec::with_capacity(ROOM_BYTES), Vec::with_capacity(ROOM_FIELDS));
            Box::new(Memory { line, version, bytes, fields, plain_end: 0, marks: 0 })
        });
        (memory.line, memory.version) = (line, version);
        Self(ManuallyDrop::new(memory))
    }
}

impl Memory {
    /// Puts a received block into the buffer, which is empty.
    pub(super) fn receive(&mut self, block: &[u8]) {
        self.bytes.extend_from_slice(block);
        // No early end, so that it is a few vector instructions.
        let plain = |plain, byte: &u8| plain & matches!(byte, b' '..=b'~' | b'\r' | b'\n');
        if block.iter().fold(true, plain) {
            self.plain_end = u32::try_from(block.len()).unwrap_or(0);
        }
    }

    /// Adds a field.
    #[inline]
    pub(super) fn push(&mut self, field: Field) {
        self.marks |= mark(self.bytes.get(field.name.range()).unwrap_or_default());
        self.fields.push(field);
    }

    /// Whether this name can be there. Most that are asked for are not.
    #[inline]
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.marks & mark(name.as_bytes()) != 0
    }
}

/// The bit of a name, by its length and its first letter, whatever its case: few names share one.
#[inline]
fn mark(name: &[u8]) -> u64 {
    let first = usize::from(name.first().copied().unwrap_or(0) & 0x1f);
    1 << ((name.len() * 5 + first) & 63)
}

impl Deref for Store {
    type Target = Memory;

    #[inline]
    fn deref(&self) -> &Memory {
        &self.0
    }
}

impl DerefMut for Store {
    #[inline]
    fn deref_mut(&mut self) -> &mut Memory {
        &mut self.0
    }
}

impl Clone for Store {
    fn clone(&self) -> Self {
        let mut store = Self::take(self.line, self.version);
        store.bytes.extend_from_slice(&self.bytes);
        store.fields.extend_from_slice(&self.fields);
        (store.marks, store.plain_end) = (self.marks, self.plain_end);
        store
    }
}

impl Drop for Store {
    #[expect(
        unsafe_code,
        reason = "the memory is to be given back as it is, and dropping has no other way"
    )]
    fn drop(&mut self) {
        // SAFETY: this is the only place that takes it, a value is dropped once, and nothing looks
        // at it afterwards.
        let mut memory = unsafe { ManuallyDrop::take(&mut self.0) };
        if memory.bytes.capacity() > KEPT_BYTES_MAX {
            return;
        }
        memory.bytes.clear();
        memory.fields.clear();
        (memory.marks, memory.plain_end) = (0, 0);
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < STORES_KEPT {
                free.push(memory);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take() -> Store {
        Store::take(Line::Response { status: 200 }, Version::Http11)
    }

    #[test]
    fn memory_comes_back_empty() {
        let mut store = take();
        let before: *const Memory = &raw const *store;
        store.bytes.extend_from_slice(b"host");
        let name = super::super::place(0..4);
        store.push(Field { name, value: name, line_end: 0 });
        assert!(store.may_have("Host") && !store.may_have("te"));
        let copy = store.clone();
        assert!(copy.may_have("host") && copy.bytes == b"host");
        drop(store);
        let again = take();
        assert!(std::ptr::eq(before, &raw const *again), "the memory was pooled");
        assert!(again.bytes.is_empty() && again.fields.is_empty() && !again.may_have("host"));
    }

    #[test]
    fn what_grew_large_is_freed() {
        let mut store = take();
        store.bytes.reserve(KEPT_BYTES_MAX + 1);
        drop(store);
        FREE.with(|free| {
            assert!(free.borrow().iter().all(|one| one.bytes.capacity() <= KEPT_BYTES_MAX));
        });
    }
}
