//! Least and greatest values, for readers that skip what cannot match.

use std::ops::Range;

use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics as Written;

use super::body::Dictionary;
use super::{Input, Values};

/// Longer texts have no place in statistics.
const TEXT_BYTES_MAX: usize = 256;

/// What is known of a chunk, and of its pages where that is wanted.
pub(crate) struct Statistics {
    chunk: Written,
    pages: Option<ColumnIndexBuilder>,
}

impl Statistics {
    pub(crate) fn new(input: &Input<'_>, dictionary: Option<&Dictionary<'_>>) -> Self {
        let places = match input.places {
            super::Places::Lists(levels) => levels.definition.len(),
            _ => input.rows as usize,
        };
        let nulls = Some(places.saturating_sub(input.values.len()) as u64);
        let chunk = match input.values {
            Values::Longs(all) => {
                let (least, most) = (all.iter().min().copied(), all.iter().max().copied());
                Written::int64(least, most, None, nulls, false)
            }
            Values::Ints(all) => {
                let least = all.iter().min().map(|number| number.cast_signed());
                let most = all.iter().max().map(|number| number.cast_signed());
                Written::int32(least, most, None, nulls, false)
            }
            Values::Texts(_) => {
                let ends = dictionary.and_then(|dictionary| match dictionary {
                    Dictionary::Texts(ids, texts) => ends(ids.iter().map(|id| texts.get(*id))),
                    _ => None,
                });
                let (least, most) = ends.unzip();
                let array = |text: &[u8]| ByteArray::from(text.to_vec());
                Written::byte_array(least.map(array), most.map(array), None, nulls, false)
            }
            Values::Ids(..) => {
                Written::fixed_len_byte_array(None::<FixedLenByteArray>, None, None, nulls, false)
            }
            Values::Doubles(_) => Written::double(None, None, None, nulls, false),
            Values::Bools(_) => Written::boolean(None, None, None, nulls, false),
        };
        let kind = input.descriptor.physical_type();
        let pages = input.style.indexed.then(|| ColumnIndexBuilder::new(kind));
        Self { chunk, pages }
    }

    /// Learns of a page.
    pub(crate) fn page(&mut self, input: &Input<'_>, values: Range<usize>, places: u32) {
        let Some(pages) = &mut self.pages else { return };
        let nulls = i64::from(places) - values.len() as i64;
        if values.is_empty() {
            pages.append(true, Vec::new(), Vec::new(), nulls, None);
            return;
        }
        let ends = match input.values {
            Values::Longs(all) => {
                let all = all.get(values).unwrap_or_default();
                all.iter().min().zip(all.iter().max()).map(|(least, most)| {
                    (least.to_le_bytes().to_vec(), most.to_le_bytes().to_vec())
                })
            }
            Values::Texts(all) => {
                let mut ids = all.get(values).unwrap_or_default().to_vec();
                // In sorted columns equal texts are neighbours.
                ids.dedup();
                let texts = ids.iter().map(|id| input.texts.get(*id));
                ends(texts).map(|(least, most)| (least.to_vec(), most.to_vec()))
            }
            _ => None,
        };
        match ends {
            Some((least, most)) => pages.append(false, least, most, nulls, None),
            None => pages.to_invalid(),
        }
    }

    pub(crate) fn of_chunk(&self) -> Written {
        self.chunk.clone()
    }

    /// What the page index says.
    pub(crate) fn index(self) -> Result<Option<ColumnIndexMetaData>, ParquetError> {
        self.pages.filter(ColumnIndexBuilder::valid).map(ColumnIndexBuilder::build).transpose()
    }
}

/// The first and the last in the order of bytes, if they are short.
fn ends<'a>(texts: impl Iterator<Item = &'a [u8]> + Clone) -> Option<(&'a [u8], &'a [u8])> {
    let (least, most) = texts.clone().min().zip(texts.max())?;
    let short = least.len() <= TEXT_BYTES_MAX && most.len() <= TEXT_BYTES_MAX;
    short.then_some((least, most))
}
