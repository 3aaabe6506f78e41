//! One file of Rust as the rules see it: its code without comments, string contents and tests.
//!
//! Blanking keeps every line break, so that a place in the code is a place in the file.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A file, with the parts that rules ask about.
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    /// The folder name below `crates/`, or the first folder of the path.
    pub(crate) part: String,
    /// As written.
    pub(crate) text: String,
    /// Comments and string contents are spaces, and so is every `#[cfg(test)]` item.
    pub(crate) code: String,
    /// Lives where only tests, benches and examples live.
    pub(crate) test_only: bool,
}

impl Source {
    /// Every Rust file that is ours, except the services of the examples: those are other people's code in spirit.
    pub(crate) fn read_all(root: &Path) -> io::Result<Vec<Self>> {
        let mut paths = Vec::new();
        for folder in ["crates", "xtask", "fuzz", "benches"] {
            collect(&root.join(folder), &mut paths)?;
        }
        paths.sort();
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path)?;
            let path =
                path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            Ok(Self::new(path, text))
        };
        paths.into_iter().map(read).collect()
    }

    pub(crate) fn new(path: String, text: String) -> Self {
        let folders: Vec<&str> = path.split('/').collect();
        let part = match folders.as_slice() {
            ["crates", name, ..] | [name, ..] => (*name).to_owned(),
            [] => String::new(),
        };
        let among = ["tests", "benches", "examples"];
        let inner = folders.get(1..).unwrap_or_default();
        let test_only = part == "testkit"
            || path.ends_with("/tests.rs")
            || inner.iter().any(|f| among.contains(f));
        let code = without_tests(&without_comments(&text));
        Self { path, part, text, code, test_only }
    }
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && name != "corpus" {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

/// Replaces comments and the inside of strings by spaces.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = comment_len(rest).or_else(|| literal_len(rest, &out));
        let (piece, blank) = match skipped {
            Some(length) => (rest.get(..length).unwrap_or(rest), true),
            None => (rest.get(..first.len_utf8()).unwrap_or(rest), false),
        };
        if blank {
            out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push_str(piece);
        }
        rest = rest.get(piece.len()..).unwrap_or_default();
    }
    out
}

fn comment_len(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.strip_prefix("/*")?;
    let (mut depth, mut at) = (0_usize, 0_usize);
    loop {
        let here = rest.get(at..).unwrap_or_default();
        if here.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            match here.chars().next() {
                Some(c) => at += c.len_utf8(),
                None => return Some(rest.len()),
            }
        }
    }
}

fn literal_len(rest: &str, before: &str) -> Option<usize> {
    let in_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !in_word || before.ends_with('b')) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw.get(hashes..).is_some_and(|after| after.starts_with('"')) {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = hashes + 2;
            let found = rest.get(inside..).and_then(|text| text.find(&end));
            return Some(found.map_or(rest.len(), |at| inside + at + end.len()));
        }
    }
    if rest.starts_with('"') {
        return Some(quoted_len(rest));
    }
    // A character; a lifetime has no closing quote so near.
    let quote = rest.strip_prefix('\'')?;
    let mut characters = quote.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        return quote.get(2..)?.find('\'').map(|at| at + 4);
    }
    characters.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 2)
}

fn quoted_len(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Blanks every item under `#[cfg(test)]`, in code that has no comments and strings any more.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, item) = rest.split_at(at);
        let (tested, after) = item.split_at(item_len(item));
        out.push_str(before);
        out.extend(tested.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// To the `;` or the closing brace that ends the item.
fn item_len(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in item.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn comments_strings_and_tests_are_not_code() {
        let text = "fn a<'x>(c: char) { c == '\"'; \"} un\\\"safe\"; r#\"x\"y\"#; } // unsafe\n\
                    /* a /* b */ unsafe */ fn keep() {}\n#[cfg(test)]\nmod tests { fn b() { '}' } }\nfn last() {}\n";
        let source = Source::new("crates/net/src/a.rs".into(), text.into());
        assert!(
            !source.code.contains("unsafe") && !source.code.contains("tests"),
            "{}",
            source.code
        );
        assert!(
            source.code.contains("fn keep()") && source.code.contains("fn last()"),
            "{}",
            source.code
        );
        assert_eq!(source.code.lines().count(), text.lines().count());
        assert_eq!(source.part, "net");
    }
}
