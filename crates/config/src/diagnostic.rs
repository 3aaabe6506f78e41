//! What is wrong, where, why, and how to fix it: the one shape of every message to a user.
//!
//! Code that finds a mistake makes a [`Diagnostic`] from a row of the table in [`codes`] and goes
//! on; the mistakes of all files are shown together by the one renderer, as text or JSON. The
//! collector is bounded, and nothing in here prints.

pub mod codes;
mod json;
mod render;

pub use codes::{Code, Level};
pub use json::to_json;
pub use render::{Style, escape, render, render_all};

use crate::source::Span;

/// How many diagnostics are kept; more are counted only. Nobody reads a thousand messages.
pub const DIAGNOSTICS_MAX: usize = 1_000;

/// One message to the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// The row of the table of codes.
    pub code: &'static Code,
    /// Error or warning; the level of the code unless the caller asked for strictness.
    pub level: Level,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Places in the sources; the first is the primary one. None for what has no place.
    pub labels: Vec<Label>,
    /// The file, for a problem with a file that could not become a source.
    pub path: Option<String>,
    /// How to fix it.
    pub hints: Vec<String>,
}

/// A place with a few words about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there.
    pub text: String,
}

impl Diagnostic {
    /// A message of a code, with its level, and no place yet.
    #[must_use]
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            level: code.level,
            message: message.into(),
            labels: Vec::new(),
            path: None,
            hints: Vec::new(),
        }
    }

    /// Adds the primary place; it goes before all others.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.insert(0, Label { span, text: text.into() });
        self
    }

    /// Adds a further place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Names the file of a problem that has no place in a text.
    #[must_use]
    pub fn in_file(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Adds a way to fix it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether it forbids to use what was read.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

/// All messages of one run.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// Adds a message. A message equal to an earlier one is dropped: an aliased mistake is one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.all.len() < DIAGNOSTICS_MAX && self.all.contains(&diagnostic) {
            return;
        }
        match diagnostic.level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
        }
        if self.all.len() < DIAGNOSTICS_MAX {
            self.all.push(diagnostic);
        } else if diagnostic.is_error() && self.errors == 1 {
            // The one error among a thousand warnings must be seen.
            self.all.pop();
            self.all.push(diagnostic);
        }
    }

    /// Adds all messages of another collector.
    pub fn extend(&mut self, other: &Self) {
        for diagnostic in &other.all {
            self.push(diagnostic.clone());
        }
    }

    /// The messages that were kept, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter()
    }

    /// Whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors were found, those that were not kept included.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings were found, those that were not kept included.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// How many messages were counted but not kept.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.errors + self.warnings - self.all.len()
    }

    /// Turns every warning into an error, for `check --strict`.
    pub fn make_strict(&mut self) {
        for diagnostic in &mut self.all {
            diagnostic.level = Level::Error;
        }
        self.errors += std::mem::take(&mut self.warnings);
    }

    /// Puts the messages in the order of their places: by file, then by position; those without a
    /// place come first.
    pub fn sort(&mut self) {
        self.all.sort_by_key(|d| d.labels.first().map(|l| (l.span.file, l.span.start)));
    }
}
