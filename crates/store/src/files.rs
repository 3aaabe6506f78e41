//! Segments as files that are open, a bounded number of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::disk::Disk;
use crate::manifest::Entry;
use crate::segment::{Index, SegmentError, SegmentFile};
use crate::source::QueryError;

/// Most files that are open for reading.
const OPEN_MAX: usize = 256;

/// An index in memory has about so many times the bytes that it has as such.
const INDEX_GROWTH: u64 = 4;

/// A segment of a view. Its file is there as long as a view has it: whoever took it off the
/// manifest says [`Segment::remove`], and the last view removes it.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) entry: Arc<Entry>,
    kept: Arc<Kept>,
}

/// The file of a segment, as long as somebody may read it.
#[derive(Debug)]
struct Kept {
    files: Arc<Files>,
    number: u64,
    path: PathBuf,
    removed: AtomicBool,
}

impl Segment {
    pub(crate) fn new(entry: Arc<Entry>, files: &Arc<Files>) -> Self {
        let kept = Kept {
            files: Arc::clone(files),
            number: entry.number,
            path: entry.path(),
            removed: AtomicBool::new(false),
        };
        Self { entry, kept: Arc::new(kept) }
    }

    /// The same file, of which something else is known.
    pub(crate) fn with_entry(&self, entry: Arc<Entry>) -> Self {
        Self { entry, kept: Arc::clone(&self.kept) }
    }

    /// Its file is to be removed once nobody reads it any more.
    pub(crate) fn remove(&self) {
        self.kept.removed.store(true, Ordering::Relaxed);
    }

    /// Opens it, unless it is open.
    pub(crate) fn open(&self) -> Result<Arc<Opened>, SegmentError> {
        self.kept.files.open(&self.entry)
    }

    /// The error of a query that cannot read it.
    pub(crate) fn unreadable(&self, error: SegmentError) -> QueryError {
        match error {
            SegmentError::Spent(spent) => QueryError::Budget(spent),
            error => {
                self.kept.files.damaged(&self.kept.path);
                let file = self.kept.path.display().to_string();
                QueryError::Unreadable { file, source: Box::new(error) }
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.files.close(self.number);
        if *self.removed.get_mut() {
            // What cannot be removed is removed when the store is opened again.
            let _ = self.files.disk.remove(&self.path);
        }
    }
}

/// A file that is open, with its index once somebody wanted it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: SegmentFile,
    entry: Arc<Entry>,
    index: Mutex<Option<Arc<Index>>>,
    used: AtomicU64,
}

impl Opened {
    /// Its index.
    pub(crate) fn index(&self) -> Result<Arc<Index>, SegmentError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &*index {
            return Ok(Arc::clone(index));
        }
        let read = self.file.index(self.entry.index, self.entry.index_bytes)?;
        Ok(Arc::clone(index.insert(read)))
    }

    fn bytes(&self) -> u64 {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.as_ref().map_or(0, |_| u64::from(self.entry.index_bytes) * INDEX_GROWTH)
    }
}

/// The files that are open.
#[derive(Debug)]
pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    index_bytes_max: u64,
    open: Mutex<HashMap<u64, Arc<Opened>>>,
    clock: AtomicU64,
    damaged: Mutex<Vec<String>>,
}

/// So many files that are damaged are named.
const DAMAGED_MAX: usize = 100;

impl Files {
    /// Indices in memory have at most about so many bytes.
    pub(crate) fn new(disk: Arc<dyn Disk>, index_bytes_max: u64) -> Self {
        let (open, clock, damaged) = Default::default();
        Self { disk, index_bytes_max, open, clock, damaged }
    }

    fn open(&self, entry: &Arc<Entry>) -> Result<Arc<Opened>, SegmentError> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(opened) = self.lock().get(&entry.number) {
            opened.used.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(opened));
        }
        let file = SegmentFile::new(self.disk.open(&entry.path())?);
        let opened = Arc::new(Opened {
            file,
            entry: Arc::clone(entry),
            index: Mutex::default(),
            used: AtomicU64::new(now),
        });
        let mut open = self.lock();
        self.shed(&mut open);
        open.insert(entry.number, Arc::clone(&opened));
        Ok(opened)
    }

    /// Closes those that were used least recently, to keep the bounds. Who reads one keeps it.
    fn shed(&self, open: &mut HashMap<u64, Arc<Opened>>) {
        let mut bytes: u64 = open.values().map(|opened| opened.bytes()).sum();
        while open.len() >= OPEN_MAX || bytes > self.index_bytes_max {
            let oldest = open.iter().min_by_key(|(_, one)| one.used.load(Ordering::Relaxed));
            let Some(number) = oldest.map(|(number, _)| *number) else { return };
            if let Some(closed) = open.remove(&number) {
                bytes = bytes.saturating_sub(closed.bytes());
            }
        }
    }

    fn close(&self, number: u64) {
        self.lock().remove(&number);
    }

    /// Remembers that a file is damaged.
    fn damaged(&self, path: &Path) {
        let name = path.display().to_string();
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if damaged.len() < DAMAGED_MAX && !damaged.contains(&name) {
            damaged.push(name);
        }
    }

    /// The files that were found damaged while they were read.
    pub(crate) fn damages(&self) -> Vec<String> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Opened>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
