//! The rows of traces, by id.
//!
//! The ids of a row group are a sorted dictionary: what is wanted is looked up there, and rows are
//! compared by number.

use trunkline_model::trace::TraceId;

use super::page::{Codes, Column, Raw};
use super::{GroupReader, Mask, SegmentError};
use crate::segment::layout::{Fixed, Physical, Shape};

const NOT: u64 = u64::MAX;

/// Of no more rows than this, distinct values are looked at only where they stand.
const FEW_ROWS: u32 = 256;

impl GroupReader<'_> {
    /// Tells `see` of each row that belongs to one of these traces: the row, and which of them.
    pub(crate) fn find(
        &mut self,
        wanted: &[TraceId],
        mut see: impl FnMut(u32, usize),
    ) -> Result<(), SegmentError> {
        let chunk = self.chunk(Fixed::TraceId as usize)?;
        let mut numbers = vec![NOT; chunk.distinct as usize];
        let mut any = false;
        self.dictionary(chunk, |bytes, _| {
            let ids = bytes.as_chunks::<16>().0;
            for (which, id) in wanted.iter().enumerate() {
                if let Ok(found) = ids.binary_search(id.bytes())
                    && let Some(place) = numbers.get_mut(found)
                {
                    *place = which as u64;
                    any = true;
                }
            }
            Ok(())
        })?;
        if !any {
            return Ok(());
        }
        let mut column = Column::numbered(chunk, Shape::every(Physical::Id(16)), numbers);
        let mut codes = Codes::default();
        for page in column.pages(self.rows()) {
            column.read(self, page.clone(), &mut |_| NOT, &mut codes)?;
            self.budget.spend(page.1.len() as u64, 0)?;
            for (row, which) in page.1.zip(&codes.values).filter(|(_, which)| **which != NOT) {
                see(row, *which as usize);
            }
        }
        Ok(())
    }

    /// The trace ids and starts of these rows, in order.
    pub(crate) fn ids_and_starts(
        &mut self,
        rows: &Mask,
    ) -> Result<Vec<([u8; 16], u64)>, SegmentError> {
        let mut found = Vec::with_capacity(rows.count() as usize);
        let ids = self.ids::<16>(Fixed::TraceId as usize, rows)?;
        let starts = self.longs(Fixed::Start as usize, rows)?;
        found.extend(ids.into_iter().zip(starts));
        Ok(found)
    }

    /// The ids of a column that every row has, of these rows.
    pub(super) fn ids<const N: usize>(
        &mut self,
        column: usize,
        rows: &Mask,
    ) -> Result<Vec<[u8; N]>, SegmentError> {
        let mut distinct = Vec::new();
        let mut found = Vec::new();
        self.every(
            column,
            Physical::Id(N),
            rows,
            &mut |raw| {
                if let Raw::Bytes(bytes) = raw {
                    distinct.push(bytes.try_into().unwrap_or([0; N]));
                }
                (distinct.len() as u64).saturating_sub(1)
            },
            &mut |_, number| found.push(number),
        )?;
        let of = |number: u64| distinct.get(number as usize).copied().unwrap_or([0; N]);
        Ok(found.into_iter().map(of).collect())
    }

    /// The numbers of a column that every row has, of these rows.
    pub(super) fn longs(&mut self, column: usize, rows: &Mask) -> Result<Vec<u64>, SegmentError> {
        let mut found = Vec::new();
        self.every(column, Physical::Long, rows, &mut bits, &mut |_, bits| found.push(bits))?;
        Ok(found)
    }

    /// Hands out the values of a column that every row has: row and number.
    pub(super) fn every(
        &mut self,
        column: usize,
        physical: Physical,
        rows: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        see: &mut dyn FnMut(u32, u64),
    ) -> Result<(), SegmentError> {
        let shape = Shape::every(physical);
        self.each(column, shape, rows, number, &mut |row, value| {
            if let Some(value) = value {
                see(row, value);
            }
        })
    }

    /// Hands out the values of a column without lists: row and number, or none where there is no
    /// value.
    pub(super) fn each(
        &mut self,
        column: usize,
        shape: Shape,
        rows: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        see: &mut dyn FnMut(u32, Option<u64>),
    ) -> Result<(), SegmentError> {
        let column = Column::new(self.chunk(column)?, shape);
        self.each_of(column, rows, number, see)
    }

    /// [`GroupReader::each`] of a column whose distinct values may be known.
    pub(super) fn each_of(
        &mut self,
        mut column: Column<'_>,
        rows: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        see: &mut dyn FnMut(u32, Option<u64>),
    ) -> Result<(), SegmentError> {
        if column.is_empty() {
            rows.iter().for_each(|row| see(row, None));
            return Ok(());
        }
        if rows.count() <= FEW_ROWS && column.can_pick() {
            return self.few_of(&column, rows, number, see);
        }
        let mut codes = Codes::default();
        for (page, range) in column.pages(self.rows()) {
            if !rows.any(range.clone()) {
                continue;
            }
            column.read(self, (page, range.clone()), number, &mut codes)?;
            let mut values = codes.values.iter().copied();
            if codes.definition.is_empty() {
                for (row, value) in range.zip(values).filter(|(row, _)| rows.has(*row)) {
                    see(row, Some(value));
                }
                continue;
            }
            for (row, level) in range.zip(&codes.definition) {
                let value = if *level > 0 { values.next() } else { None };
                if rows.has(row) {
                    see(row, value);
                }
            }
        }
        Ok(())
    }
}

impl GroupReader<'_> {
    /// [`GroupReader::each_of`] of few rows: of a trace's, most columns have no value.
    fn few_of(
        &mut self,
        column: &Column<'_>,
        rows: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        see: &mut dyn FnMut(u32, Option<u64>),
    ) -> Result<(), SegmentError> {
        let mut found = Vec::with_capacity(rows.count() as usize);
        let wanted: Vec<u32> = rows.iter().collect();
        let mut left = &*wanted;
        for page in column.pages(self.rows()) {
            let (here, later) = left.split_at(left.partition_point(|row| *row < page.1.end));
            left = later;
            if !here.is_empty() {
                column.pick(self, page, here, &mut |row, place| found.push((row, place)))?;
            }
        }
        let mut places: Vec<u64> = found.iter().filter_map(|(_, place)| *place).collect();
        places.sort_unstable();
        places.dedup();
        let numbers = if places.is_empty() {
            Vec::new()
        } else {
            column.number_some(self, &places, number)?
        };
        let of = |place: u64| numbers.get(places.binary_search(&place).ok()?).copied();
        for (row, place) in found {
            see(row, place.and_then(of));
        }
        Ok(())
    }

    /// Tells `see` of each of these rows whose list has, in this column, a value that is given a
    /// number which is not 0.
    pub(super) fn in_lists(
        &mut self,
        column: usize,
        rows: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        see: &mut dyn FnMut(u32),
    ) -> Result<(), SegmentError> {
        let shape = Shape::element(Physical::Text);
        let mut column = Column::new(self.chunk(column)?, shape);
        let dictionary = column.read_dictionary(self, number)?;
        let none = || column.dictionary().unwrap_or_default().iter().all(|number| *number == 0);
        if column.is_empty() || dictionary && none() {
            return Ok(());
        }
        let mut codes = Codes::default();
        for (page, range) in column.pages(self.rows()) {
            if !rows.any(range.clone()) {
                continue;
            }
            column.read(self, (page, range.clone()), number, &mut codes)?;
            let mut values = codes.values.iter();
            let mut row = range.start;
            let levels = codes.repetition.iter().zip(&codes.definition);
            for (nth, (repetition, definition)) in levels.enumerate() {
                row += u32::from(*repetition == 0 && nth > 0);
                let value = if *definition == 1 { values.next() } else { None };
                if value.is_some_and(|number| *number != 0) && rows.has(row) {
                    see(row);
                }
            }
        }
        Ok(())
    }
}

/// Numbers stand for themselves.
pub(super) fn bits(raw: Raw<'_>) -> u64 {
    match raw {
        Raw::Bits(bits) => bits,
        Raw::Bytes(_) => 0,
    }
}
