//! How a store is doing, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::wal;

/// Why spans were removed that had been acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Older than they are kept.
    Age,
    /// The store had more bytes than it may.
    Bytes,
    /// The disk had fewer bytes free than it must.
    FreeDisk,
    /// Their trace was not picked when more came than the budget allows.
    Sampling,
    /// Equal to another span, attribute by attribute: a batch that was sent twice.
    Duplicate,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Age, Self::Bytes, Self::FreeDisk, Self::Sampling, Self::Duplicate];

    /// Its name in metrics and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Bytes => "bytes",
            Self::FreeDisk => "free_disk",
            Self::Sampling => "sampling",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Spans that a rule removed, since the store was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Which rule.
    pub rule: Rule,
    /// How many.
    pub spans: u64,
}

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Spans that can be found.
    pub spans: u64,
    /// Of those, spans that are in memory and in the log alone.
    pub head_spans: u64,
    /// Memory of the heads, in bytes.
    pub head_bytes: u64,
    /// Heads that wait to become segments.
    pub heads_waiting: u64,
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Segments that wait to be merged.
    pub compaction_debt: u64,
    /// Spans that were written to segments, since the store was made. It is those that are there
    /// and those that were removed.
    pub stored: u64,
    /// Spans that were removed, by rule.
    pub removed: Vec<Removed>,
    /// Frames of the log that no version of OTLP explains: they were acknowledged by mistake.
    pub unreadable_frames: u64,
    /// Files that were found damaged while they were read.
    pub damaged: Vec<String>,
    /// Why maintenance failed the last time, if it did.
    pub failing: Option<String>,
    /// Bytes that the disk has free, as far as the system says.
    pub free_bytes: Option<u64>,
    /// The log.
    pub log: wal::Stats,
    /// Time of processors, by stage, since it was opened.
    pub time: StageTimes,
}

/// Time of processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimes {
    /// Reading batches into the head.
    pub insert: Duration,
    /// Writing heads as segments.
    pub cut: Duration,
    /// Merging segments.
    pub merge: Duration,
}

/// Time that is being measured.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) insert: Stage,
    pub(crate) cut: Stage,
    pub(crate) merge: Stage,
}

impl Times {
    pub(super) fn so_far(&self) -> StageTimes {
        let of = |stage: &Stage| Duration::from_nanos(stage.0.load(Ordering::Relaxed));
        StageTimes { insert: of(&self.insert), cut: of(&self.cut), merge: of(&self.merge) }
    }
}

/// Nanoseconds of processors in one stage.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU64);

impl Stage {
    /// Counts this thread's time until it is dropped.
    pub(crate) fn begin(&self) -> Measure<'_> {
        Measure { stage: self, begun: thread_nanos() }
    }
}

pub(crate) struct Measure<'a> {
    stage: &'a Stage,
    begun: u64,
}

impl Drop for Measure<'_> {
    fn drop(&mut self) {
        let nanos = thread_nanos().saturating_sub(self.begun);
        self.stage.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Time that this thread was on a processor: no clock that tests want to turn.
fn thread_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
