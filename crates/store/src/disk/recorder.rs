//! A disk in memory for tests: it remembers what was synced, fails when told to, and shows what a
//! power cut may leave.
//!
//! It is as bad as disks are allowed to be. What was not synced survives a crash in any part, by
//! sectors of 512 bytes, and files may have grown without their bytes. Names survive in the order
//! in which they changed, up to some point in each folder. A sync that fails makes some of it
//! durable and forgets the rest: the next one succeeds and tells nothing, as the page cache of
//! Linux does. What it does not do: harm a sector that was not written to, or one that was synced.

mod content;
mod handle;
mod names;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_rt::Random;

use super::{Disk, File};
use content::Content;
use handle::Handle;
use names::{Change, Names};

/// A call that changes something, or makes it durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Disk::create`]
    Create,
    /// [`Disk::rename`]
    Rename,
    /// [`Disk::remove`]
    Remove,
    /// [`Disk::sync_folder`]
    SyncFolder,
    /// [`File::write_at`]
    Write,
    /// [`File::set_length`]
    SetLength,
    /// [`File::sync_data`]
    SyncData,
}

/// Which calls fail, counted from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Only calls of this kind are counted and fail; all kinds if there is none.
    pub call: Option<Call>,
    /// So many calls succeed before.
    pub after: u64,
    /// So many calls fail then.
    pub times: u64,
    /// How they fail.
    pub error: io::ErrorKind,
}

/// Is told of each call before it is done, from the thread that makes it.
type Watcher = Arc<dyn Fn(Call, &Path) + Send + Sync>;

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    watcher: Mutex<Option<Watcher>>,
}

struct State {
    names: Names,
    contents: Vec<Content>,
    folders: BTreeSet<PathBuf>,
    faults: Vec<Fault>,
    capacity: u64,
    random: Random,
    calls: Vec<(Call, PathBuf)>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// An empty disk of a TiB.
    pub fn new() -> Self {
        Self::with(Names::default(), Vec::new(), BTreeSet::new(), Random::from_seed(0))
    }

    fn with(
        names: Names,
        contents: Vec<Content>,
        folders: BTreeSet<PathBuf>,
        random: Random,
    ) -> Self {
        let state = State {
            names,
            contents,
            folders,
            faults: Vec::new(),
            capacity: 1 << 40,
            random,
            calls: Vec::new(),
        };
        Self(Arc::new(Shared { state: Mutex::new(state), watcher: Mutex::default() }))
    }

    /// What a power cut at this moment may leave; each seed gives another possibility.
    #[must_use = "it is another disk"]
    pub fn crash(&self, seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let state = self.0.state();
        let names = state.names.crash(&mut random);
        let contents = state.contents.iter().map(|content| content.crash(&mut random)).collect();
        Self::with(names, contents, state.folders.clone(), random)
    }

    /// What is there when the process ends at this moment and the machine goes on: all that was
    /// written, synced or not.
    #[must_use = "it is another disk"]
    pub fn kill(&self) -> Self {
        let state = self.0.state();
        let (names, contents) = (state.names.clone(), state.contents.clone());
        Self::with(names, contents, state.folders.clone(), state.random.clone())
    }

    /// Lets calls fail from now on.
    pub fn fail(&self, fault: Fault) {
        self.0.state().faults.push(fault);
    }

    /// Forgets the faults that are still to come.
    pub fn heal(&self) {
        self.0.state().faults.clear();
    }

    /// Sets how many bytes all files may have together.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.state().capacity = bytes;
    }

    /// Tells `watcher` of each call of [`Call`] before it is done. It may ask for a crash.
    pub fn watch(&self, watcher: impl Fn(Call, &Path) + Send + Sync + 'static) {
        *self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(watcher));
    }

    /// The calls that were made so far, failed ones included, with the file or folder as it was
    /// named when it was opened.
    pub fn calls(&self) -> Vec<(Call, PathBuf)> {
        self.0.state().calls.clone()
    }

    /// Lets the reads of some bytes of a file fail.
    pub fn spoil(&self, path: &Path, bytes: Range<u64>) -> io::Result<()> {
        let mut state = self.0.state();
        let index = state.names.find(path)?;
        state.content(index)?.spoil(bytes);
        Ok(())
    }

    fn handle(&self, path: &Path, index: usize) -> Box<dyn File> {
        Box::new(Handle { shared: Arc::clone(&self.0), path: path.to_owned(), index })
    }

    /// Changes the bytes of a file behind everybody's back: as seen and as kept.
    pub fn damage(&self, path: &Path, harm: impl Fn(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.0.state();
        let index = state.names.find(path)?;
        state.content(index)?.damage(harm);
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces a call, and fails if it shall.
    fn begin(&self, call: Call, path: &Path) -> Result<MutexGuard<'_, State>, Failed<'_>> {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(watcher) = watcher {
            watcher(call, path);
        }
        let mut state = self.state();
        state.calls.push((call, path.to_owned()));
        match state.fault(call) {
            Some(error) => Err(Failed { state, error: error.into() }),
            None => Ok(state),
        }
    }
}

/// A call that shall fail, and the state that it may spoil on its way.
struct Failed<'a> {
    state: MutexGuard<'a, State>,
    error: io::Error,
}

impl From<Failed<'_>> for io::Error {
    fn from(failed: Failed<'_>) -> Self {
        failed.error
    }
}

impl State {
    fn fault(&mut self, call: Call) -> Option<io::ErrorKind> {
        let mut found = None;
        for fault in &mut self.faults {
            if fault.call.is_some_and(|only| only != call) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                found = found.or(Some(fault.error));
            }
        }
        found
    }

    fn content(&mut self, index: usize) -> io::Result<&mut Content> {
        self.contents.get_mut(index).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn free(&self) -> u64 {
        let lengths = self.names.files().filter_map(|index| self.contents.get(index));
        self.capacity.saturating_sub(lengths.map(Content::length).sum())
    }

    /// Whether a file may have this length, as far as space goes.
    fn check_space(&mut self, index: usize, length: u64) -> io::Result<()> {
        let free = self.free();
        let growth = length.saturating_sub(self.content(index)?.length());
        if growth > free { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut state = self.0.begin(Call::Create, path)?;
        if !state.folders.contains(parent(path)) && !parent(path).as_os_str().is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if state.names.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let index = state.contents.len();
        state.contents.push(Content::default());
        state.names.change(Change::Link { path: path.to_owned(), index });
        Ok(self.handle(path, index))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let index = self.0.state().names.find(path)?;
        Ok(self.handle(path, index))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.begin(Call::Rename, from)?;
        if parent(from) != parent(to) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let index = state.names.find(from)?;
        state.names.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), index });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.begin(Call::Remove, path)?;
        state.names.find(path)?;
        state.names.change(Change::Unlink { path: path.to_owned() });
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.0.state();
        if !folder.as_os_str().is_empty() && !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state.names.paths().chain(state.folders.iter().map(PathBuf::as_path));
        let inside = paths.filter(|path| path.parent() == Some(folder));
        let names: BTreeSet<_> = inside.filter_map(|path| path.file_name()?.to_str()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let above = path.ancestors().filter(|above| !above.as_os_str().is_empty());
        self.0.state().folders.extend(above.map(Path::to_owned));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        match self.0.begin(Call::SyncFolder, path) {
            Ok(mut state) => {
                state.names.sync(path);
                Ok(())
            }
            Err(mut failed) => {
                failed.state.names.forget(path);
                Err(failed.error)
            }
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.0.state().free())
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
