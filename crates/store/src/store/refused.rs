//! What becomes of a batch, and why a store does not open.

use std::sync::Arc;
use std::time::Duration;

use trunkline_otlp::wire::Malformed;

use crate::manifest::ManifestError;
use crate::wal;

/// A batch is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Its spans.
    pub spans: usize,
    /// Spans without valid ids: they were left out.
    pub invalid: usize,
}

/// Why a batch was not kept. Nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read: never send it again.
    #[error("it is no batch of spans")]
    Malformed(#[from] Malformed),
    /// It will never be taken: send smaller ones.
    #[error("{bytes} bytes are more than the {bytes_max} that one batch may have")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// Largest size.
        bytes_max: usize,
    },
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
    /// Segments are not written as fast as spans come.
    #[error("{bytes} bytes wait to become segments")]
    Behind {
        /// What waits.
        bytes: u64,
        /// When it may be less.
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
    /// The store is closed.
    #[error("the store is closed")]
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
            Self::Malformed(_) | Self::TooLarge { .. } | Self::Closed => None,
        }
    }
}

impl From<wal::Refused> for Refused {
    fn from(refused: wal::Refused) -> Self {
        match refused {
            wal::Refused::Busy { retry_after } => Self::Busy { retry_after },
            wal::Refused::Full { free_bytes, retry_after } => {
                Self::Full { free_bytes, retry_after }
            }
            wal::Refused::Behind { bytes, retry_after } => Self::Behind { bytes, retry_after },
            wal::Refused::Failing { reason, retry_after } => Self::Failing { reason, retry_after },
            wal::Refused::TooLarge { bytes, bytes_max } => Self::TooLarge { bytes, bytes_max },
            wal::Refused::Closed => Self::Closed,
        }
    }
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder cannot be used.
    #[error("cannot use {file}")]
    Io {
        /// Which, below the store's folder.
        file: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// What was counted of rates and calls cannot be used.
    #[error("cannot use what was counted")]
    Rollups(#[from] crate::rollup::OpenError),
    /// The manifest cannot be used.
    #[error("cannot use the manifest")]
    Manifest(#[from] ManifestError),
    /// There are segments, and no manifest that says which of them count.
    #[error("there are {0} segments and no manifest: rebuild it from them")]
    NoManifest(usize),
    /// A segment of the manifest is not there.
    #[error("{0} is not there, and the manifest has it")]
    Missing(String),
    /// The log cannot be used.
    #[error("cannot use the log")]
    Log(#[from] wal::OpenError),
}
