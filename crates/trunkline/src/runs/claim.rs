//! Owning a run's folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use trunkline_local::state::{StateError, write_atomically};

use super::{CARD, CONTROL, Card, LOCK, NEXT_BINARY, TAKEOVER, folder_of, read_card};

/// Why a run's folder could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Another process runs this configuration.
    #[error("already running")]
    Held(Option<Box<Card>>),
    /// The folder belongs to somebody else, who could then take over what we serve.
    #[error("{} belongs to another user", .0.display())]
    Foreign(PathBuf),
    /// The system refused.
    #[error("cannot use {}", path.display())]
    System {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The folder of this process's run. Dropping it removes the folder, unless it was handed over.
#[derive(Debug)]
pub(crate) struct Run {
    folder: PathBuf,
    lock: OwnedFd,
    handed_over: bool,
}

/// A folder that vanishes while it is being taken belongs to a run that ends; so often is enough.
const TRIES: usize = 10;

impl Run {
    /// Takes the folder of the run of `config` below `base`.
    pub(crate) fn claim(base: &Path, config: &Path) -> Result<Self, ClaimError> {
        private_folder(base)?;
        let folder = folder_of(base, config);
        for _ in 0..TRIES {
            private_folder(&folder)?;
            if let Some(lock) = take_lock(&folder)? {
                return Ok(Self { folder, lock, handed_over: false });
            }
        }
        Err(ClaimError::Held(None))
    }

    /// Prepares to go on with the folder of a former process, which lent its lock. The folder is that
    /// process's until [`Run::take_over`]: it stays as it is when this one ends before.
    pub(crate) fn adopt(base: &Path, config: &Path, lock: OwnedFd) -> Self {
        Self { folder: folder_of(base, config), lock, handed_over: true }
    }

    /// The folder is this process's from now on.
    pub(crate) fn take_over(&mut self) {
        self.handed_over = false;
    }

    /// Says who runs here. Readers see the old card or the new one, never a part.
    pub(crate) fn publish(&self, card: &Card) -> Result<(), ClaimError> {
        write_atomically(&self.folder.join(CARD), card)
            .map_err(|StateError { path, source }| ClaimError::System { path, source })
    }

    /// The run as others find it; `None` before it is published.
    pub(crate) fn found(&self) -> Option<super::Found> {
        super::Found::at(self.folder.clone())
    }

    /// Where the other verbs are answered. The folder is for this user only.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.folder.join(CONTROL)
    }

    /// Listens for the process that takes over.
    pub(crate) fn listen_takeover(&self) -> Result<(UnixListener, PathBuf), ClaimError> {
        let path = self.folder.join(TAKEOVER);
        Ok((listen(&path)?, path))
    }

    /// The binary that the next upgrade shall start, if `upgrade --binary` named one; asked once.
    pub(crate) fn take_next_binary(&self) -> Option<PathBuf> {
        let path = self.folder.join(NEXT_BINARY);
        let named = fs::read_to_string(&path).ok()?;
        let _ = fs::remove_file(&path);
        Some(PathBuf::from(named))
    }

    /// What keeps the folder ours.
    pub(crate) fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }

    /// Another process goes on with the folder: it stays when this one ends.
    pub(crate) fn hand_over(&mut self) {
        self.handed_over = true;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.handed_over {
            return;
        }
        // The lock goes last: whoever waits for it then finds a new file, and tries again.
        for name in [CARD, CONTROL, TAKEOVER, NEXT_BINARY, LOCK] {
            let _ = fs::remove_file(self.folder.join(name));
        }
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Names the binary that the next upgrade of the run in `folder` shall start.
pub(super) fn set_next_binary(folder: &Path, binary: &Path) -> io::Result<()> {
    fs::write(folder.join(NEXT_BINARY), binary.as_os_str().as_encoded_bytes())
}

/// The lock of the folder; `None` if the file was removed meanwhile.
fn take_lock(folder: &Path) -> Result<Option<OwnedFd>, ClaimError> {
    let path = folder.join(LOCK);
    let opened =
        OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(system(&path))?,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(ClaimError::Held(read_card(folder).map(Box::new)));
        }
        Err(error) => return Err(system(&path)(error.into())),
    }
    Ok(is_still_there(&file, &path).then(|| file.into()))
}

fn is_still_there(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

/// Whether some process holds the lock of this folder.
pub(super) fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(LOCK)) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// Most folders of runs that are looked at.
const FOLDERS_MAX: usize = 4_096;

/// Folders of runs that ended without removing them.
pub(crate) fn stale(base: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(base).into_iter().flatten().take(FOLDERS_MAX);
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
    folders.filter(|folder| folder.is_dir() && !is_held(folder)).collect()
}

/// Removes such a folder, unless a run has taken it meanwhile.
pub(crate) fn remove_stale(folder: &Path) -> bool {
    let Ok(Some(lock)) = take_lock(folder) else {
        return false;
    };
    drop(Run { folder: folder.to_owned(), lock, handed_over: false });
    !folder.exists()
}

/// Makes a folder for this user only, or checks that it is.
fn private_folder(path: &Path) -> Result<(), ClaimError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(system(path)(error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(path).map_err(system(path))?;
    if found.uid() != rustix::process::geteuid().as_raw() || !found.is_dir() {
        return Err(ClaimError::Foreign(path.to_owned()));
    }
    Ok(())
}

fn listen(path: &Path) -> Result<UnixListener, ClaimError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(system(path)(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(system(path))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode).map_err(system(path))?;
    listener.set_nonblocking(true).map_err(system(path))?;
    Ok(listener)
}

fn system(path: &Path) -> impl FnOnce(io::Error) -> ClaimError + use<'_> {
    move |source| ClaimError::System { path: path.to_owned(), source }
}
