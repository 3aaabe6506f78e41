//! One page of a column: read, checked, unpacked, and its values handed out as numbers.

use std::ops::Range;

use super::{GroupReader, SegmentError, damaged};
use crate::encoding::thrift::{Content, Encoding, Header};
use crate::encoding::{Damaged, array, bits, delta, hybrid, take};
use crate::segment::index::Chunk;
use crate::segment::layout::{Physical, Shape};

use super::UNPACKED_BYTES_MAX;

/// Most places of a page: runs of levels cost nothing in the file, but do in memory.
const PLACES_MAX: u32 = 1 << 26;

/// A value as it stands in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'a> {
    Bytes(&'a [u8]),
    Bits(u64),
}

/// A column, and the numbers that its distinct values were given.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    chunk: &'a Chunk,
    shape: Shape,
    dictionary: Option<Vec<u64>>,
}

/// The levels and values of a page.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    /// Of each place; nothing for columns without lists.
    pub(crate) repetition: Vec<u32>,
    /// Of each place; nothing for columns that have a value in each row.
    pub(crate) definition: Vec<u32>,
    /// Of the places that have one.
    pub(crate) values: Vec<u64>,
}

/// What is used again from page to page.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    packed: Vec<u8>,
    unpacked: Vec<u8>,
    numbers: Vec<u32>,
    longs: Vec<i64>,
}

impl<'a> Column<'a> {
    /// The column of a chunk.
    pub(crate) const fn new(chunk: &'a Chunk, shape: Shape) -> Self {
        Self { chunk, shape, dictionary: None }
    }

    /// The column of a chunk whose distinct values have these numbers.
    pub(crate) const fn numbered(chunk: &'a Chunk, shape: Shape, numbers: Vec<u64>) -> Self {
        Self { chunk, shape, dictionary: Some(numbers) }
    }

    /// Whether there is no value at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.chunk.values == 0
    }

    /// The pages, with their rows.
    pub(crate) fn pages(&self, rows: u32) -> impl Iterator<Item = (usize, Range<u32>)> + use<> {
        let page_rows = self.chunk.page_rows.max(1);
        let pages = self.chunk.pages.len();
        (0..pages).map_while(move |page| {
            let start = u32::try_from(page).ok()?.checked_mul(page_rows)?;
            (start < rows).then(|| (page, start..rows.min(start.saturating_add(page_rows))))
        })
    }

    /// Reads the distinct values, if they are written apart, and gives each a number. Says whether
    /// they are.
    pub(crate) fn read_dictionary(
        &mut self,
        reader: &mut GroupReader<'_>,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
    ) -> Result<bool, SegmentError> {
        if self.dictionary.is_none() && self.chunk.encoding == Encoding::Dictionary {
            let mut numbers = Vec::with_capacity((self.chunk.distinct as usize).min(1 << 20));
            let physical = self.shape.physical;
            reader.dictionary(self.chunk, |mut bytes, count| {
                plain(physical, &mut bytes, count, &mut |raw| numbers.push(number(raw)))
            })?;
            self.dictionary = Some(numbers);
        }
        Ok(self.dictionary.is_some())
    }

    /// Whether single values can be found: they are written as numbers of distinct ones, which were
    /// given none yet, and are in no list.
    pub(crate) fn can_pick(&self) -> bool {
        self.dictionary.is_none()
            && self.chunk.encoding == Encoding::Dictionary
            && self.shape.repetition_max == 0
            && self.shape.definition_max <= 1
    }

    /// Hands out, of some rows of a page, which are in order, their values' places in the
    /// dictionary. What is between them is passed over.
    pub(crate) fn pick(
        &self,
        reader: &mut GroupReader<'_>,
        (page, rows): (usize, Range<u32>),
        wanted: &[u32],
        see: &mut dyn FnMut(u32, Option<u64>),
    ) -> Result<(), SegmentError> {
        let is_optional = self.shape.definition_max > 0;
        reader.page(self.chunk, page, |mut bytes, count, encoding, _| {
            if count as usize != rows.len() || encoding != Encoding::Dictionary {
                return Err(Damaged::Number);
            }
            let offsets: Vec<u32> = wanted.iter().map(|row| row - rows.start).collect();
            // Where the values of those rows that have one stand among all values.
            let (mut with_value, mut places) = (Vec::new(), Vec::new());
            if is_optional {
                let length = u32::from_le_bytes(array(&mut bytes)?);
                let levels = take(&mut bytes, length as usize)?;
                hybrid::ranks(levels, count as usize, &offsets, |has_value, before| {
                    with_value.push(has_value);
                    places.extend(has_value.then_some(before));
                })?;
            } else {
                with_value.resize(offsets.len(), true);
                places = offsets;
            }
            let mut picked = Vec::with_capacity(places.len());
            if let Some(last) = places.last() {
                let [width] = array(&mut bytes)?;
                let values = *last as usize + 1;
                hybrid::pick(bytes, width.into(), values, &places, |at| picked.push(at.into()))?;
            }
            let mut picked = picked.into_iter();
            for (row, has_value) in wanted.iter().zip(with_value) {
                see(*row, if has_value { picked.next() } else { None });
            }
            Ok(())
        })
    }

    /// Gives numbers to the distinct values at these places, which are in order; others get none.
    pub(crate) fn number_some(
        &self,
        reader: &mut GroupReader<'_>,
        places: &[u64],
        number: &mut dyn FnMut(Raw<'_>) -> u64,
    ) -> Result<Vec<u64>, SegmentError> {
        let mut numbers = Vec::with_capacity(places.len());
        let (mut wanted, mut place) = (places.iter().peekable(), 0);
        let physical = self.shape.physical;
        reader.dictionary(self.chunk, |mut bytes, count| {
            plain(physical, &mut bytes, count, &mut |raw| {
                if wanted.next_if_eq(&&place).is_some() {
                    numbers.push(number(raw));
                }
                place += 1;
            })
        })?;
        Ok(numbers)
    }

    /// The numbers of the distinct values, if they were read.
    pub(crate) fn dictionary(&self) -> Option<&[u64]> {
        self.dictionary.as_deref()
    }

    /// Reads a page. Each value, or each distinct one, is given a number.
    pub(crate) fn read(
        &mut self,
        reader: &mut GroupReader<'_>,
        (page, rows): (usize, Range<u32>),
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        into: &mut Codes,
    ) -> Result<(), SegmentError> {
        self.read_dictionary(reader, number)?;
        into.repetition.clear();
        into.definition.clear();
        into.values.clear();
        let (shape, dictionary) = (self.shape, self.dictionary.as_deref());
        reader.page(self.chunk, page, |mut bytes, count, encoding, buffers| {
            let count = count as usize;
            let rest = &mut bytes;
            levels(rest, shape.repetition_max, count, &mut into.repetition)?;
            levels(rest, shape.definition_max, count, &mut into.definition)?;
            // The sum is of what follows the header alone; this is of the header.
            let begun = if shape.repetition_max == 0 {
                count
            } else {
                into.repetition.iter().filter(|level| **level == 0).count()
            };
            if begun != rows.len() {
                return Err(Damaged::Number);
            }
            let deepest = |level: &&u32| **level == shape.definition_max;
            let values = if shape.definition_max == 0 {
                count
            } else {
                into.definition.iter().filter(deepest).count()
            };
            let values = Values { count: values, encoding, physical: shape.physical };
            values.read(rest, dictionary, buffers, &mut |raw| number(raw), &mut into.values)
        })
    }
}

struct Values {
    count: usize,
    encoding: Encoding,
    physical: Physical,
}

impl Values {
    fn read(
        &self,
        rest: &mut &[u8],
        dictionary: Option<&[u64]>,
        buffers: &mut Buffers,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        into: &mut Vec<u64>,
    ) -> Result<(), Damaged> {
        // A column without values has no dictionary, whatever it is.
        if self.count == 0 {
            return Ok(());
        }
        match (self.encoding, dictionary) {
            (Encoding::Dictionary, Some(dictionary)) => {
                let [width] = array(rest)?;
                buffers.numbers.clear();
                hybrid::decode(rest, width.into(), self.count, &mut buffers.numbers)?;
                into.reserve(self.count);
                for number in &buffers.numbers {
                    into.push(*dictionary.get(*number as usize).ok_or(Damaged::Number)?);
                }
                Ok(())
            }
            (Encoding::Delta, _) if self.physical == Physical::Long => {
                buffers.longs.clear();
                delta::decode(rest, self.count, &mut buffers.longs)?;
                let longs = buffers.longs.iter();
                into.extend(longs.map(|long| number(Raw::Bits(long.cast_unsigned()))));
                Ok(())
            }
            (Encoding::Plain, _) => {
                plain(self.physical, rest, self.count, &mut |raw| into.push(number(raw)))
            }
            _ => Err(Damaged::Number),
        }
    }
}

/// Values one after the other.
fn plain(
    physical: Physical,
    rest: &mut &[u8],
    count: usize,
    see: &mut dyn FnMut(Raw<'_>),
) -> Result<(), Damaged> {
    match physical {
        Physical::Text => {
            for _ in 0..count {
                let length = u32::from_le_bytes(array(rest)?);
                see(Raw::Bytes(take(rest, length as usize)?));
            }
        }
        Physical::Id(width) => {
            for _ in 0..count {
                see(Raw::Bytes(take(rest, width)?));
            }
        }
        Physical::Int => {
            for _ in 0..count {
                see(Raw::Bits(u32::from_le_bytes(array(rest)?).into()));
            }
        }
        Physical::Long | Physical::Double => {
            for _ in 0..count {
                see(Raw::Bits(u64::from_le_bytes(array(rest)?)));
            }
        }
        Physical::Bool => bits::unpack_long(rest, 1, count, |bit| see(Raw::Bits(bit)))?,
    }
    Ok(())
}

/// Levels with their length before them; none where there is only one.
fn levels(rest: &mut &[u8], most: u32, count: usize, into: &mut Vec<u32>) -> Result<(), Damaged> {
    if most == 0 {
        return Ok(());
    }
    let length = u32::from_le_bytes(array(rest)?);
    hybrid::decode(take(rest, length as usize)?, bits::width(most.into()), count, into)
}

impl GroupReader<'_> {
    /// Hands out the distinct values of a column, and how many they are.
    pub(super) fn dictionary<T>(
        &mut self,
        chunk: &Chunk,
        see: impl FnOnce(&[u8], usize) -> Result<T, Damaged>,
    ) -> Result<T, SegmentError> {
        self.unpack(chunk.offset, chunk.dictionary, chunk.raw, |content, bytes, _| match content {
            Content::Dictionary { count, .. } if count == chunk.distinct => {
                see(bytes, count as usize)
            }
            _ => Err(Damaged::Number),
        })
    }

    /// Hands out a page: its bytes, its places, how values are written.
    fn page<T>(
        &mut self,
        chunk: &Chunk,
        page: usize,
        see: impl FnOnce(&[u8], u32, Encoding, &mut Buffers) -> Result<T, Damaged>,
    ) -> Result<T, SegmentError> {
        let (offset, length) = place(chunk, page).ok_or_else(|| damaged(0, Damaged::Number))?;
        self.unpack(offset, length, chunk.raw, |content, bytes, buffers| match content {
            Content::Values { count, encoding }
                if count <= PLACES_MAX && encoding == chunk.encoding =>
            {
                see(bytes, count, encoding, buffers)
            }
            _ => Err(Damaged::Number),
        })
    }

    fn unpack<T>(
        &mut self,
        offset: u64,
        length: u32,
        raw: bool,
        see: impl FnOnce(Content, &[u8], &mut Buffers) -> Result<T, Damaged>,
    ) -> Result<T, SegmentError> {
        let mut buffers = std::mem::take(&mut self.buffers);
        let result = self.unpack_into(offset, length, raw, &mut buffers);
        let result = result.and_then(|(content, body)| {
            // Taken out, so that the rest can be used meanwhile.
            let unpacked = std::mem::take(&mut buffers.unpacked);
            let packed = std::mem::take(&mut buffers.packed);
            let bytes = if raw { packed.get(body..).unwrap_or_default() } else { &unpacked };
            let result = see(content, bytes, &mut buffers);
            (buffers.unpacked, buffers.packed) = (unpacked, packed);
            result.map_err(|source| damaged(offset, source))
        });
        self.buffers = buffers;
        result
    }

    /// Reads a page; says what it is and where its body begins.
    fn unpack_into(
        &mut self,
        offset: u64,
        length: u32,
        raw: bool,
        buffers: &mut Buffers,
    ) -> Result<(Content, usize), SegmentError> {
        if length > UNPACKED_BYTES_MAX {
            return Err(damaged(offset, Damaged::Number));
        }
        buffers.packed.clear();
        buffers.packed.resize(length as usize, 0);
        self.file.read_exact(offset, &mut buffers.packed)?;
        let (header, body) = checked(&buffers.packed).map_err(|source| damaged(offset, source))?;
        self.budget.spend(0, u64::from(length) + u64::from(header.unpacked))?;
        if !raw {
            let body = buffers.packed.get(body..).unwrap_or_default();
            buffers.unpacked.clear();
            buffers.unpacked.reserve(header.unpacked as usize);
            let unpacked = self.zstd.decompress_to_buffer(body, &mut buffers.unpacked);
            if unpacked.ok() != Some(header.unpacked as usize) {
                return Err(damaged(offset, Damaged::Compression));
            }
        }
        Ok((header.content, body))
    }
}

/// The header of a page whose sum is right, and where its body begins.
fn checked(bytes: &[u8]) -> Result<(Header, usize), Damaged> {
    let mut rest = bytes;
    let header = Header::read(&mut rest)?;
    if header.packed as usize != rest.len() || header.unpacked > UNPACKED_BYTES_MAX {
        return Err(Damaged::Number);
    }
    if crc32fast::hash(rest) != header.crc {
        return Err(Damaged::Checksum);
    }
    Ok((header, bytes.len() - rest.len()))
}

/// Where a page is, and its length.
fn place(chunk: &Chunk, page: usize) -> Option<(u64, u32)> {
    let before = chunk.pages.get(..page)?.iter().map(|length| u64::from(*length)).sum::<u64>();
    let start = chunk.offset.checked_add(u64::from(chunk.dictionary))?;
    Some((start.checked_add(before)?, *chunk.pages.get(page)?))
}

impl GroupReader<'_> {
    /// Reads everything in the group that we ever read; the damages.
    pub(crate) fn check(&mut self) -> Vec<SegmentError> {
        let mut found = Vec::new();
        found.extend(self.sources(&mut crate::table::Table::default()).err());
        for (number, chunk) in self.group.chunks.iter().enumerate() {
            let (Some(chunk), Some(shape)) = (chunk, self.index.layout.shape(number)) else {
                continue;
            };
            let mut column = Column::new(chunk, shape);
            let mut codes = Codes::default();
            if let Err(error) = column.read_dictionary(self, &mut |_| 0) {
                // Nor can any page be read.
                found.push(error);
                continue;
            }
            let pages = column.pages(self.rows());
            found.extend(
                pages.filter_map(|page| column.read(self, page, &mut |_| 0, &mut codes).err()),
            );
        }
        found
    }
}
