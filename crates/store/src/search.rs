//! Answers from everything that has spans: heads and segments.
//!
//! A row group that is damaged costs its own spans alone: the answer has the others, the file is
//! named in the statistics, and a search says that it is partial. A trace of which nothing can be
//! read, because of damage, is an error and not a trace that is not there.

mod catalogs;
mod newest;
mod scan;
mod traces;

use std::sync::Arc;

use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;

use crate::files::Segment;
use crate::head::Head;
use crate::segment::{GroupReader, SegmentError};
use crate::source::{
    Budget, Found, KnownKey, Level, Operation, QueryError, Search, SpanSource, Summary,
};

/// What there was at one moment: everything, and nothing twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// What no segment has yet, oldest first.
    pub(crate) heads: Vec<Arc<Head>>,
    pub(crate) segments: Vec<Arc<Segment>>,
}

impl SpanSource for View {
    fn services(&self, budget: &mut Budget) -> Result<Vec<Arc<str>>, QueryError> {
        catalogs::services(self, budget)
    }

    fn operations(
        &self,
        service: Option<&str>,
        budget: &mut Budget,
    ) -> Result<Vec<Operation>, QueryError> {
        catalogs::operations(self, service, budget)
    }

    fn keys(&self, budget: &mut Budget) -> Result<Vec<KnownKey>, QueryError> {
        catalogs::keys(self, budget)
    }

    fn values(
        &self,
        level: Level,
        key: &str,
        prefix: &str,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, QueryError> {
        let mut least = catalogs::Least::new(prefix, limit);
        catalogs::values(self, level, key, &mut least, budget)?;
        Ok(least.found())
    }

    fn traces(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Vec<Span>>, QueryError> {
        traces::traces(self, ids, budget)
    }

    fn summaries(&self, ids: &[TraceId], budget: &mut Budget) -> Result<Vec<Summary>, QueryError> {
        traces::summaries(self, ids, budget)
    }

    fn search(&self, search: &Search, budget: &mut Budget) -> Result<Found, QueryError> {
        scan::search(self, search, budget)
    }
}

/// Hands out the row groups of a segment; what is damaged is left out. Says whether that was so.
fn each_group(
    segment: &Segment,
    budget: &mut Budget,
    mut see: impl FnMut(&mut GroupReader<'_>) -> Result<(), SegmentError>,
) -> Result<bool, QueryError> {
    let opened = segment.open().and_then(|opened| Ok((opened.index()?, opened)));
    let Some((index, opened)) = or_damaged(segment, opened)? else { return Ok(true) };
    let mut damaged = false;
    for number in 0..index.groups.len() {
        let seen = GroupReader::new(&opened.file, &index, number, budget)
            .and_then(|reader| reader.map_or(Ok(()), |mut reader| see(&mut reader)));
        damaged |= or_damaged(segment, seen)?.is_none();
    }
    Ok(damaged)
}

/// What was read; none if it is damaged. That a question may cost no more is an error.
fn or_damaged<T>(
    segment: &Segment,
    read: Result<T, SegmentError>,
) -> Result<Option<T>, QueryError> {
    match read.map_err(|error| segment.unreadable(error)) {
        Ok(read) => Ok(Some(read)),
        Err(QueryError::Unreadable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
