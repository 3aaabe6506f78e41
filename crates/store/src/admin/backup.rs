//! Copies of a store.
//!
//! A copy has the segments of one moment and a manifest that lists them. It is written to the end
//! and synced before the manifest takes its name: a copy that was cut off is not taken for one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Fault;
use super::fsck::check_segment;
use crate::disk::{Disk, Writer};
use crate::manifest::{Change, Entry, FILE, FOLDER, Manifest, ManifestError};
use crate::store::{MaintainError, Store};

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
        copy(self.disk(), to, &entries.collect::<Vec<_>>())
    }
}

/// Makes a store of a backup, after it was checked; the folder has none yet. It blocks.
///
/// # Errors
/// There is a store, or the backup is damaged or cannot be copied.
pub fn restore(backup: &dyn Disk, to: &Arc<dyn Disk>) -> Result<Copied, CopyError> {
    let state = Manifest::look(backup)?;
    let entries: Vec<Arc<Entry>> = state.segments.into_values().collect();
    let mut faults = Vec::new();
    for entry in &entries {
        check_segment(backup, entry, &mut faults);
        if let Some(fault) = faults.pop() {
            return Err(CopyError::Damaged(fault));
        }
    }
    copy(backup, to, &entries)
}

fn copy(from: &dyn Disk, to: &Arc<dyn Disk>, entries: &[Arc<Entry>]) -> Result<Copied, CopyError> {
    let folder = Path::new(FOLDER);
    let root = to.list(Path::new("")).map_err(failed(Path::new("")))?;
    if root.iter().any(|name| name == FILE || name == "wal") {
        return Err(CopyError::NotEmpty);
    }
    to.create_folder(folder).map_err(failed(folder))?;
    let mut copied = Copied::default();
    for entry in entries {
        let path = entry.path();
        copy_file(from, &**to, &path).map_err(failed(&path))?;
        copied.segments += 1;
        copied.spans += entry.spans;
        copied.bytes += entry.bytes;
    }
    to.sync_folder(folder).map_err(failed(folder))?;
    let change = Change { add: entries.to_vec(), stored: copied.spans, ..Change::default() };
    Manifest::create(&**to, &change)?;
    Ok(copied)
}

fn copy_file(from: &dyn Disk, to: &dyn Disk, path: &Path) -> io::Result<()> {
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
    Ok(())
}
