//! What no segment has yet: spans in memory, searchable as soon as they are acknowledged.
//!
//! One thread adds, any number read. A reader looks at the rows that were there when it began, and
//! lets go of the lock every few thousand of them, so that it never delays an acknowledgement for
//! long.

use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;
use trunkline_otlp::wire::Malformed;

use crate::source::{Budget, Hit, Search, Spent};
use crate::table::{Maker, Matcher, Table};

/// Rows that are looked at while the lock is held.
const SLICE: usize = 4_096;

/// A table that grows.
#[derive(Debug, Default)]
pub(crate) struct Head {
    table: RwLock<Table>,
}

impl Head {
    /// An empty one that has this memory.
    pub(crate) fn with(mut table: Table) -> Self {
        table.clear();
        Self { table: RwLock::new(table) }
    }

    /// Its memory, when nobody looks at it any more.
    pub(crate) fn into_table(self) -> Table {
        self.table.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the spans of a batch that was checked; says how many, and how many bytes the head has.
    pub(crate) fn append(&self, batch: &[u8]) -> Result<(usize, usize), Malformed> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let spans = table.append(batch)?;
        Ok((spans, table.bytes()))
    }

    /// Looks at it. Nothing can be added meanwhile.
    pub(crate) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    /// Gives `see` the first rows, a slice at a time.
    pub(crate) fn slices(
        &self,
        rows: usize,
        budget: &mut Budget,
        mut see: impl FnMut(&Table, Range<usize>),
    ) -> Result<(), Spent> {
        for start in (0..rows).step_by(SLICE) {
            let slice = start..rows.min(start + SLICE);
            budget.spend(slice.len() as u64, 0)?;
            see(&self.table(), slice);
        }
        Ok(())
    }

    /// Tells `see` of every span that a search looks for, whatever its page.
    pub(crate) fn search(
        &self,
        search: &Search,
        budget: &mut Budget,
        mut see: impl FnMut(Hit),
    ) -> Result<(), Spent> {
        // In this order: the matcher knows the texts of all these rows.
        let rows = self.len();
        let mut matcher = Matcher::new(&search.filter, &self.table());
        self.slices(rows, budget, |table, slice| {
            let starts = table.rows.start.get(slice.clone()).unwrap_or_default();
            for (row, start) in slice.zip(starts) {
                if !search.start_unix_nanos.contains(start) || !matcher.takes(table, row) {
                    continue;
                }
                let trace = table.rows.trace.get(row).copied().and_then(TraceId::new);
                if let Some(trace) = trace {
                    see(Hit { start_unix_nanos: *start, trace });
                }
            }
        })
    }

    /// Gives `see` the spans of the traces that `wanted` knows by number.
    pub(crate) fn traces(
        &self,
        wanted: impl Fn(TraceId) -> Option<usize>,
        budget: &mut Budget,
        mut see: impl FnMut(usize, Span),
    ) -> Result<(), Spent> {
        self.slices(self.len(), budget, |table, slice| {
            let mut maker = Maker::new(table);
            let traces = table.rows.trace.get(slice.clone()).unwrap_or_default();
            for (row, trace) in slice.zip(traces) {
                let Some(number) = TraceId::new(*trace).and_then(&wanted) else { continue };
                if let Some(span) = maker.span(row) {
                    see(number, span);
                }
            }
        })
    }
}
