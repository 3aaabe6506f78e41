//! The rules that look at text: each says what it found, where, and why it matters.

use std::fs;
use std::path::Path;

use super::source::Source;

/// A file above it is two files.
const LINES_MAX: usize = 800;

/// A word that code may hold only in some parts of the tree.
struct Ban {
    words: &'static [&'static str],
    /// The parts it applies to; empty: all of them.
    only_in: &'static [&'static str],
    /// Parts, and single files or folders by their path, that it leaves alone.
    except: &'static [&'static str],
    reason: &'static str,
}

const BANS: [Ban; 6] = [
    Ban {
        words: &["unsafe"],
        only_in: &[],
        except: &["net", "mesh", "store"],
        reason: "unsafe code lives in net, mesh and store, where each block has its proof",
    },
    Ban {
        words: &[
            "tokio",
            "std::fs",
            "std::process",
            "std::thread",
            "std::env",
            "Instant::now",
            "SystemTime::now",
        ],
        only_in: &["model", "resilience"],
        // The optional layers of tower are what puts a clock and a timer around the machines.
        except: &["crates/resilience/src/layer"],
        reason: "model and resilience do no IO, spawn nothing and read no clock (invariant 1)",
    },
    Ban {
        // Addresses are plain values; sockets and lookups are IO.
        words: &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "ToSocketAddrs"],
        only_in: &["model", "resilience", "config", "filters"],
        except: &[],
        reason: "this crate opens no sockets and resolves no names",
    },
    Ban {
        words: &["println!", "eprintln!", "print!", "eprint!", "stdout()", "stderr()"],
        only_in: &[],
        except: &["trunkline", "xtask", "benches", "fuzz"],
        reason: "only the binary prints (invariant 2)",
    },
    Ban {
        words: &["anyhow", "Box<dyn Error>", "Box<dyn std::error::Error>"],
        only_in: &[],
        except: &["xtask"],
        reason: "errors below the binary are types that callers can match on",
    },
    Ban {
        words: &["unbounded_channel", "unbounded("],
        only_in: &[],
        except: &[],
        reason: "every queue has a bound named in one place (invariant 5)",
    },
];

/// Type names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["Manager", "Helper", "Util", "Info", "Data"];

pub(crate) fn check(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let path = &source.path;
    if path.ends_with("/mod.rs") {
        found.push(format!(
            "{path}: write `{}.rs` beside the folder",
            path.trim_end_matches("/mod.rs")
        ));
    }
    let mut head = source.text.lines().take(5);
    if !source.test_only && !head.any(|line| line.starts_with("//!")) {
        found
            .push(format!("{path}:1: begin with a `//!` paragraph: what, why, and what it is not"));
    }
    let lines = source.code.trim_end().lines().count();
    if lines > LINES_MAX && !source.test_only {
        found.push(format!("{path}: {lines} lines; above {LINES_MAX} a file is two files"));
    }
    for (line, text) in source.text.lines().enumerate() {
        let open =
            ["TODO", "FIXME", "XXX"].iter().any(|mark| has_word(text, mark)) && !text.contains('#');
        if open && source.part != "xtask" {
            found.push(format!("{path}:{}: a TODO needs an issue number (TODO #12)", line + 1));
        }
    }
    if !source.test_only {
        found.extend(BANS.iter().flat_map(|ban| banned(source, ban)));
        found.extend(empty_names(source));
    }
    found
}

fn banned(source: &Source, ban: &Ban) -> Vec<String> {
    // A build script tells cargo by printing.
    if source.path.ends_with("/build.rs") && ban.words.contains(&"println!") {
        return Vec::new();
    }
    let part = source.part.as_str();
    let excepted = |except: &&str| {
        *except == part || (except.contains('/') && source.path.starts_with(*except))
    };
    if ban.except.iter().any(excepted) || (!ban.only_in.is_empty() && !ban.only_in.contains(&part))
    {
        return Vec::new();
    }
    let lines = source.code.lines().enumerate();
    let hit = |(line, text): (usize, &str)| {
        let word = ban.words.iter().find(|word| has_word(text, word))?;
        Some(format!("{}:{}: `{word}`: {}", source.path, line + 1, ban.reason))
    };
    lines.filter_map(hit).collect()
}

fn empty_names(source: &Source) -> Vec<String> {
    let lines = source.code.lines().enumerate();
    let hit = |(line, text): (usize, &str)| {
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.find(|word| ["struct", "enum", "trait"].contains(word))?;
        let name = words.next()?;
        let empty = EMPTY_NAMES.iter().find(|ending| name.ends_with(*ending))?;
        Some(format!(
            "{}:{}: `{name}`: `{empty}` says nothing; name what it is",
            source.path,
            line + 1
        ))
    };
    lines.filter_map(hit).collect()
}

/// `word` stands in `text` as a whole word (its own punctuation aside).
fn has_word(text: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        let ends_open = word.ends_with(in_word);
        let continues = ends_open && after.is_some_and(in_word);
        !continues && !before.is_some_and(in_word)
    })
}

/// Lock files of npm; links within a workspace have a `resolved`, packages must not.
const PACKAGE_LOCKS: &[&str] = &[
    "examples/shop/apps/web/package-lock.json",
    "examples/monorepo-polyglot/package-lock.json",
    "console/package-lock.json",
];

/// Lock files of cargo.
const LOCKS: &[&str] = &[
    "Cargo.lock",
    "examples/shop/services/payments/Cargo.lock",
    "examples/monorepo-polyglot/services/analytics-service/Cargo.lock",
];

/// Rules about files that are not Rust.
pub(crate) fn check_texts(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for lock in PACKAGE_LOCKS {
        let text = fs::read_to_string(root.join(lock));
        if text.is_ok_and(|text| text.contains("\"resolved\": \"http")) {
            found.push(format!(
                "{lock}: names the registry of one machine; npm's omit-lockfile-registry-resolved"
            ));
        }
    }
    for lock in LOCKS {
        let text = fs::read_to_string(root.join(lock)).unwrap_or_default();
        let foreign = |line: &&str| {
            line.starts_with("source = ") && !line.contains("github.com/rust-lang/crates.io-index")
        };
        found.extend(
            text.lines().filter(foreign).map(|line| format!("{lock}: {line}: not from crates.io")),
        );
    }
    found.extend(unknown_verbs(root));
    found.extend(manifests(root));
    found
}

/// Versions and lints are decided once, in the workspace.
fn manifests(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root.join("crates")).into_iter().flatten().flatten() {
        let path = folder.path().join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let shown = format!("crates/{}/Cargo.toml", folder.file_name().to_string_lossy());
        if !text.contains("[lints]\nworkspace = true") {
            found.push(format!("{shown}: `[lints] workspace = true` is missing"));
        }
        let mut among_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                among_dependencies = line.ends_with("dependencies]");
            } else if among_dependencies && line.contains('=') && !line.contains("workspace = true")
            {
                found
                    .push(format!("{shown}: `{line}`: versions are pinned once, in the workspace"));
            }
        }
    }
    found
}

/// Every `./x verb` that a page shows is a verb.
fn unknown_verbs(root: &Path) -> Vec<String> {
    let known = crate::HELP;
    let mut found = Vec::new();
    for page in
        ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "STYLE.md", "examples/shop/README.md"]
    {
        let text = fs::read_to_string(root.join(page)).unwrap_or_default();
        for after in text.split("./x ").skip(1) {
            let verb: String = after.chars().take_while(char::is_ascii_lowercase).collect();
            if !verb.is_empty() && !known.contains(&format!("./x {verb} ")) {
                found.push(format!("{page}: `./x {verb}`: there is no such verb"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> String {
        check(&Source::new(path.into(), format!("//! A file.\n{text}\n"))).join("\n")
    }

    #[test]
    fn each_rule_finds_its_violation_and_only_that() {
        assert!(found("crates/api/src/a.rs", "fn f() { unsafe { g() } }").contains("`unsafe`"));
        assert_eq!(found("crates/net/src/a.rs", "fn f() { unsafe { g() } }"), "");
        assert_eq!(found("crates/api/src/a.rs", "#![forbid(unsafe_code)] // unsafe"), "");
        assert!(
            found("crates/model/src/a.rs", "use tokio::net::TcpStream;").contains("invariant 1")
        );
        assert_eq!(found("crates/model/src/a.rs", "use std::net::IpAddr;"), "");
        assert!(found("crates/resilience/src/a.rs", "use tokio::time;").contains("invariant 1"));
        assert_eq!(found("crates/resilience/src/layer/a.rs", "use tokio::time;"), "");
        assert!(
            found("crates/rt/src/a.rs", "fn f() { println!(); }")
                .contains("only the binary prints")
        );
        assert_eq!(found("crates/trunkline/src/a.rs", "fn f() { println!(); }"), "");
        assert!(found("crates/rt/src/a.rs", "// TODO: later").contains("issue number"));
        assert_eq!(found("crates/rt/src/a.rs", "// TODO #12: later"), "");
        assert!(found("crates/rt/src/a/mod.rs", "").contains("write `crates/rt/src/a.rs`"));
        assert!(found("crates/rt/src/a.rs", "pub struct TaskManager;").contains("says nothing"));
        assert!(
            found("crates/rt/src/a.rs", &"fn f() {}\n".repeat(LINES_MAX)).contains("two files")
        );
    }
}
