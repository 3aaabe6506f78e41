//! Watching configuration files, and saying when it is worth to read them again.
//!
//! Folders are watched, not files: editors and Kubernetes replace files by renaming, which a watch
//! on the file itself would miss. Events are gathered until they have settled. Whether anything
//! changed in the end is decided by whoever reads the files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use trunkline_local::settle::{Settled, settled};

/// Events must pause for so long before the files are read.
const PAUSE: Duration = Duration::from_millis(150);
/// A file that is written without pause is read after this long anyway.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// What can be part of a configuration: files of other names in a watched folder do not matter.
const EXTENSIONS: &[&str] =
    &["yaml", "yml", "json", "cfg", "conf", "toml", "pem", "crt", "key", "crl", "der", "ocsp"];
/// Kubernetes swaps this link when a mounted `ConfigMap` changes.
const CONFIG_MAP_LINK: &str = "..data";

/// Watches the folders of configuration files.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    events: Settled,
}

impl Watch {
    /// Watches nothing yet. Where the system cannot watch, it never reports anything, and says so
    /// in the log.
    pub(crate) fn new() -> Self {
        let (teller, events) = settled(PAUSE, PAUSE_MAX);
        let report = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| matters(&event)) {
                teller.tell();
            }
        };
        let watcher = notify::recommended_watcher(report)
            .inspect_err(|error| tracing::warn!(%error, "configuration files cannot be watched"))
            .ok();
        Self { watcher, folders: BTreeSet::new(), events }
    }

    /// Watches exactly the folders of these files from now on.
    pub(crate) fn files<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) {
        let wanted: BTreeSet<PathBuf> = files.into_iter().filter_map(folder_of).collect();
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for folder in self.folders.difference(&wanted) {
            // A folder that was removed is no longer watched anyway.
            let _ = watcher.unwatch(folder);
        }
        for folder in wanted.difference(&self.folders) {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "configuration folder cannot be watched");
            }
        }
        self.folders = wanted;
    }

    /// Waits until something changed and has settled. Cancel safe, up to a repeated report.
    pub(crate) async fn changed(&mut self) {
        self.events.next().await;
    }
}

fn folder_of(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
}

fn matters(event: &notify::Event) -> bool {
    !matches!(event.kind, EventKind::Access(_))
        && event.paths.iter().any(|path| is_configuration(path))
}

fn is_configuration(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == CONFIG_MAP_LINK)
        || path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|extension| EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reports(watch: &mut Watch) -> bool {
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn a_file_that_is_replaced_by_renaming_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trunkline.yaml");
        std::fs::write(&file, "a").unwrap();
        let mut watch = Watch::new();
        watch.files([file.as_path()]);
        for text in ["b", "c"] {
            std::fs::write(folder.path().join("new.tmp"), text).unwrap();
            std::fs::rename(folder.path().join("new.tmp"), &file).unwrap();
            assert!(reports(&mut watch).await);
        }
    }

    #[test]
    fn other_files_of_the_folder_do_not_matter() {
        assert!(
            is_configuration(Path::new("a/kong.yml")) && is_configuration(Path::new("a/..data"))
        );
        assert!(
            !is_configuration(Path::new("a/index.ts"))
                && !is_configuration(Path::new("a/.trunkline.yaml.swp"))
        );
    }
}
