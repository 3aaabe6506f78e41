//! Bytes by column, as the files themselves say.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};

/// Columns below this share are told together.
const SHARE_MIN: f64 = 0.01;

/// The column's own name, or for attributes with a column each, all of them.
fn root_of(path: &[String]) -> String {
    let name = path.first().map(String::as_str).unwrap_or_default();
    // With their type: `attributes.key`, `attributes_int64.key`.
    match name.split_once('.') {
        Some((of, _)) => format!("{of}, a column each"),
        None => name.to_owned(),
    }
}

/// Prints bytes of each column for each span; returns all bytes of the files for each span.
pub fn print(folder: &Path, spans: u64) -> Result<f64, Box<dyn Error>> {
    let mut columns = BTreeMap::<String, u64>::new();
    let (mut all, mut rows) = (0, 0);
    for entry in std::fs::read_dir(folder.join("segments"))? {
        let file = File::open(entry?.path())?;
        all += file.metadata()?.len();
        let reader = SerializedFileReader::new(file)?;
        for group in reader.metadata().row_groups() {
            rows += u64::try_from(group.num_rows())?;
            for column in group.columns() {
                let root = root_of(column.column_path().parts());
                let bytes = u64::try_from(column.compressed_size())?;
                *columns.entry(root).or_default() += bytes;
            }
        }
    }
    assert_eq!(rows, spans, "what the files say and what the store says");
    let a_span = |bytes: u64| bytes as f64 / spans as f64;
    let of_columns: u64 = columns.values().sum();
    let mut sorted: Vec<_> = columns.into_iter().collect();
    sorted.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("  bytes a span, by column:");
    let mut small = 0;
    for (name, bytes) in sorted {
        if bytes as f64 >= all as f64 * SHARE_MIN {
            println!("    {name:<28}{:>8.2}", a_span(bytes));
        } else {
            small += bytes;
        }
    }
    println!("    {:<28}{:>8.2}", "all others", a_span(small));
    println!("    {:<28}{:>8.2}", "index and footer", a_span(all - of_columns));
    Ok(a_span(all))
}
