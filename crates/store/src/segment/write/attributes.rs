//! The span's own attributes: into columns where the layout has them, else into the list.

use std::io::Write;

use hashbrown::HashMap;
use parquet::errors::ParquetError;

use super::super::column::{Places, Values};
use super::super::layout::{Dense, Layout};
use super::lists::PairColumns;
use super::{For, GroupOut, Next, Words};
use crate::table::{Id, Table, Texts, Type};

/// Attributes by column.
#[derive(Debug)]
pub(super) struct Gathered {
    dense: Vec<DenseColumn>,
    rest: Vec<(u32, Id, crate::table::Cell)>,
    rows: u32,
    /// How often each key is there, by type.
    pub(super) counts: HashMap<Id, [u64; 8]>,
}

/// The values of one key and type.
#[derive(Debug)]
pub(super) struct DenseColumn {
    kind: Type,
    pub(super) rows: Vec<u32>,
    pub(super) bits: Vec<u64>,
}

const NONE: u32 = u32::MAX;

/// What is known of a key while rows are gone through.
struct Key {
    id: Id,
    /// The column of each type.
    columns: [u32; 8],
    /// Whether it has one.
    dense: bool,
    last_row: u32,
    counts: [u64; 8],
}

/// The columns of a layout, empty.
pub(super) fn columns_of(dense: &[Dense]) -> Vec<DenseColumn> {
    let column = |dense: &Dense| DenseColumn { kind: dense.kind, rows: vec![], bits: vec![] };
    dense.iter().map(column).collect()
}

/// For the id of each key, the column of each type.
pub(super) fn by_key(dense: &[Dense], texts: &Texts) -> HashMap<Id, [u32; 8]> {
    let mut columns = HashMap::new();
    for (column, dense) in (0..).zip(dense) {
        if let Some(id) = texts.find(dense.key.as_bytes()) {
            let of = columns.entry(id).or_insert([NONE; 8]);
            if let Some(place) = of.get_mut(dense.kind as usize) {
                *place = column;
            }
        }
    }
    columns
}

/// Goes through the rows.
pub(super) fn gather(table: &Table, order: &[u32], layout: &Layout) -> Gathered {
    let columns = by_key(&layout.attributes, &table.texts);
    let mut dense = columns_of(&layout.attributes);
    let mut rest = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    // As long as there are texts: keys are few, but their ids are anywhere.
    let mut slots = vec![NONE; table.texts.len()];
    for (place, row) in (0_u32..).zip(order) {
        for (id, cell) in table.attributes.list(*row as usize) {
            let Some(slot) = slots.get_mut(id as usize) else { continue };
            if *slot == NONE {
                *slot = keys.len() as u32;
                let known = columns.get(&id).copied();
                let columns = known.unwrap_or([NONE; 8]);
                let dense = known.is_some();
                keys.push(Key { id, columns, dense, last_row: NONE, counts: [0; 8] });
            }
            let Some(key) = keys.get_mut(*slot as usize) else { continue };
            if let Some(count) = key.counts.get_mut(cell.kind as usize) {
                *count += 1;
            }
            let first = key.last_row != place;
            key.last_row = place;
            let column = key.columns.get(cell.kind as usize).copied().unwrap_or(NONE);
            // Of several values of one key only the first may be in a column: so their order is
            // known.
            match dense.get_mut(column as usize).filter(|_| first && key.dense) {
                Some(column) => {
                    column.rows.push(place);
                    column.bits.push(cell.bits);
                }
                None => rest.push((place, id, cell)),
            }
        }
    }
    let counts = keys.into_iter().map(|key| (key.id, key.counts)).collect();
    Gathered { dense, rest, rows: order.len() as u32, counts }
}

impl DenseColumn {
    /// Writes it.
    pub(super) fn write<W: Write + Send>(
        &self,
        out: &mut GroupOut<'_, W>,
        texts: &Texts,
        purpose: For,
    ) -> Result<(), ParquetError> {
        let places = Places::Some(&self.rows);
        let mut put = |values| out.put(Next { places, purpose, ..Next::every(values, texts) });
        match self.kind {
            Type::Bool => {
                let all: Vec<bool> = self.bits.iter().map(|bits| *bits != 0).collect();
                put(Values::Bools(&all))
            }
            Type::Int => {
                let all: Vec<i64> = self.bits.iter().map(|bits| bits.cast_signed()).collect();
                put(Values::Longs(&all))
            }
            Type::Double => put(Values::Doubles(&self.bits)),
            _ => {
                let all: Vec<Id> = self.bits.iter().map(|bits| *bits as Id).collect();
                put(Values::Texts(&all))
            }
        }
    }
}

impl Gathered {
    /// Writes the columns, and the list of the rest.
    pub(super) fn write<W: Write + Send>(
        self,
        out: &mut GroupOut<'_, W>,
        table: &Table,
        words: &Words,
    ) -> Result<(), ParquetError> {
        for column in &self.dense {
            column.write(out, &table.texts, For::All)?;
        }
        let mut columns = PairColumns::new(1);
        let mut rest = self.rest.into_iter().peekable();
        for row in 0..self.rows {
            let mut repetition = 0;
            while let Some((_, key, cell)) = rest.next_if(|(place, ..)| *place == row) {
                let form = columns.form(cell, &table.texts);
                columns.put(repetition, key, form, words);
                repetition = 1;
            }
            if repetition == 0 {
                columns.put_empty(0, 0);
            }
            columns.end_row();
        }
        let page_rows = columns.page_rows();
        columns.write(out, &table.texts, words, page_rows, For::All)
    }
}
