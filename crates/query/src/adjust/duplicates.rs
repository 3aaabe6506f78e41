//! A span that was sent twice is shown once: exporters try again when an answer is lost.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use trunkline_otlp::{Resource, Scope, Span, write};

use crate::trace::Trace;

/// Removes all but the first of equal spans. Attributes are sorted.
pub(super) fn remove(trace: &mut Trace) {
    let mut count = HashMap::with_capacity(trace.spans.len());
    for span in &trace.spans {
        *count.entry(span.id).or_insert(0_u32) += 1;
    }
    if count.values().all(|count| *count == 1) {
        return;
    }
    // Only spans of the same id can be equal; those are few, so that their bytes may be kept.
    let mut seen = HashSet::new();
    let order: Vec<usize> = (0..trace.spans.len())
        .filter(|at| {
            trace.spans.get(*at).is_some_and(|span| {
                count.get(&span.id).is_none_or(|count| *count == 1) || seen.insert(bytes(span))
            })
        })
        .collect();
    if order.len() < trace.spans.len() {
        trace.reorder(&order);
    }
}

/// What the span is, byte by byte. Processes and libraries that are equal are the same object.
fn bytes(span: &Span) -> (Vec<u8>, *const Resource, *const Scope) {
    let mut bytes = Vec::with_capacity(256);
    write::span(&mut bytes, span);
    (bytes, Arc::as_ptr(&span.resource), Arc::as_ptr(&span.scope))
}
