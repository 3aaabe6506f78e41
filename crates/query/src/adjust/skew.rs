//! Clocks of hosts differ: a callee that seems to begin before its caller, or to end after it, is
//! moved into the caller's time, with everything below it that the same host did.
//!
//! The time that a call needed on the wire is taken to be the same on the way there and back. Only
//! spans whose caller waits for them are moved: a message is taken whenever it is. A host is known
//! by `host.id`, `host.ip` or `host.name` of the process, else by the instance, else by the service.

use std::time::Duration;

use trunkline_otlp::{Attributes, Kind, Resource, Span, Value, span::get};

use crate::family::{Family, place};
use crate::trace::Trace;

/// By how much the clock of a span's host is behind that of the root's.
#[derive(Clone, Copy, Default)]
struct Skew {
    nanos: i64,
}

/// Moves what does not fit, by at most `max`. Spans are in order of start.
pub(super) fn correct(trace: &mut Trace, max: Duration) {
    let family = Family::of(&trace.spans);
    let mut skews = vec![Skew::default(); trace.spans.len()];
    for index in family.pre_order() {
        let at = place(index);
        let Some(parent) = family.parent(index).map(place) else { continue };
        let (Some(span), Some(caller)) = (trace.spans.get(at), trace.spans.get(parent)) else {
            continue;
        };
        let skew = if same_host(&span.resource, &caller.resource) {
            skews.get(parent).copied().unwrap_or_default()
        } else if is_waited_for(span, caller) {
            Skew { nanos: misfit(span, caller) }
        } else {
            Skew::default()
        };
        if let Some(slot) = skews.get_mut(at) {
            *slot = skew;
        }
        apply(trace, at, skew, max);
    }
}

fn same_host(a: &std::sync::Arc<Resource>, b: &std::sync::Arc<Resource>) -> bool {
    std::sync::Arc::ptr_eq(a, b) || host(a) == host(b)
}

/// What tells hosts apart: the key that is known, and its value.
fn host(resource: &Resource) -> (u8, &str) {
    let named = |rank: u8, key: &str| text(&resource.attributes, key).map(|text| (rank, text));
    named(0, "host.id")
        .or_else(|| named(1, "host.ip"))
        .or_else(|| named(2, "host.name"))
        .or_else(|| named(3, "service.instance.id"))
        .unwrap_or_else(|| (4, resource.service()))
}

fn text<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a str> {
    match get(attributes, key)? {
        Value::Text(text) if !text.is_empty() => Some(text),
        Value::Array(values) => match values.first()? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        },
        _ => None,
    }
}

const fn is_waited_for(span: &Span, caller: &Span) -> bool {
    !matches!(span.kind, Kind::Consumer | Kind::Producer)
        && !matches!(caller.kind, Kind::Producer | Kind::Consumer)
}

/// By how much a span must be moved to fit into its caller.
fn misfit(span: &Span, caller: &Span) -> i64 {
    let (start, duration) = (span.start_unix_nanos, span.duration_nanos());
    let (from, whole) = (caller.start_unix_nanos, caller.duration_nanos());
    if duration > whole {
        // It outlives its caller, which may have given up: it did not begin before it at least.
        return if start < from { difference(from, start) } else { 0 };
    }
    if start >= from && start.saturating_add(duration) <= from.saturating_add(whole) {
        return 0;
    }
    difference(from.saturating_add((whole - duration) / 2), start)
}

fn difference(to: u64, from: u64) -> i64 {
    i64::try_from(i128::from(to) - i128::from(from)).unwrap_or(0)
}

fn apply(trace: &mut Trace, at: usize, skew: Skew, max: Duration) {
    if skew.nanos == 0 {
        return;
    }
    let by = Duration::from_nanos(skew.nanos.unsigned_abs());
    let way = if skew.nanos > 0 { "behind" } else { "ahead of" };
    if by > max {
        let told = format!(
            "its clock seems to be {by:?} {way} its caller's, which is too much to correct"
        );
        return trace.warn(at, told);
    }
    if let Some(span) = trace.spans.get_mut(at) {
        let moved = |nanos: u64| nanos.saturating_add_signed(skew.nanos);
        span.start_unix_nanos = moved(span.start_unix_nanos);
        span.end_unix_nanos = moved(span.end_unix_nanos);
        for event in &mut span.events {
            event.time_unix_nanos = moved(event.time_unix_nanos);
        }
    }
    trace.warn(at, format!("its clock is {by:?} {way} its caller's: its times were corrected"));
}
