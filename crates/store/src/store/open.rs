//! Opening a store: the manifest, the segments that it lists, then the log.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use trunkline_rt::Clock;

use super::shared::Shared;
use super::stats::Times;
use super::{Config, OpenError, Store, maintain, rates};
use crate::disk::Disk;
use crate::files::{Files, Segment};
use crate::manifest::{self, FOLDER, Manifest, parse_name};
use crate::search::View;
use crate::wal::{Base, Wal};

impl Store {
    /// Opens a store, and makes it where there is none. What the log has and no segment is read
    /// into memory, and cut to segments where that is too much. It blocks.
    ///
    /// # Errors
    /// A file cannot be used, or a newer version wrote it.
    pub fn open(config: Config, disk: Arc<dyn Disk>, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let segments = Path::new(FOLDER);
        disk.create_folder(segments).map_err(|source| io_error(FOLDER, source))?;
        let found = segment_files(&*disk)?;
        let manifest = open_manifest(&disk, &found)?;
        let log = config.log.clone();
        let shared = Arc::new(shared(config, disk, clock, manifest)?);
        open_segments(&shared, &found)?;
        let mark = shared.manifest.with(|state| state.mark);
        shared.heads().active.mark = mark;
        let from = shared.replayed_from();
        let base =
            Base { disk: Arc::clone(&shared.disk), clock: shared.clock.clone(), config: log };
        let mut replay = |frame: crate::wal::Frame| {
            if frame.position > mark {
                shared.replay(&frame);
            } else {
                shared.count(&frame);
            }
            // One head at a time: however long the log is, memory is bounded.
            while shared.cut_if_possible()? {}
            Ok(())
        };
        let live = Arc::clone(&shared);
        let kept = shared.manifest.sent().map_or(from, |sent| sent.min(from));
        let committed = move |frames: &[crate::wal::Frame]| {
            live.take(frames);
            live.written.notify_waiters();
        };
        let (log, recovery) = Wal::open_keeping(base, (kept, from), &mut replay, committed)?;
        let store = Self {
            shared,
            log,
            recovery,
            waiting: AtomicUsize::new(0),
            maintaining: Mutex::new(maintain::Progress::default()),
        };
        // What was cut while it was read.
        let _ = store.log.forget(store.needed());
        Ok(Arc::new(store))
    }
}

impl Shared {
    /// Cuts a head that waits for it. On a full disk heads stay in memory as far as they may: so a
    /// store opens, and what is in it can be asked for and removed.
    fn cut_if_possible(&self) -> Result<bool, super::MaintainError> {
        match self.cut() {
            Err(_) if !self.is_full() => Ok(false),
            done => done,
        }
    }
}

fn io_error(file: &str, source: io::Error) -> OpenError {
    OpenError::Io { file: file.to_owned(), source }
}

/// The segments on the disk.
fn segment_files(disk: &dyn Disk) -> Result<Vec<(u8, u64)>, OpenError> {
    let names = disk.list(Path::new(FOLDER)).map_err(|source| io_error(FOLDER, source))?;
    Ok(names.iter().filter_map(|name| parse_name(name)).collect())
}

fn open_manifest(disk: &Arc<dyn Disk>, found: &[(u8, u64)]) -> Result<Manifest, OpenError> {
    let names = disk.list(Path::new("")).map_err(|source| io_error("", source))?;
    // Without one nothing was ever listed, unless somebody lost it: then all would look like
    // leftovers.
    if !found.is_empty() && !names.iter().any(|name| name == manifest::FILE) {
        return Err(OpenError::NoManifest(found.len()));
    }
    Ok(Manifest::open(Arc::clone(disk))?)
}

fn shared(
    config: Config,
    disk: Arc<dyn Disk>,
    clock: Clock,
    manifest: Manifest,
) -> Result<Shared, OpenError> {
    let mark = manifest.with(|state| state.mark);
    let rollups = rates::open(&config, &disk, mark, clock.wall_nanos())?;
    let files = Arc::new(Files::new(Arc::clone(&disk), config.memory.index_bytes_max));
    let heads = super::heads::Heads::default();
    let view = View { heads: heads.all(), segments: Vec::new() };
    Ok(Shared {
        retention: Mutex::new(Arc::new(config.retention.clone())),
        config,
        disk,
        clock,
        manifest,
        rollups,
        files,
        heads: Mutex::new(heads),
        head_bytes: AtomicUsize::new(0),
        view: std::sync::RwLock::new(Arc::new(view)),
        work: Notify::new(),
        room: Notify::new(),
        written: Notify::new(),
        backlog_bytes_max: AtomicU64::new(u64::MAX),
        unreadable: AtomicU64::new(0),
        times: Times::default(),
        doubted: Mutex::default(),
        unmergeable: Mutex::default(),
    })
}

/// Shows the listed segments, and removes what a crash left: files that were never listed, or no
/// longer are.
fn open_segments(shared: &Shared, found: &[(u8, u64)]) -> Result<(), OpenError> {
    let entries =
        shared.manifest.with(|state| state.segments.values().cloned().collect::<Vec<_>>());
    // First: nothing is removed of a store that lacks something.
    for entry in &entries {
        if !found.contains(&(entry.level, entry.number)) {
            return Err(OpenError::Missing(entry.path().display().to_string()));
        }
    }
    for (level, number) in found {
        if !entries.iter().any(|entry| (entry.level, entry.number) == (*level, *number)) {
            let path = manifest::path(*level, *number);
            let name = path.display().to_string();
            shared.disk.remove(&path).map_err(|source| io_error(&name, source))?;
        }
    }
    let segments =
        entries.into_iter().map(|entry| Arc::new(Segment::new(entry, &shared.files))).collect();
    let heads = shared.heads.lock().unwrap_or_else(PoisonError::into_inner);
    shared.show(&heads, Some(segments));
    Ok(())
}
