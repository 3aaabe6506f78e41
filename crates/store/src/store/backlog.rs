//! Batches that wait to be sent on: they are in the log anyway, so that is where they wait.
//!
//! Up to where they were sent is in the manifest, and gets there with whatever else does: after a
//! crash some are sent twice. The log is kept from there on, within a bound; beyond it the oldest
//! go, so that a receiver that is down for long costs no more than disk.

use std::sync::atomic::Ordering;

use super::Store;
use crate::manifest::Change;
use crate::wal::{Durability, Frame, Position, Signal};

impl Store {
    /// Keeps batches until they are sent on, up to so many bytes of log, or no longer does. Until it
    /// is told, what an earlier run kept stays.
    pub fn keep_backlog(&self, bytes_max: Option<u64>) {
        let manifest = &self.shared.manifest;
        // The other half is for what no segment has yet.
        let most = self.shared.config.log.bytes_max / 2;
        let bytes_max = bytes_max.map(|bytes| bytes.min(most));
        let sent = bytes_max.map(|_| manifest.sent().unwrap_or_else(|| self.shared.settled()));
        // What was in no file yet had nobody to be sent to.
        manifest.note_sent(sent);
        self.shared.backlog_bytes_max.store(bytes_max.unwrap_or(0), Ordering::Relaxed);
    }

    /// Up to where batches were sent on.
    pub fn sent(&self) -> Position {
        self.shared.manifest.sent().unwrap_or_default()
    }

    /// Notes that batches were sent on up to here.
    pub fn note_sent(&self, upto: Position) {
        let manifest = &self.shared.manifest;
        manifest.note_sent(manifest.sent().map(|before| before.max(upto)));
    }

    /// Whether there is a log to send from.
    pub fn has_log(&self) -> bool {
        self.shared.config.log.durability != Durability::None
    }

    /// Batches of spans after a place, oldest first; it waits for one. No more than so many bytes,
    /// unless the first alone has more. It reads the disk on a thread for that.
    pub async fn unsent(
        self: &std::sync::Arc<Self>,
        after: Position,
        bytes_max: usize,
    ) -> Vec<Frame> {
        let mut after = after;
        loop {
            let mut written = std::pin::pin!(self.shared.written.notified());
            // Before it looks: what is told in between is not missed.
            written.as_mut().enable();
            let store = std::sync::Arc::clone(self);
            let read = move || store.log.read(after, bytes_max);
            let mut frames = tokio::task::spawn_blocking(read).await.unwrap_or_default();
            after = frames.last().map_or(after, |frame| frame.position);
            let found = !frames.is_empty();
            frames.retain(|frame| frame.signal == Signal::Spans);
            if !frames.is_empty() {
                return frames;
            }
            if !found {
                written.await;
            }
        }
    }

    /// Up to where nobody needs the log any more.
    pub(super) fn needed(&self) -> Position {
        let settled = self.shared.settled();
        let Some(sent) = self.shared.manifest.sent() else { return settled };
        let bytes_max = self.shared.backlog_bytes_max.load(Ordering::Relaxed);
        sent.max(self.log.beyond(bytes_max)).min(settled)
    }

    /// Writes up to where batches were sent on.
    pub(super) fn keep_sent(&self) {
        let manifest = &self.shared.manifest;
        if manifest.sent() != manifest.with(|state| state.sent) {
            // Otherwise some are sent twice.
            let _ = manifest.commit(&Change::default());
        }
    }
}
