//! Keys and values that stand in lists.

use std::ops::Range;

use trunkline_otlp::{Value, view};

use super::page::{Codes, Column, Raw};
use super::{GroupReader, Mask, SegmentError};
use crate::segment::layout::{PAIR, Shape};
use crate::table::{Cell, EMPTY, Id, Texts, Type};

/// A place in the lists of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) row: u32,
    /// At which depth the list goes on; 0 where a row begins.
    pub(super) repetition: u32,
    /// How deep something is there.
    pub(super) definition: u32,
    /// Key and value, if that is a pair.
    pub(super) pair: Option<(Id, Cell)>,
}

/// The four columns of a list of pairs.
pub(super) struct PairReader<'a> {
    columns: [Column<'a>; PAIR],
    codes: [Codes; PAIR],
    depth: u32,
}

const NO_TYPE: u64 = u64::MAX;

impl<'a> PairReader<'a> {
    /// Of the list that begins at this column, and lies so deep.
    pub(super) fn new(
        reader: &GroupReader<'a>,
        first: usize,
        depth: u32,
    ) -> Result<Self, SegmentError> {
        let columns = [
            Column::new(reader.chunk(first)?, Shape::pair(depth, 0)),
            Column::new(reader.chunk(first + 1)?, Shape::pair(depth, 1)),
            Column::new(reader.chunk(first + 2)?, Shape::pair(depth, 2)),
            Column::new(reader.chunk(first + 3)?, Shape::pair(depth, 3)),
        ];
        Ok(Self { columns, codes: Default::default(), depth })
    }

    /// Whether there is no pair at all.
    pub(super) fn is_empty(&self) -> bool {
        let [keys, ..] = &self.columns;
        keys.is_empty()
    }

    /// Whether there may be a pair with this key.
    pub(super) fn may_have(
        &mut self,
        reader: &mut GroupReader<'_>,
        key: &[u8],
        texts: &mut Texts,
    ) -> Result<bool, SegmentError> {
        if self.is_empty() {
            return Ok(false);
        }
        let [keys, ..] = &mut self.columns;
        if !keys.read_dictionary(reader, &mut |raw| add(texts, raw))? {
            return Ok(true);
        }
        let wanted = texts.find(key).map(u64::from);
        Ok(keys.dictionary().unwrap_or_default().iter().any(|one| Some(*one) == wanted))
    }

    /// The pages, with their rows.
    pub(super) fn pages(&self, rows: u32) -> impl Iterator<Item = (usize, Range<u32>)> + use<> {
        let [keys, ..] = &self.columns;
        keys.pages(rows)
    }

    /// Hands out the places of these rows of a page. If only one key is of interest, pages without
    /// it are left out.
    pub(super) fn read(
        &mut self,
        reader: &mut GroupReader<'_>,
        page: &(usize, Range<u32>),
        (rows, only): (&Mask, Option<Id>),
        texts: &mut Texts,
        see: &mut dyn FnMut(&mut Texts, Place),
    ) -> Result<(), SegmentError> {
        let [keys, types, values, raws] = &mut self.columns;
        let [key_codes, type_codes, value_codes, raw_codes] = &mut self.codes;
        keys.read(reader, page.clone(), &mut |raw| add(texts, raw), key_codes)?;
        if only.is_some_and(|only| !key_codes.values.contains(&only.into())) {
            return Ok(());
        }
        types.read(reader, page.clone(), &mut type_of, type_codes)?;
        values.read(reader, page.clone(), &mut |raw| add(texts, raw), value_codes)?;
        raws.read(reader, page.clone(), &mut |raw| add(texts, raw), raw_codes)?;
        let mut pairs = key_codes.values.iter().zip(&type_codes.values);
        let mut values = value_codes.values.iter();
        let mut raws = raw_codes.values.iter();
        let optional = value_codes.definition.iter().zip(&raw_codes.definition);
        let levels = key_codes.repetition.iter().zip(&key_codes.definition);
        let mut row = page.1.start;
        let mut begun = false;
        for ((repetition, definition), (value, raw)) in levels.zip(optional) {
            if *repetition == 0 && begun {
                row += 1;
            }
            begun = true;
            let pair = if *definition == self.depth { pairs.next() } else { None };
            let value = if *value > self.depth { values.next() } else { None };
            let raw = if *raw > self.depth { raws.next() } else { None };
            if !rows.has(row) {
                continue;
            }
            let pair = pair.map(|(key, kind)| (*key as Id, cell(*kind, value, raw, texts)));
            let (repetition, definition) = (*repetition, *definition);
            see(texts, Place { row, repetition, definition, pair });
        }
        Ok(())
    }
}

pub(super) fn add(texts: &mut Texts, raw: Raw<'_>) -> u64 {
    match raw {
        Raw::Bytes(bytes) => texts.add(bytes).into(),
        Raw::Bits(_) => EMPTY.into(),
    }
}

fn type_of(raw: Raw<'_>) -> u64 {
    match raw {
        Raw::Bytes(name) => Type::of_name(name).map_or(NO_TYPE, |kind| kind as u64),
        Raw::Bits(_) => NO_TYPE,
    }
}

/// The value of a type, a text, and a protobuf message where the text is not exact.
fn cell(kind: u64, value: Option<&u64>, raw: Option<&u64>, texts: &mut Texts) -> Cell {
    let kind = Type::ALL.get(kind as usize).copied().unwrap_or(Type::Empty);
    let text = value.copied().unwrap_or_default() as Id;
    let bits = match kind {
        Type::Empty => 0,
        Type::Text => text.into(),
        Type::Bool => u64::from(texts.get(text) == b"true"),
        Type::Int => texts.text(text).parse::<i64>().unwrap_or_default().cast_unsigned(),
        Type::Double => match raw {
            Some(raw) => double(*raw as Id, texts),
            None => texts.text(text).parse::<f64>().unwrap_or_default().to_bits(),
        },
        Type::Bytes => bytes(raw.copied().unwrap_or_default() as Id, texts).into(),
        Type::Array | Type::Map => raw.copied().unwrap_or_default(),
    };
    Cell { kind, bits }
}

fn double(raw: Id, texts: &Texts) -> u64 {
    match view::value(texts.get(raw)) {
        Ok(Value::Double(number)) => number.to_bits(),
        _ => 0,
    }
}

fn bytes(raw: Id, texts: &mut Texts) -> Id {
    match view::value(texts.get(raw)) {
        Ok(Value::Bytes(bytes)) => texts.add(&bytes),
        _ => EMPTY,
    }
}
