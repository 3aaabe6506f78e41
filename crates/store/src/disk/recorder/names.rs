//! The names of files: as they are seen, as they were synced, and the changes between, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use trunkline_rt::Random;

use super::{content, parent};

/// A change of the names in one folder.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Link { path: PathBuf, index: usize },
    Rename { from: PathBuf, to: PathBuf, index: usize },
    Unlink { path: PathBuf },
}

impl Change {
    fn folder(&self) -> &Path {
        match self {
            Self::Link { path, .. } | Self::Unlink { path } | Self::Rename { to: path, .. } => {
                parent(path)
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Link { path, index } => {
                names.insert(path.clone(), *index);
            }
            Self::Rename { from, to, index } => {
                names.remove(from);
                names.insert(to.clone(), *index);
            }
            Self::Unlink { path } => {
                names.remove(path);
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    seen: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
}

impl Names {
    pub(super) fn find(&self, path: &Path) -> io::Result<usize> {
        self.seen.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.seen.keys().map(PathBuf::as_path)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = usize> {
        self.seen.values().copied()
    }

    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.changes.push(change);
    }

    pub(super) fn sync(&mut self, folder: &Path) {
        for change in self.changes.iter().filter(|change| change.folder() == folder) {
            change.apply(&mut self.durable);
        }
        self.forget(folder);
    }

    /// What was not made durable never will be.
    pub(super) fn forget(&mut self, folder: &Path) {
        self.changes.retain(|change| change.folder() != folder);
    }

    /// A folder is as it was at some moment since it was synced.
    pub(super) fn crash(&self, random: &mut Random) -> Self {
        let mut durable = self.durable.clone();
        let folders: BTreeSet<_> = self.changes.iter().map(Change::folder).collect();
        for folder in folders {
            let changes: Vec<_> = self.changes.iter().filter(|c| c.folder() == folder).collect();
            let kept = content::below(random, changes.len() + 1);
            changes.iter().take(kept).for_each(|change| change.apply(&mut durable));
        }
        Self { seen: durable.clone(), durable, changes: Vec::new() }
    }
}
