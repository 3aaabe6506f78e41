//! Which segments count: a small database beside them.
//!
//! A segment that is not listed is not there. One transaction lists new segments, takes others off
//! the list, says up to where the log is in segments, and counts what was removed: so that after a
//! crash every span is there once, from a segment or from the log.
//!
//! All of it is also in memory. When the database cannot be written it is not known what of it is
//! on the disk; it is then written anew from memory, to another file that takes its name. Nothing
//! here opens a segment.

mod database;
mod entry;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_model::trace::TraceId;

use crate::disk::Disk;
use crate::store::Rule;
use crate::wal::Position;
use database::Database;

pub(crate) use entry::{Entry, FOLDER, parse_name, path};

/// The format that is written. Newer ones are refused.
const VERSION: u32 = 1;

/// The file, in the store's folder.
pub(crate) const FILE: &str = "manifest.redb";
/// Its name while it is made.
const NEW: &str = "manifest.new";

/// Why the manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The system does not let us.
    #[error("{FILE} cannot be used")]
    Io(#[from] std::io::Error),
    /// The database fails, or is damaged.
    #[error("{FILE} cannot be used")]
    Database(#[from] Box<redb::Error>),
    /// It has something that cannot be read.
    #[error("{FILE} is damaged: {0}")]
    Damaged(crate::encoding::Damaged),
    /// A newer Trunkline wrote it.
    #[error("{FILE} has format {0}, and this version knows up to {VERSION}")]
    Newer(u32),
}

/// What the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Up to here the log is in segments.
    pub(crate) mark: Position,
    /// Up to here the log was sent on, if somebody does that. It is written with whatever else is.
    pub(crate) sent: Option<Position>,
    /// The number of the next segment is at least this.
    pub(crate) next: u64,
    pub(crate) segments: BTreeMap<u64, Arc<Entry>>,
    /// Spans that were written to segments, from the log.
    pub(crate) stored: u64,
    /// Spans that were removed since, by rule.
    pub(crate) removed: BTreeMap<Rule, u64>,
    /// Traces that are not to be removed by sampling.
    pub(crate) pinned: BTreeSet<TraceId>,
}

/// A change of the manifest: all of it, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) add: Vec<Arc<Entry>>,
    pub(crate) remove: Vec<u64>,
    pub(crate) mark: Option<Position>,
    /// Spans that are in a segment for the first time.
    pub(crate) stored: u64,
    pub(crate) removed: BTreeMap<Rule, u64>,
    pub(crate) pin: Vec<TraceId>,
    pub(crate) unpin: Vec<TraceId>,
}

/// The manifest of a store.
#[derive(Debug)]
pub(crate) struct Manifest {
    disk: Arc<dyn Disk>,
    inner: Mutex<Inner>,
    /// What the next commit says of it. By itself: who sends never waits for a commit.
    sent: Mutex<Option<Position>>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// None after it failed.
    database: Option<Database>,
}

impl Manifest {
    /// Opens it, or makes one where there is none.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, ManifestError> {
        let exists = disk.list(Path::new(""))?.iter().any(|name| name == FILE);
        let (database, state) = if exists {
            Database::open(&*disk, Path::new(FILE))?
        } else {
            let state = State { next: 1, ..State::default() };
            (write_anew(&*disk, &state)?, state)
        };
        let sent = Mutex::new(state.sent);
        Ok(Self { disk, inner: Mutex::new(Inner { state, database: Some(database) }), sent })
    }

    /// Makes one that has this, durably; an existing one is replaced.
    pub(crate) fn create(disk: &dyn Disk, change: &Change) -> Result<(), ManifestError> {
        let mut state = State { next: 1, ..State::default() };
        state.apply(change);
        write_anew(disk, &state).map(drop)
    }

    /// What it says, read without changing anything: another process may have it open.
    pub(crate) fn look(disk: &dyn Disk) -> Result<State, ManifestError> {
        Database::look(disk, Path::new(FILE))
    }

    /// Looks at what it says.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock().state)
    }

    /// Notes up to where the log was sent on. The next commit keeps it.
    pub(crate) fn note_sent(&self, sent: Option<Position>) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = sent;
    }

    /// Up to where the log was sent on, if somebody does that.
    pub(crate) fn sent(&self) -> Option<Position> {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a segment, which nothing else has.
    pub(crate) fn number(&self) -> u64 {
        let mut inner = self.lock();
        let number = inner.state.next;
        inner.state.next += 1;
        number
    }

    /// Makes a change, durably. After an error nothing has changed.
    pub(crate) fn commit(&self, change: &Change) -> Result<(), ManifestError> {
        let mut inner = self.lock();
        let mut state = inner.state.clone();
        state.apply(change);
        state.sent = self.sent();
        let done = match &inner.database {
            Some(database) => database.commit(change, &state),
            None => write_anew(&*self.disk, &state).map(|database| inner.database = Some(database)),
        };
        match done {
            Ok(()) => {
                inner.state = state;
                Ok(())
            }
            Err(error) => {
                // What it holds now is not known: the next change writes it anew.
                inner.database = None;
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a database of this state and gives it the manifest's name.
fn write_anew(disk: &dyn Disk, state: &State) -> Result<Database, ManifestError> {
    let new = Path::new(NEW);
    match disk.remove(new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Database::create(disk, new, state)?;
    disk.rename(new, Path::new(FILE))?;
    disk.sync_folder(Path::new(""))?;
    let (database, _) = Database::open(disk, Path::new(FILE))?;
    Ok(database)
}

impl State {
    fn apply(&mut self, change: &Change) {
        for number in &change.remove {
            self.segments.remove(number);
        }
        for entry in &change.add {
            self.next = self.next.max(entry.number + 1);
            self.segments.insert(entry.number, Arc::clone(entry));
        }
        if let Some(mark) = change.mark {
            self.mark = self.mark.max(mark);
        }
        self.stored += change.stored;
        for (rule, spans) in &change.removed {
            *self.removed.entry(*rule).or_default() += spans;
        }
        self.pinned.extend(&change.pin);
        for trace in &change.unpin {
            self.pinned.remove(trace);
        }
    }
}
