//! A manifest from the segments that are there, for when it was lost.
//!
//! What the manifest alone knew is gone: counts of what was removed, pinned traces, and up to where
//! the log is in segments. So all of the log is read again when the store is opened; spans that
//! are in both are found once, and are stored once after the next merges. Leftovers of a crash
//! count as segments: their spans are in the log or in other segments, and are found once as well.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Fault;
use crate::chain::chain;
use crate::disk::Disk;
use crate::manifest::{Change, Entry, FILE, FOLDER, Manifest, ManifestError, parse_name, path};
use crate::segment::{SegmentError, SegmentFile, Written};

/// What became of the segments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Segments that are listed now.
    pub segments: u64,
    /// Their spans.
    pub spans: u64,
    /// Files that are no sound segments. They have another name now, which ends in `.damaged`.
    pub damaged: Vec<Fault>,
}

/// Why a manifest could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is a manifest. Move it away first.
    #[error("there is a manifest")]
    Exists,
    /// The folder cannot be used.
    #[error("the folder cannot be used")]
    Io(#[from] io::Error),
    /// The manifest cannot be written.
    #[error("the manifest cannot be written")]
    Manifest(#[from] ManifestError),
}

/// Makes a manifest of the segments that are there.
///
/// # Errors
/// There is one, or it cannot be written.
pub fn rebuild(disk: &Arc<dyn Disk>) -> Result<Rebuilt, RebuildError> {
    if disk.list(Path::new(""))?.iter().any(|name| name == FILE) {
        return Err(RebuildError::Exists);
    }
    let folder = Path::new(FOLDER);
    disk.create_folder(folder)?;
    let mut rebuilt = Rebuilt::default();
    let mut change = Change::default();
    for name in disk.list(folder)? {
        let Some((level, number)) = parse_name(&name) else { continue };
        match read(&**disk, level, number) {
            Ok(entry) => {
                rebuilt.segments += 1;
                rebuilt.spans += entry.spans;
                change.add.push(Arc::new(entry));
            }
            Err(error) => {
                let file = format!("{FOLDER}/{name}");
                disk.rename(&folder.join(&name), &folder.join(format!("{name}.damaged")))?;
                rebuilt.damaged.push(Fault { file, spans: 0, what: chain(&error) });
            }
        }
    }
    disk.sync_folder(folder)?;
    change.stored = rebuilt.spans;
    Manifest::create(&**disk, &change)?;
    Ok(rebuilt)
}

fn read(disk: &dyn Disk, level: u8, number: u64) -> Result<Entry, SegmentError> {
    let file = disk.open(&path(level, number))?;
    let bytes = file.length()?;
    let file = SegmentFile::new(file);
    let (place, index_bytes) = file.locate()?;
    let index = file.index(place, index_bytes)?;
    let written = Written { index: Arc::unwrap_or_clone(index), place, index_bytes, bytes };
    // What it says of times is believed: when it was written is not known.
    Ok(Entry::new(number, level, &written, u64::MAX))
}
