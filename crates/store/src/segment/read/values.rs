//! The values that a key has in a row group.

use trunkline_otlp::Value;

use super::page::{Codes, Column, Raw};
use super::pairs::PairReader;
use super::scan::{bit, value};
use super::{GroupReader, Mask, SegmentError};
use crate::segment::layout::{EVENT, LINK, Layout, List, Shape};
use crate::source::Level;
use crate::table::{Sources, Table, Texts};

impl GroupReader<'_> {
    /// Tells `see` of each value that the key has at this level; of most only once.
    pub(crate) fn values(
        &mut self,
        level: Level,
        key: &str,
        see: &mut dyn FnMut(&Value),
    ) -> Result<(), SegmentError> {
        for one in [Level::Resource, Level::Span, Level::Scope, Level::Event, Level::Link] {
            let at = level == Level::Any || level == one;
            if !at || self.index.groups_with(one, key) & bit(self.number) == 0 {
                continue;
            }
            let list = |list: List| self.index.layout.list(list);
            match one {
                Level::Event => self.pair_values(list(List::Events) + EVENT, 2, key, see)?,
                Level::Link => self.pair_values(list(List::Links) + LINK, 2, key, see)?,
                Level::Span | Level::Any => {
                    self.dense_values(key, see)?;
                    self.pair_values(list(List::Attributes), 1, key, see)?;
                }
                Level::Resource | Level::Scope => {
                    let mut table = Table::default();
                    self.sources(&mut table)?;
                    let sources =
                        if one == Level::Scope { &table.scopes } else { &table.resources };
                    source_values(&table, sources, key, see);
                }
            }
        }
        Ok(())
    }

    fn dense_values(&mut self, key: &str, see: &mut dyn FnMut(&Value)) -> Result<(), SegmentError> {
        let layout = &self.index.layout;
        for (nth, dense) in layout.attributes.iter().enumerate() {
            if *dense.key != *key {
                continue;
            }
            let chunk = self.chunk(Layout::dense(nth))?;
            let mut column = Column::new(chunk, Shape::dense(dense.kind));
            let number = &mut |raw: Raw<'_>| {
                see(&value(dense.kind, raw));
                0
            };
            // Each distinct value is in the dictionary, if there is one.
            if column.is_empty() || column.read_dictionary(self, number)? {
                continue;
            }
            let mut codes = Codes::default();
            for page in column.pages(self.rows()) {
                self.budget.spend(page.1.len() as u64, 0)?;
                column.read(self, page, number, &mut codes)?;
            }
        }
        Ok(())
    }

    fn pair_values(
        &mut self,
        first: usize,
        depth: u32,
        key: &str,
        see: &mut dyn FnMut(&Value),
    ) -> Result<(), SegmentError> {
        let mut texts = Texts::default();
        let wanted = texts.add(key.as_bytes());
        let mut reader = PairReader::new(self, first, depth)?;
        if !reader.may_have(self, key.as_bytes(), &mut texts)? {
            return Ok(());
        }
        let rows = Mask::all(self.rows());
        let mut known = hashbrown::HashSet::new();
        for page in reader.pages(self.rows()) {
            self.budget.spend(page.1.len() as u64, 0)?;
            reader.read(self, &page, (&rows, Some(wanted)), &mut texts, &mut |texts, place| {
                if let Some((key, cell)) = place.pair
                    && key == wanted
                    && known.insert(cell)
                {
                    see(&cell.value(texts));
                }
            })?;
        }
        Ok(())
    }
}

fn source_values(table: &Table, sources: &Sources, key: &str, see: &mut dyn FnMut(&Value)) {
    let Some(wanted) = table.texts.find(key.as_bytes()) else { return };
    for number in 0..sources.len() {
        for (key, cell) in sources.attributes.list(number) {
            if key == wanted {
                see(&cell.value(&table.texts));
            }
        }
    }
}
