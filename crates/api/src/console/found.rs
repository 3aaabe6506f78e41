//! Calls between services that only traces tell of: nobody wrote them, or they take another way.
//!
//! A service that passes its trace context on makes its calls children of the attempt that reached it.
//! So a span whose parent belongs to another service is a call. Every few seconds the newest traces
//! are read; each span is counted once.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use trunkline_model::ServiceName;
use trunkline_model::ops::Distribution;
use trunkline_model::trace::{Attribute, Span, SpanId, SpanKind, TraceSource};
use trunkline_rt::metrics::Histogram;

use super::tally::Total;

/// Traces that are read at a time; more traffic than that is seen in part.
const TRACES_MAX: usize = 500;

/// Traces with more spans are not read again and again for their calls.
const SPANS_MAX: usize = 2_000;

/// Spans remembered as counted.
const SEEN_MAX: usize = 20_000;

/// Calls looked at in one look. More than are remembered would be forgotten between two looks and
/// counted anew by each of them; half leaves room for what comes late.
const CALLS_MAX: usize = SEEN_MAX / 2;

/// Pairs of services kept.
const PAIRS_MAX: usize = 512;

/// One call that a trace tells of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The span of the call.
    pub(crate) span: SpanId,
    pub(crate) from: Arc<str>,
    pub(crate) to: Arc<str>,
    pub(crate) duration: Duration,
    pub(crate) failed: bool,
}

/// The calls between services among the spans of a trace. `gateway` names our own spans.
pub(crate) fn calls(spans: &[Span], gateway: &str) -> Vec<Call> {
    let by_id: BTreeMap<SpanId, &Span> = spans.iter().map(|span| (span.id, span)).collect();
    let parent = |span: &Span| span.parent.and_then(|id| by_id.get(&id).copied());
    let is_ours = |span: &Span| &*span.service == gateway;
    // Whose work a span is: an attempt of ours is the work of the service that it reached.
    let worker =
        |span: &Span| if is_ours(span) { peer(span) } else { Some(Arc::clone(&span.service)) };
    let call = |span: &Span| {
        let (from, to) = if is_ours(span) {
            let to = (span.kind == SpanKind::Client).then(|| peer(span))??;
            (worker(parent(parent(span)?)?)?, to)
        } else {
            let above = parent(span)?;
            // Through the gateway, our attempt is the call.
            let between = (!is_ours(above)).then_some(above)?;
            (worker(between)?, Arc::clone(&span.service))
        };
        let call =
            Call { span: span.id, from, to, duration: span.duration, failed: has_failed(span) };
        (call.from != call.to).then_some(call)
    };
    spans.iter().filter_map(call).collect()
}

fn peer(span: &Span) -> Option<Arc<str>> {
    match attribute(span, "peer.service")? {
        Attribute::Text(name) => Some(Arc::clone(name)),
        _ => None,
    }
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Attribute> {
    span.attributes.iter().find(|(key, _)| **key == *name).map(|(_, value)| value)
}

/// A call has failed as requests do everywhere here: without answer, or with a status from 500 on.
fn has_failed(span: &Span) -> bool {
    match attribute(span, "http.response.status_code") {
        Some(Attribute::Int(status)) => *status >= 500,
        _ => span.failed,
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Found(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    seen: HashSet<SpanId>,
    order: VecDeque<SpanId>,
    pairs: BTreeMap<(ServiceName, ServiceName), Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    requests: u64,
    failed: u64,
    latency: Histogram,
}

impl Found {
    /// Reads the traces that came last.
    pub(crate) fn look(&self, traces: &dyn TraceSource, gateway: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = CALLS_MAX;
        traces.latest(TRACES_MAX, &mut |spans| {
            if left == 0 || spans.len() > SPANS_MAX {
                return;
            }
            let calls = calls(spans, gateway);
            left = left.saturating_sub(calls.len());
            if left == 0 {
                return;
            }
            for call in &calls {
                kept.count(call);
            }
        });
    }

    /// What was counted so far.
    pub(crate) fn totals(&self) -> BTreeMap<(ServiceName, ServiceName), Total> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pairs.iter().map(|(pair, counted)| (pair.clone(), counted.total())).collect()
    }
}

impl Kept {
    fn count(&mut self, call: &Call) {
        if !self.seen.insert(call.span) {
            return;
        }
        self.order.push_back(call.span);
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        let (Ok(from), Ok(to)) = (call.from.parse(), call.to.parse()) else {
            return;
        };
        let pair = (from, to);
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&pair) {
            return;
        }
        let counted = self.pairs.entry(pair).or_default();
        counted.requests += 1;
        counted.failed += u64::from(call.failed);
        counted.latency.record(call.duration);
    }
}

impl Counted {
    fn total(&self) -> Total {
        let mut before = 0;
        let snapshot = self.latency.snapshot();
        let buckets = snapshot.cumulative().filter_map(|(bound, at_most)| {
            let count = at_most - before;
            before = at_most;
            (count > 0).then_some((bound, count))
        });
        let latency = Distribution {
            buckets: buckets.collect(),
            sum: snapshot.sum_micros(),
            count: snapshot.count(),
        };
        let mut total = Total::default();
        total.add(&[(200, self.requests - self.failed), (500, self.failed)], &latency);
        total
    }
}

#[cfg(test)]
mod tests;
