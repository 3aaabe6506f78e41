//! How many bytes of other people's data may be held at a time.
//!
//! Whoever receives takes a [`Held`] and grows it with what arrives; when everything is taken, it
//! is refused at once, and says so to its peer. Nobody waits: a wait for memory that others hold
//! while they wait is a standstill. It counts and allocates nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// A number of bytes that many share.
#[derive(Debug)]
pub struct Memory {
    bytes_max: usize,
    used: AtomicUsize,
}

/// Everything is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is under way at the moment")]
pub struct Exhausted;

impl Memory {
    /// So many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, used: AtomicUsize::new(0) })
    }

    /// Bytes that are held now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A part of it, empty at first.
    pub fn hold(self: &Arc<Self>) -> Held {
        Held { memory: Arc::clone(self), bytes: 0 }
    }

    /// The same bytes, which take their room as long as anybody has them: what waits for a reader in
    /// the buffers of a connection as well.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn charge(self: &Arc<Self>, bytes: Bytes) -> Result<Bytes, Exhausted> {
        let mut held = self.hold();
        held.grow(bytes.len())?;
        Ok(Bytes::from_owner(Charged { bytes, _held: held }))
    }
}

struct Charged {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A part of a [`Memory`], given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Held {
    /// Takes more.
    ///
    /// # Errors
    /// There is not so much left; what was held stays held.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let memory = &self.memory;
        let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= memory.bytes_max);
        memory
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map_err(|_| Exhausted)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back all but so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let free = self.bytes.saturating_sub(bytes);
        self.bytes -= free;
        self.memory.used.fetch_sub(free, Ordering::Relaxed);
    }

    /// Moves everything it holds into a part of its own.
    #[must_use = "what is dropped is given back"]
    pub fn take(&mut self) -> Self {
        Self { memory: Arc::clone(&self.memory), bytes: std::mem::take(&mut self.bytes) }
    }

    /// Bytes it holds.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back_and_never_more_than_there_is() {
        let memory = Memory::new(100);
        let (mut one, mut other) = (memory.hold(), memory.hold());
        assert_eq!(one.grow(70), Ok(()));
        assert_eq!(other.grow(31), Err(Exhausted));
        assert_eq!(other.grow(usize::MAX), Err(Exhausted));
        assert_eq!(other.grow(30), Ok(()));
        assert_eq!(memory.used(), 100);
        one.shrink_to(10);
        assert_eq!((one.bytes(), memory.used()), (10, 40));
        drop(one);
        drop(other);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn bytes_take_their_room_until_the_last_one_has_let_go_of_them() {
        let memory = Memory::new(100);
        let mut charged = memory.charge(Bytes::from(vec![7; 60])).unwrap();
        assert_eq!(memory.charge(Bytes::from(vec![7; 60])), Err(Exhausted));
        let part = charged.split_to(1);
        drop(charged);
        assert_eq!((memory.used(), &part[..]), (60, &[7][..]));
        drop(part);
        assert_eq!(memory.used(), 0);
    }
}
