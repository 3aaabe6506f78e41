//! What sources say about a service: which variable tells its port, whom it calls, how its health
//! is asked. Only texts are searched, a bounded number of bytes of each service.

use std::collections::BTreeMap;

use trunkline_model::ServiceName;

use super::candidate::{Candidate, Evidence, is_kind, sources};
use super::tree::Tree;

/// Most source files that are read of one service.
const FILES_MAX: usize = 400;
/// Most bytes of sources that are read of one service.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Endings of files that may say something.
const KINDS: &[&str] = &[
    "go",
    "rs",
    "ts",
    "tsx",
    "mts",
    "js",
    "jsx",
    "mjs",
    "cjs",
    "py",
    "java",
    "kt",
    "kts",
    "scala",
    "cs",
    "rb",
    "php",
    "ex",
    "exs",
    "vue",
    "svelte",
    "astro",
    "properties",
    "yml",
    "yaml",
    "toml",
    "json",
];

/// Files of these endings are named like sources and written by tools.
const LOCKS: &[&str] = &["package-lock.json", "pnpm-lock.yaml", "composer.lock"];

/// Paths that ask for health, the more specific first.
const HEALTH: &[&str] = &["/healthz", "/health", "/actuator/health"];

/// Texts of a service's sources, with their paths.
pub(super) fn texts<'a>(
    tree: &'a Tree,
    folder: &'a str,
) -> impl Iterator<Item = (String, String)> + 'a {
    let mut left = BYTES_MAX;
    let files = sources(tree, folder, KINDS);
    let files = files.filter(|path| !LOCKS.iter().any(|lock| path.ends_with(lock)));
    files.take(FILES_MAX).filter_map(move |path| {
        let text = tree.text(&path)?;
        left = left.checked_sub(text.len())?;
        Some((path, text))
    })
}

/// The texts of a candidate's sources, then those of the libraries it is made of.
fn all_texts<'a>(
    tree: &'a Tree,
    candidate: &'a Candidate,
) -> impl Iterator<Item = (String, String)> + 'a {
    let folders = std::iter::once(&candidate.sources).chain(&candidate.libraries);
    let all = folders.flat_map(|folder| texts(tree, folder));
    all.take(FILES_MAX)
}

/// Whether a text puts `_URL` behind something: `${name}_URL`.
fn makes_variables(text: &str) -> bool {
    text.match_indices("_URL").any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        matches!(before, Some('}' | '"' | '\'' | '`'))
    })
}

/// The first line, from 1, with this text as a whole literal.
fn line_with_literal(text: &str, literal: &str) -> Option<usize> {
    let quoted = ['"', '\'', '`'].map(|quote| format!("{quote}{literal}{quote}"));
    let has = |line: &str| quoted.iter().any(|quoted| line.contains(quoted.as_str()));
    Some(text.lines().position(|line| has(line) && !is_comment(line))? + 1)
}

/// Whether the sources in `first`, or else in `all`, read a variable named `PORT`.
pub(super) fn mentions_port(tree: &Tree, all: &str, first: &str) -> bool {
    let reads = |folder| texts(tree, folder).any(|(_, text)| has_word(&text, "PORT"));
    reads(first) || (all != first && reads(all))
}

/// Completes a candidate by the path of its health, where its sources name one.
pub(super) fn add_health(tree: &Tree, candidate: &mut Candidate) {
    if candidate.health.is_some() {
        return;
    }
    let mut best: Option<usize> = None;
    for (path, text) in all_texts(tree, candidate) {
        if is_kind(&path, "json") {
            continue;
        }
        let found = HEALTH.iter().position(|health| has_path(&text, health));
        best = best.min(found).or(best).or(found);
    }
    candidate.health = best.and_then(|at| HEALTH.get(at)).map(|path| (*path).to_owned());
}

/// Whether a text names this path as a whole literal: `"/health"`, `'/health'`, `"GET /health"`.
fn has_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + path.len()..).and_then(|text| text.chars().next());
        matches!(before, Some('"' | '\'' | '`' | ' ')) && matches!(after, Some('"' | '\'' | '`'))
    })
}

/// Whom a service calls: the others whose variable, such as `ORDERS_URL`, its sources name.
pub(super) fn calls(
    tree: &Tree,
    candidate: &Candidate,
    own: &ServiceName,
    names: &[ServiceName],
) -> Vec<(ServiceName, Evidence)> {
    let wanted: Vec<(&ServiceName, String)> =
        names.iter().filter(|name| *name != own).map(|name| (name, variable(name))).collect();
    let mut found = BTreeMap::new();
    let texts: Vec<(String, String)> = all_texts(tree, candidate).collect();
    // A library that makes the names of variables is told those of services.
    let made = texts.iter().any(|(_, text)| makes_variables(text));
    for (path, text) in texts {
        for (name, variable) in &wanted {
            if found.contains_key(*name) {
                continue;
            }
            let named = || {
                let by_name = made && name.as_str().contains('-');
                Some((
                    line_with_literal(&text, name.as_str()).filter(|_| by_name)?,
                    name.to_string(),
                ))
            };
            let by_variable = line_with(&text, variable).map(|line| (line, variable.clone()));
            if let Some((line, what)) = by_variable.or_else(named) {
                let evidence = Evidence { file: path.clone(), line, what };
                found.insert((*name).clone(), evidence);
            }
        }
    }
    found.into_iter().collect()
}

/// The variable by which a service is told where another one is.
fn variable(name: &ServiceName) -> String {
    format!("{}_URL", name.as_str().to_ascii_uppercase().replace('-', "_"))
}

/// The first line, from 1, with this word: where it is used as code does rather than named in prose,
/// if there is such a line, and never in a line that is a comment.
fn line_with(text: &str, word: &str) -> Option<usize> {
    let used = |line: &str| {
        let at = line.find(word).unwrap_or_default();
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_some_and(|c| "\"'`.{$([".contains(c))
    };
    let has = |line: &str| has_word(line, word) && !is_comment(line);
    let code = text.lines().position(|line| has(line) && used(line));
    Some(code.or_else(|| text.lines().position(has))? + 1)
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["//", "#", "*", "/*", "--"].iter().any(|sign| line.starts_with(sign))
}

/// Whether a text has a word that is not a part of a longer one: not `PORT` in `EXPORT`.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !part(before) && !part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_paths_are_whole() {
        assert!(has_word("env(\"PORT\")", "PORT"));
        assert!(!has_word("EXPORT SERVER_PORT PORTS", "PORT"));
        assert!(!has_word("MY_ORDERS_URL", "ORDERS_URL"));
        assert!(has_path("get('/health')", "/health"));
        assert!(has_path("\"GET /healthz\"", "/healthz"));
        assert!(!has_path("\"/healthz\"", "/health"));
        assert!(!has_path("\"http://x/health\"", "/health"));
    }
}
