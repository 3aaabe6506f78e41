//! Whether what a page shows is what was printed, once everything is masked that differs from run to run.
//!
//! Numbers, times, ids, ports and folders become one sign each. A line `…` in the page stands for any lines.

use std::path::Path;

use regex::Regex;

/// What is wrong, or nothing.
pub fn differences(shown: &str, printed: &str, home: &Path, any_order: bool) -> Option<String> {
    let shown = masked(shown, home);
    let printed = masked(printed, home);
    let is_part = shown.iter().any(|line| line == "…");
    let wanted: Vec<_> = shown.iter().filter(|line| *line != "…").cloned().collect();
    let found = if any_order {
        wanted.iter().all(|line| printed.contains(line))
    } else if is_part {
        is_subsequence(&wanted, &printed)
    } else {
        wanted == printed
    };
    let counted = !any_order || is_part || wanted.len() == printed.len();
    (!(found && counted)).then(|| {
        format!(
            "--- shown, masked\n{}\n--- printed, masked\n{}",
            shown.join("\n"),
            printed.join("\n")
        )
    })
}

fn is_subsequence(wanted: &[String], printed: &[String]) -> bool {
    let mut rest = printed.iter();
    wanted.iter().all(|line| rest.any(|other| other == line))
}

/// Lines that are not empty, without what differs.
fn masked(text: &str, home: &Path) -> Vec<String> {
    let world = home.parent().unwrap().to_str().unwrap();
    let text = text.replace(home.to_str().unwrap(), "/home/you").replace(world, "/there");
    let rules = [
        (r"\x1b\[[0-9;]*m", ""),
        (r"\b[0-9a-f]{8,64}\b", "ID"),
        (r"(localhost|\.local|127\.0\.0\.1):\d{2,5}\b", "$1"),
        (r"\d{2}:\d{2}:\d{2}(\.\d+)?", "TIME"),
        (r"\b(\d+(\.\d+)?(µs|ms|s|m|h))+\b", "TIME"),
        (r"[━·─]{3,}", "BAR"),
        (r"\b\d+(\.\d+)?\b", "N"),
        (r"\s+", " "),
    ];
    let mut text_of = text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (pattern, sign) in rules {
        let rule = Regex::new(pattern).unwrap();
        for line in &mut text_of {
            *line = rule.replace_all(line, sign).trim().to_owned();
        }
    }
    text_of.retain(|line| !line.is_empty());
    text_of
}

#[test]
fn only_what_differs_from_run_to_run_is_masked() {
    let home = Path::new("/tmp/world/home");
    let same = |shown: &str, printed: &str| differences(shown, printed, home, false).is_none();
    assert!(same("✓ web  /health 200  1.2s", "✓ web /health 200 17ms"));
    assert!(same("https://a.localhost:8443", "https://a.localhost"));
    assert!(same("a\n…\nd", "a\nb\nc\nd"));
    assert!(same("/home/you/x", "/tmp/world/home/x"));
    assert!(!same("a\nd", "a\nb\nd"));
    assert!(!same("✓ web ready", "✗ web ready"));
    assert!(differences("b\na", "a\nb", home, true).is_none());
}
