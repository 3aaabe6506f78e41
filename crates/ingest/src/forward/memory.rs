//! A backlog in memory: bounded in bytes, lost with the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{Backlog, Entry, Mark};
use crate::metrics::Metrics;

/// Batches that wait in memory. When it is full, what comes is dropped and counted: what waits
/// longest is what a receiver that is down will want first.
#[derive(Debug)]
pub struct Memory {
    bytes_max: usize,
    metrics: Arc<Metrics>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    next: u128,
}

impl Memory {
    /// A backlog of at most so many bytes.
    pub fn new(bytes_max: usize, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { bytes_max, metrics, shared: Arc::default() })
    }

    /// Adds a batch; `false` when it was dropped.
    pub fn push(&self, batch: Bytes) -> bool {
        let mut waiting = self.shared.waiting();
        if waiting.bytes + batch.len() > self.bytes_max {
            drop(waiting);
            self.metrics.forward_dropped_batches.increment();
            return false;
        }
        waiting.next += 1;
        waiting.bytes += batch.len();
        let mark = Mark(waiting.next);
        waiting.entries.push_back(Entry { mark, batch });
        self.count(&waiting);
        drop(waiting);
        self.shared.more.notify_one();
        true
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.shared.waiting().bytes
    }

    fn count(&self, waiting: &Waiting) {
        let bytes = i64::try_from(waiting.bytes).unwrap_or(i64::MAX);
        self.metrics.forward_waiting_bytes.set(bytes);
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after(&self, after: Option<Mark>, bytes_max: usize) -> Vec<Entry> {
        let waiting = self.waiting();
        let from = waiting.entries.partition_point(|entry| Some(entry.mark) <= after);
        let mut bytes = 0;
        let few = waiting.entries.iter().skip(from).take_while(|entry| {
            let first = bytes == 0;
            bytes += entry.batch.len().max(1);
            first || bytes <= bytes_max
        });
        few.cloned().collect()
    }
}

impl Backlog for Memory {
    fn read(&self, after: Option<Mark>, bytes_max: usize) -> BoxFuture<'static, Vec<Entry>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            loop {
                let found = shared.after(after, bytes_max);
                if !found.is_empty() {
                    return found;
                }
                shared.more.notified().await;
            }
        })
    }

    fn done(&self, upto: Mark) {
        let mut waiting = self.shared.waiting();
        while let Some(entry) = waiting.entries.front()
            && entry.mark <= upto
        {
            waiting.bytes -= entry.batch.len();
            waiting.entries.pop_front();
        }
        self.count(&waiting);
    }
}
