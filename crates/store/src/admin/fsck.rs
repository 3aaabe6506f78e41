//! Reads a whole store and tells what is not as it should be. It changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use trunkline_otlp::view;
use trunkline_rt::Clock;

use crate::chain::chain;
use crate::disk::Disk;
use crate::manifest::{Entry, FOLDER, Manifest, ManifestError, parse_name};
use crate::segment::{GroupReader, Index, SegmentError, SegmentFile};
use crate::source::{Budget, Limits};
use crate::wal::{self, Frame, Signal, Wal};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fsck {
    /// Segments that were read.
    pub segments: u64,
    /// Their spans.
    pub spans: u64,
    /// What is wrong with them.
    pub faults: Vec<Fault>,
    /// Segments that are in no manifest: leftovers of a crash, which go when the store is opened.
    pub unlisted: Vec<String>,
    /// The log after the mark.
    pub log: wal::Report,
    /// Spans in it, which no segment has.
    pub log_spans: u64,
    /// Frames of it that are sound and no batch of spans.
    pub log_unreadable: u64,
}

impl Fsck {
    /// Whether all is well.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.log.lost_places == 0 && self.log_unreadable == 0
    }
}

/// Something that is wrong with a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its file, below the store's folder.
    pub file: String,
    /// Spans that are concerned, at most.
    pub spans: u64,
    /// What is wrong.
    pub what: String,
}

/// Why a store cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// There is no manifest, or it cannot be read.
    #[error("the manifest cannot be read")]
    Manifest(#[from] ManifestError),
    /// The folder cannot be read.
    #[error("the folder cannot be read")]
    Io(#[from] std::io::Error),
    /// The log cannot be read at all.
    #[error("the log cannot be read")]
    Log(#[from] wal::OpenError),
}

/// Checks a store: every page of every segment, and every frame of the log.
///
/// # Errors
/// It cannot be checked at all. What is damaged is no error but in the answer.
pub fn fsck(disk: &dyn Disk) -> Result<Fsck, FsckError> {
    let state = Manifest::look(disk)?;
    let mut found = Fsck::default();
    for entry in state.segments.values() {
        found.segments += 1;
        found.spans += entry.spans;
        check_segment(disk, entry, &mut found.faults);
    }
    for name in disk.list(Path::new(FOLDER))? {
        let known =
            |(level, number)| state.segments.get(&number).is_some_and(|entry| entry.level == level);
        if !parse_name(&name).is_some_and(known) {
            found.unlisted.push(format!("{FOLDER}/{name}"));
        }
    }
    let (mut spans, mut unreadable) = (0, 0);
    let mut take = |frame: Frame| {
        if frame.signal == Signal::Spans {
            match view::check(&frame.payload) {
                Ok(counts) => spans += counts.spans as u64,
                Err(_) => unreadable += 1,
            }
        }
        Ok(())
    };
    found.log = Wal::check(disk, state.mark, &mut take)?;
    (found.log_spans, found.log_unreadable) = (spans, unreadable);
    Ok(found)
}

/// Checks one segment.
pub(super) fn check_segment(disk: &dyn Disk, entry: &Arc<Entry>, faults: &mut Vec<Fault>) {
    let file = entry.path().display().to_string();
    let mut fault =
        |spans: u64, what: String| faults.push(Fault { file: file.clone(), spans, what });
    let opened = match open(disk, entry) {
        Ok(opened) => opened,
        Err(error) => return fault(entry.spans, chain(&error)),
    };
    let (segment, index) = opened;
    if index.rows() != entry.spans {
        fault(entry.spans, format!("it has {} spans, not {}", index.rows(), entry.spans));
    }
    for (number, group) in index.groups.iter().enumerate() {
        let mut budget = unlimited();
        let found = GroupReader::new(&segment, &index, number, &mut budget).map_or_else(
            |error| vec![error],
            |reader| reader.map(|mut reader| reader.check()).unwrap_or_default(),
        );
        for error in found {
            fault(group.rows.into(), chain(&error));
        }
    }
}

fn open(disk: &dyn Disk, entry: &Entry) -> Result<(SegmentFile, Arc<Index>), SegmentError> {
    let file = SegmentFile::new(disk.open(&entry.path())?);
    // The footer, as others read it, must lead to the same index.
    let (place, bytes) = file.locate()?;
    if (place, bytes) != (entry.index, entry.index_bytes) {
        return Err(SegmentError::Foreign);
    }
    let index = file.index(place, bytes)?;
    file.check_bloom(index.bloom)?;
    Ok((file, index))
}

/// It has to be read whatever it costs.
pub(super) fn unlimited() -> Budget {
    let time = Duration::from_secs(1 << 30);
    Budget::new(&Clock::system(), Limits { time, rows: u64::MAX, bytes: u64::MAX })
}
