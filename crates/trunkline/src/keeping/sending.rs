//! What is kept is also sent on, if the configuration says so: from the log, where there is one.
//! Without a log it waits in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use trunkline_ingest::Metrics;
use trunkline_ingest::forward::{Backlog, Entry, Mark, Memory};
use trunkline_store::Store;
use trunkline_store::wal::{Durability, Position};

use super::{Keeping, Place};

/// What may wait in memory, in bytes.
const MEMORY_BYTES_MAX: usize = 64 << 20;
/// How often it is looked whether the store is open.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Sending {
    has_log: bool,
    /// None until the configuration has said so: what an earlier run kept waits until then.
    wanted: Mutex<Option<Wanted>>,
}

/// What is asked for.
#[derive(Debug, Default)]
struct Wanted {
    /// Log that may wait, in bytes; `None` where nothing is sent on.
    bytes_max: Option<u64>,
    /// Where it waits without a log.
    memory: Option<Arc<Memory>>,
}

impl Sending {
    pub(super) fn new(place: &Place) -> Self {
        let has_log = place.config.log.durability != Durability::None;
        Self { has_log, wanted: Mutex::default() }
    }

    fn wanted(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store was opened.
    pub(super) fn begin(&self, store: &Store) {
        if let Some(wanted) = &*self.wanted() {
            store.keep_backlog(wanted.bytes_max.filter(|_| self.has_log));
        }
    }

    /// A batch was kept.
    pub(super) fn push(&self, batch: Bytes) {
        let memory = self.wanted().as_ref().and_then(|wanted| wanted.memory.clone());
        if let Some(memory) = memory {
            // What has no room is counted.
            memory.push(batch);
        }
    }
}

impl Keeping {
    /// From now on what is kept waits to be sent on: so many bytes of it at most.
    pub(crate) fn backlog(
        self: &Arc<Self>,
        bytes_max: u64,
        metrics: &Arc<Metrics>,
    ) -> Arc<dyn Backlog> {
        let bytes_in_memory = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let memory = (!self.sending.has_log)
            .then(|| Memory::new(bytes_in_memory.min(MEMORY_BYTES_MAX), Arc::clone(metrics)));
        self.send(Wanted { bytes_max: Some(bytes_max), memory: memory.clone() });
        match memory {
            Some(memory) => memory,
            None => Arc::new(Log {
                keeping: Arc::clone(self),
                metrics: Arc::clone(metrics),
                last: Arc::default(),
            }),
        }
    }

    /// From now on nothing is sent on.
    pub(crate) fn no_backlog(&self) {
        self.send(Wanted::default());
    }

    fn send(&self, wanted: Wanted) {
        *self.sending.wanted() = Some(wanted);
        if let Some(store) = self.store() {
            self.sending.begin(&store);
        }
    }
}

/// What waits in the log.
struct Log {
    keeping: Arc<Keeping>,
    metrics: Arc<Metrics>,
    /// Number of the frame that was read last: a gap after it was lost.
    last: Arc<Mutex<Option<u64>>>,
}

impl Backlog for Log {
    fn read(&self, after: Option<Mark>, bytes_max: usize) -> BoxFuture<'static, Vec<Entry>> {
        let (keeping, metrics) = (Arc::clone(&self.keeping), Arc::clone(&self.metrics));
        let last = Arc::clone(&self.last);
        Box::pin(async move {
            let store = opened(&keeping).await;
            let after = after.map_or_else(|| store.sent(), position);
            let frames = store.unsent(after, bytes_max).await;
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let mut entries = Vec::with_capacity(frames.len());
            for frame in frames {
                let lost = last.map_or(0, |last| frame.sequence.saturating_sub(last + 1));
                metrics.forward_dropped_batches.add(lost);
                *last = Some(frame.sequence);
                entries.push(Entry { mark: mark(frame.position), batch: frame.payload });
            }
            entries
        })
    }

    fn done(&self, upto: Mark) {
        if let Some(store) = self.keeping.store() {
            store.note_sent(position(upto));
        }
    }
}

async fn opened(keeping: &Keeping) -> Arc<Store> {
    loop {
        match keeping.store() {
            Some(store) => return store,
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

const fn mark(position: Position) -> Mark {
    Mark((position.file as u128) << 64 | position.offset as u128)
}

fn position(mark: Mark) -> Position {
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0);
    Position { file: half(mark.0 >> 64), offset: half(mark.0) }
}
