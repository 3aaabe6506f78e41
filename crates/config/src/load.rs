//! [`load()`]: files in, Model and messages out. The one entry of the crate.
//!
//! Reads the files, follows `include`, tells dialects apart, lowers each and builds the Model. The
//! result always has the sources and every message; it has a Model only when there is no error, so
//! that a caller cannot run half of a configuration.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_model::Model;

use crate::builder::ModelBuilder;
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::dialect::{Dialect, foreign};
use crate::files::{self, Disk, Files};
use crate::native::Native;
use crate::source::{FileId, ReadError, SourceFile, SourceMap, Span};

/// Most files of one load.
pub const FILES_MAX: usize = 1_000;

/// How many files may lead to a file, each by an `include` of the one before.
pub const INCLUDE_DEPTH_MAX: usize = 32;

/// What the caller wants of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The overlay to put over the files: `--env`.
    pub env: Option<String>,
    /// Whose machine it is.
    pub profile: Profile,
    /// Whether ports below 1024 may be bound: then 80 and 443 are the gateway's usual ports.
    pub low_ports: bool,
    /// Which of several copies on one machine this is: copy `n` has every port that nobody wrote
    /// `n` times [`PORT_STEP`](crate::native::PORT_STEP) further on; 0 has the usual ones.
    pub port_set: u16,
    /// A DNS label in front of the project's own name on a laptop, for a further checkout.
    pub checkout: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            env: None,
            profile: Profile::Production,
            low_ports: false,
            port_set: 0,
            checkout: None,
        }
    }
}

/// Whose machine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// A developer's: the gateway is on loopback, its names end in `.localhost`, and each service
    /// has a name of its own.
    Laptop,
    /// A server: the gateway is reachable, its names are those of the file.
    Production,
}

/// What a load gives.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The Model; `None` when there is an error.
    pub model: Option<Arc<Model>>,
    /// Every message, in the order of files and places.
    pub diagnostics: Diagnostics,
    /// The texts that the messages point into.
    pub sources: SourceMap,
    /// The files and folders that the result depends on; a change of any asks for a new load.
    pub watched: Vec<PathBuf>,
}

/// Loads files from disk in the native dialect.
#[must_use]
pub fn load(paths: &[PathBuf], options: &Options) -> Loaded {
    load_with(&Disk, paths, options, &[&Native])
}

/// Loads from any source of files, with the dialects given; the first that recognizes a file reads it.
#[must_use]
pub fn load_with(
    files: &dyn Files,
    paths: &[PathBuf],
    options: &Options,
    dialects: &[&dyn Dialect],
) -> Loaded {
    let mut gathering = Gathering {
        files,
        dialects,
        diagnostics: Diagnostics::default(),
        sources: SourceMap::default(),
        watched: Vec::new(),
        seen: HashSet::new(),
        by_dialect: vec![Vec::new(); dialects.len()],
    };
    if paths.is_empty() {
        gathering.diagnostics.push(
            Diagnostic::new(codes::UNREADABLE, "no configuration file was named")
                .hint("name one, or run in a folder with a `trunkline.yaml`"),
        );
    }
    for path in paths {
        gathering.add(path, None, &mut Vec::new());
    }
    let Gathering { mut diagnostics, mut sources, mut watched, by_dialect, .. } = gathering;

    let mut builder = ModelBuilder::new(&sources, files, options);
    for (dialect, members) in dialects.iter().zip(&by_dialect) {
        if !members.is_empty() {
            dialect.lower(members, &mut builder, &mut diagnostics);
        }
    }
    let model = builder.finish(&mut diagnostics, &mut watched);
    watched.sort();
    watched.dedup();
    diagnostics.sort();
    drop(by_dialect);
    sources.forget_trees();
    Loaded { model: model.map(Arc::new), diagnostics, sources, watched }
}

/// Files while they are read and told apart.
struct Gathering<'a> {
    files: &'a dyn Files,
    dialects: &'a [&'a dyn Dialect],
    diagnostics: Diagnostics,
    sources: SourceMap,
    watched: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
    by_dialect: Vec<Vec<SourceFile>>,
}

impl Gathering<'_> {
    /// Adds a file and what it includes. `above` are the files that led here, outermost first.
    fn add(&mut self, path: &Path, asked: Option<Span>, above: &mut Vec<PathBuf>) {
        let path = normal(path);
        if above.contains(&path) {
            let names: Vec<String> = above
                .iter()
                .skip_while(|file| **file != path)
                .chain([&path])
                .map(|file| file.display().to_string())
                .collect();
            self.report(
                Diagnostic::new(
                    codes::INCLUDE_CYCLE,
                    format!("files include each other: {}", names.join(" → ")),
                )
                .hint("take one of these entries out of `include`"),
                &path,
                asked,
                "this entry closes the circle",
            );
            return;
        }
        if !self.seen.insert(path.clone()) {
            return;
        }
        let too_many = if self.seen.len() > FILES_MAX {
            Some(format!("more than {FILES_MAX} files are included"))
        } else if above.len() > INCLUDE_DEPTH_MAX {
            Some(format!("files include each other more than {INCLUDE_DEPTH_MAX} deep"))
        } else {
            None
        };
        if let Some(message) = too_many {
            self.report(
                Diagnostic::new(codes::TOO_MANY_FILES, message),
                &path,
                asked,
                "by this entry",
            );
            return;
        }
        self.watched.push(path.clone());
        let Some(id) = self.read(&path, asked) else {
            return;
        };
        let Some(file) = self.sources.get(id).cloned() else {
            return;
        };
        let Some(index) = self.recognize(&file) else {
            return;
        };
        let Some(dialect) = self.dialects.get(index) else {
            return;
        };
        let includes = dialect.includes(&file);
        if let Some(members) = self.by_dialect.get_mut(index) {
            members.push(file);
        }
        above.push(path.clone());
        for include in includes {
            self.include(&path, &include, above);
        }
        above.pop();
    }

    fn read(&mut self, path: &Path, asked: Option<Span>) -> Option<FileId> {
        let shown = path.display();
        let result = self.files.read(path).and_then(|bytes| self.sources.add_bytes(path, bytes));
        let error = match result {
            Ok(id) => return Some(id),
            Err(error) => error,
        };
        let code = match error {
            ReadError::Io(_) | ReadError::NotAFile => codes::UNREADABLE,
            ReadError::TooLarge => codes::TOO_LARGE,
            ReadError::NotUtf8 { .. } => codes::NOT_TEXT,
        };
        let mut diagnostic = Diagnostic::new(code, format!("`{shown}`: {error}"));
        if asked.is_some() {
            diagnostic = diagnostic.hint("paths are relative to the file that names them");
        }
        self.report(diagnostic, path, asked, "this file cannot be used");
        None
    }

    /// The dialect of a file; what no dialect reads is reported.
    fn recognize(&mut self, file: &SourceFile) -> Option<usize> {
        if let Some(index) = self.dialects.iter().position(|dialect| dialect.recognizes(file)) {
            return Some(index);
        }
        let path = file.path.display();
        let place = file.first_line();
        if let Some(product) = foreign(file) {
            self.diagnostics.push(
                Diagnostic::new(
                    codes::DIALECT_NOT_SERVED,
                    format!("`{path}` is a configuration of {product}, which is not read yet"),
                )
                .at(place, format!("this looks like {product}"))
                .hint("take the file out, and say the same in `trunkline.yaml`"),
            );
            return None;
        }
        self.diagnostics.extend(file.yaml_problems());
        if !file.yaml_problems().has_errors() {
            let empty = file.documents().iter().all(crate::node::Node::is_null);
            self.diagnostics.push(if empty {
                Diagnostic::new(codes::EMPTY_FILE, format!("`{path}` holds no configuration"))
                    .at(place, "nothing but comments and blank lines")
                    .hint("a `trunkline.yaml` starts with `version: 1`")
            } else {
                Diagnostic::new(codes::UNKNOWN_DIALECT, format!("`{path}` is of no known kind"))
                    .at(place, "no product's configuration starts like this")
                    .hint("a `trunkline.yaml` starts with `version: 1`")
            });
        }
        None
    }

    fn include(&mut self, from: &Path, entry: &Spanned<String>, above: &mut Vec<PathBuf>) {
        let folder = from.parent().unwrap_or(Path::new("")).to_path_buf();
        if !files::is_pattern(&entry.value) {
            let path = folder.join(&entry.value);
            return self.add(&path, Some(entry.span), above);
        }
        // A new file in a folder of a pattern must be noticed, so the folder is watched too.
        let fixed = entry.value.split('*').next().unwrap_or("");
        let fixed = fixed.rsplit_once('/').map_or("", |(fixed, _)| fixed);
        self.watched.push(normal(&folder.join(fixed)));
        let (base, pattern) = match entry.value.strip_prefix('/') {
            Some(rest) => (PathBuf::from("/"), rest),
            None => (folder, entry.value.as_str()),
        };
        if files::is_too_long(pattern) {
            self.diagnostics.push(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    format!("a pattern has at most {} parts", files::PATTERN_PARTS_MAX),
                )
                .at(entry.span, "this entry includes nothing"),
            );
            return;
        }
        let found = files::glob(self.files, &base, pattern);
        if found.is_empty() {
            self.diagnostics.push(
                Diagnostic::new(
                    codes::INCLUDE_NOTHING,
                    format!("no file matches `{}`", entry.value),
                )
                .at(entry.span, "this entry includes nothing")
                .hint("paths are relative to the file that names them"),
            );
        }
        for path in found {
            // A pattern may match the file that holds it; that is no circle.
            if !above.contains(&normal(&path)) {
                self.add(&path, Some(entry.span), above);
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic, path: &Path, asked: Option<Span>, label: &str) {
        self.diagnostics.push(match asked {
            Some(span) => diagnostic.at(span, label),
            None => diagnostic.in_file(path.display().to_string()),
        });
    }
}

/// The path without `.` and with `..` resolved by name, so that a file is one file.
pub(crate) fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}
