//! Searches for traces with a span that satisfies a predicate, page by page.
//!
//! What the store's filter says exactly, the store answers. For all else it finds more, and the
//! spans are looked at again; pages then follow the order of what the store found, so that they
//! still neither repeat nor skip.

use std::ops::RangeInclusive;

use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;
use trunkline_store::source::{
    Budget, Filter, Found, Hit, QueryError, Search, SpanSource, Spent, Summary,
};

use crate::edges::{Counter, Edge};
use crate::expression::{Comparison, Constant, Field, Operand, Predicate, Reference, lower};

/// Traces whose spans are looked at together.
const CHUNK: usize = 16;
/// Traces of a page of the store, when spans are looked at again.
const CANDIDATES: usize = 128;
/// Traces that are summed up together: few enough for a part of them to be an answer.
const SUMMARIES: usize = 256;
/// Traces that a predicate may name by their ids.
const IDS_MAX: usize = 1_000;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What one and the same span satisfies. It was checked.
    pub predicate: Predicate,
    /// When that span began, nanoseconds since the Unix epoch.
    pub start_unix_nanos: RangeInclusive<u64>,
    /// At most so many traces.
    pub limit: usize,
    /// Only what comes after the last hit of the page before.
    pub after: Option<Hit>,
}

impl Query {
    /// Whether a trace has a span that is looked for.
    pub fn takes(&self, spans: &[Span]) -> bool {
        spans.iter().any(|span| self.takes_span(span))
    }

    /// Whether a span is looked for.
    pub fn takes_span(&self, span: &Span) -> bool {
        self.start_unix_nanos.contains(&span.start_unix_nanos) && self.predicate.takes(span)
    }
}

/// Finds traces, newest first. Where the budget ends, what was found is a partial answer.
///
/// # Errors
/// Whoever asked is gone, or a file cannot be read.
pub fn find(
    source: &dyn SpanSource,
    query: &Query,
    budget: &mut Budget,
) -> Result<Found, QueryError> {
    if let Some(ids) = named(&query.predicate) {
        return find_among(source, query, ids, budget);
    }
    let lowered = lower(&query.predicate);
    if lowered.exact {
        return source.search(&search(query, lowered.filter, query.limit, query.after), budget);
    }
    let mut found = Found::default();
    let mut after = query.after;
    loop {
        let candidates = search(query, lowered.filter.clone(), CANDIDATES, after);
        let page = source.search(&candidates, budget)?;
        for hits in page.hits.chunks(CHUNK) {
            let ids: Vec<TraceId> = hits.iter().map(|hit| hit.trace).collect();
            let Some(traces) = ended(source.traces(&ids, budget), &mut found)? else {
                return Ok(found);
            };
            for (hit, spans) in hits.iter().zip(&traces) {
                if !query.takes(spans) {
                    continue;
                }
                if found.hits.len() >= query.limit {
                    found.more = true;
                    return Ok(found);
                }
                found.hits.push(*hit);
            }
        }
        found.partial |= page.partial;
        after = page.hits.last().copied();
        if !page.more || after.is_none() {
            return Ok(found);
        }
    }
}

fn search(query: &Query, filter: Filter, limit: usize, after: Option<Hit>) -> Search {
    Search { filter, start_unix_nanos: query.start_unix_nanos.clone(), limit, after }
}

/// The answer; `None` when it cost too much, which makes what was found a partial one.
fn ended<T>(answer: Result<T, QueryError>, found: &mut Found) -> Result<Option<T>, QueryError> {
    let answer = unless_spent(answer)?;
    found.partial |= answer.is_none();
    Ok(answer)
}

/// The answer; `None` when it cost too much, which is no failure where a part is an answer as well.
///
/// # Errors
/// Whoever asked is gone, or a file cannot be read.
pub fn unless_spent<T>(answer: Result<T, QueryError>) -> Result<Option<T>, QueryError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(QueryError::Budget(spent)) if spent != Spent::Cancelled => Ok(None),
        Err(error) => Err(error),
    }
}

/// The traces that a predicate names: it takes spans of no others.
fn named(predicate: &Predicate) -> Option<Vec<TraceId>> {
    let field = |reference: &Reference| *reference == Reference::Field(Field::TraceId);
    let ids = |list: &[Constant]| -> Vec<TraceId> {
        let id = |constant: &Constant| match constant {
            Constant::Untyped(text) | Constant::Text(text) => text.parse().ok(),
            _ => None,
        };
        list.iter().filter_map(id).take(IDS_MAX).collect()
    };
    match predicate {
        Predicate::Compare(Operand::Reference(of), Comparison::Equal, Operand::Constant(id))
        | Predicate::Compare(Operand::Constant(id), Comparison::Equal, Operand::Reference(of))
            if field(of) =>
        {
            Some(ids(std::slice::from_ref(id)))
        }
        Predicate::In(of, list) if field(of) => Some(ids(list)),
        Predicate::All(parts) => parts.iter().find_map(named),
        Predicate::Any(parts) if !parts.is_empty() => {
            let each: Option<Vec<_>> = parts.iter().map(named).collect();
            each.map(|ids| ids.concat()).filter(|ids| ids.len() <= IDS_MAX)
        }
        _ => None,
    }
}

/// Finds among these traces.
fn find_among(
    source: &dyn SpanSource,
    query: &Query,
    mut ids: Vec<TraceId>,
    budget: &mut Budget,
) -> Result<Found, QueryError> {
    ids.sort_unstable();
    ids.dedup();
    let mut found = Found::default();
    for ids in ids.chunks(CHUNK) {
        let Some(traces) = ended(source.traces(ids, budget), &mut found)? else { break };
        for (id, spans) in ids.iter().zip(&traces) {
            let newest = spans.iter().filter(|span| query.takes_span(span));
            let hit = newest
                .map(|span| Hit { start_unix_nanos: span.start_unix_nanos, trace: *id })
                .max();
            found.hits.extend(hit.filter(|hit| query.after.is_none_or(|after| *hit < after)));
        }
    }
    found.hits.sort_unstable_by(|a, b| b.cmp(a));
    found.more = found.hits.len() > query.limit;
    found.hits.truncate(query.limit);
    Ok(found)
}

/// The summaries of what a search found, and of how many hits: when they cost too much, of the first
/// ones.
///
/// # Errors
/// Whoever asked is gone, or a file cannot be read.
pub fn summaries(
    source: &dyn SpanSource,
    hits: &[Hit],
    budget: &mut Budget,
) -> Result<(Vec<Summary>, usize), QueryError> {
    let (mut all, mut seen) = (Vec::new(), 0);
    for hits in hits.chunks(SUMMARIES) {
        let ids: Vec<TraceId> = hits.iter().map(|hit| hit.trace).collect();
        let Some(summaries) = unless_spent(source.summaries(&ids, budget))? else { break };
        all.extend(summaries);
        seen += hits.len();
    }
    Ok((all, seen))
}

/// Whether there is a span that began before this time: then spans are kept for longer.
///
/// # Errors
/// Whoever asked is gone, or a file cannot be read.
pub fn has_before(
    source: &dyn SpanSource,
    unix_nanos: u64,
    budget: &mut Budget,
) -> Result<bool, QueryError> {
    let search = Search {
        filter: Filter::default(),
        start_unix_nanos: 0..=unix_nanos.saturating_sub(1),
        limit: 1,
        after: None,
    };
    let found = unless_spent(source.search(&search, budget))?;
    Ok(found.is_some_and(|found| !found.hits.is_empty()))
}

/// Who calls whom, from the newest traces of a time; whether all were seen.
///
/// # Errors
/// Whoever asked is gone, or a file cannot be read.
pub fn edges(
    source: &dyn SpanSource,
    start_unix_nanos: RangeInclusive<u64>,
    traces_max: usize,
    budget: &mut Budget,
) -> Result<(Vec<Edge>, bool), QueryError> {
    let mut counter = Counter::default();
    let mut seen = Found::default();
    let mut after = None;
    let mut count = 0;
    while count < traces_max && !seen.partial {
        let search = Search {
            filter: Filter::default(),
            start_unix_nanos: start_unix_nanos.clone(),
            limit: CANDIDATES.min(traces_max - count),
            after,
        };
        let Some(page) = ended(source.search(&search, budget), &mut seen)? else { break };
        for hits in page.hits.chunks(CHUNK) {
            let ids: Vec<TraceId> = hits.iter().map(|hit| hit.trace).collect();
            let Some(traces) = ended(source.traces(&ids, budget), &mut seen)? else { break };
            for spans in &traces {
                counter.add(spans, &start_unix_nanos);
            }
            count += hits.len();
        }
        seen.partial |= page.partial;
        after = page.hits.last().copied();
        if !page.more || after.is_none() {
            return Ok((counter.edges(), !seen.partial));
        }
    }
    Ok((counter.edges(), false))
}
