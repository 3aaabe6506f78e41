//! What a folder holds: the files that git knows or would know, else those of a bounded walk.
//!
//! Folders of other projects (with a `.git` or a `trunkline.yaml` of their own), of dependencies,
//! of build output and of test data are left out. Paths are relative to the root, with `/`, and
//! text; a name that is not UTF-8 is no marker of ours. Links are neither followed nor read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Most files of a tree.
const FILES_MAX: usize = 100_000;
/// Most folders that are walked.
const FOLDERS_MAX: usize = 20_000;
/// How deep folders may lie.
const DEPTH_MAX: usize = 10;
/// Longest list of files that git may print, in bytes.
const LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most packages whose names are read.
const PACKAGES_MAX: usize = 2_000;
/// Largest file that is read, in bytes: a marker or a source that a person wrote is smaller.
const FILE_BYTES_MAX: u64 = 512 * 1024;

/// Folders that hold what others wrote or tools made.
const LEFT_OUT: &[&str] = &[
    "node_modules",
    "bower_components",
    "target",
    "vendor",
    "dist",
    "build",
    "out",
    "bin",
    "obj",
    "venv",
    "env",
    "__pycache__",
    "site-packages",
    "coverage",
    "deps",
    "_build",
    "testdata",
    "fixtures",
    "__fixtures__",
    "__tests__",
    "__mocks__",
];

/// Folders that often hold sources although tools use the name as well: git decides, if there is
/// git; the walk leaves them out.
const LEFT_OUT_BY_WALK_ONLY: &[&str] = &["build", "out", "bin", "env", "deps", "coverage"];

/// Files of a folder. See the module's documentation.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    folders: BTreeMap<String, BTreeSet<String>>,
    files: usize,
    packages: OnceLock<BTreeMap<String, String>>,
    /// Why not everything is in it, if so.
    pub cut_short: Option<String>,
}

impl Tree {
    /// Reads the names below `root`.
    pub fn read(root: &Path) -> io::Result<Self> {
        fs::read_dir(root)?;
        let mut tree = Self {
            root: root.to_owned(),
            folders: BTreeMap::new(),
            files: 0,
            packages: OnceLock::new(),
            cut_short: None,
        };
        if !tree.ask_git() {
            tree.folders.clear();
            tree.walk();
        }
        tree.leave_out_other_projects();
        tree.folders.entry(String::new()).or_default();
        Ok(tree)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every folder with a file, parents first; the root is the empty text.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.keys().map(String::as_str)
    }

    /// The names of the files in a folder.
    pub fn names(&self, folder: &str) -> impl Iterator<Item = &str> {
        self.folders.get(folder).into_iter().flatten().map(String::as_str)
    }

    /// Whether a folder has a file of this name.
    pub fn has(&self, folder: &str, name: &str) -> bool {
        self.folders.get(folder).is_some_and(|names| names.contains(name))
    }

    /// The paths of all files in a folder and below it.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = String> + 'a {
        let inside = self.folders.iter().filter(move |(path, _)| is_below(path, folder));
        inside.flat_map(|(path, names)| names.iter().map(move |name| join(path, name)))
    }

    /// The text of a file, if it is a plain file of a bounded size and UTF-8.
    pub fn text(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        let found = fs::symlink_metadata(&path).ok()?;
        if !found.is_file() || found.len() > FILE_BYTES_MAX {
            return None;
        }
        let mut text = String::new();
        File::open(&path).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The folder of each package of Node, by its name; of the first [`PACKAGES_MAX`].
    pub(super) fn packages(&self) -> &BTreeMap<String, String> {
        self.packages.get_or_init(|| {
            let folders = self.folders().filter(|folder| self.has(folder, "package.json"));
            let name = |folder: &str| {
                let text = self.text(&join(folder, "package.json"))?;
                let package: serde_json::Value = serde_json::from_str(&text).ok()?;
                Some((package.get("name")?.as_str()?.to_owned(), folder.to_owned()))
            };
            folders.take(PACKAGES_MAX).filter_map(name).collect()
        })
    }

    /// The nearest folder, from this one up to the root, that has one of these files.
    pub fn nearest<'a>(&self, folder: &'a str, names: &[&str]) -> Option<&'a str> {
        ancestors(folder).find(|above| names.iter().any(|name| self.has(above, name)))
    }

    /// Takes the list of git; `false` if there is no git, no checkout, or it knows nothing here.
    fn ask_git(&mut self) -> bool {
        let child = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            return false;
        };
        let mut listed = Vec::new();
        if let Some(out) = child.stdout.take() {
            let _ = out.take(LIST_BYTES_MAX).read_to_end(&mut listed);
        }
        let full = listed.len() as u64 == LIST_BYTES_MAX;
        if full {
            let _ = child.kill();
        }
        let good = child.wait().is_ok_and(|status| status.success()) || full;
        if !good {
            return false;
        }
        for path in listed.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
            if let Ok(path) = std::str::from_utf8(path) {
                self.add_listed(path);
            }
        }
        if full {
            self.stop("git lists more files than are looked at");
        }
        self.files > 0
    }

    fn add_listed(&mut self, path: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut parts = folder.split('/').filter(|part| !part.is_empty());
        let left_out = |part: &str| is_left_out(part) && !LEFT_OUT_BY_WALK_ONLY.contains(&part);
        if name.is_empty() || parts.clone().count() > DEPTH_MAX || parts.any(left_out) {
            return;
        }
        self.add(folder, name);
    }

    fn add(&mut self, folder: &str, name: &str) -> bool {
        if self.files >= FILES_MAX {
            self.stop(&format!("only the first {FILES_MAX} files were looked at"));
            return false;
        }
        self.files += 1;
        self.folders.entry(folder.to_owned()).or_default().insert(name.to_owned())
    }

    fn walk(&mut self) {
        let mut waiting = vec![(String::new(), 0_usize)];
        let mut folders = 0_usize;
        while let Some((folder, depth)) = waiting.pop() {
            folders += 1;
            if folders > FOLDERS_MAX {
                return self.stop(&format!("only the first {FOLDERS_MAX} folders were looked at"));
            }
            let Ok(entries) = fs::read_dir(self.root.join(&folder)) else {
                continue;
            };
            for entry in entries.filter_map(Result::ok) {
                let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string())
                else {
                    continue;
                };
                if kind.is_dir() && depth < DEPTH_MAX && !is_left_out(&name) {
                    if waiting.len() < FOLDERS_MAX {
                        waiting.push((join(&folder, &name), depth + 1));
                    }
                } else if kind.is_file() {
                    self.add(&folder, &name);
                    if self.files >= FILES_MAX {
                        return;
                    }
                }
            }
        }
    }

    fn stop(&mut self, why: &str) {
        self.cut_short = Some(why.to_owned());
    }

    /// A folder below with a project file or a repository of its own is another project.
    fn leave_out_other_projects(&mut self) {
        let is_other = |folder: &&str| {
            !folder.is_empty()
                && (self.has(folder, "trunkline.yaml")
                    || self.has(folder, "trunkline.yml")
                    || self.root.join(folder).join(".git").exists())
        };
        // Those without a file of their own as well.
        let all: BTreeSet<&str> = self.folders().flat_map(ancestors).collect();
        let other: BTreeSet<String> = all.into_iter().filter(is_other).map(str::to_owned).collect();
        if !other.is_empty() {
            self.folders.retain(|folder, _| !ancestors(folder).any(|above| other.contains(above)));
        }
    }
}

fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || LEFT_OUT.contains(&name)
}

/// `folder/name`, or the name alone in the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether `path` is `folder` or below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The folder, the one above it, and so on to the root.
pub(super) fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| {
        if folder.is_empty() {
            return None;
        }
        Some(folder.rsplit_once('/').map_or("", |(above, _)| above))
    })
}

/// The last part of a folder's path.
pub(super) fn last(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or_default()
}
