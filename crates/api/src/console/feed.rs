//! What is sent to everybody who watches: rendered once, kept for slow readers within bounds.
//!
//! A snapshot replaces the one before it; small events queue. A reader that falls behind the queue is
//! let go, because a picture with holes is wrong: it connects again and starts with a new snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, mpsc, watch};

use super::recent::Request;

/// Readers at a time.
pub(crate) const READERS_MAX: usize = 32;

/// Small events that a reader may be behind.
const BEHIND_MAX: usize = 256;

/// Requests that wait to be rendered.
const REQUESTS_WAITING_MAX: usize = 256;

/// Requests told of in a second; more are counted.
const REQUESTS_PER_SECOND: u32 = 50;

/// What every stream begins with: a browser that lost it comes back after this many milliseconds.
const HELLO: &str = "retry: 1000\n\n";

/// A comment, so that proxies and readers see that the stream lives.
const PING: &str = ": ping\n\n";

/// One thing that is sent.
#[derive(Debug, Clone)]
enum Piece {
    Text(Bytes),
    End,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Feed {
    slots: Arc<Semaphore>,
    snapshot: watch::Sender<Bytes>,
    pieces: broadcast::Sender<Piece>,
    requests: mpsc::Sender<Arc<Request>>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Arc<Request>>>,
    skipped: AtomicU64,
    joined: Notify,
}

impl Default for Feed {
    fn default() -> Self {
        let (requests, waiting) = mpsc::channel(REQUESTS_WAITING_MAX);
        Self {
            slots: Arc::new(Semaphore::new(READERS_MAX)),
            snapshot: watch::Sender::new(Bytes::new()),
            pieces: broadcast::Sender::new(BEHIND_MAX),
            requests,
            waiting: tokio::sync::Mutex::new(waiting),
            skipped: AtomicU64::new(0),
            joined: Notify::new(),
        }
    }
}

/// An event as it is written: data is one line, because JSON escapes line ends.
fn event(name: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

impl Feed {
    /// Whether anybody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.pieces.receiver_count() > 0
    }

    /// Waits until somebody begins to watch.
    pub(crate) async fn somebody_joined(&self) {
        self.joined.notified().await;
    }

    /// A further reader; `None` when there are too many.
    pub(crate) fn join(&self) -> Option<Reader> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let reader = Reader {
            _slot: slot,
            hello: true,
            snapshot: self.snapshot.subscribe(),
            pieces: self.pieces.subscribe(),
        };
        self.joined.notify_one();
        Some(reader)
    }

    /// Replaces the snapshot.
    pub(crate) fn show(&self, snapshot: &Value) {
        self.snapshot.send_replace(event("snapshot", snapshot));
    }

    /// Forgets the snapshot, so that the next reader does not begin with an old one.
    pub(crate) fn forget(&self) {
        self.snapshot.send_if_modified(|snapshot| {
            *snapshot = Bytes::new();
            false
        });
    }

    /// Tells everybody.
    pub(crate) fn tell(&self, name: &str, data: &Value) {
        let _ = self.pieces.send(Piece::Text(event(name, data)));
    }

    /// Shows that the stream lives.
    pub(crate) fn ping(&self) {
        let _ = self.pieces.send(Piece::Text(Bytes::from_static(PING.as_bytes())));
    }

    /// Ends every stream.
    pub(crate) fn end(&self) {
        let _ = self.pieces.send(Piece::End);
    }

    /// Has a request told, if anybody watches and there is room.
    pub(crate) fn hand_in(&self, request: Arc<Request>) {
        if self.is_watched() && self.requests.try_send(request).is_err() {
            self.skip();
        }
    }

    /// The next request to tell.
    pub(crate) async fn next_request(&self) -> Option<Arc<Request>> {
        self.waiting.lock().await.recv().await
    }

    /// Counts a request that is not told.
    pub(crate) fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were not told since it was asked last.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.swap(0, Ordering::Relaxed)
    }
}

/// Lets so many requests a second through.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    second: Option<Instant>,
    told: u32,
}

impl Pace {
    /// Whether one more may be told now.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        let same = self
            .second
            .is_some_and(|begin| now.saturating_duration_since(begin) < Duration::from_secs(1));
        if !same {
            *self = Self { second: Some(now), told: 0 };
        }
        self.told += 1;
        self.told <= REQUESTS_PER_SECOND
    }
}

/// One who watches.
#[derive(Debug)]
pub(crate) struct Reader {
    _slot: OwnedSemaphorePermit,
    hello: bool,
    snapshot: watch::Receiver<Bytes>,
    pieces: broadcast::Receiver<Piece>,
}

impl Reader {
    /// What is sent next; `None` ends the stream.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.hello) {
            let snapshot = self.snapshot.borrow_and_update().clone();
            return Some([HELLO.as_bytes(), &snapshot].concat().into());
        }
        tokio::select! {
            biased;
            piece = self.pieces.recv() => match piece {
                Ok(Piece::Text(text)) => Some(text),
                // Behind by more than is kept, or over.
                Ok(Piece::End) | Err(_) => None,
            },
            changed = self.snapshot.changed() => {
                changed.ok()?;
                Some(self.snapshot.borrow_and_update().clone())
            }
        }
    }
}

#[cfg(test)]
mod tests;
