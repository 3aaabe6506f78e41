//! Finding the run that a verb means.

use std::fs;
use std::path::{Path, PathBuf};

use super::claim::{is_held, set_next_binary};
use super::{CONTROL, Card, folder_of, read_card};
use crate::exit::Failure;

/// A run that answers.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// What is known of it.
    pub card: Card,
    folder: PathBuf,
}

impl Found {
    /// The run in this folder, if its card can be read.
    pub(super) fn at(folder: PathBuf) -> Option<Self> {
        Some(Self { card: read_card(&folder)?, folder })
    }

    /// Where it answers.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.folder.join(CONTROL)
    }

    /// Names the binary of its next upgrade.
    pub(crate) fn set_next_binary(&self, binary: &Path) -> std::io::Result<()> {
        set_next_binary(&self.folder, binary)
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&self) -> bool {
        is_held(&self.folder)
    }
}

/// The run whose configuration lies in `dir` or in a folder above it, the nearest one.
pub(crate) fn find(base: &Path, dir: &Path) -> Result<Found, Failure> {
    let dir = fs::canonicalize(dir)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", dir.display())))?;
    let runs = all(base);
    let nearest = runs
        .iter()
        .filter(|run| dir.starts_with(&run.card.directory))
        .max_by_key(|run| run.card.directory.components().count());
    nearest.cloned().ok_or_else(|| nothing_here(&dir, &runs))
}

/// The run of exactly this configuration file, which is absolute and without links.
pub(crate) fn find_exact(base: &Path, config: &Path) -> Option<Found> {
    Some(folder_of(base, config)).filter(|folder| is_held(folder)).and_then(Found::at)
}

fn nothing_here(dir: &Path, runs: &[Found]) -> Failure {
    let failure = Failure::not_running(format_args!("nothing of {} is running", dir.display()));
    match runs {
        [] => failure.hint("start it with `trunkline up`"),
        runs => {
            let others: Vec<_> = runs
                .iter()
                .map(|run| format!("`{}` (-C {})", run.card.project, run.card.directory.display()))
                .collect();
            failure.hint(format_args!(
                "start it with `trunkline up`; running elsewhere: {}",
                others.join(", ")
            ))
        }
    }
}

/// Every run of this user that is alive.
pub(crate) fn all(base: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(base) else {
        return Vec::new();
    };
    let mut runs: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|folder| is_held(folder))
        .filter_map(Found::at)
        .collect();
    runs.sort_by(|a, b| a.folder.cmp(&b.folder));
    runs
}
