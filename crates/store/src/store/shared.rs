//! What the log's thread, questions and maintenance share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use hashbrown::HashSet;
use tokio::sync::Notify;
use trunkline_otlp::view;
use trunkline_rt::Clock;

use super::config::{Config, Retention};
use super::heads::Heads;
use super::stats::Times;
use crate::disk::Disk;
use crate::files::{Files, Segment};
use crate::manifest::Manifest;
use crate::rollup::Rollups;
use crate::search::View;
use crate::segment::SegmentError;
use crate::wal::{Frame, Signal};

/// The parts of a store but for its log.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) config: Config,
    /// The configuration's, or what it was replaced by.
    pub(super) retention: Mutex<Arc<Retention>>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Clock,
    pub(super) manifest: Manifest,
    /// Rates and calls.
    pub(super) rollups: Arc<Rollups>,
    pub(super) files: Arc<Files>,
    pub(super) heads: Mutex<Heads>,
    /// Their bytes, for whoever must not wait while a batch is taken in.
    pub(super) head_bytes: AtomicUsize,
    pub(super) view: RwLock<Arc<View>>,
    /// Something is to be done.
    pub(super) work: Notify,
    /// There may be room for batches that wait.
    pub(super) room: Notify,
    /// The log has more.
    pub(super) written: Notify,
    /// Bytes of log that are kept for who sends it on; 0 where nobody does.
    pub(super) backlog_bytes_max: AtomicU64,
    /// Frames of the log that are no batch of spans: they are in no segment.
    pub(super) unreadable: AtomicU64,
    pub(super) times: Times,
    /// Files that may be listed, though the change that lists them failed.
    pub(super) doubted: Mutex<Vec<std::path::PathBuf>>,
    /// Segments that are damaged: they are not merged.
    pub(super) unmergeable: Mutex<HashSet<u64>>,
}

impl Shared {
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// What is removed, and when.
    pub(crate) fn retention(&self) -> Arc<Retention> {
        Arc::clone(&self.retention.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) const fn times(&self) -> &Times {
        &self.times
    }

    /// Segments that cannot be merged.
    pub(crate) fn unmergeable(&self) -> HashSet<u64> {
        self.unmergeable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves a segment out of merges from now on, because it is damaged.
    pub(crate) fn leave(&self, segment: &Segment, error: SegmentError) {
        let _ = segment.unreadable(error);
        let mut left = self.unmergeable.lock().unwrap_or_else(PoisonError::into_inner);
        left.insert(segment.entry.number);
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn heads(&self) -> MutexGuard<'_, Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows other segments, and the heads as they are.
    pub(super) fn show(&self, heads: &Heads, segments: Option<Vec<Arc<Segment>>>) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let segments = segments.unwrap_or_else(|| view.segments.clone());
        *view = Arc::new(View { heads: heads.all(), segments });
    }

    /// Takes frames of the log into the head, in order.
    pub(super) fn take(&self, frames: &[Frame]) {
        let _time = self.times.insert.begin();
        for frame in frames {
            let mut heads = self.heads();
            self.take_frame(&mut heads, frame);
            self.head_bytes.store(heads.bytes(), Ordering::Release);
            drop(heads);
            self.count(frame);
        }
    }

    fn take_frame(&self, heads: &mut Heads, frame: &Frame) {
        let memory = &self.config.memory;
        let active = &heads.active;
        // The head is cut before it has more spans than a row group.
        if active.spans + active.largest > memory.head_spans_max {
            self.freeze(heads);
        }
        if frame.signal == Signal::Spans {
            match heads.active.head.append(&frame.payload) {
                Ok((spans, bytes)) => {
                    let active = &mut heads.active;
                    active.bytes = bytes;
                    active.spans += spans;
                    active.largest = active.largest.max(spans);
                    if active.since.is_none() && spans > 0 {
                        active.since = Some(self.clock.now());
                        // Its age is to be watched.
                        self.work.notify_one();
                    }
                }
                Err(_) => {
                    self.unreadable.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        heads.active.mark = frame.position;
        if heads.active.bytes >= memory.head_bytes_max {
            self.freeze(heads);
        }
    }

    /// Lets a new head grow, if there is something in this one.
    pub(super) fn freeze(&self, heads: &mut Heads) {
        if heads.freeze() {
            self.show(heads, None);
            self.work.notify_one();
        }
    }

    /// Takes a frame of an earlier run. What an older version took and this one cannot read is
    /// counted.
    pub(super) fn replay(&self, frame: &Frame) {
        if frame.signal == Signal::Spans && view::check(&frame.payload).is_err() {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
            self.heads().active.mark = frame.position;
            return;
        }
        self.take(std::slice::from_ref(frame));
    }

    /// Whether batches have to wait until heads are cut.
    pub(super) fn is_full(&self) -> bool {
        self.head_bytes.load(Ordering::Acquire) >= self.config.memory.heads_bytes_max
    }
}
