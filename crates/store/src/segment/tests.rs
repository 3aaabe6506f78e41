//! What is written is read the same, by us and by the `parquet` crate, and filters of columns say
//! what filters of spans say.

#[path = "../../tests/it/generate.rs"]
mod generate;
mod speed;

use std::io;
use std::sync::{Arc, Mutex};

use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use trunkline_otlp::{Span, view, write as otlp};
use trunkline_rt::Clock;

use super::layout::{Chooser, Layout};
use super::*;
use crate::disk::File;
use crate::source::{Budget, Limits, arrange};
use crate::table::{Maker, Table};

/// A file in memory.
#[derive(Debug, Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl File for Bytes {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.0.lock().unwrap();
        let end = offset as usize + bytes.len();
        if all.len() < end {
            all.resize(end, 0);
        }
        all[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let all = self.0.lock().unwrap();
        let rest = all.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.0.lock().unwrap().resize(bytes as usize, 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
}

fn table_of(spans: &[Span]) -> Table {
    let mut table = Table::default();
    for batch in spans.chunks(5) {
        table.append(&otlp::request(batch)).unwrap();
    }
    table
}

fn layout_of(table: &Table) -> Layout {
    let mut chooser = Chooser::default();
    chooser.add_rows(table.len() as u64);
    let mut keys = hashbrown::HashMap::new();
    table.keys(0..table.len(), &mut keys);
    for ((level, key, kind), count) in keys {
        chooser.add(level, &table.texts.text(key).into(), kind, count);
    }
    chooser.choose()
}

/// Writes row groups of at most so many rows.
fn write_table(table: &Table, layout: Layout, group_rows: usize) -> (Vec<u8>, Written) {
    let mut bytes = Vec::new();
    let mut writer = SegmentWriter::new(&mut bytes, layout, 1).unwrap();
    let all: Vec<u32> = (0..table.len() as u32).collect();
    for rows in all.chunks(group_rows) {
        let mut rows = rows.to_vec();
        table.sort(&mut rows);
        writer.group(table, &rows).unwrap();
    }
    let written = writer.finish().unwrap();
    (bytes, written)
}

fn open(bytes: &[u8]) -> SegmentFile {
    SegmentFile::new(Box::new(Bytes(Arc::new(Mutex::new(bytes.to_vec())))))
}

fn budget() -> Budget {
    Budget::new(&Clock::system(), Limits::default())
}

fn spans_of(table: &Table) -> Vec<Span> {
    let mut maker = Maker::new(table);
    (0..table.len()).map(|row| maker.span(row).unwrap()).collect()
}

/// As bytes, sorted: numbers that are none are equal if their bytes are.
fn canonical(spans: &[Span]) -> Vec<Vec<u8>> {
    // One by one: spans that are there twice are compared twice.
    let each = |span: &Span| {
        let mut one = vec![span.clone()];
        arrange(&mut one);
        otlp::request(&one)
    };
    let mut all: Vec<_> = spans.iter().map(each).collect();
    all.sort();
    all
}

fn read_all(bytes: &[u8], parts: Parts) -> Table {
    let file = open(bytes);
    let (place, unpacked) = file.locate().unwrap();
    let index = file.index(place, unpacked).unwrap();
    let mut table = Table::default();
    for group in 0..index.groups.len() {
        let mut budget = budget();
        let mut reader = GroupReader::new(&file, &index, group, &mut budget).unwrap().unwrap();
        let rows = Mask::all(reader.rows());
        reader.read(&rows, parts, &mut table).unwrap();
    }
    table
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spans_of_all_shapes_come_back(spans in generate::spans(60), group_rows in 1..40_usize) {
        let table = table_of(&spans);
        prop_assert_eq!(canonical(&spans_of(&table)), canonical(&spans));
        let group_rows = group_rows.max(spans.len() / 60);
        for layout in [layout_of(&table), Layout::default()] {
            let (bytes, written) = write_table(&table, layout, group_rows);
            prop_assert_eq!(written.bytes, bytes.len() as u64);
            let file = open(&bytes);
            let (place, unpacked) = file.locate().unwrap();
            prop_assert_eq!(place, written.place);
            let index = file.index(place, unpacked).unwrap();
            prop_assert_eq!(&*index, &written.index);
            let back = read_all(&bytes, Parts::All);
            prop_assert_eq!(canonical(&spans_of(&back)), canonical(&spans));
            // And once more, from what was read.
            let (again, _) = write_table(&back, layout_of(&back), 1_000);
            let back = read_all(&again, Parts::All);
            prop_assert_eq!(canonical(&spans_of(&back)), canonical(&spans));
        }
    }

    #[test]
    fn the_parquet_crate_reads_every_value(spans in generate::spans(60)) {
        let table = table_of(&spans);
        let (bytes, _) = write_table(&table, layout_of(&table), 25);
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows = reader.metadata().file_metadata().num_rows();
        prop_assert_eq!(rows, spans.len() as i64);
        let mut names = Vec::new();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let (_, field) = row.get_column_iter().find(|(name, _)| *name == "name").unwrap();
            names.push(format!("{field}"));
        }
        names.sort();
        let mut expected: Vec<_> = spans.iter().map(|span| format!("{:?}", span.name)).collect();
        expected.sort();
        prop_assert_eq!(names, expected);
    }

    #[test]
    fn filters_of_columns_say_what_filters_of_spans_say(
        spans in generate::spans(60),
        searches in prop::collection::vec(generate::search(), 1..12),
    ) {
        let table = table_of(&spans);
        for layout in [layout_of(&table), Layout::default()] {
            let (bytes, written) = write_table(&table, layout, 30);
            let file = open(&bytes);
            for group in 0..written.index.groups.len() {
                let mut budget = budget();
                let mut reader =
                    GroupReader::new(&file, &written.index, group, &mut budget).unwrap().unwrap();
                let mut all = Table::default();
                reader.read(&Mask::all(reader.rows()), Parts::All, &mut all).unwrap();
                let all = spans_of(&all);
                for search in &searches {
                    let times = &search.start_unix_nanos;
                    let found = reader.matching(&search.filter, times).unwrap();
                    for (row, span) in all.iter().enumerate() {
                        let expected =
                            times.contains(&span.start_unix_nanos) && search.filter.takes(span);
                        prop_assert_eq!(found.has(row as u32), expected, "{:?} {:?}", search, span);
                    }
                }
            }
        }
    }

    #[test]
    fn any_rows_of_a_group_can_be_read(
        spans in generate::spans(60),
        picks in prop::collection::vec(any::<bool>(), 60),
        ids in prop::collection::vec(generate::trace_id(), 0..4),
    ) {
        let table = table_of(&spans);
        let (bytes, written) = write_table(&table, layout_of(&table), 100);
        let file = open(&bytes);
        let mut budget = budget();
        let Some(mut reader) =
            GroupReader::new(&file, &written.index, 0, &mut budget).unwrap() else { return Ok(()) };
        let mut all = Table::default();
        reader.read(&Mask::all(reader.rows()), Parts::All, &mut all).unwrap();
        let mut rows = Mask::none(reader.rows());
        (0..reader.rows()).filter(|row| picks[*row as usize]).for_each(|row| rows.set(row));
        let mut some = Table::default();
        reader.read(&rows, Parts::All, &mut some).unwrap();
        let expected: Vec<_> =
            spans_of(&all).into_iter().zip(picks).filter(|(_, pick)| *pick).map(|(span, _)| span).collect();
        let bytes_of = |spans: &[Span]| spans.iter().map(|one| otlp::request([one])).collect::<Vec<_>>();
        prop_assert_eq!(bytes_of(&spans_of(&some)), bytes_of(&expected));
        let mut unique = ids;
        unique.sort();
        unique.dedup();
        let mut found = Vec::new();
        reader.find(&unique, |row, which| found.push((row, which))).unwrap();
        let expected: Vec<_> = spans_of(&all)
            .iter()
            .enumerate()
            .filter_map(|(row, span)| {
                Some((row as u32, unique.iter().position(|id| *id == span.trace)?))
            })
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn damage_is_found_and_never_a_panic(
        spans in generate::spans(30),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        search in generate::search(),
    ) {
        let table = table_of(&spans);
        let (mut bytes, written) = write_table(&table, layout_of(&table), 100);
        let end = written.place.offset + u64::from(written.place.length);
        let place = at.index(end as usize - 4) + 4;
        bytes[place] ^= 1 << bit;
        let file = open(&bytes);
        let (position, unpacked) = file.locate().unwrap();
        let Ok(index) = file.index(position, unpacked) else { return Ok(()) };
        let mut budget = budget();
        let Some(mut reader) = GroupReader::new(&file, &index, 0, &mut budget).unwrap() else { return Ok(()) };
        let rows = Mask::all(reader.rows());
        let mut back = Table::default();
        let read = reader.read(&rows, Parts::All, &mut back);
        let _ = reader.matching(&search.filter, &search.start_unix_nanos);
        if reader.check().is_empty() {
            // What is only for others is not checked by us, and not read.
            read.unwrap();
            prop_assert_eq!(canonical(&spans_of(&back)), canonical(&spans));
        }
    }
}

#[test]
fn batches_are_read_from_views() {
    // The generator makes spans; this holds for what comes over the wire.
    let spans = view::spans(&otlp::request(&[])).unwrap();
    assert!(spans.is_empty());
    let (bytes, written) = write_table(&Table::default(), Layout::default(), 10);
    assert_eq!(written.index.groups.len(), 0);
    assert_eq!(read_all(&bytes, Parts::All).len(), 0);
}
