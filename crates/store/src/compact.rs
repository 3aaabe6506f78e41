//! Merging segments: many small ones become a few large ones, and what need not stay goes.
//!
//! Segments of about the same size are merged when there are eight of them, neighbours in time, so
//! that a span is written anew once at high rates and three times at low ones. Row groups stay as
//! they are unless they are small: one row group at a time is in memory. On the way equal spans
//! become one, spans that are older than they are kept go, and so do traces that sampling did not
//! pick; columns are chosen anew.

mod plan;
mod sample;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::files::{Opened, Segment};
use crate::manifest::{Change, Entry};
use crate::segment::{
    Chooser, GROUP_ROWS_MAX, Group, GroupReader, Index, Layout, Mask, Parts, SegmentError,
};
use crate::source::{Budget, Limits};
use crate::store::{MaintainError, NewFile, Rule, Shared};
use crate::table::Table;

pub(crate) use plan::{debt, plan};
use sample::Sampler;

/// Level of zstd for segments that are merged: they stay.
const MERGE_LEVEL: i32 = 3;

/// A row group is written when its rows have so many bytes in memory.
const GROUP_BYTES_MAX: usize = 48 << 20;

/// A segment that is being merged.
struct Source {
    segment: Arc<Segment>,
    opened: Arc<Opened>,
    index: Arc<Index>,
}

/// What became of the spans.
#[derive(Debug, Default)]
struct Outcome {
    removed: BTreeMap<Rule, u64>,
}

impl Shared {
    /// Whether segments wait to be merged.
    pub(crate) fn merge_is_due(&self) -> bool {
        plan(&self.mergeable()).is_some() || self.sampling_is_due()
    }

    fn mergeable(&self) -> Vec<Arc<Segment>> {
        let damaged = self.unmergeable();
        let view = self.view();
        let sound = view.segments.iter().filter(|one| !damaged.contains(&one.entry.number));
        sound.cloned().collect()
    }

    /// Merges some segments, if that is due; says whether it was. `between` is called between row
    /// groups.
    pub(crate) fn merge(
        &self,
        between: &dyn Fn() -> Result<(), MaintainError>,
    ) -> Result<bool, MaintainError> {
        let Some(segments) = plan(&self.mergeable()) else { return self.sample(between) };
        self.rewrite(&segments, false, between)?;
        Ok(true)
    }

    /// Writes the spans of these segments to one that takes their place; those of traces that
    /// sampling picks, if that is wanted.
    pub(crate) fn rewrite(
        &self,
        segments: &[Arc<Segment>],
        sample: bool,
        between: &dyn Fn() -> Result<(), MaintainError>,
    ) -> Result<(), MaintainError> {
        match self.write_merged(segments, sample, between) {
            // It stays as it is: what is sound in it can still be found.
            Err(MaintainError::Unreadable { file, source }) => {
                let damaged =
                    segments.iter().find(|one| one.entry.path().display().to_string() == file);
                match damaged {
                    Some(segment) => self.leave(segment, source),
                    None => return Err(MaintainError::Unreadable { file, source }),
                }
                Ok(())
            }
            done => done,
        }
    }

    fn write_merged(
        &self,
        segments: &[Arc<Segment>],
        sample: bool,
        between: &dyn Fn() -> Result<(), MaintainError>,
    ) -> Result<(), MaintainError> {
        let sources = open(segments)?;
        let level = segments.iter().map(|one| one.entry.level).max().unwrap_or(0);
        let file = NewFile::new(self, level.saturating_add(1));
        let mut outcome = Outcome::default();
        let sampler = match &self.config().sampling {
            Some(sampling) if sample => Sampler::new(self, sampling, &sources)?,
            _ => Sampler::none(),
        };
        let entry = file.write(layout(&sources), MERGE_LEVEL, |writer| {
            let mut table = Table::default();
            for pack in packs(&sources) {
                between()?;
                let _time = self.times().merge.begin();
                table.clear();
                for (source, group) in pack {
                    read(self, source, group, &mut table)?;
                    if table.bytes() > GROUP_BYTES_MAX {
                        self.write_group(writer, &table, &sampler, &mut outcome)?;
                        table.clear();
                    }
                }
                self.write_group(writer, &table, &sampler, &mut outcome)?;
            }
            Ok(())
        })?;
        let mut change = Change {
            remove: segments.iter().map(|one| one.entry.number).collect(),
            removed: outcome.removed,
            ..Change::default()
        };
        if entry.spans > 0 {
            let sampled = sample || segments.iter().all(|one| one.entry.sampled);
            change.add.push(Arc::new(Entry { sampled, ..Arc::unwrap_or_clone(entry) }));
        }
        let keep = !change.add.is_empty();
        if let Err(error) = self.unlist(&change) {
            file.doubt();
            return Err(error);
        }
        if keep {
            file.keep();
        }
        self.forget_doubted();
        Ok(())
    }

    /// Writes what stays of a table.
    fn write_group(
        &self,
        writer: &mut crate::segment::SegmentWriter<&mut crate::disk::Writer>,
        table: &Table,
        sampler: &Sampler,
        outcome: &mut Outcome,
    ) -> Result<(), MaintainError> {
        let mut rows: Vec<u32> = (0..table.len() as u32).collect();
        let mut drop = |rule: Rule, rows: &mut Vec<u32>, keep: &mut dyn FnMut(&mut Vec<u32>)| {
            let before = rows.len();
            keep(rows);
            let gone = (before - rows.len()) as u64;
            if gone > 0 {
                *outcome.removed.entry(rule).or_default() += gone;
            }
        };
        drop(Rule::Duplicate, &mut rows, &mut |rows| table.drop_duplicates(rows));
        drop(Rule::Age, &mut rows, &mut |rows| self.drop_expired(table, rows));
        drop(Rule::Sampling, &mut rows, &mut |rows| sampler.drop(table, rows));
        if rows.is_empty() {
            return Ok(());
        }
        table.sort(&mut rows);
        writer.group(table, &rows)?;
        Ok(())
    }
}

fn open(segments: &[Arc<Segment>]) -> Result<Vec<Source>, MaintainError> {
    let each = |segment: &Arc<Segment>| {
        let opened = segment.open().map_err(|error| unreadable(segment, error))?;
        let index = opened.index().map_err(|error| unreadable(segment, error))?;
        Ok(Source { segment: Arc::clone(segment), opened, index })
    };
    segments.iter().map(each).collect()
}

fn unreadable(segment: &Segment, source: SegmentError) -> MaintainError {
    MaintainError::Unreadable { file: segment.entry.path().display().to_string(), source }
}

/// Columns by what all of them have.
fn layout(sources: &[Source]) -> Layout {
    let mut chooser = Chooser::default();
    for Source { index, .. } in sources {
        chooser.add_rows(index.rows());
        for key in &index.keys {
            chooser.add(key.level, &key.key, key.kind, key.count);
        }
    }
    chooser.choose()
}

/// Row groups in the order of time, those together that make one.
fn packs(sources: &[Source]) -> Vec<Vec<(&Source, usize)>> {
    let groups = |source: &Source| (0..source.index.groups.len()).collect::<Vec<_>>();
    let mut all: Vec<(&Source, usize)> = sources
        .iter()
        .flat_map(|source| groups(source).into_iter().map(move |group| (source, group)))
        .collect();
    all.sort_by_key(|one| group_of(*one).map(|group| group.start));
    let mut packs: Vec<Vec<(&Source, usize)>> = Vec::new();
    let mut rows = u32::MAX;
    for one in all {
        let own = group_of(one).map_or(0, |group| group.rows);
        rows = rows.saturating_add(own);
        match packs.last_mut() {
            Some(pack) if rows <= GROUP_ROWS_MAX => pack.push(one),
            _ => {
                rows = own;
                packs.push(vec![one]);
            }
        }
    }
    packs
}

fn group_of((source, group): (&Source, usize)) -> Option<&Group> {
    source.index.groups.get(group)
}

/// Reads all of a row group.
fn read(
    shared: &Shared,
    source: &Source,
    group: usize,
    into: &mut Table,
) -> Result<(), MaintainError> {
    each(shared, source, group, |reader| reader.read(&Mask::all(reader.rows()), Parts::All, into))
}

fn each(
    shared: &Shared,
    source: &Source,
    group: usize,
    see: impl FnOnce(&mut GroupReader<'_>) -> Result<(), SegmentError>,
) -> Result<(), MaintainError> {
    // It has to be done whatever it costs.
    let unlimited =
        Limits { time: std::time::Duration::from_secs(1 << 30), rows: u64::MAX, bytes: u64::MAX };
    let mut budget = Budget::new(shared.clock(), unlimited);
    let reader = GroupReader::new(&source.opened.file, &source.index, group, &mut budget);
    let seen = reader.and_then(|reader| reader.map_or(Ok(()), |mut reader| see(&mut reader)));
    seen.map_err(|error| unreadable(&source.segment, error))
}
