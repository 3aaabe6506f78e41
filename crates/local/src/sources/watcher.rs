//! One watcher for the folders of all services: the system allows few of them per user.
//!
//! Folders are watched one by one, not as trees, because a tree would bring `node_modules` along
//! and use up the system's limit. Where a folder cannot be watched, whoever asked is told, and
//! looks from time to time instead.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode};

use super::rules::is_noise;
use crate::settle::Teller;

/// Who is told of changes in a folder, by the number of its subscription.
type Told = Arc<Mutex<HashMap<PathBuf, Vec<(u64, Teller)>>>>;

/// Watches folders for several subscribers. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    shared: Arc<Mutex<Shared>>,
    told: Told,
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
        let told = Told::default();
        let listeners = Arc::clone(&told);
        let report = move |event: notify::Result<notify::Event>| match event {
            Ok(event) => tell(&listeners, &event),
            // Events were lost: everybody looks.
            Err(_) => lock(&listeners).values().flatten().for_each(|(_, teller)| teller.tell()),
        };
        let system = notify::recommended_watcher(report)
            .inspect_err(|error| tracing::debug!(%error, "no watcher"))
            .ok();
        Self { shared: Arc::new(Mutex::new(Shared { system, next: 0 })), told }
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
        let fresh: Vec<_> = wanted.difference(&self.folders).cloned().collect();
        for folder in fresh {
            match self.enter(&folder) {
                Ok(()) => any |= self.folders.insert(folder),
                Err(error) => result = Err(error),
            }
        }
        (any, result)
    }

    fn enter(&self, folder: &Path) -> Result<(), Unwatched> {
        // Whoever watches holds this lock; the thread that reports takes only the other one.
        let mut shared = lock(&self.watcher.shared);
        let is_watched = lock(&self.watcher.told).contains_key(folder);
        if !is_watched {
            let system = shared.system.as_mut().ok_or(Unwatched::Limit)?;
            notify::Watcher::watch(system, folder, RecursiveMode::NonRecursive)
                .map_err(|error| Unwatched::of(&error))?;
        }
        let mut told = lock(&self.watcher.told);
        told.entry(folder.to_owned()).or_default().push((self.number, self.teller.clone()));
        Ok(())
    }

    fn leave(&self, folder: &Path) {
        let mut shared = lock(&self.watcher.shared);
        let mut told = lock(&self.watcher.told);
        let Some(tellers) = told.get_mut(folder) else {
            return;
        };
        tellers.retain(|(number, _)| *number != self.number);
        if tellers.is_empty() {
            told.remove(folder);
            drop(told);
            if let Some(system) = &mut shared.system {
                // A folder that was removed is no longer watched anyway.
                let _ = notify::Watcher::unwatch(system, folder);
            }
        }
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

fn tell(told: &Told, event: &notify::Event) {
    if matches!(event.kind, EventKind::Access(_)) {
        return;
    }
    let told = lock(told);
    for path in &event.paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let of_folder = |folder: &Path| told.get(folder).into_iter().flatten();
        let in_folder = path.parent().filter(|_| !is_noise(&name));
        let concerned = in_folder.into_iter().flat_map(of_folder).chain(of_folder(path));
        concerned.for_each(|(_, teller)| teller.tell());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
