//! Dialects: file formats that lower into the one Model.
//!
//! A dialect recognizes its files by their content and adds what they say to a [`ModelBuilder`].
//! The native dialect is here; foreign ones are crates of their own that implement [`Dialect`] and
//! are registered by the binary. [`foreign()`] names the products whose files are known by sight but
//! not read yet, so that a person is told which product it is instead of "unknown key".

use crate::builder::ModelBuilder;
use crate::decode::Spanned;
use crate::diagnostic::Diagnostics;
use crate::node::Node;
use crate::source::SourceFile;

/// A file format.
pub trait Dialect: Sync {
    /// Its name in messages: `trunkline.yaml`, `Kong`.
    fn name(&self) -> &'static str;

    /// Whether the file is of this dialect. Looks at the content, never at the name.
    fn recognizes(&self, file: &SourceFile) -> bool;

    /// Further files that this one asks for, as paths or patterns relative to it.
    fn includes(&self, file: &SourceFile) -> Vec<Spanned<String>> {
        let _ = file;
        Vec::new()
    }

    /// Adds what the files say to the Model under construction.
    fn lower(
        &self,
        files: &[SourceFile],
        into: &mut ModelBuilder<'_>,
        diagnostics: &mut Diagnostics,
    );
}

/// The product whose configuration a file looks like, among those that are not read yet.
#[must_use]
pub fn foreign(file: &SourceFile) -> Option<&'static str> {
    let first = file.documents().first();
    let has = |key: &str| first.is_some_and(|node: &Node| node.get(key).is_some());
    if has("_format_version") {
        return Some("Kong");
    }
    if has("apiVersion") && has("kind") {
        return Some("Kubernetes");
    }
    if has("scrape_configs") || has("groups") {
        return Some("Prometheus");
    }
    if has("static_resources") || has("dynamic_resources") {
        return Some("Envoy");
    }
    let section = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or("");
        matches!(word, "global" | "defaults" | "frontend" | "backend" | "listen")
            && !line.contains(':')
    };
    let lines = file.text.lines().filter(|line| !line.trim_start().starts_with('#'));
    (lines.filter(|line| section(line)).take(2).count() == 2).then_some("HAProxy")
}
