//! The memory of heads, from a pool of the thread: no head allocates once a thread is warm.

use std::cell::RefCell;

use super::Field;

/// Bytes that a fresh head has room for: most heads fit without growing.
const ROOM_BYTES: usize = 2_048;
/// Fields that a fresh head has room for.
const ROOM_FIELDS: usize = 32;
/// Memory of a head that grew beyond this many bytes is freed.
const KEPT_BYTES_MAX: usize = 16 << 10;
/// Free stores that a thread keeps.
const STORES_KEPT: usize = 256;

thread_local! {
    static FREE: RefCell<Vec<Owned>> = const { RefCell::new(Vec::new()) };
}

type Owned = (Vec<u8>, Vec<Field>);

/// The bytes of a head, and its fields.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
    /// Bit `n` is set if there is, or was, a name of `n` bytes; the highest one is for all that are
    /// longer.
    lengths: u64,
}

impl Store {
    /// An empty store.
    pub(super) fn take() -> Self {
        let kept = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
        let fresh = || (Vec::with_capacity(ROOM_BYTES), Vec::with_capacity(ROOM_FIELDS));
        let (bytes, fields) = kept.unwrap_or_else(fresh);
        Self { bytes, fields, lengths: 0 }
    }

    /// Adds a field.
    pub(super) fn push(&mut self, field: Field) {
        self.lengths |= bit(field.name.len());
        self.fields.push(field);
    }

    /// Whether there can be a name of so many bytes.
    pub(super) fn may_have(&self, bytes: usize) -> bool {
        self.lengths & bit(bytes) != 0
    }
}

fn bit(bytes: usize) -> u64 {
    1 << bytes.min(63)
}

impl Clone for Store {
    fn clone(&self) -> Self {
        let mut store = Self::take();
        store.bytes.extend_from_slice(&self.bytes);
        store.fields.extend_from_slice(&self.fields);
        store.lengths = self.lengths;
        store
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            return;
        }
        let (mut bytes, mut fields) =
            (std::mem::take(&mut self.bytes), std::mem::take(&mut self.fields));
        bytes.clear();
        fields.clear();
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < STORES_KEPT {
                free.push((bytes, fields));
            }
        });
    }
}
