//! The skeletons that were looked at last.
//!
//! A trace may still grow: one that ended a while ago is kept for longer than one that ended just
//! now.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use trunkline_model::trace::TraceId;

use crate::skeleton::Skeleton;

/// A trace that ended just now is kept so long.
const FRESH_MIN: Duration = Duration::from_secs(2);
/// No trace is kept longer.
const FRESH_MAX: Duration = Duration::from_secs(60);
/// A trace is kept for this part of the time since its end.
const FRESH_PART: u64 = 10;

#[derive(Debug)]
pub(super) struct Kept {
    bytes_max: usize,
    /// The one that was put last is at the front.
    entries: Mutex<VecDeque<Entry>>,
}

#[derive(Debug)]
struct Entry {
    skeleton: Arc<Skeleton>,
    bytes: usize,
    until: Instant,
}

impl Kept {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self { bytes_max, entries: Mutex::new(VecDeque::new()) }
    }

    pub(super) fn get(&self, id: TraceId, now: Instant) -> Option<Arc<Skeleton>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.until > now);
        let found = entries.iter().find(|entry| entry.skeleton.trace == id);
        found.map(|entry| Arc::clone(&entry.skeleton))
    }

    pub(super) fn put(&self, skeleton: &Arc<Skeleton>, now: Instant, wall_nanos: u64) {
        let since = wall_nanos.saturating_sub(skeleton.end_unix_nanos);
        let fresh = Duration::from_nanos(since / FRESH_PART).clamp(FRESH_MIN, FRESH_MAX);
        let bytes = skeleton.bytes();
        if bytes > self.bytes_max {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.skeleton.trace != skeleton.trace && entry.until > now);
        let skeleton = Arc::clone(skeleton);
        entries.push_front(Entry { skeleton, bytes, until: now + fresh });
        let mut sum = 0;
        entries.retain(|entry| {
            sum += entry.bytes;
            sum <= self.bytes_max
        });
    }
}
