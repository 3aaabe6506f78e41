//! Where values are: in every row, in some, or in lists of a row.
//!
//! Parquet's repetition and definition levels, as Dremel has them: the one says at which list a
//! value goes on, the other how deep it is there.

use std::ops::Range;

use trunkline_otlp::wire::put_varint;

use crate::encoding::{bits, hybrid};

/// Levels of a column whose values stand in lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    /// 0 where a row begins.
    pub(crate) repetition: Vec<u32>,
    pub(crate) definition: Vec<u32>,
    /// Where each row's places end.
    pub(crate) ends: Vec<u32>,
    pub(crate) repetition_max: u32,
    pub(crate) definition_max: u32,
}

/// Where the values of a column are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Places<'a> {
    /// One in each row.
    Every,
    /// One in each of these rows, which are in order.
    Some(&'a [u32]),
    /// In lists.
    Lists(&'a Levels),
}

/// Goes through the places page by page.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    places: Places<'a>,
    /// Of the values.
    at: usize,
    bitmap: Vec<u8>,
}

/// What is in a page.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Which of the values.
    pub(crate) values: Range<usize>,
    /// How many places, empty ones included.
    pub(crate) places: u32,
}

impl<'a> Places<'a> {
    pub(crate) fn cursor(self) -> Cursor<'a> {
        Cursor { places: self, at: 0, bitmap: Vec::new() }
    }

    /// About how many bytes the levels need.
    pub(crate) fn estimate(self, rows: u32) -> usize {
        match self {
            Self::Every => 0,
            // Of few or nearly all: runs.
            Self::Some(with) => {
                let with = with.len().min(rows as usize - with.len().min(rows as usize));
                (with * 2).min(rows as usize / 8)
            }
            Self::Lists(levels) if levels.definition.iter().all(|level| *level == 0) => 0,
            Self::Lists(levels) => levels.definition.len() / 2,
        }
    }
}

impl Cursor<'_> {
    /// Puts the levels of these rows; rows come in order.
    pub(crate) fn put_levels(&mut self, rows: Range<u32>, into: &mut Vec<u8>) -> Part {
        let count = rows.len();
        match self.places {
            Places::Every => {
                let values = rows.start as usize..rows.end as usize;
                Part { values, places: count as u32 }
            }
            Places::Some(with) => {
                let start = self.at;
                let rest = with.get(start..).unwrap_or_default();
                let here = rest.get(..rest.partition_point(|row| *row < rows.end)).unwrap_or(rest);
                self.at += here.len();
                with_length(into, |into| put_presence(into, here, &rows, &mut self.bitmap));
                Part { values: start..self.at, places: count as u32 }
            }
            Places::Lists(levels) => {
                let end_of = |row: u32| {
                    let last = row.checked_sub(1).and_then(|last| levels.ends.get(last as usize));
                    last.copied().unwrap_or(0) as usize
                };
                let places = end_of(rows.start)..end_of(rows.end);
                let repetition = levels.repetition.get(places.clone()).unwrap_or_default();
                let definition = levels.definition.get(places.clone()).unwrap_or_default();
                let width = |most: u32| bits::width(most.into());
                let repetition_width = width(levels.repetition_max);
                with_length(into, |into| hybrid::encode(into, repetition, repetition_width));
                let definition_width = width(levels.definition_max);
                with_length(into, |into| hybrid::encode(into, definition, definition_width));
                let deepest = |level: &&u32| **level == levels.definition_max;
                let start = self.at;
                self.at += definition.iter().filter(deepest).count();
                Part { values: start..self.at, places: places.len() as u32 }
            }
        }
    }
}

/// Levels of one bit, of which `with` are set.
fn put_presence(into: &mut Vec<u8>, with: &[u32], rows: &Range<u32>, bitmap: &mut Vec<u8>) {
    if with.is_empty() || with.len() == rows.len() {
        put_varint(into, (rows.len() as u64) << 1);
        into.push(u8::from(!with.is_empty()));
        return;
    }
    let groups = rows.len().div_ceil(8);
    bitmap.clear();
    bitmap.resize(groups, 0);
    for row in with {
        let row = (row - rows.start) as usize;
        if let Some(byte) = bitmap.get_mut(row / 8) {
            *byte |= 1 << (row % 8);
        }
    }
    put_varint(into, (groups as u64) << 1 | 1);
    into.extend_from_slice(bitmap);
}

/// Puts something with its length before it, as version 1 of data pages has levels.
fn with_length(into: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let at = into.len();
    into.extend_from_slice(&[0; 4]);
    put(into);
    let length = (into.len() - at - 4) as u32;
    if let Some(place) = into.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}
