//! The write-ahead log: what is acknowledged is in here, synced, before it is anywhere else.
//!
//! One thread writes. It takes what waits, writes it as one group, syncs once, hands the group to
//! the head and acknowledges it. Files are never written to again once a write or a sync on them
//! failed, nor after a restart: a new one is begun, whose header says where the old one ends. When
//! no file can be begun the log refuses, and tries again with growing pauses; it never stops.
//!
//! [`Wal::open`] replays what comes after a mark, one frame at a time. Damage costs the frames that
//! it hit; they are named in the [`Report`], and kept in the folder `quarantine`. What a payload
//! means is not known here.

mod config;
mod error;
mod follow;
mod format;
mod log;
mod quarantine;
mod queue;
mod replay;
mod report;
mod scan;
mod thread;
mod window;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use trunkline_rt::Clock;

use crate::disk::Disk;
use log::{Files, Log};
use queue::Queue;

pub use config::{Config, Durability};
pub use error::{OpenError, Refused, ReplayError};
pub use queue::Ticket;
pub use report::{Damage, Report};

/// Where the files of the log are, below the store's folder.
pub(crate) const FOLDER: &str = "wal";

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// OTLP `ExportTraceServiceRequest`, as protobuf.
    Spans,
    /// OTLP `ExportLogsServiceRequest`, as protobuf.
    Logs,
    /// OTLP `ExportMetricsServiceRequest`, as protobuf.
    Samples,
}

impl Signal {
    const fn number(self) -> u8 {
        match self {
            Self::Spans => 1,
            Self::Logs => 2,
            Self::Samples => 3,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Spans),
            2 => Some(Self::Logs),
            3 => Some(Self::Samples),
            _ => None,
        }
    }
}

/// Where a frame ends. The default is before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Number of the file, from 1.
    pub file: u64,
    /// Bytes from its start.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

/// Something that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where it ends: a mark that has it done.
    pub position: Position,
    /// Its number, one more than that of the frame before.
    pub sequence: u64,
    /// What the payload is.
    pub signal: Signal,
    /// What was appended.
    pub payload: Bytes,
}

/// What a log stands on.
#[derive(Debug, Clone)]
pub struct Base {
    /// Where it is.
    pub disk: Arc<dyn Disk>,
    /// By which it waits before it tries again.
    pub clock: Clock,
    /// How it behaves.
    pub config: Config,
}

/// How a log is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes in files.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// Groups that were written since it was opened: as many syncs.
    pub groups: u64,
    /// Frames in them.
    pub frames: u64,
    /// Writes and syncs that failed, and files that could not be begun.
    pub failures: u64,
    /// Frames that were refused after they had waited.
    pub refused: u64,
    /// How long the last group took from its first byte to its acknowledgement.
    pub group_time: Duration,
    /// Whether the last group was written.
    pub writable: bool,
}

/// A log that is open. Dropping it closes it.
#[derive(Debug)]
pub struct Wal {
    queue: Arc<Queue>,
    files: Arc<Files>,
    disk: Arc<dyn Disk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Opens the log: gives `replay` all frames after `mark` in order, then starts to write. Each
    /// group is given to `committed` when it is as durable as configured, just before it is
    /// acknowledged, in order, from the log's thread. A disk that is full or cannot be written to
    /// does not hinder opening.
    pub fn open(
        base: Base,
        mark: Position,
        replay: &mut dyn FnMut(Frame) -> Result<(), ReplayError>,
        committed: impl FnMut(&[Frame]) + Send + 'static,
    ) -> Result<(Self, Report), OpenError> {
        Self::open_keeping(base, (mark, mark), replay, committed)
    }

    /// As [`Wal::open`], and leaves files before the mark in place, from another mark on: somebody
    /// reads them ([`Wal::read`]).
    pub fn open_keeping(
        base: Base,
        (kept, mark): (Position, Position),
        replay: &mut dyn FnMut(Frame) -> Result<(), ReplayError>,
        committed: impl FnMut(&[Frame]) + Send + 'static,
    ) -> Result<(Self, Report), OpenError> {
        let folder = Path::new(FOLDER);
        base.disk
            .create_folder(folder)
            .map_err(|source| OpenError::Io { file: FOLDER.to_owned(), source })?;
        let found = replay::run(&*base.disk, (kept.min(mark), mark), replay)?;
        let mut report = found.report;
        quarantine::keep(&*base.disk, base.config.quarantine_bytes_max, &mut report);
        for number in found.unused {
            // A file that cannot be removed is found again the next time.
            let _ = base.disk.remove(&path(number));
        }
        let files = Arc::new(Files::new(found.files));
        let queue = Arc::new(Queue::new(&base.config));
        let disk = Arc::clone(&base.disk);
        let log = Log::new(base, found.end, Arc::clone(&files));
        let thread =
            thread::start(log, Arc::clone(&queue), committed).map_err(OpenError::Thread)?;
        Ok((Self { queue, files, disk, thread: Mutex::new(Some(thread)) }, report))
    }

    /// Reads all frames after a mark and changes nothing: what [`Wal::open`] would find.
    pub fn check(
        disk: &dyn Disk,
        mark: Position,
        replay: &mut dyn FnMut(Frame) -> Result<(), ReplayError>,
    ) -> Result<Report, OpenError> {
        Ok(replay::run(disk, (mark, mark), replay)?.report)
    }

    /// Appends a payload. It waits from now on, whether or not the ticket is awaited; the ticket
    /// says where it ends once it is acknowledged, or that it was refused.
    pub fn append(&self, signal: Signal, payload: Bytes) -> Ticket {
        self.queue.push(signal, payload)
    }

    /// Removes the files that hold nothing after the mark. What cannot be removed is tried the next
    /// time.
    pub fn forget(&self, mark: Position) -> io::Result<()> {
        self.files.forget(mark, |number| self.disk.remove(&path(number)))
    }

    /// Bytes in files.
    pub fn bytes(&self) -> u64 {
        self.files.stats().bytes
    }

    /// How it is doing.
    pub fn stats(&self) -> Stats {
        self.files.stats()
    }

    /// Writes what waits, then ends: what comes later is refused. It blocks until that is done.
    pub fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // That it panicked is in what it refused; there is nothing else to be done about it.
            let _ = thread.join();
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.close();
    }
}

fn path(number: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("{number:016}.wal"))
}

fn name(number: u64) -> String {
    format!("{FOLDER}/{number:016}.wal")
}

/// The number of a file of this name, if it is one of ours.
pub(crate) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal").filter(|digits| digits.len() == 16)?;
    digits.parse().ok().filter(|number| *number > 0)
}
