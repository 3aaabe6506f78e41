//! Where files come from: the disk, or memory for tests, APIs and fuzzing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::source::{FILE_BYTES_MAX, ReadError, read_bounded};

/// Most folders that one pattern may look into.
const FOLDERS_MAX: usize = 10_000;

/// How deep one pattern may lead, folders that `**` stands for included.
const FOLDERS_DEPTH_MAX: usize = 128;

/// Most parts of one pattern.
pub(crate) const PATTERN_PARTS_MAX: usize = 64;

/// A source of files. Reading is bounded by [`FILE_BYTES_MAX`].
pub trait Files {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError>;

    /// The entries of a folder, and whether each is a folder itself. Empty when it cannot be read.
    fn list(&self, folder: &Path) -> Vec<(PathBuf, bool)>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        read_bounded(path)
    }

    fn list(&self, folder: &Path) -> Vec<(PathBuf, bool)> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                // A link to a folder is not followed: it may lead in a circle.
                let is_folder = entry.file_type().ok()?.is_dir();
                Some((entry.path(), is_folder))
            })
            .collect()
    }
}

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let bytes = self
            .0
            .get(path)
            .ok_or_else(|| ReadError::Io(std::io::Error::from(std::io::ErrorKind::NotFound)))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(ReadError::TooLarge);
        }
        Ok(bytes.clone())
    }

    fn list(&self, folder: &Path) -> Vec<(PathBuf, bool)> {
        let mut entries: Vec<(PathBuf, bool)> = Vec::new();
        for path in self.0.keys() {
            let Ok(rest) = path.strip_prefix(folder) else {
                continue;
            };
            let mut parts = rest.components();
            let Some(first) = parts.next() else { continue };
            let entry = (folder.join(first), parts.next().is_some());
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        entries
    }
}

/// Whether an `include` entry is a pattern and not a path.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains('*')
}

/// The files below `base` that a pattern matches, in the order of their names.
///
/// `*` stands for a part of one name, `**` for any number of folders. Hidden entries and
/// `node_modules`, `target` are not looked into, unless the pattern names them. A pattern of more
/// than [`PATTERN_PARTS_MAX`] parts matches nothing.
pub(crate) fn glob(files: &dyn Files, base: &Path, pattern: &str) -> Vec<PathBuf> {
    let parts: Vec<&str> = parts(pattern).take(PATTERN_PARTS_MAX + 1).collect();
    if parts.len() > PATTERN_PARTS_MAX {
        return Vec::new();
    }
    let mut walk = Walk { files, found: Vec::new(), folders_left: FOLDERS_MAX };
    walk.descend(base, &parts, FOLDERS_DEPTH_MAX);
    walk.found.sort();
    walk.found.dedup();
    walk.found
}

/// Whether a pattern has more parts than are followed.
pub(crate) fn is_too_long(pattern: &str) -> bool {
    parts(pattern).nth(PATTERN_PARTS_MAX).is_some()
}

fn parts(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').filter(|part| !part.is_empty() && *part != ".")
}

/// A search on its way through folders.
struct Walk<'a> {
    files: &'a dyn Files,
    found: Vec<PathBuf>,
    folders_left: usize,
}

impl Walk<'_> {
    /// `depth_left` bounds the recursion, which a deep tree or a long pattern would drive.
    fn descend(&mut self, folder: &Path, parts: &[&str], depth_left: usize) {
        let (Some((part, rest)), Some(depth_left)) =
            (parts.split_first(), depth_left.checked_sub(1))
        else {
            return;
        };
        if *part == ".." {
            return self.descend(&folder.join(".."), rest, depth_left);
        }
        let Some(left) = self.folders_left.checked_sub(1) else {
            return;
        };
        self.folders_left = left;
        if *part == "**" {
            self.descend(folder, rest, depth_left);
        }
        for (path, is_folder) in self.files.list(folder) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            if *part == "**" {
                if is_folder && !is_skipped(&name) {
                    self.descend(&path, parts, depth_left);
                }
            } else if matches(part, &name) {
                match (is_folder, rest.is_empty()) {
                    (true, false) => self.descend(&path, rest, depth_left),
                    (false, true) => self.found.push(path),
                    _ => {}
                }
            }
        }
    }
}

fn is_skipped(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "node_modules" | "target")
}

/// Whether `name` is of the form `pattern`, where `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    if name.starts_with('.') && first.is_empty() {
        return false;
    }
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: &[&str]) {
        let names = ["a.yaml", "k8s/b.yaml", "k8s/c.yml", "k8s/deep/d.yaml", "k8s/.hidden.yaml"];
        let memory = Memory(names.iter().map(|n| (PathBuf::from(n), Vec::new())).collect());
        let found = glob(&memory, Path::new(""), pattern);
        let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn patterns_match_names_and_folders() {
        check("k8s/*.yaml", &["k8s/b.yaml"]);
        check("k8s/**/*.yaml", &["k8s/b.yaml", "k8s/deep/d.yaml"]);
        check("**/*.y*l", &["a.yaml", "k8s/b.yaml", "k8s/c.yml", "k8s/deep/d.yaml"]);
        check("*.toml", &[]);
    }
}
