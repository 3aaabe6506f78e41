//! Who calls whom: what spans tell of and what the proxy saw, each call once.
//!
//! Both see a part of all calls: the proxy those that pass it, recorded or not; spans those that
//! somebody recorded, whichever way they took. Nothing says which call of the one is which of the
//! other, so they are not added. For each pair of services the one that saw more calls in the whole
//! time counts, and where both saw as many it is the proxy: it counted every call, where spans may
//! be an estimate from a sample.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use trunkline_store::rollup::{EdgeCell, EdgeKey, EdgeKind, Recorder, Wanted, periods};
use trunkline_store::source::{Budget, QueryError};

use super::Rollups;
use crate::edges::{Edge, Sort, Source};

/// The edges of a time, by caller and callee.
///
/// # Errors
/// It costs too much, or rollups cannot be read.
pub fn edges(
    rollups: &dyn Rollups,
    time: RangeInclusive<u64>,
    budget: &mut Budget,
) -> Result<Vec<Edge>, QueryError> {
    let mut sums = BTreeMap::<EdgeKey, EdgeCell>::new();
    let wanted = periods(*time.start(), time.end().saturating_add(1));
    rollups.read(wanted, &Wanted::EDGES, budget, &mut |_, rollup| {
        for (key, cell) in &rollup.edges {
            match sums.get_mut(key) {
                Some(sum) => sum.merge(cell),
                None => drop(sums.insert(key.clone(), cell.clone())),
            }
        }
    })?;
    Ok(joined(sums))
}

/// What was seen of one edge.
#[derive(Default)]
struct Both {
    spans: EdgeCell,
    proxy: EdgeCell,
    kinds: BTreeSet<EdgeKind>,
}

/// What is joined: whoever calls a database by its address and whoever carries that call tell of
/// one edge, but a message is none of the calls beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Local,
    Entry,
    Call,
    Message,
}

fn class(kind: EdgeKind) -> Class {
    match kind {
        EdgeKind::Local => Class::Local,
        EdgeKind::Entry => Class::Entry,
        EdgeKind::Call | EdgeKind::Database | EdgeKind::External => Class::Call,
        EdgeKind::Message => Class::Message,
    }
}

fn joined(sums: BTreeMap<EdgeKey, EdgeCell>) -> Vec<Edge> {
    // Who records spans, or is reached through the proxy, is a service, whatever its callers call it.
    let mut services = BTreeSet::new();
    let mut edges = BTreeMap::<(Arc<str>, Arc<str>, Class), Both>::new();
    for (key, cell) in sums {
        if !matches!(key.kind, EdgeKind::Database | EdgeKind::External) {
            services.insert(Arc::clone(&key.callee));
        }
        if key.kind != EdgeKind::Entry {
            services.insert(Arc::clone(&key.caller));
        }
        let both = edges.entry((key.caller, key.callee, class(key.kind))).or_default();
        both.kinds.insert(key.kind);
        match key.recorder {
            Recorder::Own => both.spans.merge(&cell),
            Recorder::Proxy => both.proxy.merge(&cell),
        }
    }
    let edge = |((caller, callee, class), both): ((Arc<str>, Arc<str>, Class), Both)| {
        let sort = match class {
            Class::Local => Sort::Local,
            Class::Entry => Sort::Entry,
            Class::Message => Sort::Message,
            Class::Call if both.kinds.contains(&EdgeKind::Database) => Sort::Database,
            Class::Call if both.kinds.contains(&EdgeKind::Call) || services.contains(&callee) => {
                Sort::Call
            }
            Class::Call => Sort::External,
        };
        both.edge(caller, callee, sort)
    };
    edges.into_iter().map(edge).collect()
}

impl Both {
    fn edge(self, caller: Arc<str>, callee: Arc<str>, sort: Sort) -> Edge {
        let source = match (self.spans.seen > 0, self.proxy.seen > 0) {
            (true, true) => Source::Both,
            (false, true) => Source::Proxy,
            _ => Source::Spans,
        };
        let counts = if self.spans.calls > self.proxy.calls { self.spans } else { self.proxy };
        let at = |share| counts.latency().quantile(share).map(nanos);
        Edge {
            caller,
            callee,
            sort,
            source,
            calls: whole(counts.calls),
            failed: whole(counts.failed),
            p50_nanos: at(0.5),
            p95_nanos: at(0.95),
            p99_nanos: at(0.99),
        }
    }
}

/// A sum of weights as a number of calls; some are never none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is not negative, and fits"
)]
fn whole(fixed: u64) -> u64 {
    let calls = trunkline_store::rollup::calls(fixed).round() as u64;
    calls.max(u64::from(fixed > 0))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 71 minutes")]
fn nanos(micros: f64) -> u64 {
    (micros * 1_000.0) as u64
}
