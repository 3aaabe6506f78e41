//! Screens compared with files: `UPDATE=1 cargo test -p trunkline` writes them anew.

use std::path::PathBuf;

use regex::Regex;

/// What differs from run to run, and what stands for it. The first that matches wins.
const MASKS: &[(&str, &str)] = &[
    (r"/tmp/[A-Za-z0-9._-]+", "<DIR>"),
    (r"process \d+", "process <PID>"),
    (r"pid \d+", "pid <PID>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<PORT>"),
    (r"localhost:\d+", "localhost:<PORT>"),
    (r"\b\d\d:\d\d:\d\d\.\d+", "<TIME>"),
    (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "<INSTANT>"),
    (r"\b[0-9a-f]{32}\b", "<TRACE>"),
    (r"up \d+[smhd]\d*[smh]?", "up <AGE>"),
    (r" *\b\d+(\.\d+)?(µs|ms)", " <SPAN>"),
    (r" *\b\d+\.\d+s\b", " <SPAN>"),
    (r" *\b\d+\.\d/s", " <RATE>"),
    (r"trunkline \d+\.\d+\.\d+", "trunkline <VERSION>"),
    // Columns are as wide as what was masked in them.
    (r" {2,}", "  "),
    (r"\((x86_64|aarch64)-linux\)", "(<TARGET>)"),
];

/// Compares a screen with `tests/golden/NAME.txt`, after masking.
#[track_caller]
pub fn check(name: &str, screen: &str) {
    let masked = mask(screen);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &masked).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(masked, expected, "{name}: if the change is wanted, run with UPDATE=1");
}

pub fn mask(screen: &str) -> String {
    let masked = MASKS.iter().fold(screen.to_owned(), |text, (pattern, stand_in)| {
        Regex::new(pattern).unwrap().replace_all(&text, *stand_in).into_owned()
    });
    masked.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
