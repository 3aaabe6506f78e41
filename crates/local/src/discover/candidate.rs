//! A way to run a folder, as one language sees it, before names are given out.

use super::tree::{Tree, join};

/// The place that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The file, below the project's folder.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is there: ``script `dev` ``.
    pub what: String,
}

impl Evidence {
    /// Points to the first line of a file's text that has `needle`, else to its first line.
    pub(super) fn in_text(file: &str, text: &str, needle: &str, what: impl Into<String>) -> Self {
        let line = text.lines().position(|line| line.contains(needle)).map_or(1, |at| at + 1);
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

/// A way to run a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it would like to be called; any text.
    pub called: String,
    /// The folder it runs in, below the project's; empty for that itself.
    pub folder: String,
    /// The word for its language: `node`, `go`.
    pub language: &'static str,
    /// What builds it, as in a shell.
    pub build: Option<String>,
    /// What runs it, as in a shell.
    pub command: String,
    /// The port it always listens on, if it cannot be told one.
    pub port: Option<u16>,
    /// Whether it is clear that it listens where it is told.
    pub listens: bool,
    /// Whether it takes up changes of its sources by itself.
    pub reloads: bool,
    /// Whether it is a page for people.
    pub page: bool,
    /// The path that says whether it is well.
    pub health: Option<String>,
    /// Where its sources lie, if not everything below its folder.
    pub sources: String,
    /// Folders of the project's libraries that it is made of as well.
    pub libraries: Vec<String>,
    /// The place that made it a service.
    pub evidence: Evidence,
}

impl Candidate {
    /// A name of its whole path, for when another has its usual one.
    pub fn long_name(&self) -> trunkline_model::ServiceName {
        let sources = if self.sources.is_empty() { &self.called } else { &self.sources };
        super::names::service(sources)
    }

    /// A candidate that is told its port by `PORT`, is built by its command and serves no page.
    pub(super) fn new(
        folder: &str,
        language: &'static str,
        command: impl Into<String>,
        evidence: Evidence,
    ) -> Self {
        Self {
            called: super::tree::last(folder).to_owned(),
            folder: folder.to_owned(),
            language,
            build: None,
            command: command.into(),
            port: None,
            listens: true,
            reloads: false,
            page: false,
            health: None,
            sources: folder.to_owned(),
            libraries: Vec::new(),
            evidence,
        }
    }
}

/// The paths of a folder's sources of these kinds, without tests.
pub(super) fn sources<'a>(
    tree: &'a Tree,
    folder: &'a str,
    kinds: &'a [&'a str],
) -> impl Iterator<Item = String> + 'a {
    tree.below(folder).filter(|path| {
        let kind = path.rsplit_once('.').map(|(_, kind)| kind).unwrap_or_default();
        kinds.contains(&kind) && !is_test(path.get(folder.len()..).unwrap_or_default())
    })
}

/// Whether a path is that of a test, by the habits of all languages.
pub(super) fn is_test(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    let name = parts.next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let by_name = stem.ends_with("_test")
        || stem.starts_with("test_")
        || is_kind(stem, "test")
        || is_kind(stem, "spec")
        || stem.ends_with("Test")
        || stem.ends_with("Tests");
    by_name || parts.any(|part| matches!(part, "test" | "tests" | "e2e" | "spec" | "benches"))
}

/// Whether a name ends with this after a dot.
pub(super) fn is_kind(name: &str, kind: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == kind)
}

/// Reads a file of a folder, with its path.
pub(super) fn read(tree: &Tree, folder: &str, name: &str) -> Option<(String, String)> {
    if !tree.has(folder, name) {
        return None;
    }
    let path = join(folder, name);
    let text = tree.text(&path)?;
    Some((path, text))
}
