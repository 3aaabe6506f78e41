//! The one door to the file system: whatever the store reads or writes goes through [`Disk`].
//!
//! Thus tests can break it where a machine would: [`Recorder`] keeps in memory what was written and
//! what of it was synced, and builds what a power cut may leave. [`Folder`] is the real one. Paths
//! are relative to the folder of the store. Nothing here retries, caches or buffers, but for
//! [`Writer`]; what it means that a write or a sync failed is for the caller to know.

mod backend;
mod folder;
mod memory;
mod recorder;
mod writer;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use backend::Backend;
pub use folder::{Folder, FolderError};
pub use memory::Memory;
pub use recorder::{Call, Fault, Recorder};
pub use writer::Writer;

/// A folder that holds the files of a store.
///
/// Names are durable once the folder that has them was synced, contents once the file was synced:
/// the one says nothing of the other.
pub trait Disk: Debug + Send + Sync {
    /// Makes a new, empty file for reading and writing; [`io::ErrorKind::AlreadyExists`] if the
    /// name is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Gives a file another name in the same folder, at once; a file of that name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Who has it open can go on reading.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files and folders in a folder, sorted; without the store's lock.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a folder and those above it, where missing. They are durable when it returns.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable: files created, renamed and removed.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Bytes that can still be written, as far as the system knows.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// An open file. It may be used by several threads at once.
pub trait File: Debug + Send + Sync {
    /// Writes all of it at an offset; the file grows as needed, a gap reads as zeros. After an
    /// error, any part of it may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads into `into` from an offset; fewer bytes than asked only at the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Makes what was written durable, and the length. After an error it is not known what is, and
    /// asking again tells nothing: the system may have dropped the pages that it could not write.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file, or lengthens it by zeros.
    fn set_length(&self, bytes: u64) -> io::Result<()>;

    /// Bytes in the file.
    fn length(&self) -> io::Result<u64>;

    /// Reads exactly what is asked for; [`io::ErrorKind::UnexpectedEof`] if the file ends before.
    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        if self.read_at(offset, into)? == into.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
