//! What was found in a log when it was read.

use super::Position;

/// Most damages that are named; all are counted.
const NAMED_MAX: usize = 1_000;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Files that were read.
    pub files: u64,
    /// Frames after the mark.
    pub frames: u64,
    /// Their payload.
    pub bytes: u64,
    /// End of the last sound frame, or the mark.
    pub end: Position,
    /// What was acknowledged and cannot be read, the first thousand of them.
    pub lost: Vec<Damage>,
    /// How often something was lost.
    pub lost_places: u64,
    /// Frames that were lost, as far as their numbers tell.
    pub lost_frames: u64,
    /// Bytes that were lost.
    pub lost_bytes: u64,
    /// What was being written when the log ended, and was not finished. It was never acknowledged
    /// as synced, unless it was damaged later: of the very last group that cannot be told.
    pub unfinished: Vec<Damage>,
}

/// Bytes of a file that are no sound frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which file, below the store's folder.
    pub file: String,
    /// Where the bytes begin.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// How many frames were there, where numbers tell.
    pub frames: Option<u64>,
    /// Where the bytes are kept, below the store's folder, if they are.
    pub kept: Option<String>,
}

impl Report {
    pub(super) fn lose(&mut self, damage: Damage) {
        self.lost_places += 1;
        self.lost_frames += damage.frames.unwrap_or(0);
        self.lost_bytes += damage.length;
        if self.lost.len() < NAMED_MAX {
            self.lost.push(damage);
        }
    }

    pub(super) fn leave(&mut self, damage: Damage) {
        if self.unfinished.len() < NAMED_MAX {
            self.unfinished.push(damage);
        }
    }
}
