//! Columns whose values stand in lists: pairs without a column of their own, events, links.

use std::io::Write;

use parquet::errors::ParquetError;
use trunkline_otlp::{Value, write as otlp};

use super::super::column::{GROUP_ROWS_MAX, Levels, PAGE_ROWS, Places, Values};
use super::{For, GroupOut, Next, Words};
use crate::source::as_text;
use crate::table::{Cell, Id, Pairs, Table, Texts, Type, short};

/// A page of a list has at most about so many bytes in all of its columns.
const PAGE_BYTES_MAX: usize = 512 * 1024;

/// Pairs in lists, on their way into columns.
#[derive(Debug)]
pub(super) struct PairColumns {
    /// Of keys and types.
    levels: Levels,
    value_definition: Vec<u32>,
    raw_definition: Vec<u32>,
    keys: Vec<Id>,
    types: Vec<Id>,
    /// Texts of `made`, as the next.
    values: Vec<Id>,
    raws: Vec<Id>,
    made: Texts,
}

/// The form in which a value stands in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    kind: Type,
    value: Option<Id>,
    raw: Option<Id>,
}

impl PairColumns {
    /// Pairs whose lists lie so deep: 1 for lists of the row itself.
    pub(super) fn new(depth: u32) -> Self {
        let levels = Levels { repetition_max: depth, definition_max: depth, ..Levels::default() };
        let (value_definition, raw_definition, keys, types, values, raws, made) =
            Default::default();
        Self { levels, value_definition, raw_definition, keys, types, values, raws, made }
    }

    /// How a value is written: as text, and as protobuf where that is not exact.
    pub(super) fn form(&mut self, cell: Cell, texts: &Texts) -> Form {
        if cell.kind == Type::Text {
            let value = Some(self.made.add(texts.get(cell.text().unwrap_or_default())));
            return Form { kind: cell.kind, value, raw: None };
        }
        let value = cell.value(texts);
        let exact = match &value {
            Value::Bool(_) | Value::Int(_) | Value::Empty => true,
            Value::Double(number) => !number.is_nan(),
            _ => false,
        };
        let raw = (!exact).then(|| {
            let mut message = Vec::new();
            otlp::any_value(&mut message, &value);
            self.made.add(&message)
        });
        let text = (cell.kind != Type::Empty).then(|| self.made.add(as_text(&value).as_bytes()));
        Form { kind: cell.kind, value: text, raw }
    }

    /// Adds a place without a pair.
    pub(super) fn put_empty(&mut self, repetition: u32, definition: u32) {
        self.levels.repetition.push(repetition);
        self.levels.definition.push(definition);
        self.value_definition.push(definition);
        self.raw_definition.push(definition);
    }

    /// Adds a pair.
    pub(super) fn put(&mut self, repetition: u32, key: Id, form: Form, words: &Words) {
        let deepest = self.levels.definition_max;
        self.levels.repetition.push(repetition);
        self.levels.definition.push(deepest);
        self.value_definition.push(deepest + u32::from(form.value.is_some()));
        self.raw_definition.push(deepest + u32::from(form.raw.is_some()));
        self.keys.push(key);
        self.types.push(words.types.get(form.kind as usize).copied().unwrap_or_default());
        self.values.extend(form.value);
        self.raws.extend(form.raw);
    }

    /// Adds a list: of a row, or of an event or link whose own repetition is given.
    fn put_list(
        &mut self,
        repetition: u32,
        pairs: &Pairs,
        index: usize,
        texts: &Texts,
        words: &Words,
    ) {
        let deepest = self.levels.repetition_max;
        let mut repetition = Some(repetition);
        for (key, cell) in pairs.list(index) {
            let form = self.form(cell, texts);
            self.put(repetition.take().unwrap_or(deepest), key, form, words);
        }
        if let Some(repetition) = repetition {
            self.put_empty(repetition, deepest - 1);
        }
    }

    /// Ends a row.
    pub(super) fn end_row(&mut self) {
        self.levels.ends.push(short(self.levels.repetition.len()));
    }

    /// Rows of a page.
    pub(super) fn page_rows(&self) -> u32 {
        if self.keys.is_empty() { GROUP_ROWS_MAX } else { page_rows(self.bytes(), self.rows()) }
    }

    fn rows(&self) -> usize {
        self.levels.ends.len()
    }

    fn bytes(&self) -> usize {
        let values = self.values.iter().chain(&self.raws);
        values.map(|id| self.made.get(*id).len()).sum::<usize>() + self.keys.len() * 4
    }

    /// Writes the four columns. Keys are of `texts`.
    pub(super) fn write<W: Write + Send>(
        self,
        out: &mut GroupOut<'_, W>,
        texts: &Texts,
        words: &Words,
        page_rows: u32,
        purpose: For,
    ) -> Result<(), ParquetError> {
        let mut levels = self.levels;
        let style = (page_rows, purpose);
        out.put(in_lists(&levels, style, Values::Texts(&self.keys), texts))?;
        out.put(in_lists(&levels, style, Values::Texts(&self.types), &words.texts))?;
        levels.definition_max += 1;
        levels.definition = self.value_definition;
        out.put(in_lists(&levels, style, Values::Texts(&self.values), &self.made))?;
        levels.definition = self.raw_definition;
        out.put(in_lists(&levels, style, Values::Texts(&self.raws), &self.made))
    }
}

/// A column of a list whose pages have so many rows.
fn in_lists<'a>(
    levels: &'a Levels,
    (page_rows, purpose): (u32, For),
    values: Values<'a>,
    texts: &'a Texts,
) -> Next<'a> {
    let next = Next::every(values, texts);
    Next { places: Places::Lists(levels), page_rows: Some(page_rows), purpose, ..next }
}

fn page_rows(bytes: usize, rows: usize) -> u32 {
    let mut page = PAGE_ROWS;
    while page > 64 && bytes / rows.max(1) * page as usize > PAGE_BYTES_MAX {
        page /= 2;
    }
    page
}

/// The levels of lists of the rows: `count` says how many elements a row has.
fn element_levels(counts: impl Iterator<Item = usize>) -> Levels {
    let mut levels = Levels { repetition_max: 1, definition_max: 1, ..Levels::default() };
    for count in counts {
        for element in 0..count.max(1) {
            levels.repetition.push(u32::from(element > 0));
            levels.definition.push(u32::from(count > 0));
        }
        levels.ends.push(short(levels.repetition.len()));
    }
    levels
}

/// Writes the columns of events.
pub(super) fn write_events<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    table: &Table,
    order: &[u32],
    words: &Words,
) -> Result<(), ParquetError> {
    let ranges = order.iter().map(|row| table.events_of(*row as usize));
    let levels = element_levels(ranges.clone().map(|range| range.len()));
    let (pairs, elements) = element_pairs(ranges, &table.events.attributes, table, words);
    let page_rows = page_rows_of(&pairs, elements.len(), order.len());
    let events = &table.events;
    let style = (page_rows, For::All);
    let times: Vec<i64> = super::fields::pick(&events.time, &elements)
        .iter()
        .map(|time| time.cast_signed())
        .collect();
    out.put(in_lists(&levels, style, Values::Longs(&times), &table.texts))?;
    let names = super::fields::pick(&events.name, &elements);
    out.put(in_lists(&levels, style, Values::Texts(&names), &table.texts))?;
    let dropped = super::fields::pick(&events.dropped, &elements);
    out.put(in_lists(&levels, style, Values::Ints(&dropped), &table.texts))?;
    pairs.write(out, &table.texts, words, page_rows, For::All)
}

/// Writes the columns of links.
pub(super) fn write_links<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    table: &Table,
    order: &[u32],
    words: &Words,
) -> Result<(), ParquetError> {
    let ranges = order.iter().map(|row| table.links_of(*row as usize));
    let levels = element_levels(ranges.clone().map(|range| range.len()));
    let (pairs, elements) = element_pairs(ranges, &table.links.attributes, table, words);
    let page_rows = page_rows_of(&pairs, elements.len(), order.len());
    let links = &table.links;
    let style = (page_rows, For::All);
    let traces = super::fields::pick(&links.trace, &elements);
    out.put(in_lists(&levels, style, Values::Ids(traces.as_flattened(), 16), &table.texts))?;
    let spans = super::fields::pick(&links.span, &elements);
    out.put(in_lists(&levels, style, Values::Ids(spans.as_flattened(), 8), &table.texts))?;
    let states = super::fields::pick(&links.trace_state, &elements);
    out.put(in_lists(&levels, style, Values::Texts(&states), &table.texts))?;
    for column in [&links.flags, &links.dropped] {
        let numbers = super::fields::pick(column, &elements);
        out.put(in_lists(&levels, style, Values::Ints(&numbers), &table.texts))?;
    }
    pairs.write(out, &table.texts, words, page_rows, For::All)
}

/// The attributes of the elements of all rows, and the numbers of the elements.
fn element_pairs(
    ranges: impl Iterator<Item = std::ops::Range<usize>>,
    pairs: &Pairs,
    table: &Table,
    words: &Words,
) -> (PairColumns, Vec<u32>) {
    let mut columns = PairColumns::new(2);
    let mut elements = Vec::new();
    for range in ranges {
        if range.is_empty() {
            columns.put_empty(0, 0);
        }
        for (nth, element) in range.enumerate() {
            columns.put_list(u32::from(nth > 0), pairs, element, &table.texts, words);
            elements.push(short(element));
        }
        columns.end_row();
    }
    (columns, elements)
}

fn page_rows_of(pairs: &PairColumns, elements: usize, rows: usize) -> u32 {
    if elements == 0 { GROUP_ROWS_MAX } else { page_rows(pairs.bytes() + elements * 16, rows) }
}
