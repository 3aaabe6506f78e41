//! Where batches go: to whoever keeps them.
//!
//! A batch is the bytes of an OTLP `ExportTraceServiceRequest`, whatever protocol it came by. What
//! is accepted is kept for good; what is refused was not kept, and its sender is told in the words of
//! its own protocol whether to come again.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// A batch is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Spans in it.
    pub spans: usize,
}

/// A batch is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More comes than can be written.
    #[error("more spans come than can be written at the moment")]
    Busy {
        /// When to come again.
        retry_after: Duration,
    },
    /// There is no room on the disk.
    #[error("there is no room left to keep spans")]
    Full {
        /// When to come again.
        retry_after: Duration,
    },
    /// It could not be written, or the store is closing.
    #[error("spans cannot be kept at the moment")]
    Unavailable {
        /// When to come again.
        retry_after: Duration,
    },
    /// It is larger than can ever be kept at once.
    #[error("the batch is too large to be kept")]
    TooLarge,
    /// It cannot be read.
    #[error("the batch cannot be read: {0}")]
    Invalid(#[from] trunkline_otlp::wire::Malformed),
}

/// Whoever keeps batches.
pub trait Sink: Send + Sync + 'static {
    /// Keeps a batch; resolves when it is kept.
    fn append(&self, batch: Bytes) -> BoxFuture<'static, Result<Accepted, Refused>>;
}
