//! What a log refuses, and why it cannot be opened.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Position, format};

/// Why something was not taken. It is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More comes than can be written.
    #[error("too much waits to be written")]
    Busy {
        /// When there may be room.
        retry_after: Duration,
    },
    /// The disk is full, but for what is left to make room with.
    #[error("the disk is full: {free_bytes} bytes are free")]
    Full {
        /// Bytes that are free, as far as the system knows.
        free_bytes: u64,
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The log has reached its bound: segments are not written as fast as they should.
    #[error("the log has {bytes} bytes that no segment has yet")]
    Behind {
        /// Its size.
        bytes: u64,
        /// When it may be smaller.
        retry_after: Duration,
    },
    /// The disk fails.
    #[error("the log cannot be written: {reason}")]
    Failing {
        /// What the system says.
        reason: Arc<str>,
        /// When it is tried again.
        retry_after: Duration,
    },
    /// It will never be taken.
    #[error("{bytes} bytes are more than the {bytes_max} that one batch may have")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// Largest size.
        bytes_max: usize,
    },
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
}

impl Refused {
    /// When to try again; never if there is none.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after }
            | Self::Full { retry_after, .. }
            | Self::Behind { retry_after, .. }
            | Self::Failing { retry_after, .. } => Some(*retry_after),
            Self::TooLarge { .. } | Self::Closed => None,
        }
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer Trunkline wrote it.
    #[error("{file} has format {version}, and this version knows up to {}", format::VERSION)]
    Newer {
        /// Which file, below the store's folder.
        file: String,
        /// Its format.
        version: u32,
    },
    /// A file, or the folder of files, cannot be used.
    #[error("cannot use {file}")]
    Io {
        /// Which, below the store's folder.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Whoever takes the frames does not take one.
    #[error("the frame that ends at {position} could not be taken")]
    Replay {
        /// Where it ends.
        position: Position,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// The thread that writes could not be started.
    #[error("cannot start the thread of the log")]
    Thread(#[source] io::Error),
}

/// Why a frame could not be taken.
pub type ReplayError = Box<dyn std::error::Error + Send + Sync>;
