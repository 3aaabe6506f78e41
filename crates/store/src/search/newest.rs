//! The newest traces of a search, found in any order.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};
use trunkline_model::trace::TraceId;

use crate::source::{Found, Hit};

/// So many traces of the pages before are remembered, to keep them off this one.
const SHOWN_MAX: usize = 2_000_000;

/// The first hits below a bound, each trace by its newest span. It holds one more than asked for:
/// that tells whether there are more.
#[derive(Debug)]
pub(crate) struct Newest {
    limit: usize,
    after: Option<Hit>,
    hits: BTreeSet<Hit>,
    starts: HashMap<TraceId, u64>,
    /// Traces whose newest span is on a page before.
    shown: HashSet<TraceId>,
}

impl Newest {
    /// At most `limit` hits after this one.
    pub(crate) fn new(limit: usize, after: Option<Hit>) -> Self {
        let (hits, starts, shown) = Default::default();
        Self { limit, after, hits, starts, shown }
    }

    /// Learns of a span that matches and may be on a page before. All those are to be shown first.
    /// Says whether there was room to remember it.
    pub(crate) fn show(&mut self, hit: Hit) -> bool {
        if self.after.is_some_and(|after| hit >= after) {
            self.shown.insert(hit.trace);
        }
        self.shown.len() <= SHOWN_MAX
    }

    /// Learns of a span that matches.
    pub(crate) fn offer(&mut self, hit: Hit) {
        if self.after.is_some_and(|after| hit >= after) || self.bound() > Some(hit) {
            return;
        }
        if self.shown.contains(&hit.trace) {
            return;
        }
        if let Some(start) = self.starts.get_mut(&hit.trace) {
            if *start < hit.start_unix_nanos {
                self.hits.remove(&Hit { start_unix_nanos: *start, trace: hit.trace });
                self.hits.insert(hit);
                *start = hit.start_unix_nanos;
            }
            return;
        }
        self.hits.insert(hit);
        self.starts.insert(hit.trace, hit.start_unix_nanos);
        if self.hits.len() > self.limit + 1
            && let Some(oldest) = self.hits.pop_first()
        {
            self.starts.remove(&oldest.trace);
        }
    }

    /// The oldest hit, if there are as many as wanted: nothing before it is of interest.
    pub(crate) fn bound(&self) -> Option<Hit> {
        if self.hits.len() > self.limit { self.hits.first().copied() } else { None }
    }

    /// Newest first.
    pub(crate) fn found(self, partial: bool) -> Found {
        let more = self.hits.len() > self.limit;
        let hits = self.hits.into_iter().rev().take(self.limit).collect();
        Found { hits, more, partial }
    }
}
