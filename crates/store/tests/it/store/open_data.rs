//! Others read the files: pyarrow and duckdb open every segment and count as we do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use trunkline_otlp::Span;
use trunkline_rt::Clock;
use trunkline_store::Store;
use trunkline_store::disk::Folder;
use trunkline_store::source::type_name;

use super::rig::{append, batch, small};
use crate::generate;

/// A Python that has both, if there is one: `TRUNKLINE_PYTHON`, or that of a virtual environment in
/// the target folder, or the system's.
fn python() -> Option<PathBuf> {
    let given = std::env::var_os("TRUNKLINE_PYTHON").map(PathBuf::from);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    let mut all = given.into_iter().chain([target, PathBuf::from("python3")]);
    all.find(|python| {
        let mut command = Command::new(python);
        command
            .args(["-c", "import pyarrow.parquet, duckdb"])
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

type Counts = BTreeMap<String, u64>;

/// Rows, services, operations, keys.
fn counts(spans: &[Span]) -> (u64, Counts, Counts, Counts) {
    let (mut services, mut operations, mut keys) = (Counts::new(), Counts::new(), Counts::new());
    for span in spans {
        *services.entry(span.service().to_owned()).or_default() += 1;
        *operations.entry(format!("{} {}", span.service(), span.name)).or_default() += 1;
        for (key, value) in &span.attributes {
            *keys.entry(format!("{key} {}", type_name(value))).or_default() += 1;
        }
    }
    (spans.len() as u64, services, operations, keys)
}

fn check(python: &Path, spans: &[Span]) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Folder::open(folder.path()).unwrap());
    let mut config = small();
    config.memory.head_spans_max = 1 << 20;
    let store = Store::open(config, disk, Clock::system()).unwrap();
    for part in spans.chunks(spans.len() / 3 + 1) {
        append(&store, part).unwrap();
        store.flush().unwrap();
    }
    let files = std::fs::read_dir(folder.path().join("segments")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/open_data.py");
    let mut command = Command::new(python);
    command.arg(script).args(files.map(|file| file.unwrap().path()));
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| serde_json::from_value::<Counts>(found[name].clone()).unwrap();
    let (rows, services, operations, keys) = counts(spans);
    assert_eq!(found["rows"], rows);
    assert_eq!(of("services"), services);
    assert_eq!(of("operations"), operations);
    assert_eq!(of("keys"), keys);
}

#[test]
fn pyarrow_and_duckdb_open_every_segment_and_count_as_we_do() {
    let Some(python) = python() else {
        println!("skipped: needs pyarrow and duckdb");
        return;
    };
    let regular: Vec<Span> = (0..3_000).flat_map(batch).collect();
    check(&python, &regular);
    let mut runner = TestRunner::deterministic();
    for _ in 0..3 {
        let spans = generate::spans(400).new_tree(&mut runner).unwrap().current();
        check(&python, &spans);
    }
}
