//! Searches: the newest first, so that old segments are not read when there is enough.

use std::collections::BinaryHeap;
use std::sync::Arc;

use trunkline_model::trace::TraceId;

use super::newest::Newest;
use super::{View, or_damaged};
use crate::files::{Opened, Segment};
use crate::segment::{GroupReader, Index, SegmentError};
use crate::source::{Budget, Found, Hit, QueryError, Search};

/// Finds the traces of a page.
pub(super) fn search(
    view: &View,
    search: &Search,
    budget: &mut Budget,
) -> Result<Found, QueryError> {
    let mut scan = Scan { view, search, budget, damaged: false };
    let mut newest = Newest::new(search.limit, search.after);
    match scan.run(&mut newest) {
        Ok(()) => Ok(newest.found(scan.damaged)),
        Err(QueryError::Budget(_)) => Ok(newest.found(true)),
        Err(error) => Err(error),
    }
}

struct Scan<'a> {
    view: &'a View,
    search: &'a Search,
    budget: &'a mut Budget,
    damaged: bool,
}

/// A segment, or a row group of one, by its latest span.
struct Piece {
    latest: u64,
    /// Makes the order total.
    segment: usize,
    group: Option<(Arc<Opened>, Arc<Index>, usize)>,
}

impl Piece {
    fn order(&self) -> (u64, usize, Option<usize>) {
        (self.latest, self.segment, self.group.as_ref().map(|(_, _, group)| *group))
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Piece {}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl Scan<'_> {
    fn run(&mut self, newest: &mut Newest) -> Result<(), QueryError> {
        if let Some(after) = self.search.after {
            // First whatever is on the pages before: a trace is shown with its newest span only.
            let mut room = true;
            let mut show = |hit| room &= newest.show(hit);
            for head in &self.view.heads {
                head.search(self.search, self.budget, &mut show)?;
            }
            self.segments(&mut |latest| latest < after.start_unix_nanos, &mut show)?;
            // Pages as deep as that are not exact: better none than wrong ones.
            if !room {
                self.damaged = true;
                return Ok(());
            }
        }
        for head in &self.view.heads {
            head.search(self.search, self.budget, |hit| newest.offer(hit))?;
        }
        // What ends before the last hit of a full page cannot be on it.
        let newest = std::cell::RefCell::new(newest);
        self.segments(
            &mut |latest| newest.borrow().bound().is_some_and(|hit| latest < hit.start_unix_nanos),
            &mut |hit| newest.borrow_mut().offer(hit),
        )
    }

    /// Tells `see` of the matching spans in segments, by the latest span of row groups, until
    /// `enough` says that what is left is too old.
    fn segments(
        &mut self,
        enough: &mut dyn FnMut(u64) -> bool,
        see: &mut dyn FnMut(Hit),
    ) -> Result<(), QueryError> {
        let view = self.view;
        let wanted = |start: (u64, u64)| {
            start.0 <= *self.search.start_unix_nanos.end()
                && start.1 >= *self.search.start_unix_nanos.start()
        };
        let segments = view.segments.iter().enumerate();
        let mut pieces: BinaryHeap<Piece> = segments
            .filter(|(_, segment)| wanted(segment.entry.start))
            .map(|(nth, one)| Piece { latest: one.entry.start.1, segment: nth, group: None })
            .collect();
        while let Some(piece) = pieces.pop() {
            if enough(piece.latest) {
                return Ok(());
            }
            let Some(segment) = view.segments.get(piece.segment) else { continue };
            if let Some((opened, index, group)) = piece.group {
                self.group(segment, (&opened, &index, group), see)?;
                continue;
            }
            let opened = segment.open().and_then(|opened| Ok((opened.index()?, opened)));
            let Some((index, opened)) = or_damaged(segment, opened)? else {
                self.damaged = true;
                continue;
            };
            let groups = index.groups.iter().enumerate();
            pieces.extend(groups.filter(|(_, group)| wanted(group.start)).map(|(nth, group)| {
                let group_of = (Arc::clone(&opened), Arc::clone(&index), nth);
                Piece { latest: group.start.1, segment: piece.segment, group: Some(group_of) }
            }));
        }
        Ok(())
    }

    fn group(
        &mut self,
        segment: &Segment,
        (opened, index, group): (&Opened, &Index, usize),
        see: &mut dyn FnMut(Hit),
    ) -> Result<(), QueryError> {
        let mut look = || -> Result<(), SegmentError> {
            let Some(mut reader) = GroupReader::new(&opened.file, index, group, self.budget)?
            else {
                return Ok(());
            };
            let search = self.search;
            let rows = reader.matching(&search.filter, &search.start_unix_nanos)?;
            if rows.is_empty() {
                return Ok(());
            }
            for (trace, start_unix_nanos) in reader.ids_and_starts(&rows)? {
                if let Some(trace) = TraceId::new(trace) {
                    see(Hit { start_unix_nanos, trace });
                }
            }
            Ok(())
        };
        let looked = look();
        self.damaged |= or_damaged(segment, looked)?.is_none();
        Ok(())
    }
}
