//! Spans of the proxy itself, on their way into the store.
//!
//! They are gathered for a moment, because each write is synced. Until they are kept they are found
//! here, so that a request that a page lists has its trace. What cannot be kept is tried again;
//! beyond a bound the newest are dropped and counted: the proxy never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use trunkline_otlp::{Span, write};

use super::Keeping;

/// How long spans are gathered.
const GATHER: Duration = Duration::from_millis(200);
/// Spans that wait at most.
const WAITING_MAX: usize = 20_000;
/// It is said again that spans are dropped when so many more were.
const SAID_EVERY: u64 = 100_000;
/// Spans of one batch.
const BATCH_MAX: usize = 2_000;

/// Spans that are not kept yet.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Spans are given to the store by one task at a time.
    flushing: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Arc<Span>>>,
    dropped: AtomicU64,
}

impl Own {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Span>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that `wanted` wants.
    pub(super) fn select(&self, wanted: impl Fn(&Span) -> bool) -> Vec<Arc<Span>> {
        // Copied first: whoever asks may take long, and those who record never wait.
        let mut all = self.lock().clone();
        all.retain(|span| wanted(span));
        all
    }
}

impl Keeping {
    /// Takes spans of the proxy. Never waits.
    pub(crate) fn take_own(&self, spans: impl IntoIterator<Item = Span>) {
        let mut dropped = 0;
        let mut waiting = self.own.lock();
        for span in spans {
            if waiting.len() < WAITING_MAX {
                waiting.push(Arc::new(span));
            } else {
                dropped += 1;
            }
        }
        drop(waiting);
        let before = self.own.dropped.fetch_add(dropped, Ordering::Relaxed);
        // Said when it begins, and then now and then: a full disk lasts.
        let said = before > 0 && before / SAID_EVERY == (before + dropped) / SAID_EVERY;
        if dropped > 0 && !said {
            tracing::warn!(
                spans = before + dropped,
                "spans of the proxy are not kept: too many wait"
            );
        }
    }
}

/// Gives what was gathered to the store, again and again.
pub(super) async fn flush_until(keeping: &Keeping, end: impl Future<Output = ()>) {
    let mut end = std::pin::pin!(end);
    loop {
        tokio::select! {
            () = end.as_mut() => return flush(keeping).await,
            () = tokio::time::sleep(GATHER) => flush(keeping).await,
        }
    }
}

/// Gives what was gathered to the store, as far as it takes it; where another process has it, leaves
/// it for that one.
pub(super) async fn flush(keeping: &Keeping) {
    let _alone = keeping.own.flushing.lock().await;
    loop {
        let mut batch: Vec<Arc<Span>> =
            keeping.own.lock().iter().take(BATCH_MAX).cloned().collect();
        if batch.is_empty() {
            return;
        }
        let count = batch.len();
        batch.sort_by(|one, other| one.service().cmp(other.service()));
        let bytes = Bytes::from(write::request(batch.iter().map(AsRef::as_ref)));
        let kept = if keeping.is_closed() {
            super::inbox::leave(keeping, bytes).await
        } else {
            keeping.take_in(bytes).await.map_err(|refused| refused.to_string())
        };
        if let Err(error) = kept {
            tracing::debug!(error, "spans of the proxy wait for the store");
            return;
        }
        // Nobody else takes from the front, and new ones come to the back.
        keeping.own.lock().drain(..count);
    }
}
