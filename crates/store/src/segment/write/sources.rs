//! Processes and libraries: numbers in the rows, what they stand for once for each row group, and
//! columns for readers that do not know our index.

use std::io::Write;

use hashbrown::HashMap;
use parquet::errors::ParquetError;
use trunkline_otlp::wire::{put_bytes, put_message};
use trunkline_otlp::write as otlp;

use super::super::column::Values;
use super::super::layout::Layout;
use super::attributes::{DenseColumn, by_key, columns_of};
use super::fields::optional_text;
use super::lists::{Form, PairColumns};
use super::{For, GroupOut, Next, Words};
use crate::table::{Id, Maker, Source, Table, Texts};

/// Who made the rows of a group.
#[derive(Debug)]
pub(super) struct Gathered {
    /// By row: the number of its process.
    pub(super) resource: Vec<u32>,
    /// By row: the number of its library.
    pub(super) scope: Vec<u32>,
    /// Which of the table's they are, by number.
    resources: Vec<u32>,
    scopes: Vec<u32>,
    dense: Vec<DenseColumn>,
    rest: Vec<(u32, Id, crate::table::Cell)>,
    /// A batch without spans: all of them, in the order of their numbers.
    pub(super) message: Vec<u8>,
}

/// Numbers what is there by first appearance.
fn number(column: &[u32], order: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut known = HashMap::new();
    let mut all = Vec::new();
    let numbers = order.iter().filter_map(|row| column.get(*row as usize)).map(|one| {
        *known.entry(*one).or_insert_with(|| {
            all.push(*one);
            all.len() as u32 - 1
        })
    });
    (numbers.collect(), all)
}

/// Goes through the rows.
pub(super) fn gather(table: &Table, order: &[u32], layout: &Layout) -> Gathered {
    let (resource, resources) = number(&table.rows.resource, order);
    let (scope, scopes) = number(&table.rows.scope, order);
    let columns = by_key(&layout.resource, &table.texts);
    let mut dense = columns_of(&layout.resource);
    let mut rest = Vec::new();
    // By column: the processes that have a value in it, in order.
    let mut values: Vec<Vec<(u32, u64)>> = vec![Vec::new(); dense.len()];
    for (nth, of) in (0_u32..).zip(&resources) {
        let mut last = None;
        for (id, cell) in table.resources.attributes.list(*of as usize) {
            // Attributes of a process are in the order of their keys.
            let first = last.replace(id) != Some(id);
            let column = columns.get(&id).and_then(|of| of.get(cell.kind as usize));
            match column.and_then(|column| values.get_mut(*column as usize)).filter(|_| first) {
                Some(values) => values.push((nth, cell.bits)),
                None => rest.push((nth, id, cell)),
            }
        }
    }
    let mut of_process = vec![None; resources.len()];
    for (column, values) in dense.iter_mut().zip(values) {
        for (nth, bits) in &values {
            if let Some(place) = of_process.get_mut(*nth as usize) {
                *place = Some(*bits);
            }
        }
        for (place, number) in (0_u32..).zip(&resource) {
            if let Some(Some(bits)) = of_process.get(*number as usize) {
                column.rows.push(place);
                column.bits.push(*bits);
            }
        }
        for (nth, _) in &values {
            if let Some(place) = of_process.get_mut(*nth as usize) {
                *place = None;
            }
        }
    }
    let message = message(table, &resources, &scopes);
    Gathered { resource, scope, resources, scopes, dense, rest, message }
}

/// Processes first, each for itself; then the libraries, of a process that is none.
fn message(table: &Table, resources: &[u32], scopes: &[u32]) -> Vec<u8> {
    let mut maker = Maker::new(table);
    let mut into = Vec::new();
    for number in resources {
        let resource = maker.resource(*number);
        put_message(&mut into, 1, |into| {
            put_message(into, 1, |into| otlp::resource(into, &resource));
            put_bytes(into, 3, resource.schema_url.as_bytes());
        });
    }
    put_message(&mut into, 1, |into| {
        for number in scopes {
            let scope = maker.scope(*number);
            put_message(into, 2, |into| {
                put_message(into, 1, |into| otlp::scope(into, &scope));
                put_bytes(into, 3, scope.schema_url.as_bytes());
            });
        }
    });
    into
}

impl Gathered {
    fn of_resources<T>(&self, table: &Table, get: impl Fn(&Source) -> T) -> Vec<T>
    where
        T: Copy + Default,
    {
        let each = |number: &u32| table.resources.get(*number).map(&get).unwrap_or_default();
        let all: Vec<T> = self.resources.iter().map(each).collect();
        spread(&all, &self.resource)
    }

    fn of_scopes<T>(&self, table: &Table, get: impl Fn(&Source) -> T) -> Vec<T>
    where
        T: Copy + Default,
    {
        let each = |number: &u32| table.scopes.get(*number).map(&get).unwrap_or_default();
        let all: Vec<T> = self.scopes.iter().map(each).collect();
        spread(&all, &self.scope)
    }

    /// The service of each row.
    pub(super) fn services(&self, table: &Table) -> Vec<Id> {
        self.of_resources(table, |source| source.service)
    }

    /// Writes what is told of them besides attributes.
    pub(super) fn write_fields<W: Write + Send>(
        &self,
        out: &mut GroupOut<'_, W>,
        table: &Table,
    ) -> Result<(), ParquetError> {
        let texts = &table.texts;
        let text = |out: &mut _, ids: &[Id]| optional_text(out, ids, texts, For::Others);
        let ints = |out: &mut GroupOut<'_, W>, all: &[u32]| {
            let next = Next::every(Values::Ints(all), texts);
            out.put(Next { purpose: For::Others, ..next })
        };
        text(out, &self.of_resources(table, |source| source.schema_url))?;
        ints(out, &self.of_resources(table, |source| source.dropped))?;
        text(out, &self.of_scopes(table, |source| source.scope.name))?;
        text(out, &self.of_scopes(table, |source| source.scope.version))?;
        text(out, &self.of_scopes(table, |source| source.schema_url))?;
        ints(out, &self.of_scopes(table, |source| source.dropped))
    }

    /// Writes the attributes.
    pub(super) fn write<W: Write + Send>(
        &self,
        out: &mut GroupOut<'_, W>,
        table: &Table,
        words: &Words,
    ) -> Result<(), ParquetError> {
        for column in &self.dense {
            column.write(out, &table.texts, For::Others)?;
        }
        let mut columns = PairColumns::new(1);
        let mut lists: Vec<Vec<(Id, Form)>> = vec![Vec::new(); self.resources.len()];
        for (nth, key, cell) in &self.rest {
            let form = columns.form(*cell, &table.texts);
            if let Some(list) = lists.get_mut(*nth as usize) {
                list.push((*key, form));
            }
        }
        write_lists(out, columns, &lists, &self.resource, &table.texts, words)?;
        let mut columns = PairColumns::new(1);
        let mut lists = Vec::new();
        for number in &self.scopes {
            let pairs = table.scopes.attributes.list(*number as usize);
            let forms = pairs.map(|(key, cell)| (key, columns.form(cell, &table.texts)));
            lists.push(forms.collect::<Vec<_>>());
        }
        write_lists(out, columns, &lists, &self.scope, &table.texts, words)
    }
}

fn spread<T: Copy + Default>(all: &[T], numbers: &[u32]) -> Vec<T> {
    let of = |number: &u32| all.get(*number as usize).copied().unwrap_or_default();
    numbers.iter().map(of).collect()
}

fn write_lists<W: Write + Send>(
    out: &mut GroupOut<'_, W>,
    mut columns: PairColumns,
    lists: &[Vec<(Id, Form)>],
    numbers: &[u32],
    texts: &Texts,
    words: &Words,
) -> Result<(), ParquetError> {
    for number in numbers {
        let list = lists.get(*number as usize).map(Vec::as_slice).unwrap_or_default();
        for (nth, (key, form)) in list.iter().enumerate() {
            columns.put(u32::from(nth > 0), *key, *form, words);
        }
        if list.is_empty() {
            columns.put_empty(0, 0);
        }
        columns.end_row();
    }
    let page_rows = columns.page_rows();
    columns.write(out, texts, words, page_rows, For::Others)
}
