//! A disk in memory, for a store that forgets: what a process keeps when nothing is to be written.
//!
//! It is not [`Recorder`](super::Recorder), which remembers every write to build crashes from them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Disk, File};

/// Files in memory; dropped with the last that has them.
#[derive(Debug)]
pub struct Memory {
    files: RwLock<BTreeMap<PathBuf, Arc<Content>>>,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Content(RwLock<Vec<u8>>);

impl Memory {
    /// An empty one that says it has room for so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self { files: RwLock::default(), bytes_max }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<PathBuf, Arc<Content>>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<PathBuf, Arc<Content>>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn read(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<u8>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for Memory {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut files = self.write();
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::new(Content::default());
        files.insert(path.to_owned(), Arc::clone(&content));
        Ok(Box::new(content))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let content = self.read().get(path).map(Arc::clone);
        Ok(Box::new(content.ok_or(io::ErrorKind::NotFound)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.write();
        let content = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.write().remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let files = self.read();
        let below = files.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let names = below.filter_map(|rest| rest.components().next());
        let names: BTreeSet<String> =
            names.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        Ok(names.into_iter().collect())
    }

    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let used: usize = self.read().values().map(|content| content.read().len()).sum();
        Ok(self.bytes_max.saturating_sub(used as u64))
    }
}

impl File for Arc<Content> {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        let mut content = self.write();
        if content.len() < end {
            content.resize(end, 0);
        }
        if let Some(place) = content.get_mut(start..end) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = self.read();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = content.get(start..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            into.copy_from_slice(from);
        }
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        self.write().resize(length, 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.read().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_read_renamed_and_removed() {
        let disk = Memory::new(100);
        let file = disk.create(Path::new("a/one")).unwrap();
        file.write_at(2, b"xyz").unwrap();
        let mut room = [1; 8];
        assert_eq!(file.read_at(0, &mut room).unwrap(), 5);
        assert_eq!(room, *b"\0\0xyz\x01\x01\x01");
        assert_eq!(file.read_at(9, &mut room).unwrap(), 0);
        assert!(disk.create(Path::new("a/one")).is_err());
        disk.rename(Path::new("a/one"), Path::new("a/two")).unwrap();
        assert_eq!(disk.list(Path::new("a")).unwrap(), ["two"]);
        assert_eq!(disk.free_bytes().unwrap(), 95);
        disk.remove(Path::new("a/two")).unwrap();
        assert_eq!(file.length().unwrap(), 5, "who has it open can go on reading");
        assert!(disk.open(Path::new("a/two")).is_err());
    }
}
