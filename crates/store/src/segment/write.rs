//! Writes segments: row groups from tables, then the index, then the footer.
//!
//! A row group holds spans that began in one stretch of time, sorted by service, name and start.
//! So a search for what is newest reads the last groups alone, a service's spans lie together, and
//! spans of one trace are mostly in one group, whose dictionary has its id once.

mod attributes;
mod catalog;
mod fields;
mod lists;
mod sources;

use std::io::Write;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use super::bloom;
use super::column::{Column, ColumnWriter, Input, Places, Style, Values};
use super::index::{GROUPS_MAX, Group, Index, KEY, Place, VERSION};
use super::layout::{Fixed, Layout};
use crate::table::{Table, Texts, Type};
use catalog::Catalog;

/// Words of columns that are texts for readers and numbers for us.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) texts: Texts,
    pub(crate) kinds: [u32; 6],
    pub(crate) statuses: [u32; 3],
    pub(crate) types: [u32; 8],
}

/// What [`Fixed::Kind`] holds, by number.
pub(crate) const KINDS: [&str; 6] =
    ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// What [`Fixed::Status`] holds, by number.
pub(crate) const STATUSES: [&str; 3] = ["unset", "ok", "error"];

impl Default for Words {
    fn default() -> Self {
        let mut texts = Texts::default();
        let kinds = KINDS.map(|word| texts.add(word.as_bytes()));
        let statuses = STATUSES.map(|word| texts.add(word.as_bytes()));
        let types = Type::ALL.map(|one| texts.add(one.name().as_bytes()));
        Self { texts, kinds, statuses, types }
    }
}

/// A segment that is being written.
pub(crate) struct SegmentWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    layout: Layout,
    schema: SchemaDescriptor,
    columns: ColumnWriter,
    words: Words,
    groups: Vec<Group>,
    catalog: Catalog,
    /// Of all trace ids, once for each group.
    traces: Vec<u64>,
    level: i32,
}

/// A segment that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) index: Index,
    /// Where the encoded index is.
    pub(crate) place: Place,
    /// What it has unpacked.
    pub(crate) index_bytes: u32,
    /// Of the file.
    pub(crate) bytes: u64,
}

impl<W: Write + Send> SegmentWriter<W> {
    /// Begins a file of these columns, compressed by this level of zstd.
    pub(crate) fn new(sink: W, layout: Layout, level: i32) -> Result<Self, ParquetError> {
        let schema = layout.schema()?;
        let sorted = [Fixed::Service, Fixed::Name, Fixed::Start].map(|column| SortingColumn {
            column_idx: column as i32,
            descending: false,
            nulls_first: true,
        });
        let properties = WriterProperties::builder()
            .set_created_by(concat!("trunkline ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_sorting_columns(Some(sorted.to_vec()));
        let descriptor = SchemaDescriptor::new(Arc::clone(&schema));
        Ok(Self {
            file: SerializedFileWriter::new(sink, schema, Arc::new(properties.build()))?,
            layout,
            schema: descriptor,
            columns: ColumnWriter::new(level)?,
            words: Words::default(),
            groups: Vec::new(),
            catalog: Catalog::default(),
            traces: Vec::new(),
            level,
        })
    }

    /// Row groups so far.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Writes these rows of a table, in this order, as a row group.
    pub(crate) fn group(&mut self, table: &Table, order: &[u32]) -> Result<(), ParquetError> {
        if self.groups.len() >= GROUPS_MAX {
            return Err(ParquetError::General("a segment has no more row groups".to_owned()));
        }
        let sources = sources::gather(table, order, &self.layout);
        let attributes = attributes::gather(table, order, &self.layout);
        let bit = self.groups.len() as u32;
        self.catalog.learn(table, order, &attributes.counts, bit);
        let mut out = GroupOut {
            rows: order.len() as u32,
            offset: self.file.bytes_written() as u64,
            chunks: Vec::with_capacity(self.layout.columns()),
            schema: &self.schema,
            columns: &mut self.columns,
            file: self.file.next_row_group()?,
            traces: &mut self.traces,
        };
        fields::write(&mut out, table, order, &sources, &self.words)?;
        attributes.write(&mut out, table, &self.words)?;
        sources.write(&mut out, table, &self.words)?;
        lists::write_events(&mut out, table, order, &self.words)?;
        lists::write_links(&mut out, table, order, &self.words)?;
        let chunks = out.finish()?;
        for (dense, chunk) in
            self.layout.attributes.iter().zip(chunks.iter().skip(Layout::dense(0)))
        {
            self.catalog.distinct(dense, chunk.as_ref().map_or(0, |chunk| chunk.distinct));
        }
        let starts = order.iter().filter_map(|row| table.rows.start.get(*row as usize)).copied();
        let start = (starts.clone().min().unwrap_or(0), starts.max().unwrap_or(0));
        let sources_bytes = sources.message.len() as u32;
        let packed = zstd::bulk::compress(&sources.message, self.level)?;
        let sources = self.put(&packed)?;
        let rows = order.len() as u32;
        self.groups.push(Group { rows, start, sources, sources_bytes, chunks });
        Ok(())
    }

    /// Writes index and footer.
    pub(crate) fn finish(mut self) -> Result<Written, ParquetError> {
        // A trace that is in several groups is counted for each: the filter is a little larger.
        let bloom = bloom::build(&self.traces);
        let bloom = self.put(&bloom)?;
        let catalog = std::mem::take(&mut self.catalog).finish();
        let index = Index {
            layout: std::mem::take(&mut self.layout),
            groups: std::mem::take(&mut self.groups),
            bloom,
            ..catalog
        };
        let encoded = index.encode();
        let packed = zstd::bulk::compress(&encoded, self.level)?;
        let place = self.put(&packed)?;
        let value =
            format!("{VERSION} {} {} {} {}", place.offset, place.length, place.crc, encoded.len());
        self.file.append_key_value_metadata(KeyValue::new(KEY.to_owned(), value));
        self.file.finish()?;
        let bytes = self.file.bytes_written() as u64;
        let index_bytes = encoded.len() as u32;
        Ok(Written { index, place, index_bytes, bytes })
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<Place> {
        let offset = self.file.bytes_written() as u64;
        self.file.write_all(bytes)?;
        Ok(Place { offset, length: bytes.len() as u32, crc: crc32fast::hash(bytes) })
    }
}

/// A row group that is being written.
struct GroupOut<'a, W: Write + Send> {
    rows: u32,
    /// Of the next column.
    offset: u64,
    chunks: Vec<Option<super::index::Chunk>>,
    schema: &'a SchemaDescriptor,
    columns: &'a mut ColumnWriter,
    file: parquet::file::writer::SerializedRowGroupWriter<'a, W>,
    traces: &'a mut Vec<u64>,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Us and others.
    All,
    /// Others: it is not in our index.
    Others,
}

/// A column that is to be written next.
#[derive(Clone, Copy)]
struct Next<'a> {
    places: Places<'a>,
    values: Values<'a>,
    texts: &'a Texts,
    style: Style,
    page_rows: Option<u32>,
    purpose: For,
}

impl<'a> Next<'a> {
    fn every(values: Values<'a>, texts: &'a Texts) -> Self {
        let style = Style::default();
        Self { places: Places::Every, values, texts, style, page_rows: None, purpose: For::All }
    }
}

impl<W: Write + Send> GroupOut<'_, W> {
    fn finish(self) -> Result<Vec<Option<super::index::Chunk>>, ParquetError> {
        self.file.close()?;
        Ok(self.chunks)
    }

    /// Writes the next column of the layout.
    fn put(&mut self, next: Next<'_>) -> Result<(), ParquetError> {
        let column = self.chunks.len();
        let descriptor = self.schema.column(column);
        let input = Input {
            descriptor: &descriptor,
            rows: self.rows,
            places: next.places,
            values: next.values,
            texts: next.texts,
            style: next.style,
            page_rows: next.page_rows,
        };
        let Column { bytes, close, mut chunk, ids } = self.columns.write(input)?;
        self.traces.extend(ids.as_chunks().0.iter().map(bloom::hash));
        self.file.append_column(&bytes, close)?;
        chunk.offset = self.offset;
        self.offset += bytes.len() as u64;
        self.chunks.push((next.purpose == For::All).then_some(chunk));
        Ok(())
    }
}
