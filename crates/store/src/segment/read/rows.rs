//! From the columns of a row group into a table: all rows, or some.

use std::ops::Range;

use trunkline_otlp::view::RequestView;

use super::find::bits;
use super::page::{Codes, Column, Raw};
use super::pairs::{PairReader, Place, add};
use super::{GroupReader, KINDS, Mask, STATUSES, SegmentError, damaged, number_of, unpack};
use crate::encoding::Damaged;
use crate::segment::layout::{EVENT, Fixed, LINK, Layout, List, Physical, Shape};
use crate::table::{Cell, EMPTY, Id, Pairs, Table, Type, short};

/// Which parts of spans are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Everything.
    All,
    /// What a summary tells: no attributes of the span, no events, no links.
    Summary,
}

impl GroupReader<'_> {
    /// Adds these rows to a table, in order.
    pub(crate) fn read(
        &mut self,
        rows: &Mask,
        parts: Parts,
        into: &mut Table,
    ) -> Result<(), SegmentError> {
        self.budget.spend(rows.count().into(), 0)?;
        let (resources, scopes) = self.sources(into)?;
        self.ids_of(rows, into)?;
        self.texts_of(rows, into)?;
        self.numbers_of(rows, into)?;
        let renumber = |numbers: Vec<u32>, known: &[u32]| -> Result<Vec<u32>, SegmentError> {
            let of = |number: u32| known.get(number as usize).copied();
            let all: Option<Vec<u32>> = numbers.into_iter().map(of).collect();
            all.ok_or_else(|| damaged(self.group.sources.offset, Damaged::Number))
        };
        let numbers = self.ints(Fixed::ResourceNumber, rows)?;
        into.rows.resource.extend(renumber(numbers, &resources)?);
        let numbers = self.ints(Fixed::ScopeNumber, rows)?;
        into.rows.scope.extend(renumber(numbers, &scopes)?);
        if parts == Parts::All {
            self.attributes_of(rows, into)?;
            self.events_of(rows, into)?;
            self.links_of(rows, into)?;
        } else {
            let events = short(into.events.time.len());
            let links = short(into.links.flags.len());
            for _ in 0..rows.count() {
                into.attributes.end();
                into.rows.event_end.push(events);
                into.rows.link_end.push(links);
            }
        }
        // Last: its length is the number of rows.
        let starts = self.longs(Fixed::Start as usize, rows)?;
        into.rows.start.extend(starts);
        Ok(())
    }

    /// Adds the processes and libraries of the group; their numbers in the table.
    pub(super) fn sources(
        &mut self,
        into: &mut Table,
    ) -> Result<(Vec<u32>, Vec<u32>), SegmentError> {
        let place = self.group.sources;
        let wrong = |source| damaged(place.offset, source);
        self.budget.spend(0, self.group.sources_bytes.into())?;
        let packed = self.file.read(place)?;
        let bytes = unpack(&packed, self.group.sources_bytes).map_err(wrong)?;
        let (mut resources, mut scopes) = (Vec::new(), Vec::new());
        // The last process stands for none: it has the libraries.
        let mut all = RequestView(&bytes).resource_spans().peekable();
        while let Some(view) = all.next() {
            let view = view.map_err(|_| wrong(Damaged::Number))?;
            if all.peek().is_some() {
                let number = into.view_resource(&view).map_err(|_| wrong(Damaged::Number))?;
                resources.push(number);
                continue;
            }
            for scope in view.scope_spans() {
                let scope = scope.map_err(|_| wrong(Damaged::Number))?;
                let number = into.view_scope(&scope).map_err(|_| wrong(Damaged::Number))?;
                scopes.push(number);
            }
        }
        Ok((resources, scopes))
    }

    fn ids_of(&mut self, rows: &Mask, into: &mut Table) -> Result<(), SegmentError> {
        into.rows.trace.extend(self.ids::<16>(Fixed::TraceId as usize, rows)?);
        into.rows.id.extend(self.ids::<8>(Fixed::SpanId as usize, rows)?);
        let parents = &mut into.rows.parent;
        let shape = Shape::some(Physical::Id(8));
        let number = &mut |raw: Raw<'_>| match raw {
            Raw::Bytes(bytes) => u64::from_be_bytes(bytes.try_into().unwrap_or_default()),
            Raw::Bits(_) => 0,
        };
        self.each(Fixed::ParentSpanId as usize, shape, rows, number, &mut |_, parent| {
            parents.push(parent.unwrap_or_default().to_be_bytes());
        })
    }

    fn texts_of(&mut self, rows: &Mask, into: &mut Table) -> Result<(), SegmentError> {
        let Table { texts, rows: columns, .. } = into;
        let fields = [
            (Fixed::Name, Shape::every(Physical::Text), &mut columns.name),
            (Fixed::TraceState, Shape::some(Physical::Text), &mut columns.trace_state),
            (Fixed::StatusMessage, Shape::some(Physical::Text), &mut columns.status_message),
        ];
        for (field, shape, column) in fields {
            self.each(field as usize, shape, rows, &mut |raw| add(texts, raw), &mut |_, id| {
                column.push(id.unwrap_or_default() as Id);
            })?;
        }
        for (field, words, column) in [
            (Fixed::Kind, &KINDS[..], &mut columns.kind),
            (Fixed::Status, &STATUSES[..], &mut columns.status),
        ] {
            let number = &mut |raw: Raw<'_>| match raw {
                Raw::Bytes(word) => number_of(words, word),
                Raw::Bits(_) => 0,
            };
            self.every(field as usize, Physical::Text, rows, number, &mut |_, number| {
                column.push(number as u8);
            })?;
        }
        Ok(())
    }

    fn numbers_of(&mut self, rows: &Mask, into: &mut Table) -> Result<(), SegmentError> {
        into.rows.duration.extend(self.longs(Fixed::Duration as usize, rows)?);
        into.rows.flags.extend(self.ints(Fixed::Flags, rows)?);
        let attributes = self.ints(Fixed::DroppedAttributes, rows)?;
        let events = self.ints(Fixed::DroppedEvents, rows)?;
        let links = self.ints(Fixed::DroppedLinks, rows)?;
        let all = attributes.into_iter().zip(events).zip(links);
        into.rows
            .dropped
            .extend(all.map(|((attributes, events), links)| [attributes, events, links]));
        Ok(())
    }

    pub(super) fn ints(&mut self, field: Fixed, rows: &Mask) -> Result<Vec<u32>, SegmentError> {
        let mut found = Vec::with_capacity(rows.count() as usize);
        self.every(field as usize, Physical::Int, rows, &mut bits, &mut |_, bits| {
            found.push(bits as u32);
        })?;
        Ok(found)
    }

    fn attributes_of(&mut self, rows: &Mask, into: &mut Table) -> Result<(), SegmentError> {
        let layout = &self.index.layout;
        let values = self.attribute_values();
        // Of some rows about their share; beyond that it grows.
        let share = u64::from(rows.count()) * values / u64::from(self.rows().max(1));
        let mut found = Found::with_capacity(share as usize);
        for (nth, dense) in layout.attributes.iter().enumerate() {
            let key = into.texts.add(dense.key.as_bytes());
            let texts = &mut into.texts;
            let number = &mut |raw: Raw<'_>| match raw {
                Raw::Bytes(_) => add(texts, raw),
                Raw::Bits(bits) => bits,
            };
            let shape = Shape::dense(dense.kind);
            self.each(Layout::dense(nth), shape, rows, number, &mut |row, value| {
                if let Some(bits) = value {
                    found.push(row, key, Cell { kind: dense.kind, bits });
                }
            })?;
        }
        let mut rest = PairReader::new(self, layout.list(List::Attributes), 1)?;
        if !rest.is_empty() {
            for page in rest.pages(self.rows()).filter(|(_, range)| rows.any(range.clone())) {
                rest.read(self, &page, (rows, None), &mut into.texts, &mut |_, place| {
                    if let Some((key, cell)) = place.pair {
                        found.push(place.row, key, cell);
                    }
                })?;
            }
        }
        found.put(rows, &mut into.attributes);
        Ok(())
    }

    /// How many attributes spans of the group have.
    fn attribute_values(&self) -> u64 {
        let layout = &self.index.layout;
        let dense = (0..layout.attributes.len()).map(Layout::dense);
        let columns = dense.chain([layout.list(List::Attributes)]);
        columns
            .filter_map(|column| self.chunk(column).ok())
            .map(|chunk| u64::from(chunk.values))
            .sum()
    }

    fn events_of(&mut self, rows: &Mask, into: &mut Table) -> Result<(), SegmentError> {
        let first = self.index.layout.list(List::Events);
        let before = short(into.events.time.len());
        let ends = self.elements((first, Physical::Long), rows, &mut bits, &mut |time| {
            into.events.time.push(time);
        })?;
        into.rows.event_end.extend(ends.into_iter().map(|end| before + end));
        let texts = &mut into.texts;
        let number = &mut |raw: Raw<'_>| add(texts, raw);
        self.elements((first + 1, Physical::Text), rows, number, &mut |name| {
            into.events.name.push(name as Id);
        })?;
        self.elements((first + 2, Physical::Int), rows, &mut bits, &mut |dropped| {
            into.events.dropped.push(dropped as u32);
        })?;
        let Table { texts, events, .. } = into;
        self.element_pairs(first + EVENT, rows, texts, &mut events.attributes, events.time.len())
    }

    fn links_of(&mut self, rows: &Mask, into: &mut Table) -> Result<(), SegmentError> {
        let first = self.index.layout.list(List::Links);
        let before = short(into.links.flags.len());
        let mut ids = Vec::new();
        let keep = &mut |raw: Raw<'_>| {
            if let Raw::Bytes(bytes) = raw {
                ids.push(bytes.try_into().unwrap_or([0; 16]));
            }
            (ids.len() as u64).saturating_sub(1)
        };
        let mut numbers = Vec::new();
        let see = &mut |number| numbers.push(number);
        let ends = self.elements((first, Physical::Id(16)), rows, keep, see)?;
        let of = |number: u64| ids.get(number as usize).copied().unwrap_or_default();
        into.links.trace.extend(numbers.into_iter().map(of));
        into.rows.link_end.extend(ends.into_iter().map(|end| before + end));
        let number = &mut |raw: Raw<'_>| match raw {
            Raw::Bytes(bytes) => u64::from_be_bytes(bytes.try_into().unwrap_or_default()),
            Raw::Bits(_) => 0,
        };
        self.elements((first + 1, Physical::Id(8)), rows, number, &mut |span| {
            into.links.span.push(span.to_be_bytes());
        })?;
        let texts = &mut into.texts;
        let number = &mut |raw: Raw<'_>| add(texts, raw);
        self.elements((first + 2, Physical::Text), rows, number, &mut |state| {
            into.links.trace_state.push(state as Id);
        })?;
        self.elements((first + 3, Physical::Int), rows, &mut bits, &mut |flags| {
            into.links.flags.push(flags as u32);
        })?;
        self.elements((first + 4, Physical::Int), rows, &mut bits, &mut |dropped| {
            into.links.dropped.push(dropped as u32);
        })?;
        let Table { texts, links, .. } = into;
        self.element_pairs(first + LINK, rows, texts, &mut links.attributes, links.flags.len())
    }

    /// Hands out a column of events or links; says where each row's end, counted from the first.
    fn elements(
        &mut self,
        (column, physical): (usize, Physical),
        rows: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        see: &mut dyn FnMut(u64),
    ) -> Result<Vec<u32>, SegmentError> {
        let mut ends = vec![0; rows.count() as usize];
        let shape = Shape::element(physical);
        let mut column = Column::new(self.chunk(column)?, shape);
        if column.is_empty() {
            return Ok(ends);
        }
        let mut codes = Codes::default();
        let mut end = 0;
        let mut next = ends.iter_mut();
        for (page, range) in column.pages(self.rows()) {
            if !rows.any(range.clone()) {
                continue;
            }
            column.read(self, (page, range.clone()), number, &mut codes)?;
            let mut values = codes.values.iter();
            let mut walk = Walk::new(range);
            let mut place: Option<&mut u32> = None;
            for (repetition, definition) in codes.repetition.iter().zip(&codes.definition) {
                let row = walk.step(*repetition);
                let value = if *definition == 1 { values.next() } else { None };
                if !rows.has(row) {
                    continue;
                }
                if *repetition == 0 {
                    place = next.next();
                }
                end += u32::from(value.is_some());
                if let Some(place) = &mut place {
                    **place = end;
                }
                if let Some(value) = value {
                    see(*value);
                }
            }
        }
        Ok(ends)
    }

    /// Reads the attributes of events or links; there are `elements` of those.
    fn element_pairs(
        &mut self,
        first: usize,
        rows: &Mask,
        texts: &mut crate::table::Texts,
        into: &mut Pairs,
        elements: usize,
    ) -> Result<(), SegmentError> {
        let mut pairs = PairReader::new(self, first, 2)?;
        let mut open = false;
        if !pairs.is_empty() {
            for page in pairs.pages(self.rows()).filter(|(_, range)| rows.any(range.clone())) {
                pairs.read(self, &page, (rows, None), texts, &mut |_, place: Place| {
                    // An element begins wherever its attributes do not go on.
                    if place.repetition < 2 && std::mem::take(&mut open) {
                        into.end();
                    }
                    open |= place.definition > 0;
                    if let Some((key, cell)) = place.pair {
                        into.push(key, cell);
                    }
                })?;
            }
        }
        if open {
            into.end();
        }
        // None of them has any.
        while into.ends.len() < elements {
            into.end();
        }
        Ok(())
    }
}

/// The row of each place in a page.
#[derive(Debug)]
struct Walk {
    row: u32,
    begun: bool,
}

impl Walk {
    const fn new(range: Range<u32>) -> Self {
        Self { row: range.start, begun: false }
    }

    const fn step(&mut self, repetition: u32) -> u32 {
        if repetition == 0 && self.begun {
            self.row += 1;
        }
        self.begun = true;
        self.row
    }
}

/// Pairs in the order of columns, on their way into the order of rows.
#[derive(Debug, Default)]
struct Found {
    rows: Vec<u32>,
    keys: Vec<Id>,
    kinds: Vec<Type>,
    bits: Vec<u64>,
}

impl Found {
    fn with_capacity(pairs: usize) -> Self {
        Self {
            rows: Vec::with_capacity(pairs),
            keys: Vec::with_capacity(pairs),
            kinds: Vec::with_capacity(pairs),
            bits: Vec::with_capacity(pairs),
        }
    }

    fn push(&mut self, row: u32, key: Id, cell: Cell) {
        self.rows.push(row);
        self.keys.push(key);
        self.kinds.push(cell.kind);
        self.bits.push(cell.bits);
    }

    /// Puts the pairs of each row together; those of one row stay in order.
    fn put(self, rows: &Mask, into: &mut Pairs) {
        // Where the next pair of each row goes: counted, then added up.
        let mut next = vec![0_u32; rows.rows() as usize + 1];
        for row in &self.rows {
            if let Some(count) = next.get_mut(*row as usize + 1) {
                *count += 1;
            }
        }
        let before = into.keys.len();
        let mut end = before as u32;
        for (row, place) in next.iter_mut().enumerate() {
            end += *place;
            *place = end;
            if row > 0 && rows.has(row as u32 - 1) {
                into.ends.push(end);
            }
        }
        let length = before + self.rows.len();
        into.keys.resize(length, EMPTY);
        into.kinds.resize(length, Type::Empty);
        into.bits.resize(length, 0);
        let pairs = self.keys.into_iter().zip(self.kinds).zip(self.bits);
        for (row, ((key, kind), bits)) in self.rows.into_iter().zip(pairs) {
            let Some(next) = next.get_mut(row as usize) else { continue };
            let at = *next as usize;
            *next += 1;
            if let Some(place) = into.keys.get_mut(at) {
                *place = key;
            }
            if let Some(place) = into.kinds.get_mut(at) {
                *place = kind;
            }
            if let Some(place) = into.bits.get_mut(at) {
                *place = bits;
            }
        }
    }
}
