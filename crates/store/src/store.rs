//! The store: takes batches, keeps them, answers questions about them.
//!
//! A batch is checked, written to the log, and is in the head when it is acknowledged. What else
//! is to be done, cutting heads to segments, merging segments and removing old ones, is done by
//! [`Store::maintain`], which its owner calls on a thread that may block, whenever
//! [`Store::due`] says so.

mod backlog;
mod config;
mod cut;
mod heads;
mod maintain;
mod open;
mod rates;
mod refused;
mod shared;
mod stats;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use trunkline_model::trace::TraceId;
use trunkline_otlp::{Span, view};

use crate::disk::Disk;
use crate::manifest::{Change, ManifestError};
use crate::search::View;
use crate::source::{
    Budget, Found, KnownKey, Level, Operation, QueryError, Search, SpanSource, Summary,
};
use crate::wal::{self, Signal, Wal};

pub(crate) use cut::{NewFile, add_keys};
pub(crate) use shared::Shared;

pub use config::{Config, Memory, Retention, Sampling, ServiceRetention};
pub use maintain::MaintainError;
pub use refused::{Accepted, OpenError, Refused};
pub use stats::{Removed, Rule, StageTimes, Stats};

/// Who was refused because heads wait to be cut shall try again after this.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Memory that the parts of one batch may need, in bytes: what comes in 64 MiB of empty events would
/// need gigabytes.
const BATCH_MEMORY_MAX: usize = 96 << 20;

/// Most traces that can be pinned.
pub const PINNED_MAX: usize = 100_000;

/// Why a trace was not pinned.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// No more can be.
    #[error("{PINNED_MAX} traces are pinned, and no more can be")]
    TooMany,
    /// The manifest cannot be written.
    #[error("the manifest cannot be written")]
    Manifest(#[from] ManifestError),
}

/// A store that is open.
pub struct Store {
    shared: Arc<Shared>,
    log: Wal,
    recovery: wal::Report,
    /// Bytes of batches that wait until heads are cut.
    waiting: AtomicUsize,
    /// Maintenance is done by one thread at a time.
    maintaining: Mutex<maintain::Progress>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Keeps an OTLP `ExportTraceServiceRequest`. When it is acknowledged it is as durable as the
    /// configuration says, and can be found. Spans without valid ids are left out and counted.
    /// While heads wait to be cut it waits with them.
    ///
    /// # Errors
    /// It was not kept, and nothing of it was.
    pub async fn append(&self, batch: Bytes) -> Result<Accepted, Refused> {
        let counts = view::check(&batch)?;
        if counts.memory > BATCH_MEMORY_MAX {
            return Err(Refused::TooLarge { bytes: counts.memory, bytes_max: BATCH_MEMORY_MAX });
        }
        if counts.spans > 0 {
            self.wait_for_room(batch.len()).await?;
            self.log.append(Signal::Spans, batch).await?;
        }
        Ok(Accepted { spans: counts.spans, invalid: counts.invalid })
    }

    async fn wait_for_room(&self, bytes: usize) -> Result<(), Refused> {
        if !self.shared.is_full() {
            return Ok(());
        }
        let waiting = Waiting::new(&self.waiting, bytes);
        if waiting.all > self.shared.config.memory.waiting_bytes_max {
            let bytes = self.shared.heads().bytes() as u64;
            return Err(Refused::Behind { bytes, retry_after: RETRY_AFTER });
        }
        loop {
            let mut room = std::pin::pin!(self.shared.room.notified());
            // Before it looks: what is told in between is not missed.
            room.as_mut().enable();
            if !self.shared.is_full() {
                return Ok(());
            }
            room.await;
        }
    }

    /// How the log was found when the store was opened.
    pub const fn recovery(&self) -> &wal::Report {
        &self.recovery
    }

    /// How it is doing.
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let view = shared.view();
        let head_spans = view.heads.iter().map(|head| head.len() as u64).sum();
        let of_segments = view.segments.iter().map(|segment| segment.entry.spans).sum::<u64>();
        let (head_bytes, heads_waiting) = {
            let heads = shared.heads();
            (heads.bytes() as u64, heads.frozen.len() as u64)
        };
        let (stored, removed) = shared.manifest.with(|state| {
            let removed = state.removed.iter();
            let removed = removed.map(|(rule, spans)| Removed { rule: *rule, spans: *spans });
            (state.stored, removed.collect())
        });
        Stats {
            spans: head_spans + of_segments,
            head_spans,
            head_bytes,
            heads_waiting,
            segments: view.segments.len() as u64,
            segment_bytes: view.segments.iter().map(|segment| segment.entry.bytes).sum(),
            compaction_debt: crate::compact::debt(&view.segments),
            stored,
            removed,
            unreadable_frames: shared.unreadable.load(Ordering::Relaxed),
            damaged: shared.files.damages(),
            failing: self.failing(),
            free_bytes: shared.disk.free_bytes().ok(),
            log: self.log.stats(),
            time: shared.times.so_far(),
        }
    }

    /// Keeps a trace whatever sampling says, also what comes of it later; retention counts.
    ///
    /// # Errors
    /// There are too many, or the manifest cannot be written.
    pub fn pin(&self, trace: TraceId) -> Result<(), PinError> {
        if self.shared.manifest.with(|state| state.pinned.len() >= PINNED_MAX) {
            return Err(PinError::TooMany);
        }
        let change = Change { pin: vec![trace], ..Change::default() };
        Ok(self.shared.manifest.commit(&change)?)
    }

    /// Ends that.
    ///
    /// # Errors
    /// The manifest cannot be written.
    pub fn unpin(&self, trace: TraceId) -> Result<(), PinError> {
        let change = Change { unpin: vec![trace], ..Change::default() };
        Ok(self.shared.manifest.commit(&change)?)
    }

    /// The traces that are pinned.
    pub fn pinned(&self) -> Vec<TraceId> {
        self.shared.manifest.with(|state| state.pinned.iter().copied().collect())
    }

    /// What there is at this moment.
    pub(crate) fn snapshot(&self) -> Arc<View> {
        self.shared.view()
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        self.shared.disk()
    }

    /// Writes what waits to the log, and ends: what comes later is refused. What is in the head is
    /// read from the log when the store is opened again. It blocks until that is done.
    pub fn close(&self) {
        self.log.close();
        self.keep_sent();
        // What cannot be kept is counted again from the log.
        let _ = self.shared.rollups.flush(self.shared.clock.wall_nanos());
    }
}

/// Bytes that wait, until it is dropped.
struct Waiting<'a> {
    counter: &'a AtomicUsize,
    bytes: usize,
    all: usize,
}

impl<'a> Waiting<'a> {
    fn new(counter: &'a AtomicUsize, bytes: usize) -> Self {
        let all = counter.fetch_add(bytes, Ordering::Relaxed) + bytes;
        Self { counter, bytes, all }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl SpanSource for Store {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        self.shared.view().services(budget)
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        self.shared.view().operations(service, budget)
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        self.shared.view().keys(budget)
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        self.shared.view().values(level, key, prefix, limit, budget)
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        self.shared.view().traces(ids, budget)
    }

    fn summaries(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Summary>, QueryError> {
        self.shared.view().summaries(ids, budget)
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        self.shared.view().search(search, budget)
    }
}
