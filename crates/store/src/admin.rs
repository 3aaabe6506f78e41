//! What an operator does with a store: list, check, copy, export, rebuild.
//!
//! Listing and checking only read: another process may have the store open, and they may then miss
//! what it does meanwhile. A backup is a store by itself, and is restored by being copied.

mod backup;
mod export;
mod fsck;
mod rebuild;

use std::path::Path;
use std::sync::Arc;

use crate::disk::Disk;
use crate::manifest::{Entry, Manifest, ManifestError};
use crate::store::Removed;
use crate::wal::Position;

pub use backup::{Copied, CopyError, backup, restore};
pub use export::ExportError;
pub use fsck::{Fault, Fsck, FsckError, fsck};
pub use rebuild::{RebuildError, Rebuilt, rebuild};

/// What is in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its segments, oldest first.
    pub segments: Vec<ListedSegment>,
    /// Up to here the log is in segments.
    pub mark: Position,
    /// Files of the log, with their bytes.
    pub log: Vec<(String, u64)>,
    /// Spans that were written to segments, since the store was made.
    pub stored: u64,
    /// Spans that were removed since, by rule.
    pub removed: Vec<Removed>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSegment {
    /// Its file, below the store's folder.
    pub file: String,
    /// How often its spans were merged.
    pub level: u8,
    /// Spans.
    pub spans: u64,
    /// Row groups.
    pub row_groups: u32,
    /// Bytes of the file.
    pub bytes: u64,
    /// Earliest start of a span, nanoseconds since the Unix epoch.
    pub earliest_unix_nanos: u64,
    /// Latest start of a span, nanoseconds since the Unix epoch.
    pub latest_unix_nanos: u64,
    /// Spans by service.
    pub services: Vec<(Arc<str>, u64)>,
}

/// Lists what is in a store.
///
/// # Errors
/// There is no manifest, or it cannot be read.
pub fn list(disk: &dyn Disk) -> Result<Listing, ManifestError> {
    let state = Manifest::look(disk)?;
    let mut segments: Vec<&Arc<Entry>> = state.segments.values().collect();
    segments.sort_by_key(|entry| (entry.start, entry.number));
    let mut log = Vec::new();
    // A store that has taken nothing yet has no log.
    for name in disk.list(Path::new("wal")).unwrap_or_default() {
        let file = format!("wal/{name}");
        // It may have been removed meanwhile.
        let length = disk.open(Path::new(&file)).and_then(|opened| opened.length());
        log.extend(length.ok().map(|length| (file, length)));
    }
    let removed = state.removed.iter();
    Ok(Listing {
        segments: segments.into_iter().map(|entry| listed(entry)).collect(),
        mark: state.mark,
        log,
        stored: state.stored,
        removed: removed.map(|(rule, spans)| Removed { rule: *rule, spans: *spans }).collect(),
    })
}

fn listed(entry: &Entry) -> ListedSegment {
    let services = entry.services.iter();
    ListedSegment {
        file: entry.path().display().to_string(),
        level: entry.level,
        spans: entry.spans,
        row_groups: entry.groups,
        bytes: entry.bytes,
        earliest_unix_nanos: entry.start.0,
        latest_unix_nanos: entry.start.1,
        services: services.map(|one| (Arc::clone(&one.name), one.spans)).collect(),
    }
}
