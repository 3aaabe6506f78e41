//! The real disk: a folder of the file system, which one process at a time may open for writing.
//!
//! A lock of the kernel (`flock`) keeps a second process out and goes with the first one, however
//! that ends. The process id in the lock's file is only for the message.

use std::fs::{self, File as SystemFile, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statvfs};

use super::{Disk, File};

const LOCK: &str = "lock";

/// Longest text that is read of a lock: more than any process id.
const HOLDER_BYTES_MAX: u64 = 32;

/// Why the folder of a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it open.
    #[error("{} is in use by {}", folder.display(), who(*holder))]
    InUse {
        /// Which folder.
        folder: PathBuf,
        /// The process that has it, where that could be found out.
        holder: Option<u32>,
    },
    /// The system refuses.
    #[error("cannot open the folder {}", folder.display())]
    Io {
        /// Which folder.
        folder: PathBuf,
        /// What it says.
        #[source]
        source: io::Error,
    },
}

fn who(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Held until the folder is closed; none where it is only looked at.
    lock: Option<SystemFile>,
}

impl Folder {
    /// Opens a folder for this process alone, and makes it where it is missing. Files of the store
    /// can be read by this user only.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let root = root.into();
        let io = |source| FolderError::Io { folder: root.clone(), source };
        create_folders(&root).map_err(io)?;
        let mut lock = private(OpenOptions::new().create(true).read(true).write(true))
            .truncate(false)
            .open(root.join(LOCK))
            .map_err(io)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(FolderError::InUse { holder: holder(&lock), folder: root });
            }
            Err(error) => return Err(io(error.into())),
        }
        lock.set_len(0).map_err(io)?;
        lock.write_all(std::process::id().to_string().as_bytes()).map_err(io)?;
        Ok(Self { root, lock: Some(lock) })
    }

    /// Looks at a folder that another process may have open. Nothing can be changed in it:
    /// [`io::ErrorKind::ReadOnlyFilesystem`].
    pub fn look(root: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(found) if found.is_dir() => Ok(Self { root, lock: None }),
            Ok(_) => {
                let source = io::ErrorKind::NotADirectory.into();
                Err(FolderError::Io { folder: root, source })
            }
            Err(source) => Err(FolderError::Io { folder: root, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        if path.components().all(|part| matches!(part, Component::Normal(_))) {
            Ok(self.root.join(path))
        } else {
            let message = format!("{} leads out of the store", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }

    fn for_writing(&self, path: &Path) -> io::Result<PathBuf> {
        if self.lock.is_none() {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.resolve(path)
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

fn holder(lock: &SystemFile) -> Option<u32> {
    let mut text = String::new();
    lock.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Makes a folder and those above it, and syncs each into the one that has it. A folder that is
/// there is synced as well: who made it may have ended before that.
fn create_folders(path: &Path) -> io::Result<()> {
    let Some(above) = path.parent() else {
        return Ok(());
    };
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    if path.is_dir() {
        // Folders far above may be of others, who do not let us read them.
        let _ = sync(above);
        return Ok(());
    }
    create_folders(above)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync(above)
}

fn sync(folder: &Path) -> io::Result<()> {
    SystemFile::open(folder)?.sync_all()
}

impl Disk for Folder {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let path = self.for_writing(path)?;
        let file =
            private(OpenOptions::new().read(true).write(true).create_new(true)).open(path)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let path = self.resolve(path)?;
        Ok(Box::new(OpenOptions::new().read(true).write(self.lock.is_some()).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.for_writing(from)?, self.for_writing(to)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.for_writing(path)?)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.resolve(folder)?)? {
            // A name that is no text is not ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        if folder.as_os_str().is_empty() {
            names.retain(|name| name != LOCK);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        create_folders(&self.for_writing(path)?)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        sync(&self.for_writing(path)?)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let system = statvfs(&self.root)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }
}

impl File for SystemFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = into.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
