//! The values of a column, and how they are written.

use std::ops::Range;

use hashbrown::HashMap;

use super::Input;
use crate::encoding::thrift::Encoding;
use crate::encoding::{bits, delta, hybrid};
use crate::table::{Id, Texts};

/// A dictionary has at most so many bytes; ids may have more.
const DICTIONARY_BYTES_MAX: usize = 128 * 1024;

/// The values of a column, in the order of its places.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    /// Texts or bytes, by number.
    Texts(&'a [Id]),
    /// Ids of so many bytes each, one after the other.
    Ids(&'a [u8], usize),
    Longs(&'a [i64]),
    Ints(&'a [u32]),
    /// Numbers, by their bits.
    Doubles(&'a [u64]),
    Bools(&'a [bool]),
}

impl Values<'_> {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Texts(all) | Self::Ints(all) => all.len(),
            Self::Ids(all, width) => all.len() / *width,
            Self::Longs(all) => all.len(),
            Self::Doubles(all) => all.len(),
            Self::Bools(all) => all.len(),
        }
    }
}

/// The distinct values of a chunk, by number.
#[derive(Debug)]
pub(crate) enum Dictionary<'a> {
    Texts(Vec<Id>, &'a Texts),
    Ids(Vec<&'a [u8]>),
    Longs(Vec<u64>),
    Ints(Vec<u32>),
}

impl Dictionary<'_> {
    pub(crate) const fn len(&self) -> u32 {
        let length = match self {
            Self::Texts(all, _) | Self::Ints(all) => all.len(),
            Self::Ids(all) => all.len(),
            Self::Longs(all) => all.len(),
        };
        length as u32
    }

    /// Puts the values one after the other.
    pub(crate) fn put(&self, into: &mut Vec<u8>) {
        match self {
            Self::Texts(all, texts) => {
                for id in all {
                    put_text(into, texts.get(*id));
                }
            }
            Self::Ids(all) => into.extend(all.iter().copied().flatten()),
            Self::Longs(all) => into.extend(all.iter().flat_map(|number| number.to_le_bytes())),
            Self::Ints(all) => into.extend(all.iter().flat_map(|number| number.to_le_bytes())),
        }
    }
}

/// The values of a chunk as they are written.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    /// Numbers of the dictionary's values.
    Numbers {
        numbers: Vec<u32>,
        width: u32,
    },
    Texts(&'a [Id], &'a Texts),
    Ids(&'a [u8], usize),
    Longs(&'a [i64]),
    Ints(&'a [u32]),
    Doubles(&'a [u64]),
    Bools(&'a [bool]),
}

/// For each text, its number in the dictionary that is made. Kept between columns: it is as long
/// as there are texts.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Vec<u32>);

const NONE: u32 = u32::MAX;

impl<'a> Body<'a> {
    /// Decides how to write these values.
    pub(crate) fn choose(
        input: &Input<'a>,
        numbers: &mut Numbers,
    ) -> (Self, Option<Dictionary<'a>>) {
        let texts = input.texts;
        match input.values {
            // Nothing: no dictionary, and no header of anything.
            values if values.len() == 0 => (Self::Bools(&[]), None),
            Values::Texts(ids) => match numbers.of_texts(ids, texts) {
                Some((numbers, distinct)) => (
                    Self::numbers(numbers, distinct.len()),
                    Some(Dictionary::Texts(distinct, texts)),
                ),
                None => (Self::Texts(ids, texts), None),
            },
            Values::Ids(bytes, width) => match ids(bytes, width, input.style.sorted) {
                Some((numbers, distinct)) => {
                    (Self::numbers(numbers, distinct.len()), Some(Dictionary::Ids(distinct)))
                }
                None => (Self::Ids(bytes, width), None),
            },
            Values::Longs(all) => match few(all.iter().map(|number| number.cast_unsigned())) {
                Some((numbers, distinct)) => {
                    (Self::numbers(numbers, distinct.len()), Some(Dictionary::Longs(distinct)))
                }
                None => (Self::Longs(all), None),
            },
            Values::Doubles(all) => match few(all.iter().copied()) {
                Some((numbers, distinct)) => {
                    (Self::numbers(numbers, distinct.len()), Some(Dictionary::Longs(distinct)))
                }
                None => (Self::Doubles(all), None),
            },
            Values::Ints(all) => match few(all.iter().copied()) {
                Some((numbers, distinct)) => {
                    (Self::numbers(numbers, distinct.len()), Some(Dictionary::Ints(distinct)))
                }
                None => (Self::Ints(all), None),
            },
            Values::Bools(all) => (Self::Bools(all), None),
        }
    }

    fn numbers(numbers: Vec<u32>, distinct: usize) -> Self {
        let width = bits::width(distinct.saturating_sub(1) as u64).max(1);
        Self::Numbers { numbers, width }
    }

    pub(crate) const fn encoding(&self) -> Encoding {
        match self {
            Self::Numbers { .. } => Encoding::Dictionary,
            Self::Longs(_) => Encoding::Delta,
            _ => Encoding::Plain,
        }
    }

    /// About how many bytes all values need.
    pub(crate) fn estimate(&self) -> usize {
        match self {
            Self::Numbers { numbers, width } => {
                let packed = numbers.len() * *width as usize / 8;
                let runs = numbers.array_windows().filter(|[a, b]| a != b).count();
                packed.min(runs * 4)
            }
            Self::Texts(all, texts) => all.iter().map(|id| texts.get(*id).len() + 4).sum(),
            Self::Ids(all, _) => all.len(),
            Self::Longs(all) => all.len() * 4,
            Self::Ints(all) => all.len() * 4,
            Self::Doubles(all) => all.len() * 8,
            Self::Bools(all) => all.len() / 8,
        }
    }

    /// Puts these values.
    pub(crate) fn put(&self, range: Range<usize>, into: &mut Vec<u8>) {
        match self {
            Self::Numbers { numbers, width } => {
                into.push(*width as u8);
                hybrid::encode(into, part(numbers, range), *width);
            }
            Self::Texts(all, texts) => {
                for id in part(all, range) {
                    put_text(into, texts.get(*id));
                }
            }
            Self::Ids(all, width) => {
                into.extend_from_slice(part(all, range.start * width..range.end * width));
            }
            Self::Longs(all) => delta::encode(into, part(all, range)),
            Self::Ints(all) => {
                let numbers = part(all, range).iter();
                numbers.for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
            }
            Self::Doubles(all) => {
                let numbers = part(all, range).iter();
                numbers.for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
            }
            Self::Bools(all) => {
                let numbers: Vec<u32> =
                    part(all, range).iter().map(|yes| u32::from(*yes)).collect();
                bits::pack(into, &numbers, 1);
            }
        }
    }
}

fn part<T>(all: &[T], range: Range<usize>) -> &[T] {
    all.get(range).unwrap_or_default()
}

fn put_text(into: &mut Vec<u8>, text: &[u8]) {
    into.extend_from_slice(&(text.len() as u32).to_le_bytes());
    into.extend_from_slice(text);
}

impl Numbers {
    /// Numbers the distinct texts by first appearance; `None` where that saves nothing.
    fn of_texts(&mut self, ids: &[Id], texts: &Texts) -> Option<(Vec<u32>, Vec<Id>)> {
        self.0.resize(texts.len().max(self.0.len()), NONE);
        let mut distinct = Vec::new();
        let mut numbers = Vec::with_capacity(ids.len());
        let (mut once, mut each) = (0, 0);
        for id in ids {
            let Some(place) = self.0.get_mut(*id as usize) else { continue };
            let bytes = texts.get(*id).len() + 4;
            if *place == NONE {
                *place = distinct.len() as u32;
                distinct.push(*id);
                once += bytes;
                if once > DICTIONARY_BYTES_MAX {
                    break;
                }
            }
            each += bytes;
            numbers.push(*place);
        }
        for id in &distinct {
            if let Some(place) = self.0.get_mut(*id as usize) {
                *place = NONE;
            }
        }
        let width = bits::width(distinct.len() as u64) as usize;
        let saves = once <= DICTIONARY_BYTES_MAX && once + ids.len() * width / 8 <= each;
        saves.then_some((numbers, distinct))
    }
}

/// So many ids tell whether the others are worth being numbered.
const SAMPLE: usize = 4_096;

/// Numbers distinct ids; `None` where that saves nothing and is not demanded.
fn ids(bytes: &[u8], width: usize, sorted: bool) -> Option<(Vec<u32>, Vec<&[u8]>)> {
    let mut known = HashMap::<&[u8], u32>::new();
    let mut distinct = Vec::new();
    let mut numbers = Vec::with_capacity(bytes.len() / width);
    for (nth, id) in bytes.chunks_exact(width).enumerate() {
        if nth == SAMPLE && !sorted && distinct.len() > SAMPLE / 4 * 3 {
            // Ids of spans: each is another.
            return None;
        }
        numbers.push(*known.entry(id).or_insert_with(|| {
            distinct.push(id);
            distinct.len() as u32 - 1
        }));
    }
    if sorted {
        let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
        order.sort_unstable_by_key(|number| distinct.get(*number as usize));
        let mut ranks = vec![0; order.len()];
        for (rank, number) in order.iter().enumerate() {
            if let Some(place) = ranks.get_mut(*number as usize) {
                *place = rank as u32;
            }
        }
        distinct.sort_unstable();
        for one in &mut numbers {
            *one = ranks.get(*one as usize).copied().unwrap_or(0);
        }
        return Some((numbers, distinct));
    }
    let each = bits::width(distinct.len() as u64) as usize;
    let saves = distinct.len() * width + numbers.len() * each / 8 < bytes.len();
    saves.then_some((numbers, distinct))
}

/// Numbers distinct numbers, if they are few.
fn few<T: Copy + Eq + std::hash::Hash>(
    all: impl ExactSizeIterator<Item = T>,
) -> Option<(Vec<u32>, Vec<T>)> {
    let most = (all.len() / 4).clamp(16, DICTIONARY_BYTES_MAX / 8);
    let mut known = HashMap::<T, u32>::new();
    let mut distinct = Vec::new();
    let mut numbers = Vec::with_capacity(all.len());
    let mut last: Option<(T, u32)> = None;
    for number in all {
        if let Some((_, same)) = last.filter(|(last, _)| *last == number) {
            numbers.push(same);
            continue;
        }
        let at = *known.entry(number).or_insert_with(|| {
            distinct.push(number);
            distinct.len() as u32 - 1
        });
        if distinct.len() > most {
            return None;
        }
        last = Some((number, at));
        numbers.push(at);
    }
    Some((numbers, distinct))
}
