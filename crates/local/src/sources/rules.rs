//! Which files are sources: what a person wrote, not what tools make of it.
//!
//! `.gitignore` says most of it. What is left out beyond that are dependencies and build output
//! where nobody ignored them, temporary files of editors, and what services write while they run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, Walk, WalkBuilder};
use trunkline_model::service::Process;

/// How deep folders may be nested.
const DEPTH_MAX: usize = 32;

/// Folders that hold no sources, wherever they are.
const FOLDERS: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".trunkline",
    ".idea",
    ".vscode",
    "node_modules",
    "bower_components",
    "target",
    "vendor",
    "dist",
    "build",
    "out",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".output",
    ".turbo",
    ".nx",
    ".cache",
    ".parcel-cache",
    "coverage",
    ".venv",
    "venv",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".gradle",
    ".mvn",
    ".bsp",
    ".metals",
    ".stack-work",
    "_build",
];
/// Folders right in the service's own that services write to.
const DATA_FOLDERS: &[&str] = &["data", ".data", "tmp", "temp", "logs", "uploads"];
/// Ends of names that tools, editors and services write.
const ENDS: &[&str] = &[
    "~",
    ".swp",
    ".swo",
    ".swx",
    ".tmp",
    ".temp",
    ".bak",
    ".part",
    ".crdownload",
    ".new",
    ".pyc",
    ".pyo",
    ".class",
    ".o",
    ".tsbuildinfo",
    ".log",
    ".pid",
    ".sock",
    ".lock~",
    ".db",
    ".db-journal",
    ".db-wal",
    ".db-shm",
    ".sqlite",
    ".sqlite3",
    ".sqlite-journal",
    ".sqlite-wal",
    ".sqlite-shm",
    "___jb_tmp___",
    "___jb_old___",
];
/// Beginnings of names that editors write.
const BEGINNINGS: &[&str] = &[".#", "#", ".goutputstream-", ".~", "~$", ".nfs"];
/// Names that editors and desktops write; Vim makes `4913` to see whether it may.
const NAMES: &[&str] = &["4913", ".DS_Store", "Thumbs.db", "nohup.out"];

/// The rules of one service.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    /// What the configuration leaves out.
    ignored: Gitignore,
    /// Folders of other services.
    others: Vec<PathBuf>,
}

impl Rules {
    /// The rules for a process; what is wrong in its patterns is told in the log.
    pub(super) fn new(process: &Process, roots: &[PathBuf], others: &[PathBuf]) -> Self {
        let directory = super::absolute(&process.directory);
        let mut builder = GitignoreBuilder::new(&directory);
        for pattern in &process.watch.ignore {
            if let Err(error) = builder.add_line(None, pattern) {
                tracing::warn!(pattern, %error, "a pattern of `watch.ignore` is not understood");
            }
        }
        let ignored = builder.build().unwrap_or_else(|error| {
            tracing::warn!(%error, "`watch.ignore` is not understood");
            Gitignore::empty()
        });
        let below = |other: &&PathBuf| {
            **other != directory
                && !roots.contains(other)
                && roots.iter().any(|root| other.starts_with(root))
        };
        let others = others.iter().filter(below).cloned().collect();
        Self { inner: Arc::new(Inner { directory, ignored, others }) }
    }

    /// Every source below `root`, and the folders they are in.
    pub(super) fn walk(&self, root: &Path) -> Walk {
        let inner = Arc::clone(&self.inner);
        WalkBuilder::new(root)
            // `.env` and `.eslintrc` are sources too, and so is what no repository knows yet.
            .hidden(false)
            .require_git(false)
            .max_depth(Some(DEPTH_MAX))
            .filter_entry(move |entry| entry.depth() == 0 || inner.is_source(entry))
            .build()
    }
}

impl Inner {
    fn is_source(&self, entry: &DirEntry) -> bool {
        let name = entry.file_name().to_string_lossy();
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let left_out = if is_folder {
            let is_own = entry.path().parent() == Some(&self.directory);
            FOLDERS.contains(&&*name)
                || (is_own && DATA_FOLDERS.contains(&&*name))
                || self.others.iter().any(|other| other == entry.path())
        } else {
            is_noise(&name)
        };
        !left_out && !self.ignores(entry.path(), is_folder)
    }

    /// A path that is not below the service's folder is matched by its name alone.
    fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        if self.ignored.is_empty() {
            return false;
        }
        let below = path.strip_prefix(&self.directory).ok();
        let shown = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
        self.ignored.matched(shown, is_folder).is_ignore()
    }
}

/// Whether a file of this name is written by tools, editors or services.
pub(super) fn is_noise(name: &str) -> bool {
    NAMES.contains(&name)
        || ENDS.iter().any(|end| name.ends_with(end))
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_write_beside_a_file_is_noise() {
        for name in [".main.go.swp", "4913", "main.go~", ".#main.go", "#main.go#", "app.db-wal"] {
            assert!(is_noise(name), "{name}");
        }
        for name in ["main.go", ".env", "4914", "package.json", "Cargo.lock", "db.rs"] {
            assert!(!is_noise(name), "{name}");
        }
    }
}
