//! A bounded ring for records: pushing never blocks and never waits; when the ring is full the
//! record is dropped and counted. The reader polls, so a push wakes nobody.
//!
//! One ring per worker keeps pushes free of contention, though several writers are allowed.
//! Underneath is the standard library's bounded channel: a preallocated, lock-free array. It is not
//! for anything that must arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The writing end; clone it for a further writer.
#[derive(Debug)]
pub struct Writer<T> {
    sender: SyncSender<T>,
    dropped: Arc<AtomicU64>,
}

/// The reading end.
#[derive(Debug)]
pub struct Reader<T> {
    receiver: Receiver<T>,
    dropped: Arc<AtomicU64>,
}

/// A ring that holds at most `capacity` records (at least one).
pub fn ring<T>(capacity: usize) -> (Writer<T>, Reader<T>) {
    let (sender, receiver) = sync_channel(capacity.max(1));
    let dropped = Arc::<AtomicU64>::default();
    (Writer { sender, dropped: Arc::clone(&dropped) }, Reader { receiver, dropped })
}

impl<T> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), dropped: Arc::clone(&self.dropped) }
    }
}

impl<T> Writer<T> {
    /// Adds a record, or drops and counts it when the ring is full or nobody reads any more. Says
    /// whether it was kept.
    pub fn push(&self, record: T) -> bool {
        let kept = self.sender.try_send(record).is_ok();
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }
}

impl<T> Reader<T> {
    /// Takes the oldest record, if there is one.
    pub fn pop(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }

    /// Takes up to `max` records in order, so that a busy writer cannot hold the reader for ever.
    pub fn drain(&self, max: usize) -> impl Iterator<Item = T> + '_ {
        self.receiver.try_iter().take(max)
    }

    /// Records dropped since the ring was made, by all writers.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_drops_the_new_and_counts_it() {
        let (writer, reader) = ring(3);
        let kept = (0..5).filter(|record| writer.push(*record)).count();
        assert_eq!((kept, reader.dropped()), (3, 2));
        assert_eq!(reader.drain(usize::MAX).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(writer.push(5));
        assert_eq!((reader.pop(), reader.pop()), (Some(5), None));
    }

    #[test]
    fn pushing_without_a_reader_only_counts() {
        let (writer, reader) = ring(3);
        drop(reader);
        assert!(!writer.push(1));
    }

    #[test]
    fn every_record_of_every_writer_is_read_or_counted() {
        let (writer, reader) = ring(64);
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let writer = writer.clone();
                std::thread::spawn(move || {
                    (0..10_000).filter(|record| writer.push(*record)).count()
                })
            })
            .collect();
        let mut read = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            read += reader.drain(16).count();
        }
        read += reader.drain(usize::MAX).count();
        assert_eq!(read as u64 + reader.dropped(), 40_000);
    }
}
