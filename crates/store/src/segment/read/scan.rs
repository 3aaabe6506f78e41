//! Which rows of a row group satisfy a filter, column by column.
//!
//! It says what [`Filter::takes`] says of the spans. A test is made of each distinct value, not of
//! each row, and a column none of whose values passes is not read. Only pages are read that have a
//! row which may still matter.

use hashbrown::HashMap;
use trunkline_otlp::{Kind, StatusCode, Value};

use super::find::bits;
use super::page::Raw;
use super::pairs::PairReader;
use super::{GroupReader, KINDS, Mask, STATUSES, SegmentError, number_of};
use crate::segment::layout::{EVENT, Fixed, LINK, Layout, List, Physical, Shape};
use crate::source::{Field, Filter, Level, Test};
use crate::table::{Cell, Id, Table, Texts, Type, duration_nanos};

/// The processes and libraries of a group.
struct Sources {
    table: Table,
    resources: Vec<u32>,
    scopes: Vec<u32>,
}

/// What is asked of the pairs of a list.
#[derive(Clone, Copy)]
struct Asked<'a> {
    key: &'a str,
    test: &'a Test,
}

impl GroupReader<'_> {
    /// The rows that began between these times and satisfy the filter.
    pub(crate) fn matching(
        &mut self,
        filter: &Filter,
        times: &std::ops::RangeInclusive<u64>,
    ) -> Result<Mask, SegmentError> {
        self.budget.spend(self.rows().into(), 0)?;
        let mut candidates = Mask::all(self.rows());
        let (least, most) = self.group.start;
        if !times.contains(&least) || !times.contains(&most) {
            let mut within = Mask::none(self.rows());
            self.every(
                Fixed::Start as usize,
                Physical::Long,
                &candidates,
                &mut bits,
                &mut |row, start| {
                    if times.contains(&start) {
                        within.set(row);
                    }
                },
            )?;
            candidates = within;
        }
        self.filter(filter, &candidates, &mut None)
    }

    /// Those of the candidates that satisfy the filter.
    fn filter(
        &mut self,
        filter: &Filter,
        candidates: &Mask,
        sources: &mut Option<Sources>,
    ) -> Result<Mask, SegmentError> {
        if candidates.is_empty() {
            return Ok(candidates.clone());
        }
        match filter {
            Filter::All(filters) => {
                let mut order: Vec<&Filter> = filters.iter().collect();
                order.sort_by_key(|filter| cost(filter));
                let mut left = candidates.clone();
                for filter in order {
                    left = self.filter(filter, &left, sources)?;
                }
                Ok(left)
            }
            Filter::Any(filters) => {
                let mut found = Mask::none(self.rows());
                let mut left = candidates.clone();
                for filter in filters {
                    found.add(&self.filter(filter, &left, sources)?);
                    left.remove(&found);
                }
                Ok(found)
            }
            Filter::Not(filter) => {
                let mut left = candidates.clone();
                left.remove(&self.filter(filter, candidates, sources)?);
                Ok(left)
            }
            Filter::Where(field, test) => self.field(field, test, candidates, sources),
        }
    }

    fn field(
        &mut self,
        field: &Field,
        test: &Test,
        candidates: &Mask,
        sources: &mut Option<Sources>,
    ) -> Result<Mask, SegmentError> {
        match field {
            Field::Service => self.text(Fixed::Service, test, candidates),
            Field::Operation => self.text(Fixed::Name, test, candidates),
            Field::StatusMessage => self.optional_text(Fixed::StatusMessage, test, candidates),
            Field::TraceState => self.optional_text(Fixed::TraceState, test, candidates),
            Field::Kind => self.word(Fixed::Kind, candidates, &|word| {
                test.passes_kind(Kind::of(number_of(&KINDS, word)))
            }),
            Field::Status => self.word(Fixed::Status, candidates, &|word| {
                test.passes_status(StatusCode::of(number_of(&STATUSES, word)))
            }),
            Field::Duration => self.duration(test, candidates),
            Field::ScopeName => self.by_scope(candidates, sources, |table, scope| {
                let name = table.scopes.get(scope).map(|source| source.scope.name);
                test.passes_text(table.texts.text(name.unwrap_or_default()))
            }),
            Field::ScopeVersion => self.by_scope(candidates, sources, |table, scope| {
                let version = table.scopes.get(scope).map(|source| source.scope.version);
                test.passes_text(table.texts.text(version.unwrap_or_default()))
            }),
            Field::EventName => self.event_name(test, candidates),
            Field::Attribute(level, key) => {
                self.attribute(*level, Asked { key, test }, candidates, sources)
            }
        }
    }

    fn text(&mut self, field: Fixed, test: &Test, candidates: &Mask) -> Result<Mask, SegmentError> {
        self.word(field, candidates, &|text| test.passes_text(utf8(text)))
    }

    fn word(
        &mut self,
        field: Fixed,
        candidates: &Mask,
        passes: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Mask, SegmentError> {
        let number = &mut |raw: Raw<'_>| match raw {
            Raw::Bytes(text) => passes(text).into(),
            Raw::Bits(_) => 0,
        };
        let shape = Shape::every(Physical::Text);
        self.passing(field as usize, shape, candidates, number, false)
    }

    /// A text that is not written where it is empty.
    fn optional_text(
        &mut self,
        field: Fixed,
        test: &Test,
        candidates: &Mask,
    ) -> Result<Mask, SegmentError> {
        let number = &mut |raw: Raw<'_>| match raw {
            Raw::Bytes(text) => test.passes_text(utf8(text)).into(),
            Raw::Bits(_) => 0,
        };
        let shape = Shape::some(Physical::Text);
        self.passing(field as usize, shape, candidates, number, test.passes_text(""))
    }

    /// The candidates whose value is given a number that is not 0, or has none if that is `empty`.
    fn passing(
        &mut self,
        column: usize,
        shape: Shape,
        candidates: &Mask,
        number: &mut dyn FnMut(Raw<'_>) -> u64,
        empty: bool,
    ) -> Result<Mask, SegmentError> {
        let mut found = Mask::none(self.rows());
        let mut head = super::page::Column::new(self.chunk(column)?, shape);
        if !empty && head.is_empty() {
            return Ok(found);
        }
        if head.read_dictionary(self, number)? {
            let none = head.dictionary().unwrap_or_default().iter().all(|number| *number == 0);
            if none && !empty {
                return Ok(found);
            }
        }
        self.each_of(head, candidates, number, &mut |row, number| {
            if number.map_or(empty, |number| number != 0) {
                found.set(row);
            }
        })?;
        Ok(found)
    }

    fn duration(&mut self, test: &Test, candidates: &Mask) -> Result<Mask, SegmentError> {
        let durations = self.longs(Fixed::Duration as usize, candidates)?;
        let broken = |duration: &u64| duration.cast_signed() < 0;
        // Only those that go around the corner, or are longer than 292 years, need the start.
        let starts = if durations.iter().any(broken) {
            self.longs(Fixed::Start as usize, candidates)?
        } else {
            Vec::new()
        };
        let mut found = Mask::none(self.rows());
        for ((nth, row), duration) in candidates.iter().enumerate().zip(durations) {
            let start = starts.get(nth).copied().unwrap_or_default();
            if test.passes_int(duration_nanos(start, duration).cast_signed()) {
                found.set(row);
            }
        }
        Ok(found)
    }

    fn event_name(&mut self, test: &Test, candidates: &Mask) -> Result<Mask, SegmentError> {
        let column = self.index.layout.list(List::Events) + 1;
        let mut found = Mask::none(self.rows());
        let number = &mut |raw: Raw<'_>| match raw {
            Raw::Bytes(text) => test.passes_text(utf8(text)).into(),
            Raw::Bits(_) => 0,
        };
        self.in_lists(column, candidates, number, &mut |row| found.set(row))?;
        Ok(found)
    }

    fn attribute(
        &mut self,
        level: Level,
        asked: Asked<'_>,
        candidates: &Mask,
        sources: &mut Option<Sources>,
    ) -> Result<Mask, SegmentError> {
        let mut found = Mask::none(self.rows());
        let mut left = candidates.clone();
        for one in [Level::Resource, Level::Span, Level::Scope, Level::Event, Level::Link] {
            let at = level == Level::Any || level == one;
            let known = self.index.groups_with(one, asked.key) & bit(self.number) != 0;
            if !at || !known || left.is_empty() {
                continue;
            }
            let list = |list: List| self.index.layout.list(list);
            let here = match one {
                Level::Resource => self.by_resource(&left, sources, |table, number| {
                    has(table, &table.resources, number, asked)
                })?,
                Level::Scope => self.by_scope(&left, sources, |table, number| {
                    has(table, &table.scopes, number, asked)
                })?,
                Level::Event => self.pairs(list(List::Events) + EVENT, 2, asked, &left)?,
                Level::Link => self.pairs(list(List::Links) + LINK, 2, asked, &left)?,
                Level::Span | Level::Any => self.own(asked, &left)?,
            };
            found.add(&here);
            left.remove(&here);
        }
        Ok(found)
    }

    /// The span's own attributes.
    fn own(&mut self, asked: Asked<'_>, candidates: &Mask) -> Result<Mask, SegmentError> {
        let mut found = Mask::none(self.rows());
        let layout = &self.index.layout;
        for (nth, dense) in layout.attributes.iter().enumerate() {
            if *dense.key != *asked.key {
                continue;
            }
            let number = &mut |raw: Raw<'_>| asked.test.passes(&value(dense.kind, raw)).into();
            let shape = Shape::dense(dense.kind);
            found.add(&self.passing(Layout::dense(nth), shape, candidates, number, false)?);
        }
        let mut left = candidates.clone();
        left.remove(&found);
        found.add(&self.pairs(layout.list(List::Attributes), 1, asked, &left)?);
        Ok(found)
    }

    /// Pairs in the lists that begin at a column and lie so deep.
    fn pairs(
        &mut self,
        first: usize,
        depth: u32,
        asked: Asked<'_>,
        candidates: &Mask,
    ) -> Result<Mask, SegmentError> {
        let mut found = Mask::none(self.rows());
        let mut texts = Texts::default();
        let mut reader = PairReader::new(self, first, depth)?;
        let wanted = texts.add(asked.key.as_bytes());
        if !reader.may_have(self, asked.key.as_bytes(), &mut texts)? {
            return Ok(found);
        }
        let mut known = HashMap::<Cell, bool>::new();
        for page in reader.pages(self.rows()) {
            if !candidates.any(page.1.clone()) {
                continue;
            }
            reader.read(
                self,
                &page,
                (candidates, Some(wanted)),
                &mut texts,
                &mut |texts, place| {
                    let Some((key, cell)) = place.pair else { return };
                    if key == wanted
                        && *known
                            .entry(cell)
                            .or_insert_with(|| asked.test.passes(&cell.value(texts)))
                    {
                        found.set(place.row);
                    }
                },
            )?;
        }
        Ok(found)
    }

    fn by_resource(
        &mut self,
        candidates: &Mask,
        sources: &mut Option<Sources>,
        passes: impl Fn(&Table, u32) -> bool,
    ) -> Result<Mask, SegmentError> {
        let sources = self.known_sources(sources)?;
        let passing: Vec<bool> =
            sources.resources.iter().map(|number| passes(&sources.table, *number)).collect();
        self.by_number(Fixed::ResourceNumber, &passing, candidates)
    }

    fn by_scope(
        &mut self,
        candidates: &Mask,
        sources: &mut Option<Sources>,
        passes: impl Fn(&Table, u32) -> bool,
    ) -> Result<Mask, SegmentError> {
        let sources = self.known_sources(sources)?;
        let passing: Vec<bool> =
            sources.scopes.iter().map(|number| passes(&sources.table, *number)).collect();
        self.by_number(Fixed::ScopeNumber, &passing, candidates)
    }

    fn by_number(
        &mut self,
        field: Fixed,
        passing: &[bool],
        candidates: &Mask,
    ) -> Result<Mask, SegmentError> {
        if passing.iter().all(|passes| *passes) {
            return Ok(candidates.clone());
        }
        let number = &mut |raw: Raw<'_>| match raw {
            Raw::Bits(number) => passing.get(number as usize).copied().unwrap_or(false).into(),
            Raw::Bytes(_) => 0,
        };
        let shape = Shape::every(Physical::Int);
        self.passing(field as usize, shape, candidates, number, false)
    }

    fn known_sources<'s>(
        &mut self,
        sources: &'s mut Option<Sources>,
    ) -> Result<&'s Sources, SegmentError> {
        let known = if let Some(known) = sources.take() {
            known
        } else {
            let mut table = Table::default();
            let (resources, scopes) = self.sources(&mut table)?;
            Sources { table, resources, scopes }
        };
        Ok(sources.insert(known))
    }
}

/// The row group as a member of a set.
pub(super) fn bit(group: usize) -> u64 {
    u32::try_from(group).ok().and_then(|group| 1_u64.checked_shl(group)).unwrap_or_default()
}

/// Whether a process or library has such an attribute.
fn has(table: &Table, sources: &crate::table::Sources, number: u32, asked: Asked<'_>) -> bool {
    let Some(key) = table.texts.find(asked.key.as_bytes()) else { return false };
    let mut pairs = sources.attributes.list(number as usize);
    pairs
        .any(|(name, cell): (Id, Cell)| name == key && asked.test.passes(&cell.value(&table.texts)))
}

pub(super) fn value(kind: Type, raw: Raw<'_>) -> Value {
    match (kind, raw) {
        (_, Raw::Bytes(text)) => Value::Text(utf8(text).into()),
        (Type::Bool, Raw::Bits(bits)) => Value::Bool(bits != 0),
        (Type::Double, Raw::Bits(bits)) => Value::Double(f64::from_bits(bits)),
        (_, Raw::Bits(bits)) => Value::Int(bits.cast_signed()),
    }
}

/// Texts were checked when they came, and pages when they were read.
fn utf8(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

/// What is tested first: what costs least, and what is likely to leave little.
fn cost(filter: &Filter) -> u32 {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().map(cost).sum(),
        Filter::Not(filter) => cost(filter),
        Filter::Where(field, _) => match field {
            Field::Service => 1,
            Field::Operation | Field::Kind | Field::Status => 2,
            Field::ScopeName
            | Field::ScopeVersion
            | Field::StatusMessage
            | Field::Attribute(Level::Resource | Level::Scope, _) => 3,
            Field::TraceState | Field::Duration => 4,
            Field::Attribute(Level::Span, _) => 5,
            Field::EventName => 8,
            Field::Attribute(..) => 10,
        },
    }
}
