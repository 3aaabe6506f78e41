//! Reads segments: the index, and pages of columns.
//!
//! Every page is checked against its sum before it is unpacked, and unpacking has a bound. What is
//! damaged is an error of its row group, with the file's name, and nothing else.

mod find;
mod mask;
mod page;
mod pairs;
mod rows;
mod scan;
mod values;

use std::io;
use std::sync::Arc;

use parquet::file::metadata::ParquetMetaDataReader;

use super::index::{Chunk, Group, Index, KEY, Place, VERSION};
use super::{bloom, write};
use crate::disk::File;
use crate::encoding::Damaged;
use crate::source::{Budget, Spent};

pub(crate) use mask::Mask;
pub(crate) use rows::Parts;

/// A page, a list of sources or an index unpacks to at most so many bytes.
const UNPACKED_BYTES_MAX: u32 = 512 << 20;

/// Why a segment, or a part of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The system does not give it.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// Its bytes are not what was written.
    #[error("it is damaged at {offset}")]
    Damaged {
        /// Where that was seen, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        #[source]
        source: Damaged,
    },
    /// It is no Parquet file.
    #[error("its footer cannot be read")]
    Footer(#[source] Box<parquet::errors::ParquetError>),
    /// It is a Parquet file of somebody else.
    #[error("it has no index of ours")]
    Foreign,
    /// A newer Trunkline wrote it.
    #[error("it has format {0}, and this version knows up to {VERSION}")]
    Newer(u32),
    /// The question may cost no more.
    #[error(transparent)]
    Spent(#[from] Spent),
}

/// The file of a segment.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    file: Box<dyn File>,
}

impl SegmentFile {
    /// Of an open file.
    pub(crate) fn new(file: Box<dyn File>) -> Self {
        Self { file }
    }

    /// Where the index is, by the footer.
    pub(crate) fn locate(&self) -> Result<(Place, u32), SegmentError> {
        let footer = |error| SegmentError::Footer(Box::new(error));
        let reader = parquet_reader::Whole::new(&*self.file)?;
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&reader).map_err(footer)?;
        let pairs = metadata.file_metadata().key_value_metadata();
        let ours = pairs.into_iter().flatten().find(|pair| pair.key == KEY);
        let value = ours.and_then(|pair| pair.value.as_deref()).ok_or(SegmentError::Foreign)?;
        parse_location(value)
    }

    /// Reads the index.
    pub(crate) fn index(&self, place: Place, unpacked: u32) -> Result<Arc<Index>, SegmentError> {
        let damaged = |source| SegmentError::Damaged { offset: place.offset, source };
        let packed = self.read(place)?;
        let bytes = unpack(&packed, unpacked).map_err(damaged)?;
        Ok(Arc::new(Index::decode(&bytes).map_err(damaged)?))
    }

    /// Whether it may have a trace; by what the index says of its filter.
    pub(crate) fn may_have(&self, bloom: Place, hash: u64) -> io::Result<bool> {
        let blocks = u64::from(bloom.length) / bloom::BLOCK as u64;
        if blocks == 0 {
            return Ok(true);
        }
        let mut block = [0; bloom::BLOCK];
        let at = bloom.offset + bloom::block_of(hash, blocks) * bloom::BLOCK as u64;
        self.file.read_exact_at(at, &mut block)?;
        Ok(bloom::may_have(&block, hash))
    }

    /// Whether the filter of trace ids is what was written.
    pub(crate) fn check_bloom(&self, bloom: Place) -> Result<(), SegmentError> {
        self.read(bloom).map(drop)
    }

    /// Reads what has a sum of its own.
    fn read(&self, place: Place) -> Result<Vec<u8>, SegmentError> {
        let mut bytes = vec![0; place.length as usize];
        self.read_exact(place.offset, &mut bytes)?;
        if crc32fast::hash(&bytes) != place.crc {
            return Err(damaged(place.offset, Damaged::Checksum));
        }
        Ok(bytes)
    }

    fn read_exact(&self, offset: u64, into: &mut [u8]) -> Result<(), SegmentError> {
        match self.file.read_exact_at(offset, into) {
            // The file is shorter than its index says.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(damaged(offset, Damaged::Cut))
            }
            read => Ok(read?),
        }
    }
}

pub(crate) fn damaged(offset: u64, source: Damaged) -> SegmentError {
    SegmentError::Damaged { offset, source }
}

fn unpack(packed: &[u8], unpacked: u32) -> Result<Vec<u8>, Damaged> {
    if unpacked > UNPACKED_BYTES_MAX {
        return Err(Damaged::Number);
    }
    let bytes = zstd::bulk::decompress(packed, unpacked as usize);
    let bytes = bytes.map_err(|_| Damaged::Compression)?;
    if bytes.len() == unpacked as usize { Ok(bytes) } else { Err(Damaged::Compression) }
}

/// `version offset length crc unpacked`
fn parse_location(value: &str) -> Result<(Place, u32), SegmentError> {
    let mut words = value.split(' ');
    let version: u32 =
        words.next().and_then(|word| word.parse().ok()).ok_or(SegmentError::Foreign)?;
    if version > VERSION {
        return Err(SegmentError::Newer(version));
    }
    let mut number = || words.next()?.parse::<u64>().ok();
    let mut parse = || {
        let offset = number()?;
        let length = number()?.try_into().ok()?;
        let crc = number()?.try_into().ok()?;
        Some((Place { offset, length, crc }, number()?.try_into().ok()?))
    };
    parse().ok_or(SegmentError::Foreign)
}

/// A row group that is being read, at the expense of a budget.
pub(crate) struct GroupReader<'a> {
    file: &'a SegmentFile,
    index: &'a Index,
    group: &'a Group,
    /// Which row group it is.
    number: usize,
    budget: &'a mut Budget,
    zstd: zstd::bulk::Decompressor<'static>,
    buffers: page::Buffers,
}

impl<'a> GroupReader<'a> {
    /// Of a row group; `None` if there is no such one.
    pub(crate) fn new(
        file: &'a SegmentFile,
        index: &'a Index,
        number: usize,
        budget: &'a mut Budget,
    ) -> Result<Option<Self>, SegmentError> {
        let Some(group) = index.groups.get(number) else { return Ok(None) };
        let zstd = zstd::bulk::Decompressor::new()?;
        let buffers = page::Buffers::default();
        Ok(Some(Self { file, index, group, number, budget, zstd, buffers }))
    }

    /// Rows.
    pub(crate) const fn rows(&self) -> u32 {
        self.group.rows
    }

    /// Accounts for what is done with it elsewhere.
    pub(crate) fn spend(&mut self, rows: u64, bytes: u64) -> Result<(), SegmentError> {
        Ok(self.budget.spend(rows, bytes)?)
    }

    /// A column; damage if the index has none there.
    fn chunk(&self, column: usize) -> Result<&'a Chunk, SegmentError> {
        let chunk = self.group.chunks.get(column).and_then(Option::as_ref);
        chunk.ok_or_else(|| damaged(0, Damaged::Number))
    }
}

/// The names of kinds and statuses, back to numbers.
pub(crate) fn number_of(words: &[&str], word: &[u8]) -> u64 {
    words.iter().position(|one| one.as_bytes() == word).unwrap_or_default() as u64
}

pub(crate) use write::{KINDS, STATUSES};

/// What the `parquet` crate wants of a file.
mod parquet_reader {
    use std::io::{self, Read};

    use bytes::Bytes;
    use parquet::errors::Result;
    use parquet::file::reader::{ChunkReader, Length};

    use crate::disk::File;

    /// A whole file.
    pub(super) struct Whole<'a> {
        file: &'a dyn File,
        length: u64,
    }

    impl<'a> Whole<'a> {
        pub(super) fn new(file: &'a dyn File) -> io::Result<Self> {
            Ok(Self { file, length: file.length()? })
        }
    }

    impl Length for Whole<'_> {
        fn len(&self) -> u64 {
            self.length
        }
    }

    impl<'a> ChunkReader for Whole<'a> {
        type T = From<'a>;

        fn get_read(&self, start: u64) -> Result<From<'a>> {
            Ok(From { file: self.file, at: start })
        }

        fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
            // A footer that says nonsense shall not make us reserve it.
            if start.saturating_add(length as u64) > self.length {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let mut bytes = vec![0; length];
            self.file.read_exact_at(start, &mut bytes)?;
            Ok(bytes.into())
        }
    }

    /// From some place on.
    pub(super) struct From<'a> {
        file: &'a dyn File,
        at: u64,
    }

    impl Read for From<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let read = self.file.read_at(self.at, into)?;
            self.at += read as u64;
            Ok(read)
        }
    }
}
