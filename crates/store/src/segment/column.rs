//! One column of a row group, written: pages, their places and what they hold.
//!
//! Whether distinct values are written once and numbered is decided for the whole chunk, from all
//! of its values: a chunk has one encoding. All pages of a chunk have the same number of rows, a
//! power of two, chosen so that a page is neither tiny nor large.

mod body;
mod levels;
mod statistics;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::schema::types::ColumnDescPtr;

use super::index::Chunk;
use crate::encoding::thrift::{Content, Encoding, Header};
use crate::table::Texts;

pub(crate) use body::Values;
use body::{Body, Dictionary};
pub(crate) use levels::{Levels, Places};
use statistics::Statistics;

/// Rows of a page, where it makes a good one.
pub(crate) const PAGE_ROWS: u32 = 2_048;
/// Fewest rows of a page: of huge values.
const PAGE_ROWS_MIN: u32 = 64;
/// Most rows of a row group, and so of a page.
pub(crate) const GROUP_ROWS_MAX: u32 = 131_072;

/// A page that would be smaller gets more rows.
const PAGE_BYTES_MIN: usize = 512;
/// A page that would be larger gets fewer.
const PAGE_BYTES_MAX: usize = 128 * 1024;

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Style {
    /// Not compressed: ids, which are random.
    pub(crate) raw: bool,
    /// Always with a dictionary, and that sorted: the trace ids, which are looked up in it.
    pub(crate) sorted: bool,
    /// With the least and greatest value of each page, for readers that skip pages.
    pub(crate) indexed: bool,
}

/// Writes columns one after the other; keeps what it can use again.
pub(crate) struct ColumnWriter {
    zstd: zstd::bulk::Compressor<'static>,
    numbers: body::Numbers,
    page: Vec<u8>,
    packed: Vec<u8>,
}

/// A column that is written but for its place in the file.
pub(crate) struct Column {
    /// Its pages.
    pub(crate) bytes: Bytes,
    /// What the footer says of it.
    pub(crate) close: ColumnCloseResult,
    /// What our index says of it, but for its place.
    pub(crate) chunk: Chunk,
    /// The distinct ids of a sorted column, one after the other.
    pub(crate) ids: Vec<u8>,
}

/// What is written of one column.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) descriptor: &'a ColumnDescPtr,
    /// Of the row group.
    pub(crate) rows: u32,
    pub(crate) places: Places<'a>,
    pub(crate) values: Values<'a>,
    pub(crate) texts: &'a Texts,
    pub(crate) style: Style,
    /// Rows of a page; without, a good number is chosen. Columns of one list have the same.
    pub(crate) page_rows: Option<u32>,
}

impl ColumnWriter {
    /// Compresses by this level of zstd.
    pub(crate) fn new(level: i32) -> std::io::Result<Self> {
        let (numbers, page, packed) = Default::default();
        Ok(Self { zstd: zstd::bulk::Compressor::new(level)?, numbers, page, packed })
    }

    /// Writes a column.
    pub(crate) fn write(
        &mut self,
        input: Input<'_>,
    ) -> Result<Column, parquet::errors::ParquetError> {
        let (body, dictionary) = Body::choose(&input, &mut self.numbers);
        let mut out = Out::default();
        let mut statistics = Statistics::new(&input, dictionary.as_ref());
        let mut ids = Vec::new();
        if let Some(dictionary) = &dictionary {
            self.page.clear();
            dictionary.put(&mut self.page);
            if input.style.sorted {
                ids.clone_from(&self.page);
            }
            let count = dictionary.len();
            let content = Content::Dictionary { count, sorted: input.style.sorted };
            self.put_page(content, input.style.raw, &mut out)?;
            out.dictionary = out.bytes.len() as u32;
        }
        let page_rows = input.page_rows.unwrap_or_else(|| page_rows(&input, &body));
        let mut offsets = OffsetIndexBuilder::new();
        let mut start = 0;
        let mut cursor = input.places.cursor();
        while start < input.rows {
            let end = input.rows.min(start + page_rows);
            self.page.clear();
            let part = cursor.put_levels(start..end, &mut self.page);
            body.put(part.values.clone(), &mut self.page);
            statistics.page(&input, part.values, part.places);
            let before = out.bytes.len();
            let content = Content::Values { count: part.places, encoding: body.encoding() };
            self.put_page(content, input.style.raw, &mut out)?;
            let length = (out.bytes.len() - before) as u32;
            out.pages.push(length);
            offsets.append_offset_and_size(before as i64, length.cast_signed());
            offsets.append_row_count(i64::from(end - start));
            out.places += part.places;
            start = end;
        }
        let values = input.values.len() as u32;
        let chunk = Chunk {
            offset: 0,
            dictionary: out.dictionary,
            distinct: dictionary.as_ref().map_or(0, Dictionary::len),
            values,
            page_rows,
            encoding: body.encoding(),
            raw: input.style.raw,
            pages: out.pages.clone(),
        };
        let close = ColumnCloseResult {
            bytes_written: out.bytes.len() as u64,
            rows_written: u64::from(input.rows),
            metadata: metadata(&input, &out, &body, &statistics)?,
            bloom_filter: None,
            column_index: statistics.index()?,
            offset_index: Some(offsets.build()),
        };
        Ok(Column { bytes: out.bytes.into(), close, chunk, ids })
    }

    /// Puts a page of what is in `self.page`.
    fn put_page(&mut self, content: Content, raw: bool, out: &mut Out) -> std::io::Result<()> {
        let packed = if raw {
            &self.page
        } else {
            self.packed.clear();
            self.packed.reserve(zstd::zstd_safe::compress_bound(self.page.len()));
            self.zstd.compress_to_buffer(&self.page, &mut self.packed)?;
            &self.packed
        };
        let header = Header {
            content,
            unpacked: self.page.len() as u32,
            packed: packed.len() as u32,
            crc: crc32fast::hash(packed),
        };
        let before = out.bytes.len();
        header.put(&mut out.bytes);
        out.unpacked += out.bytes.len() - before + self.page.len();
        out.bytes.extend_from_slice(packed);
        Ok(())
    }
}

/// What was written so far.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    dictionary: u32,
    pages: Vec<u32>,
    /// Bytes before compression, headers included.
    unpacked: usize,
    /// Values, empty ones included.
    places: u32,
}

fn metadata(
    input: &Input<'_>,
    out: &Out,
    body: &Body<'_>,
    statistics: &Statistics,
) -> Result<ColumnChunkMetaData, parquet::errors::ParquetError> {
    use parquet::basic::{CompressionCodec, Encoding as Named};
    let mut encodings = vec![Named::RLE];
    encodings.push(match body.encoding() {
        Encoding::Plain | Encoding::Runs => Named::PLAIN,
        Encoding::Delta => Named::DELTA_BINARY_PACKED,
        Encoding::Dictionary => Named::RLE_DICTIONARY,
    });
    if out.dictionary > 0 {
        encodings.push(Named::PLAIN);
    }
    let codec =
        if input.style.raw { CompressionCodec::UNCOMPRESSED } else { CompressionCodec::ZSTD };
    let builder = ColumnChunkMetaData::builder(input.descriptor.clone())
        .set_compression_codec(codec)
        .set_encodings(encodings)
        .set_num_values(out.places.into())
        .set_total_compressed_size(out.bytes.len() as i64)
        .set_total_uncompressed_size(out.unpacked as i64)
        .set_data_page_offset(out.dictionary.into())
        .set_dictionary_page_offset((out.dictionary > 0).then_some(0))
        .set_statistics(statistics.of_chunk());
    builder.build()
}

/// How many rows a page of this column should have.
fn page_rows(input: &Input<'_>, body: &Body<'_>) -> u32 {
    let bytes = body.estimate() + input.places.estimate(input.rows);
    let of = |rows: u32| (bytes as u64 * u64::from(rows) / u64::from(input.rows.max(1))) as usize;
    let mut rows = PAGE_ROWS;
    while rows < GROUP_ROWS_MAX && of(rows) < PAGE_BYTES_MIN {
        rows *= 2;
    }
    while rows > PAGE_ROWS_MIN && of(rows) > PAGE_BYTES_MAX {
        rows /= 2;
    }
    rows
}
