//! Traces by id, whole or in brief.

use hashbrown::HashMap;
use trunkline_model::trace::TraceId;
use trunkline_otlp::Span;

use super::{View, each_group, or_damaged};
use crate::files::Segment;
use crate::segment::{GroupReader, Mask, Parts, SegmentError, trace_hash};
use crate::source::{Budget, QueryError, Summary, arrange};
use crate::table::{Maker, Table};

/// About how many bytes a span has in memory besides its attributes.
const SPAN_BYTES: u64 = 512;

/// The spans of each of these traces.
pub(super) fn traces(
    view: &View,
    ids: &[TraceId],
    budget: &mut Budget,
) -> Result<Vec<Vec<Span>>, QueryError> {
    let found = Wanted::new(ids).collect(view, Parts::All, budget)?;
    Ok(found.in_order(ids))
}

/// A summary of each of these traces that is there.
pub(super) fn summaries(
    view: &View,
    ids: &[TraceId],
    budget: &mut Budget,
) -> Result<Vec<Summary>, QueryError> {
    let wanted = Wanted::new(ids);
    let mut found = wanted.collect(view, Parts::Summary, budget)?;
    // Spans that are equal in what was read may differ in what was not, and count twice then.
    let twice = |spans: &Vec<Span>| {
        spans.array_windows().any(|[a, b]| a.id == b.id && a.start_unix_nanos == b.start_unix_nanos)
    };
    let doubtful: Vec<TraceId> = (found.spans.iter().filter(|spans| twice(spans)))
        .filter_map(|spans| Some(spans.first()?.trace))
        .collect();
    if !doubtful.is_empty() {
        let again = Wanted::new(&doubtful).collect(view, Parts::All, budget)?;
        for (id, spans) in doubtful.iter().zip(again.in_order(&doubtful)) {
            if let Some(place) = found.of(*id) {
                *place = spans;
            }
        }
    }
    Ok(ids.iter().filter_map(|id| Summary::of(found.of(*id)?)).collect())
}

/// The traces that are wanted, each once.
struct Wanted {
    numbers: HashMap<TraceId, usize>,
    ids: Vec<TraceId>,
    hashes: Vec<u64>,
}

/// Their spans.
struct Collected {
    numbers: HashMap<TraceId, usize>,
    spans: Vec<Vec<Span>>,
}

impl Wanted {
    fn new(ids: &[TraceId]) -> Self {
        let mut numbers = HashMap::new();
        let mut unique = Vec::new();
        for id in ids {
            numbers.entry(*id).or_insert_with(|| {
                unique.push(*id);
                unique.len() - 1
            });
        }
        let hashes = unique.iter().map(|id| trace_hash(id.bytes())).collect();
        Self { numbers, ids: unique, hashes }
    }

    fn collect(
        self,
        view: &View,
        parts: Parts,
        budget: &mut Budget,
    ) -> Result<Collected, QueryError> {
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); self.ids.len()];
        let mut see = |number: usize, span: Span| {
            if let Some(spans) = spans.get_mut(number) {
                spans.push(span);
            }
        };
        for head in &view.heads {
            head.traces(|id| self.numbers.get(&id).copied(), budget, &mut see)?;
        }
        let mut damaged = None;
        for segment in &view.segments {
            if self.in_segment(segment, parts, budget, &mut see)? {
                damaged = Some(segment);
            }
        }
        // Nothing was found of some trace where something could not be read.
        if let Some(segment) = damaged.filter(|_| spans.iter().any(Vec::is_empty)) {
            let file = segment.entry.path().display().to_string();
            return Err(QueryError::Unreadable { file, source: "a part of it is damaged".into() });
        }
        if parts == Parts::Summary {
            for spans in &mut spans {
                spans.sort_by_key(|span| (span.start_unix_nanos, span.id));
            }
        } else {
            spans.iter_mut().for_each(arrange);
        }
        Ok(Collected { numbers: self.numbers, spans })
    }

    /// Says whether something could not be read.
    fn in_segment(
        &self,
        segment: &Segment,
        parts: Parts,
        budget: &mut Budget,
        see: &mut impl FnMut(usize, Span),
    ) -> Result<bool, QueryError> {
        budget.spend(1, 0)?;
        let Some(opened) = or_damaged(segment, segment.open())? else { return Ok(true) };
        let bloom = segment.entry.bloom;
        let mut here = Vec::new();
        for (id, hash) in self.ids.iter().zip(&self.hashes) {
            let may = opened.file.may_have(bloom, *hash).map_err(SegmentError::from);
            // A filter that cannot be read says nothing.
            if or_damaged(segment, may)?.unwrap_or(true) {
                here.push(*id);
            }
        }
        if here.is_empty() {
            return Ok(false);
        }
        each_group(segment, budget, |reader| {
            for (number, span) in self.in_group(reader, &here, parts)? {
                see(number, span);
            }
            Ok(())
        })
    }

    fn in_group(
        &self,
        reader: &mut GroupReader<'_>,
        here: &[TraceId],
        parts: Parts,
    ) -> Result<Vec<(usize, Span)>, SegmentError> {
        let mut rows = Mask::none(reader.rows());
        reader.find(here, |row, _| rows.set(row))?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut table = Table::default();
        reader.read(&rows, parts, &mut table)?;
        reader.spend(table.len() as u64, table.bytes() as u64 + SPAN_BYTES * table.len() as u64)?;
        let mut maker = Maker::new(&table);
        let spans = (0..table.len()).filter_map(|row| maker.span(row));
        Ok(spans.filter_map(|span| Some((*self.numbers.get(&span.trace)?, span))).collect())
    }
}

impl Collected {
    fn of(&mut self, id: TraceId) -> Option<&mut Vec<Span>> {
        self.spans.get_mut(*self.numbers.get(&id)?)
    }

    fn in_order(mut self, ids: &[TraceId]) -> Vec<Vec<Span>> {
        let unique = ids.len() == self.spans.len();
        let mut of = |id: &TraceId| {
            let spans = self.of(*id)?;
            Some(if unique { std::mem::take(spans) } else { spans.clone() })
        };
        ids.iter().map(|id| of(id).unwrap_or_default()).collect()
    }
}
