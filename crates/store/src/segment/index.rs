//! Our index of a segment, between its last row group and the footer: where everything is, so that
//! a reader opens a segment with one read, and what there is to ask for.
//!
//! The trace table is in the file itself: trace ids have sorted dictionaries, which are looked up
//! without being read. A bloom filter says which segments to look in.

mod binary;

use std::sync::Arc;

use crate::encoding::thrift::Encoding;
use crate::source::Level;
use crate::table::Type;

use super::layout::Layout;

/// The format of segments that is written. Newer ones are refused.
pub(crate) const VERSION: u32 = 1;

/// The key of the footer that says where the index is.
pub(crate) const KEY: &str = "trunkline.index";

/// Most operations, and most keys, that the index lists.
pub(crate) const LISTED_MAX: usize = 20_000;

/// Most row groups of a segment: a set of them is a number of 64 bits.
pub(crate) const GROUPS_MAX: usize = 64;

/// What is known of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Index {
    pub(crate) layout: Layout,
    pub(crate) groups: Vec<Group>,
    pub(crate) services: Vec<Service>,
    pub(crate) operations: Vec<OperationCount>,
    /// Whether these are all of them.
    pub(crate) operations_complete: bool,
    pub(crate) keys: Vec<KeyCount>,
    /// Whether these are all of them.
    pub(crate) keys_complete: bool,
    /// The filter of trace ids; not compressed.
    pub(crate) bloom: Place,
}

/// A row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) rows: u32,
    /// Earliest and latest start of a span.
    pub(crate) start: (u64, u64),
    /// The processes and libraries that rows number: a compressed batch without spans.
    pub(crate) sources: Place,
    /// Unpacked.
    pub(crate) sources_bytes: u32,
    /// By column; none of columns that only others read.
    pub(crate) chunks: Vec<Option<Chunk>>,
}

/// Where something lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) length: u32,
    /// CRC-32.
    pub(crate) crc: u32,
}

/// A column of a row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) offset: u64,
    /// Bytes of the dictionary's page, header included; 0: there is none.
    pub(crate) dictionary: u32,
    /// Values of the dictionary.
    pub(crate) distinct: u32,
    /// Values that are there.
    pub(crate) values: u32,
    /// Rows of each page but the last.
    pub(crate) page_rows: u32,
    pub(crate) encoding: Encoding,
    /// Not compressed.
    pub(crate) raw: bool,
    /// Bytes of each page, header included.
    pub(crate) pages: Vec<u32>,
}

/// A service, in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: Arc<str>,
    pub(crate) spans: u64,
    /// Latest start of its spans.
    pub(crate) latest: u64,
}

/// An operation, in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationCount {
    /// Which of the services.
    pub(crate) service: u32,
    pub(crate) name: Arc<str>,
    pub(crate) kind: u8,
    pub(crate) spans: u64,
}

/// A key, in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyCount {
    pub(crate) level: Level,
    pub(crate) key: Arc<str>,
    pub(crate) kind: Type,
    pub(crate) count: u64,
    /// At least so many values are distinct: most of one row group; 0 where nobody counted.
    pub(crate) distinct: u32,
    /// The row groups that have it.
    pub(crate) groups: u64,
}

impl Index {
    /// Spans.
    pub(crate) fn rows(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.rows)).sum()
    }

    /// The row groups in which a key may stand at a level, as bits.
    pub(crate) fn groups_with(&self, level: Level, key: &str) -> u64 {
        if !self.keys_complete {
            return u64::MAX;
        }
        // Sorted by level, then by key.
        let first = self.keys.partition_point(|one| (one.level, &*one.key) < (level, key));
        let same = self.keys.get(first..).unwrap_or_default().iter();
        let same = same.take_while(|one| one.level == level && *one.key == *key);
        same.fold(0, |groups, one| groups | one.groups)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::layout::Dense;
    use super::*;

    fn example() -> Index {
        let place = Place { offset: 1 << 40, length: 7, crc: u32::MAX };
        let chunk = Chunk {
            offset: 99,
            dictionary: 12,
            distinct: 3,
            values: 2_000,
            page_rows: 2_048,
            encoding: Encoding::Dictionary,
            raw: true,
            pages: vec![1, 2, 300_000],
        };
        let dense = Dense { key: "http.route".into(), kind: Type::Text };
        Index {
            layout: Layout { attributes: vec![dense.clone()], resource: vec![dense] },
            groups: vec![Group {
                rows: 4_096,
                start: (0, u64::MAX),
                sources: place,
                sources_bytes: 400,
                chunks: vec![Some(chunk), None],
            }],
            services: vec![Service { name: "web".into(), spans: 4_096, latest: 5 }],
            operations: vec![OperationCount {
                service: 0,
                name: "GET /".into(),
                kind: 2,
                spans: 4_096,
            }],
            operations_complete: true,
            keys: vec![KeyCount {
                level: Level::Event,
                key: "é".into(),
                kind: Type::Map,
                count: 9,
                distinct: 0,
                groups: u64::MAX,
            }],
            keys_complete: false,
            bloom: place,
        }
    }

    #[test]
    fn an_index_comes_back() {
        let index = example();
        assert_eq!(Index::decode(&index.encode()), Ok(index));
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = example().encode();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
            let _ = Index::decode(&bytes);
        }
    }
}
