//! A file as redb's storage, so that the recorder sees what the manifest writes as well.
//!
//! After a write or a sync that failed, every further one fails too: the system may say the next
//! time that all is well, and have dropped what it could not write. A database that was refused
//! must be opened from the disk again, or written anew elsewhere.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Disk, File};

/// A file that redb keeps a database in. It takes no locks: the store's folder has one.
#[derive(Debug)]
pub struct Backend {
    file: Box<dyn File>,
    failed: AtomicBool,
}

impl Backend {
    /// Opens a file, or makes an empty one whose name is durable when this returns.
    pub fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let file = match disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = disk.create(path)?;
                disk.sync_folder(path.parent().unwrap_or(Path::new("")))?;
                file
            }
            opened => opened?,
        };
        Ok(Self { file, failed: AtomicBool::new(false) })
    }

    fn change(&self, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier write to this file failed"));
        }
        change().inspect_err(|_| self.failed.store(true, Ordering::Release))
    }
}

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|| self.file.set_length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(|| self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|| self.file.write_at(offset, data))
    }
}
