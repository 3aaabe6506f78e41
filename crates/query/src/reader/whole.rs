//! Whole traces: who may have some in memory, and how many an answer has.

use tokio::sync::OwnedSemaphorePermit;
use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;
use trunkline_store::source::{Budget, Found, QueryError, SpanSource};

use super::Config;
use crate::adjust;
use crate::search;
use crate::trace::Trace;

/// A place for whole traces, of which there are as many as questions about them are answered at a time.
#[derive(Debug)]
#[must_use = "it is kept as long as the traces are"]
pub struct Room {
    pub(super) _place: OwnedSemaphorePermit,
}

/// Traces that are read together.
const CHUNK: usize = 8;

/// Leaves the hits that an answer has; the others are for the next page.
pub(super) fn keep_first(found: &mut Found, seen: usize) {
    if seen < found.hits.len() {
        found.hits.truncate(seen);
        found.partial = true;
        found.more = true;
    }
}

/// Reads traces until an answer has as many spans as it may have, or cost what it may; says of how
/// many ids those are.
pub(super) fn load(
    source: &dyn SpanSource,
    ids: &[TraceId],
    raw: bool,
    config: &Config,
    budget: &mut Budget,
) -> Result<(Vec<Trace>, usize), QueryError> {
    let mut traces = Vec::new();
    let (mut spans, mut seen) = (0, 0);
    for ids in ids.chunks(CHUNK) {
        let Some(read) = search::unless_spent(source.traces(ids, budget))? else { break };
        for of_one in read {
            spans += of_one.len();
            if spans > config.answer_spans_max && !traces.is_empty() {
                return Ok((traces, seen));
            }
            traces.extend(assembled(of_one, raw, &config.adjust));
            seen += 1;
        }
    }
    Ok((traces, seen))
}

pub(super) fn assembled(spans: Vec<Span>, raw: bool, config: &adjust::Config) -> Option<Trace> {
    if raw { Trace::stored(spans) } else { Trace::adjusted(spans, config) }
}
