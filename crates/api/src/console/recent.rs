//! The last requests that came in through the gateway, sampled or not.
//!
//! The trace buffer keeps sampled exchanges with all their spans; this ring keeps one small entry of
//! exchanges that a caller outside began: every one, until they come faster than anybody reads. It
//! is a picture for people: old entries make room.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trunkline_model::record::{End, ExchangeRecord};
use trunkline_model::trace::TraceId;
use trunkline_model::{ListenerId, RouteId, ServiceName};

/// Requests kept.
const REQUESTS_MAX: usize = 2_000;

/// Requests of one second that are kept, and so many again that failed: nobody reads more, and at
/// full speed an entry of every request would cost more than all else that is told of it.
const REQUESTS_PER_SECOND_MAX: u32 = 1_000;

/// Longest text of a caller that is kept, in bytes; the trace has the rest.
const TEXT_BYTES_MAX: usize = 512;

/// One request of a caller outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) trace: TraceId,
    pub(crate) sampled: bool,
    pub(crate) start_unix_nanos: u64,
    pub(crate) duration: Duration,
    pub(crate) method: Box<str>,
    pub(crate) host: Box<str>,
    /// Without query.
    pub(crate) path: Box<str>,
    pub(crate) status: u16,
    pub(crate) caller: String,
    pub(crate) listener: ListenerId,
    pub(crate) route: Option<RouteId>,
    /// Where the last attempt went.
    pub(crate) service: Option<ServiceName>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) failed: bool,
}

impl Request {
    fn of(record: &ExchangeRecord) -> Self {
        let path = record.target.split_once('?').map_or(&*record.target, |(path, _)| path);
        let about = record.reason.as_ref().and_then(|reason| reason.service.clone());
        Self {
            trace: record.trace.trace,
            sampled: record.trace.sampled,
            start_unix_nanos: record.start_unix_nanos,
            duration: record.duration,
            method: cut(&record.method).into(),
            host: cut(&record.host).into(),
            path: cut(path).into(),
            status: record.status,
            caller: record.peer.ip().to_string(),
            listener: record.listener.clone(),
            route: record.route.clone(),
            service: record.attempts.last().map(|attempt| attempt.service.clone()).or(about),
            reason: record.reason.as_ref().map(|reason| reason.kind.as_str()),
            failed: failed(record),
        }
    }
}

fn failed(record: &ExchangeRecord) -> bool {
    record.status >= 500 || matches!(record.end, End::ServiceBroke | End::Idle | End::Cut)
}

/// The beginning of a text, at a border of characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    kept: Mutex<Kept>,
    /// A second that has brought enough requests that went well, so that workers need not tell more.
    sated: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<Arc<Request>>,
    /// Where services call out: what comes in there is no entrance.
    inner: BTreeSet<ListenerId>,
    /// The second that requests are counted of, and how many came, fine and failed.
    second: u64,
    counted: [u32; 2],
}

impl Kept {
    /// Counts a request; false when its second has brought enough.
    fn counts(&mut self, record: &ExchangeRecord) -> bool {
        let second = second(record);
        if second != self.second {
            (self.second, self.counted) = (second, [0, 0]);
        }
        let [fine, broken] = &mut self.counted;
        let counted = if failed(record) { broken } else { fine };
        *counted = counted.saturating_add(1);
        *counted <= REQUESTS_PER_SECOND_MAX
    }

    /// Whether its second needs no more of those that went well.
    fn is_sated(&self) -> bool {
        self.counted[0] >= REQUESTS_PER_SECOND_MAX
    }
}

fn second(record: &ExchangeRecord) -> u64 {
    record.start_unix_nanos / 1_000_000_000
}

impl Recent {
    /// Learns which listeners belong to services.
    pub(crate) fn learn(&self, inner: BTreeSet<ListenerId>) {
        self.kept().inner = inner;
    }

    /// Whether it may be kept. Takes no lock.
    pub(crate) fn wants(&self, record: &ExchangeRecord) -> bool {
        failed(record) || self.sated.load(Ordering::Relaxed) != second(record)
    }

    /// Keeps a request if it is an entrance, and returns it.
    pub(crate) fn take(&self, record: &ExchangeRecord) -> Option<Arc<Request>> {
        let mut kept = self.kept();
        if kept.inner.contains(&record.listener) {
            return None;
        }
        let counts = kept.counts(record);
        if kept.is_sated() {
            self.sated.store(kept.second, Ordering::Relaxed);
        }
        if !counts {
            return None;
        }
        let request = Arc::new(Request::of(record));
        if kept.requests.len() >= REQUESTS_MAX {
            kept.requests.pop_front();
        }
        kept.requests.push_back(Arc::clone(&request));
        Some(request)
    }

    /// All of them, newest first.
    pub(crate) fn all(&self) -> Vec<Arc<Request>> {
        self.kept().requests.iter().rev().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic while the lock is held leaves at worst one request less; serving goes on.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_no_more_than_people_read_but_failures_are_kept() {
        let mut kept = Kept::default();
        let mut record = crate::traces::tests::record(1);
        let taken = (0..5_000).filter(|_| kept.counts(&record)).count();
        assert_eq!(taken, 1_000);
        record.status = 502;
        assert!(kept.counts(&record));
        (record.status, record.start_unix_nanos) = (200, 9_000_000_000);
        assert!(kept.counts(&record));
    }

    #[test]
    fn workers_are_asked_for_no_more_than_is_kept() {
        let recent = Recent::default();
        let mut record = crate::traces::tests::record(1);
        let kept = (0..5_000).filter(|_| recent.wants(&record) && recent.take(&record).is_some());
        assert_eq!(kept.count(), 1_000);
        assert!(!recent.wants(&record));
        record.status = 502;
        assert!(recent.wants(&record), "it failed");
        (record.status, record.start_unix_nanos) = (200, 9_000_000_000);
        assert!(recent.wants(&record), "another second");
    }
}
