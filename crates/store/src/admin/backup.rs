//! Copies of a store.
//!
//! A copy has the segments of one moment, what only the log has by then, and a manifest that lists
//! them. It is written to the end and synced before the manifest takes its name: a copy that was cut
//! off is not taken for one. What was counted of rates and calls is not copied.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Fault;
use super::fsck::check_segment;
use crate::disk::{Disk, Writer};
use crate::manifest::{Change, Entry, FILE, FOLDER, Manifest, ManifestError, State};
use crate::store::{MaintainError, Store};
use crate::wal::{self, FOLDER as LOG, Position};

/// A store that is in use changes while it is copied; it is looked at so often again.
const TRIES: usize = 100;

/// Bytes that are copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Segments.
    pub segments: u64,
    /// Their spans.
    pub spans: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
}

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is a store already.
    #[error("there is a store already")]
    NotEmpty,
    /// What is in memory could not be written to a segment first.
    #[error("what is in memory cannot be written")]
    Flush(#[from] MaintainError),
    /// The manifest cannot be read, or written.
    #[error("the manifest cannot be copied")]
    Manifest(#[from] ManifestError),
    /// A file cannot be read, or written.
    #[error("{file} cannot be copied")]
    Io {
        /// Which, below the store's folder.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What is copied changes all the time.
    #[error("it changes faster than it can be copied")]
    Restless,
    /// What is to be copied is damaged.
    #[error("{} is damaged: {}", .0.file, .0.what)]
    Damaged(Fault),
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let file = file.display().to_string();
    move |source| CopyError::Io { file, source }
}

impl Store {
    /// Copies everything that is acknowledged by now to a folder that has no store. The store goes
    /// on meanwhile. It blocks.
    ///
    /// # Errors
    /// Nothing that counts as a copy was made.
    pub fn backup(&self, to: &Arc<dyn Disk>) -> Result<Copied, CopyError> {
        self.flush()?;
        // The view keeps the files, whatever is merged or removed meanwhile.
        let view = self.snapshot();
        let entries = view.segments.iter().map(|segment| Arc::clone(&segment.entry));
        let entries: Vec<_> = entries.collect();
        is_empty(&**to)?;
        let copied = copy(self.disk(), &**to, &entries)?;
        let change = Change { add: entries, stored: copied.spans, ..Change::default() };
        Manifest::create(&**to, &change)?;
        Ok(copied)
    }
}

/// Makes a store of a backup, after it was checked; the folder has none yet. It blocks.
///
/// # Errors
/// There is a store, or the backup is damaged or cannot be copied.
pub fn restore(backup: &dyn Disk, to: &Arc<dyn Disk>) -> Result<Copied, CopyError> {
    let state = Manifest::look(backup)?;
    let entries: Vec<Arc<Entry>> = state.segments.values().cloned().collect();
    let mut faults = Vec::new();
    for entry in &entries {
        check_segment(backup, entry, &mut faults);
        if let Some(fault) = faults.pop() {
            return Err(CopyError::Damaged(fault));
        }
    }
    is_empty(&**to)?;
    let mut copied = copy(backup, &**to, &entries)?;
    copied.log_bytes = copy_log(backup, &**to, state.mark)?;
    list(&**to, entries, &state)?;
    Ok(copied)
}

/// Copies a store as it is on the disk, to a folder that has none: another process may have it open
/// and go on meanwhile. Everything is in it that was durable when this began. It blocks.
///
/// # Errors
/// Nothing that counts as a copy was made.
pub fn backup(from: &dyn Disk, to: &Arc<dyn Disk>) -> Result<Copied, CopyError> {
    is_empty(&**to)?;
    let mut state = look(from)?;
    for _ in 0..TRIES {
        let entries: Vec<Arc<Entry>> = state.segments.values().cloned().collect();
        let copied = copy(from, &**to, &entries);
        let log = copy_log(from, &**to, state.mark);
        let now = look(from)?;
        match (copied, log) {
            // What the log had after the mark is in no segment yet, or in one that was copied.
            (Ok(mut copied), Ok(log_bytes)) if now.mark == state.mark => {
                copied.log_bytes = log_bytes;
                remove_others(&**to, &entries)?;
                list(&**to, entries, &state)?;
                return Ok(copied);
            }
            (Err(error), _) | (_, Err(error)) if !is_gone(&error) => return Err(error),
            // It was merged or forgotten meanwhile: what takes its place is copied, the rest is there.
            _ => state = now,
        }
    }
    Err(CopyError::Restless)
}

/// What the manifest says, between two writes of whoever has it open.
fn look(disk: &dyn Disk) -> Result<State, CopyError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match Manifest::look(disk) {
            Ok(state) => return Ok(state),
            Err(ManifestError::Newer(version)) => {
                return Err(ManifestError::Newer(version).into());
            }
            Err(error) if tries == TRIES => return Err(error.into()),
            Err(_) => std::thread::yield_now(),
        }
    }
}

fn is_gone(error: &CopyError) -> bool {
    matches!(error, CopyError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

fn is_empty(to: &dyn Disk) -> Result<(), CopyError> {
    let root = to.list(Path::new("")).map_err(failed(Path::new("")))?;
    if root.iter().any(|name| name == FILE || name == LOG) {
        return Err(CopyError::NotEmpty);
    }
    Ok(())
}

/// Makes a store of what was copied.
fn list(to: &dyn Disk, entries: Vec<Arc<Entry>>, state: &State) -> Result<(), CopyError> {
    let change = Change {
        add: entries,
        mark: Some(state.mark),
        stored: state.stored,
        removed: state.removed.clone(),
        pin: state.pinned.iter().copied().collect(),
        ..Change::default()
    };
    Ok(Manifest::create(to, &change)?)
}

/// Copies what the log has from a mark on; says how much that is.
fn copy_log(from: &dyn Disk, to: &dyn Disk, mark: Position) -> Result<u64, CopyError> {
    let folder = Path::new(LOG);
    let names = match from.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        names => names.map_err(failed(folder))?,
    };
    to.create_folder(folder).map_err(failed(folder))?;
    let mut bytes = 0;
    for name in names {
        let is_needed = wal::number(&name).is_some_and(|number| number >= mark.file);
        if is_needed {
            let path = folder.join(&name);
            bytes += copy_file(from, to, &path).map_err(failed(&path))?;
        }
    }
    to.sync_folder(folder).map_err(failed(folder))?;
    Ok(bytes)
}

/// Removes segments that an earlier try copied.
fn remove_others(to: &dyn Disk, entries: &[Arc<Entry>]) -> Result<(), CopyError> {
    let folder = Path::new(FOLDER);
    for name in to.list(folder).map_err(failed(folder))? {
        let path = folder.join(&name);
        if !entries.iter().any(|entry| entry.path() == path) {
            to.remove(&path).map_err(failed(&path))?;
        }
    }
    Ok(())
}

/// Copies segments. Those that are there already are not copied again: they never change.
fn copy(from: &dyn Disk, to: &dyn Disk, entries: &[Arc<Entry>]) -> Result<Copied, CopyError> {
    let folder = Path::new(FOLDER);
    to.create_folder(folder).map_err(failed(folder))?;
    let mut copied = Copied::default();
    for entry in entries {
        let path = entry.path();
        let there = to.open(&path).and_then(|file| file.length()).ok();
        if there != Some(entry.bytes) {
            copy_file(from, to, &path).map_err(failed(&path))?;
        }
        copied.segments += 1;
        copied.spans += entry.spans;
        copied.bytes += entry.bytes;
    }
    to.sync_folder(folder).map_err(failed(folder))?;
    Ok(copied)
}

/// Says how many bytes it has.
fn copy_file(from: &dyn Disk, to: &dyn Disk, path: &Path) -> io::Result<u64> {
    let source = from.open(path)?;
    // What a copy that was cut off has left.
    match to.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut target = Writer::new(to.create(path)?);
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    loop {
        let read = source.read_at(offset, &mut piece)?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut target, piece.get(..read).unwrap_or_default())?;
        offset += read as u64;
    }
    target.finish()?;
    Ok(offset)
}
