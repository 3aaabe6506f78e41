//! The same sequences through Resilience4j 2.4 and through these machines: what can be seen after
//! each operation is equal.
//!
//! `tests/java` drives Resilience4j on a virtual clock. Where there is no Java, sequences whose
//! output was recorded from it are replayed (`UPDATE=1` records them anew). What differs on purpose
//! is listed in `docs/reference/resilience4j.md` and left out by the generators, each at its place.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::driven::{Sequence, generate};

/// Sequences that are replayed through Java.
const SEQUENCES: u64 = 24_000;
/// Those of them that are recorded.
const RECORDED: usize = 184;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// The class path of the driver, which is compiled once; `None` where there is no Java. In CI there
/// is one.
pub(crate) fn driver() -> Option<&'static str> {
    static DRIVER: LazyLock<Option<String>> = LazyLock::new(compile);
    let driver = DRIVER.as_deref();
    let needed = std::env::var_os("CI").is_some();
    assert!(driver.is_some() || !needed, "`java` and `mvn` are missing");
    driver
}

fn compile() -> Option<String> {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("resilience4j-driver");
    let classes = build.join("class-path.txt");
    let found = ["java", "mvn"]
        .iter()
        .all(|tool| Command::new(tool).arg("-version").output().is_ok_and(|o| o.status.success()));
    if !found {
        return None;
    }
    let done = Command::new("mvn")
        .args(["-q", "-B", "compile", "dependency:build-classpath"])
        .arg(format!("-Ddriver.build={}", build.display()))
        .arg(format!("-Dmdep.outputFile={}", classes.display()))
        .current_dir(here("java"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "the driver does not compile: {told}");
    let jars = std::fs::read_to_string(classes).unwrap();
    Some(format!("{}:{}", build.join("classes").display(), jars.trim()))
}

/// What Resilience4j shows for each sequence.
pub(crate) fn through_java<'a>(
    class_path: &str,
    lines: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let mut java = Command::new("java")
        // So that `Math.random` can be given a seed.
        .args(["--add-opens", "java.base/java.lang=ALL-UNNAMED"])
        .args(["-cp", class_path, "driver.Driver"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = java.stdin.take().unwrap();
    let lines: String = lines.into_iter().flat_map(|line| [line, "\n"]).collect();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let done = java.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "the driver failed: {told}");
    writing.join().unwrap().unwrap();
    String::from_utf8(done.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
}

/// Tells the first operation after which the two differ.
fn compare(sequence: &Sequence, expected: &str) {
    if sequence.seen == expected {
        return;
    }
    let operations = sequence.line.split('|').nth(1).unwrap().split_whitespace();
    for (operation, (ours, theirs)) in
        operations.zip(sequence.seen.split(' ').zip(expected.split(' ')))
    {
        assert_eq!(ours, theirs, "after `{operation}` of\n{}", sequence.line);
    }
    panic!("of another length: {}", sequence.line);
}

#[test]
fn every_sequence_is_seen_as_resilience4j_sees_it() {
    let Some(class_path) = driver() else {
        eprintln!("skipped: needs a JDK and Maven");
        return;
    };
    let sequences: Vec<_> = (0..SEQUENCES).map(generate).collect();
    let expected = through_java(class_path, sequences.iter().map(|one| one.line.as_str()));
    assert_eq!(expected.len(), sequences.len());
    for (sequence, expected) in sequences.iter().zip(&expected) {
        compare(sequence, expected);
    }
    let operations: usize = expected.iter().map(|seen| seen.split(' ').count()).sum();
    eprintln!("{SEQUENCES} sequences, {operations} operations: equal");
    if std::env::var_os("UPDATE").is_some() {
        let recorded = sequences.iter().zip(&expected).take(RECORDED);
        let lines: String =
            recorded.map(|(sequence, seen)| format!("{}\n{seen}\n", sequence.line)).collect();
        std::fs::write(here("it/resilience4j.traces"), lines).unwrap();
    }
}

#[test]
fn recorded_sequences_are_seen_as_they_were() {
    let recorded = std::fs::read_to_string(here("it/resilience4j.traces")).unwrap();
    let lines: Vec<_> = recorded.lines().collect();
    assert_eq!(lines.len(), 2 * RECORDED);
    for (seed, pair) in lines.chunks(2).enumerate() {
        let sequence = generate(seed as u64);
        assert_eq!(sequence.line, pair[0], "the generator has changed: record anew");
        compare(&sequence, pair[1]);
    }
}
