//! Some of the spans, as one Parquet file of the same columns.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use parquet::errors::ParquetError;

use crate::files::Segment;
use crate::segment::{
    Chooser, GROUP_ROWS_MAX, GROUPS_MAX, GroupReader, Mask, Parts, SegmentError, SegmentWriter,
};
use crate::source::{Budget, Filter, QueryError, Spent};
use crate::store::{Store, add_keys};
use crate::table::{Matcher, Table};

/// Level of zstd: exports are kept, and sent.
const LEVEL: i32 = 3;

/// Why spans were not exported. What was written so far is no Parquet file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It would cost more than it may.
    #[error("the export was ended: {0}")]
    Budget(#[from] Spent),
    /// A segment cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It cannot be written where it is to go.
    #[error("the file cannot be written")]
    Io(#[from] io::Error),
    /// It cannot be encoded.
    #[error("the file cannot be written")]
    Encode(#[from] ParquetError),
    /// One file has room for 8 million spans.
    #[error("more spans match than one file has room for: narrow the time")]
    TooMany,
}

/// A file that takes rows from here and there.
struct Export<'a, W: Write + Send> {
    filter: &'a Filter,
    times: RangeInclusive<u64>,
    writer: SegmentWriter<W>,
    /// Rows that are no row group yet.
    table: Table,
    spans: u64,
}

/// A row group is written when its rows have so many bytes in memory.
const GROUP_BYTES_MAX: usize = 32 << 20;

impl Store {
    /// Writes the spans that began between these times and satisfy the filter, as a Parquet file;
    /// says how many. It blocks.
    ///
    /// # Errors
    /// What was written is not to be used.
    pub fn export(
        &self,
        filter: &Filter,
        start_unix_nanos: RangeInclusive<u64>,
        sink: impl Write + Send,
        budget: &mut Budget,
    ) -> Result<u64, ExportError> {
        let view = self.snapshot();
        let mut layout = Chooser::default();
        for segment in &view.segments {
            add_segment_keys(segment, &mut layout)?;
        }
        for head in &view.heads {
            add_keys(&head.table(), &mut layout);
        }
        let mut export = Export {
            filter,
            times: start_unix_nanos,
            writer: SegmentWriter::new(sink, layout.choose(), LEVEL)?,
            table: Table::default(),
            spans: 0,
        };
        for segment in &view.segments {
            export.segment(segment, budget)?;
        }
        for head in &view.heads {
            budget.spend(head.len() as u64, 0)?;
            export.head(&head.table())?;
        }
        export.write_group()?;
        export.writer.finish()?;
        Ok(export.spans)
    }
}

fn add_segment_keys(segment: &Segment, into: &mut Chooser) -> Result<(), QueryError> {
    let opened = segment.open().and_then(|opened| opened.index());
    let index = opened.map_err(|error| segment.unreadable(error))?;
    into.add_rows(index.rows());
    for key in &index.keys {
        into.add(key.level, &key.key, key.kind, key.count);
    }
    Ok(())
}

impl<W: Write + Send> Export<'_, W> {
    fn segment(&mut self, segment: &Segment, budget: &mut Budget) -> Result<(), ExportError> {
        if segment.entry.start.0 > *self.times.end() || segment.entry.start.1 < *self.times.start()
        {
            return Ok(());
        }
        let unreadable = |error: SegmentError| segment.unreadable(error);
        let opened = segment.open().map_err(unreadable)?;
        let index = opened.index().map_err(unreadable)?;
        for number in 0..index.groups.len() {
            let reader = GroupReader::new(&opened.file, &index, number, budget);
            let Some(mut reader) = reader.map_err(unreadable)? else { continue };
            let rows = reader.matching(self.filter, &self.times).map_err(unreadable)?;
            if rows.is_empty() {
                continue;
            }
            if self.table.len() + rows.count() as usize > GROUP_ROWS_MAX as usize {
                self.write_group()?;
            }
            self.read(&mut reader, &rows).map_err(unreadable)?;
            if self.table.bytes() > GROUP_BYTES_MAX {
                self.write_group()?;
            }
        }
        Ok(())
    }

    fn read(&mut self, reader: &mut GroupReader<'_>, rows: &Mask) -> Result<(), SegmentError> {
        reader.read(rows, Parts::All, &mut self.table)
    }

    fn head(&mut self, table: &Table) -> Result<(), ExportError> {
        let mut matcher = Matcher::new(self.filter, table);
        let starts = table.rows.start.iter().enumerate();
        let mut rows: Vec<u32> = starts
            .filter(|(row, start)| self.times.contains(start) && matcher.takes(table, *row))
            .map(|(row, _)| row as u32)
            .collect();
        for part in rows.chunks_mut(GROUP_ROWS_MAX as usize) {
            self.write_rows(table, part)?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let table = std::mem::take(&mut self.table);
        let mut rows: Vec<u32> = (0..table.len() as u32).collect();
        self.write_rows(&table, &mut rows)
    }

    fn write_rows(&mut self, table: &Table, rows: &mut [u32]) -> Result<(), ExportError> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.writer.groups() >= GROUPS_MAX {
            return Err(ExportError::TooMany);
        }
        table.sort(rows);
        self.writer.group(table, rows)?;
        self.spans += rows.len() as u64;
        Ok(())
    }
}
