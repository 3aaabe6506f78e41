//! One watcher for the folders of all services: the system allows few of them per user.
//!
//! Folders are watched one by one, not as trees, because a tree would bring `node_modules` along
//! and use up the system's limit. Where a folder cannot be watched, whoever asked is told, and
//! looks from time to time instead.
//!
//! The system watches a folder, not its name: one that was removed or moved, and made anew before
//! anybody looked, is watched anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{ModifyKind, RenameMode};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode};

use super::rules::is_noise;
use crate::settle::Teller;

/// The watched folders.
#[derive(Debug, Default)]
struct Folders {
    /// Who is told of changes in each, by the number of its subscription.
    told: BTreeMap<PathBuf, Vec<(u64, Teller)>>,
    /// Those of them whose watch ended with the folder that had their name.
    lost: BTreeSet<PathBuf>,
}

/// Watches folders for several subscribers. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    shared: Arc<Mutex<Shared>>,
    folders: Arc<Mutex<Folders>>,
}

#[derive(Debug)]
struct Shared {
    /// None where the system gives none.
    system: Option<RecommendedWatcher>,
    next: u64,
}

/// Folders that one service has watched; they are let go with it.
#[derive(Debug)]
pub(crate) struct Subscription {
    watcher: Watcher,
    number: u64,
    teller: Teller,
    folders: BTreeSet<PathBuf>,
}

/// Why not every folder is watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwatched {
    /// The user has as many watches or watchers as the system allows.
    #[error("the system's limit of watched folders is reached")]
    Limit,
    /// For another reason.
    #[error("{0}")]
    Refused(String),
}

impl Watcher {
    /// Watches nothing yet.
    pub(crate) fn new() -> Self {
        let folders = Arc::new(Mutex::new(Folders::default()));
        let reported = Arc::clone(&folders);
        let report = move |event: notify::Result<notify::Event>| match event {
            Ok(event) => lock(&reported).report(&event),
            Err(_) => lock(&reported).report_all(),
        };
        let system = notify::recommended_watcher(report)
            .inspect_err(|error| tracing::debug!(%error, "no watcher"))
            .ok();
        Self { shared: Arc::new(Mutex::new(Shared { system, next: 0 })), folders }
    }

    /// A subscription without folders.
    pub(crate) fn subscribe(&self, teller: Teller) -> Subscription {
        let mut shared = lock(&self.shared);
        shared.next += 1;
        let number = shared.next;
        Subscription { watcher: self.clone(), number, teller, folders: BTreeSet::new() }
    }
}

impl Subscription {
    /// Watches exactly these folders from now on, and says whether others than before. The error is
    /// the last folder's that cannot be watched; the others are all the same.
    pub(crate) fn follow(&mut self, wanted: &BTreeSet<PathBuf>) -> (bool, Result<(), Unwatched>) {
        let gone: Vec<_> = self.folders.difference(wanted).cloned().collect();
        for folder in gone {
            self.leave(&folder);
            self.folders.remove(&folder);
        }
        let (mut any, mut result) = (false, Ok(()));
        let lost = lock(&self.watcher.folders).lost.clone();
        let is_fresh =
            |folder: &&PathBuf| !self.folders.contains(*folder) || lost.contains(*folder);
        let fresh: Vec<_> = wanted.iter().filter(is_fresh).cloned().collect();
        for folder in fresh {
            match self.enter(&folder) {
                Ok(()) => {
                    self.folders.insert(folder);
                    any = true;
                }
                // It is gone again, which whoever watches its parent hears.
                Err(_)
                    if is_gone(&folder)
                        && folder.parent().is_some_and(|it| wanted.contains(it)) => {}
                Err(error) => result = Err(error),
            }
        }
        (any, result)
    }

    fn enter(&self, folder: &Path) -> Result<(), Unwatched> {
        // Whoever watches holds this lock; the thread that reports takes only the other one.
        let mut shared = lock(&self.watcher.shared);
        let (is_known, is_lost) = {
            let mut folders = lock(&self.watcher.folders);
            // Before it is watched: what is lost after that is lost anew.
            (folders.told.contains_key(folder), folders.lost.remove(folder))
        };
        if !is_known || is_lost {
            let watched = shared.watch(folder);
            if watched.is_err() && is_lost {
                lock(&self.watcher.folders).lost.insert(folder.to_owned());
            }
            watched?;
        }
        let mut folders = lock(&self.watcher.folders);
        let tellers = folders.told.entry(folder.to_owned()).or_default();
        if is_lost {
            // The others may have looked before it was watched again.
            for (_, teller) in tellers.iter() {
                teller.tell();
            }
        }
        if !tellers.iter().any(|(number, _)| *number == self.number) {
            tellers.push((self.number, self.teller.clone()));
        }
        Ok(())
    }

    fn leave(&self, folder: &Path) {
        let mut shared = lock(&self.watcher.shared);
        let mut folders = lock(&self.watcher.folders);
        let Some(tellers) = folders.told.get_mut(folder) else {
            return;
        };
        tellers.retain(|(number, _)| *number != self.number);
        if tellers.is_empty() {
            folders.told.remove(folder);
            folders.lost.remove(folder);
            drop(folders);
            if let Some(system) = &mut shared.system {
                // A folder that was removed is no longer watched anyway.
                let _ = notify::Watcher::unwatch(system, folder);
            }
        }
    }
}

impl Shared {
    fn watch(&mut self, folder: &Path) -> Result<(), Unwatched> {
        let system = self.system.as_mut().ok_or(Unwatched::Limit)?;
        notify::Watcher::watch(system, folder, RecursiveMode::NonRecursive)
            .map_err(|error| Unwatched::of(&error))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        for folder in std::mem::take(&mut self.folders) {
            self.leave(&folder);
        }
    }
}

impl Unwatched {
    fn of(error: &notify::Error) -> Self {
        let is_limit = match &error.kind {
            ErrorKind::MaxFilesWatch => true,
            ErrorKind::Io(error) => {
                let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
                matches!(code, Some(rustix::io::Errno::NOSPC | rustix::io::Errno::MFILE))
            }
            _ => false,
        };
        if is_limit { Self::Limit } else { Self::Refused(error.to_string()) }
    }
}

impl Folders {
    fn report(&mut self, event: &notify::Event) {
        if event.need_rescan() {
            return self.report_all();
        }
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let from = EventKind::Modify(ModifyKind::Name(RenameMode::From));
        let is_loss = event.kind == from || matches!(event.kind, EventKind::Remove(_));
        for path in &event.paths {
            if is_loss {
                // What lies below comes right after it, and moves along with it unheard.
                let below = self.told.range(path.clone()..).map(|(folder, _)| folder);
                self.lost.extend(below.take_while(|folder| folder.starts_with(path)).cloned());
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let of_folder = |folder: &Path| self.told.get(folder).into_iter().flatten();
            let in_folder = path.parent().filter(|_| !is_noise(&name));
            let concerned = in_folder.into_iter().flat_map(of_folder).chain(of_folder(path));
            concerned.for_each(|(_, teller)| teller.tell());
        }
    }

    /// Events were lost, and maybe folders with them: everybody looks, and watches anew.
    fn report_all(&mut self) {
        self.lost.extend(self.told.keys().cloned());
        self.told.values().flatten().for_each(|(_, teller)| teller.tell());
    }
}

fn is_gone(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_err()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::settle::{Settled, settled};

    async fn hears(events: &mut Settled) -> bool {
        tokio::time::timeout(Duration::from_secs(20), events.next()).await.is_ok()
    }

    /// What happens in a folder is still heard after `replace` has put another in its place.
    async fn stays_watched(replace: impl Fn(&Path)) {
        let root = tempfile::tempdir().unwrap();
        let (folder, deep) = (root.path().join("a"), root.path().join("a/b"));
        fs::create_dir_all(&deep).unwrap();
        let watcher = Watcher::new();
        let (teller, mut events) = settled(Duration::from_millis(50), Duration::from_secs(1));
        let mut subscription = watcher.subscribe(teller);
        let wanted = BTreeSet::from([root.path().to_owned(), folder.clone(), deep.clone()]);
        assert_eq!(subscription.follow(&wanted), (true, Ok(())));
        replace(&folder);
        assert!(hears(&mut events).await, "another folder");
        // A reader of the tree sees the same folders as before.
        assert_eq!(subscription.follow(&wanted), (true, Ok(())));
        while tokio::time::timeout(Duration::from_millis(200), events.next()).await.is_ok() {}
        assert_eq!(subscription.follow(&wanted), (false, Ok(())), "once is enough");
        for (place, file) in [(&folder, "one"), (&deep, "two")] {
            fs::write(place.join(file), "x").unwrap();
            assert!(hears(&mut events).await, "{file}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_was_removed_and_made_anew_is_watched_anew() {
        stays_watched(|folder| {
            fs::remove_dir_all(folder).unwrap();
            fs::create_dir_all(folder.join("b")).unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_folder_that_another_took_the_place_of_is_watched_anew() {
        stays_watched(|folder| {
            fs::rename(folder, folder.with_file_name("former")).unwrap();
            fs::create_dir_all(folder.join("b")).unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn everybody_looks_when_events_were_lost() {
        let root = tempfile::tempdir().unwrap();
        let watcher = Watcher::new();
        let (teller, mut events) = settled(Duration::from_millis(50), Duration::from_secs(1));
        let mut subscription = watcher.subscribe(teller);
        let wanted = BTreeSet::from([root.path().to_owned()]);
        assert_eq!(subscription.follow(&wanted), (true, Ok(())));
        let overflow = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        lock(&watcher.folders).report(&overflow);
        assert!(hears(&mut events).await, "a look");
        assert_eq!(subscription.follow(&wanted), (true, Ok(())), "it may be another folder by now");
    }
}
