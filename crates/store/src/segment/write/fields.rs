//! The columns that every span has.

use std::io::Write;

use parquet::errors::ParquetError;

use super::super::column::{Places, Style, Values};
use super::super::layout::Fixed;
use super::sources::Gathered;
use super::{For, GroupOut, Next, Words};
use crate::table::{EMPTY, Id, Table, Texts};

/// Ids, which are random.
const RAW: Style = Style { raw: true, sorted: false, indexed: false };
/// What is in the page index.
const INDEXED: Style = Style { raw: false, sorted: false, indexed: true };

/// Writes them, in the order of [`Fixed`].
pub(super) fn write<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    table: &Table,
    order: &[u32],
    sources: &Gathered,
    words: &Words,
) -> Result<(), ParquetError> {
    ids(out, table, order)?;
    let rows = &table.rows;
    optional_text(out, &pick(&rows.trace_state, order), &table.texts, For::All)?;
    ints(out, &pick(&rows.flags, order))?;
    text(out, &pick(&rows.name, order), &table.texts)?;
    text(out, &named(&rows.kind, order, &words.kinds), &words.texts)?;
    longs(out, &pick_longs(&rows.start, order))?;
    longs(out, &pick_longs(&rows.duration, order))?;
    text(out, &named(&rows.status, order, &words.statuses), &words.texts)?;
    optional_text(out, &pick(&rows.status_message, order), &table.texts, For::All)?;
    text(out, &sources.services(table), &table.texts)?;
    for which in 0..3 {
        let all = order.iter().filter_map(|row| rows.dropped.get(*row as usize)?.get(which));
        ints(out, &all.copied().collect::<Vec<u32>>())?;
    }
    ints(out, &sources.resource)?;
    ints(out, &sources.scope)?;
    debug_assert_eq!(out.chunks.len(), Fixed::ResourceSchemaUrl as usize);
    sources.write_fields(out, table)
}

fn ids<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    table: &Table,
    order: &[u32],
) -> Result<(), ParquetError> {
    let rows = &table.rows;
    let texts = &table.texts;
    let traces = pick(&rows.trace, order);
    let next = Next::every(Values::Ids(traces.as_flattened(), 16), texts);
    out.put(Next { style: Style { sorted: true, ..RAW }, ..next })?;
    let spans = pick(&rows.id, order);
    let next = Next::every(Values::Ids(spans.as_flattened(), 8), texts);
    out.put(Next { style: RAW, ..next })?;
    let mut parents = pick(&rows.parent, order);
    let with = present(&parents, |parent| *parent != [0; 8]);
    parents.retain(|parent| *parent != [0; 8]);
    let next = Next::every(Values::Ids(parents.as_flattened(), 8), texts);
    out.put(Next { places: Places::Some(&with), style: RAW, ..next })
}

pub(super) fn pick<T: Copy>(column: &[T], order: &[u32]) -> Vec<T> {
    order.iter().filter_map(|row| column.get(*row as usize)).copied().collect()
}

fn pick_longs(column: &[u64], order: &[u32]) -> Vec<i64> {
    let picked = order.iter().filter_map(|row| column.get(*row as usize));
    picked.map(|number| number.cast_signed()).collect()
}

fn named(column: &[u8], order: &[u32], words: &[Id]) -> Vec<Id> {
    let first = words.first().copied().unwrap_or(EMPTY);
    let picked = order.iter().filter_map(|row| column.get(*row as usize));
    picked.map(|number| words.get(usize::from(*number)).copied().unwrap_or(first)).collect()
}

/// The places of what is there.
pub(super) fn present<T>(all: &[T], is_there: impl Fn(&T) -> bool) -> Vec<u32> {
    (0..).zip(all).filter(|(_, one)| is_there(one)).map(|(place, _)| place).collect()
}

fn text<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    ids: &[Id],
    texts: &Texts,
) -> Result<(), ParquetError> {
    out.put(Next { style: INDEXED, ..Next::every(Values::Texts(ids), texts) })
}

/// Texts, where they are not empty.
pub(super) fn optional_text<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    ids: &[Id],
    texts: &Texts,
    purpose: For,
) -> Result<(), ParquetError> {
    let with = present(ids, |id| *id != EMPTY);
    let ids: Vec<Id> = ids.iter().copied().filter(|id| *id != EMPTY).collect();
    let next = Next::every(Values::Texts(&ids), texts);
    out.put(Next { places: Places::Some(&with), purpose, ..next })
}

fn ints<W: Write + Send>(out: &mut GroupOut<'_, W>, all: &[u32]) -> Result<(), ParquetError> {
    out.put(Next::every(Values::Ints(all), &Texts::default()))
}

fn longs<W: Write + Send>(out: &mut GroupOut<'_, W>, all: &[i64]) -> Result<(), ParquetError> {
    out.put(Next { style: INDEXED, ..Next::every(Values::Longs(all), &Texts::default()) })
}
