//! The sources of a service: which files they are, and whether what they say has changed.
//!
//! Events of the file system only say when to look. A look walks the watched folders, leaves out
//! what is no source (`rules`), and compares contents: a touched file, or one saved with its
//! former text, is no change. All sources together have a fingerprint, so that going back to what
//! a running instance was made of is no change either.
//!
//! Looking blocks: it belongs on a blocking thread.

mod reloading;
mod rules;
mod watcher;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use trunkline_model::service::{Process, When};
use trunkline_rt::Clock;

use rules::Rules;

pub use reloading::reloads_by_itself;
pub(crate) use watcher::{Subscription, Unwatched, Watcher};

/// Files and folders of one service that are looked at; a folder with more is not all sources.
const FILES_MAX: usize = 20_000;
/// A larger file is compared by its size and time alone.
const HASHED_BYTES_MAX: u64 = 4 << 20;
/// What was written so few seconds before it was read may be written again and look the same: times
/// of files are that coarse at worst.
const RECENT_SECONDS: u64 = 3;

/// Sources of one service.
#[derive(Debug)]
pub struct Sources {
    roots: Vec<PathBuf>,
    rules: Rules,
    files: BTreeMap<PathBuf, File>,
    /// Whether anything was looked at yet.
    known: bool,
    clock: Clock,
    /// How many files and folders are looked at.
    most: usize,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Stands for the contents of all sources.
    pub fingerprint: u64,
    /// What differs from the look before; nothing at the first.
    pub changed: Vec<PathBuf>,
    /// The folders in which changes matter.
    pub folders: BTreeSet<PathBuf>,
    /// There are more files than are looked at.
    pub too_many: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    /// `None` while its times do not tell yet whether it is written again.
    print: Option<Print>,
    content: u64,
}

/// What a file looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Print {
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
    size: u64,
}

impl Sources {
    /// The sources of a process; `None` if they are not to be watched. What lies in folders of
    /// `others` belongs to them.
    pub fn of(process: &Process, others: &[PathBuf]) -> Option<Self> {
        let wanted = match process.watch.when {
            When::Never => false,
            When::Always => true,
            When::Useful => !reloads_by_itself(&process.command, &process.directory),
        };
        // The system names what changed by absolute paths.
        let roots: Vec<PathBuf> = process.watch.paths.iter().map(|path| absolute(path)).collect();
        let others: Vec<PathBuf> = others.iter().map(|other| absolute(other)).collect();
        wanted.then(|| Self {
            rules: Rules::new(process, &roots, &others),
            roots,
            files: BTreeMap::new(),
            known: false,
            clock: Clock::system(),
            most: FILES_MAX,
        })
    }

    /// Looks at every file.
    pub fn look(&mut self) -> Look {
        let mut found = BTreeMap::new();
        let mut folders = BTreeSet::new();
        let mut too_many = false;
        for root in &self.roots {
            // A file is watched by its folder: a new one may take its place.
            if !root.is_dir() {
                folders.extend(root.parent().map(Path::to_owned));
            }
            for entry in self.rules.walk(root).flatten() {
                let kind = entry.file_type();
                if found.len() + folders.len() >= self.most {
                    too_many = true;
                    break;
                }
                if kind.is_some_and(|kind| kind.is_dir()) {
                    folders.insert(entry.into_path());
                } else if kind.is_some_and(|kind| kind.is_file())
                    && let Some(file) = self.see(entry.path())
                {
                    found.insert(entry.into_path(), file);
                }
            }
        }
        let changed = if self.known { changed(&self.files, &found) } else { Vec::new() };
        self.files = found;
        self.known = true;
        Look { fingerprint: self.fingerprint(), changed, folders, too_many }
    }

    /// What is known of a file; it is read only if it looks different from before.
    fn see(&self, path: &Path) -> Option<File> {
        let print = Print::of(path).ok()?;
        let former = self.files.get(path).filter(|file| file.print == Some(print));
        former.copied().or_else(|| {
            let trusted = (!print.is_recent(self.clock.wall())).then_some(print);
            Some(File { print: trusted, content: content(path, &print).ok()? })
        })
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, file) in &self.files {
            (path, file.content).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Print {
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        Ok(Self {
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            inode: file.ino(),
            size: file.size(),
        })
    }

    /// Whether its times do not tell yet that it was written again; never, if they are to come.
    fn is_recent(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let written = u64::try_from(self.modified.0.max(self.changed.0)).unwrap_or(0);
        now.saturating_sub(written) < RECENT_SECONDS
    }
}

fn content(path: &Path, print: &Print) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    if print.size > HASHED_BYTES_MAX {
        (print.size, print.modified).hash(&mut hasher);
    } else {
        fs::read(path)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn changed(former: &BTreeMap<PathBuf, File>, now: &BTreeMap<PathBuf, File>) -> Vec<PathBuf> {
    let differs = |path: &&PathBuf| {
        former.get(*path).map(|file| file.content) != now.get(*path).map(|file| file.content)
    };
    let all: BTreeSet<&PathBuf> = former.keys().chain(now.keys()).collect();
    all.into_iter().filter(differs).cloned().collect()
}

#[cfg(test)]
mod tests;
