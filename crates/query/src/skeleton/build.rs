//! From a trace to its skeleton.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline_otlp::Span;

use super::{Cause, EVENTS_MAX, Row, Skeleton, cause};
use crate::family::{Family, place};
use crate::path;
use crate::trace::Trace;

impl Skeleton {
    /// The skeleton of a trace, whose spans are put in the same order as the rows.
    pub fn of(trace: &mut Trace) -> Self {
        trace.sort_by_start();
        let family = Family::of(&trace.spans);
        let order = family.pre_order();
        let mut position = vec![0; order.len()];
        for (at, span) in (0_u32..).zip(&order) {
            if let Some(position) = position.get_mut(place(*span)) {
                *position = at;
            }
        }
        let row_of = |span: u32| position.get(place(span)).copied();
        let parents: Vec<_> =
            order.iter().map(|span| family.parent(*span).and_then(row_of)).collect();
        let orphans = order.iter().filter(|span| family.is_orphan(**span)).count();
        trace.reorder(&order.iter().map(|span| place(*span)).collect::<Vec<_>>());
        let services: BTreeSet<&str> = trace.spans.iter().map(Span::service).collect();
        let services: Vec<Arc<str>> = services.into_iter().map(Arc::from).collect();
        let mut rows: Vec<Row> = Vec::with_capacity(order.len());
        for ((span, warnings), parent) in trace.spans.iter().zip(&trace.warnings).zip(parents) {
            let depth = parent.and_then(|at| rows.get(at as usize)).map_or(0, |row| row.depth + 1);
            rows.push(row(span, parent, depth, warnings.len(), &services));
        }
        sum_up(&mut rows);
        own_time(&mut rows);
        let path = path::find(&mut rows);
        let causes = causes(&rows, &trace.spans);
        Self {
            trace: trace.id,
            start_unix_nanos: rows.iter().map(|row| row.start_unix_nanos).min().unwrap_or(0),
            end_unix_nanos: rows.iter().map(|row| row.end_unix_nanos).max().unwrap_or(0),
            services,
            rows,
            path,
            causes,
            warnings: warnings(orphans),
        }
    }
}

fn row(
    span: &Span,
    parent: Option<u32>,
    depth: u32,
    warnings: usize,
    services: &[Arc<str>],
) -> Row {
    let service = services.binary_search_by(|name| (**name).cmp(span.service())).unwrap_or(0);
    let events = span.events.iter().take(EVENTS_MAX).map(|event| event.time_unix_nanos);
    Row {
        id: span.id,
        parent_id: span.parent,
        parent,
        name: Arc::clone(&span.name),
        service: count(service),
        kind: span.kind,
        status: span.status.code,
        critical: false,
        depth,
        size: 1,
        children: 0,
        failed_below: 0,
        links: count(span.links.len()),
        warnings: count(warnings),
        start_unix_nanos: span.start_unix_nanos,
        end_unix_nanos: span.end_unix_nanos.max(span.start_unix_nanos),
        own_nanos: 0,
        events: events.collect(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Sizes of subtrees, and what failed in them: children are behind their parents.
fn sum_up(rows: &mut [Row]) {
    for index in (0..rows.len()).rev() {
        let Some(row) = rows.get(index) else { continue };
        let (size, failed) = (row.size, row.failed_below + u32::from(row.failed()));
        let Some(parent) = row.parent.and_then(|at| rows.get_mut(at as usize)) else { continue };
        parent.size += size;
        parent.children += 1;
        parent.failed_below += failed;
    }
}

/// The time of each span that no child of it covers.
fn own_time(rows: &mut [Row]) {
    for index in (0_u32..).take(rows.len()) {
        let Some((start, end)) =
            rows.get(index as usize).map(|row| (row.start_unix_nanos, row.end_unix_nanos))
        else {
            continue;
        };
        let mut own = end - start;
        let mut covered_to = start;
        for child in super::children(rows, index) {
            let Some(child) = rows.get(child as usize) else { continue };
            let from = child.start_unix_nanos.max(covered_to);
            let to = child.end_unix_nanos.min(end);
            if to > from {
                own -= to - from;
                covered_to = to;
            }
        }
        if let Some(row) = rows.get_mut(index as usize) {
            row.own_nanos = own;
        }
    }
}

/// The failed spans below which nothing failed.
fn causes(rows: &[Row], spans: &[Span]) -> Vec<Cause> {
    let mut found: Vec<_> =
        rows.iter().zip(spans).filter(|(row, _)| row.failed() && row.failed_below == 0).collect();
    found.sort_by_key(|(row, _)| row.start_unix_nanos);
    found.truncate(cause::CAUSES_MAX);
    found.into_iter().map(|(row, span)| Cause::of(rows, row, span)).collect()
}

fn warnings(orphans: usize) -> Vec<String> {
    match orphans {
        0 => Vec::new(),
        1 => vec!["the parent of one span is not there".to_owned()],
        many => vec![format!("the parents of {many} spans are not there")],
    }
}
