//! The root's files: written as a whole or not at all, and refused when others can read the key.
//!
//! A new root is written into a folder beside its place, synced, and renamed into it; the rename fails when another
//! process was faster, and then that one's root is used.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::AuthorityError;
use super::root::Made;

pub(super) const CERTIFICATE: &str = "root.pem";
pub(super) const KEY: &str = "root.key";

/// The largest file of a root that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(super) fn exist(folder: &Path) -> Result<bool, AuthorityError> {
    folder
        .try_exists()
        .map_err(|source| AuthorityError::Unreadable { path: folder.to_owned(), source })
}

/// Certificate and key as PEM texts.
pub(super) fn read(folder: &Path) -> Result<(String, String), AuthorityError> {
    let key = folder.join(KEY);
    let unreadable = |source| AuthorityError::Unreadable { path: key.clone(), source };
    let mode = fs::metadata(&key).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(AuthorityError::Exposed { path: key, mode });
    }
    Ok((text(&folder.join(CERTIFICATE))?, text(&key)?))
}

fn text(path: &Path) -> Result<String, AuthorityError> {
    let unreadable = |source| AuthorityError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(unreadable)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let not_text =
        |_| AuthorityError::Corrupt { path: path.to_owned(), why: "is not text".to_owned() };
    String::from_utf8(bytes).map_err(not_text)
}

/// Writes a new root; false if another one was there first.
pub(super) fn write(folder: &Path, made: &Made) -> Result<bool, AuthorityError> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| AuthorityError::Unwritable { path, source }
    };
    let parent = folder.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(unwritable(parent))?;
    let beside = unused(folder);
    DirBuilder::new().mode(0o700).create(&beside).map_err(unwritable(&beside))?;
    let placed = place(&beside, folder, parent, made);
    if !matches!(placed, Ok(true)) {
        // What is left over is only in the way of nobody; the first error is the one to report.
        let _ = fs::remove_dir_all(&beside);
    }
    placed.map_err(unwritable(folder))
}

fn place(beside: &Path, folder: &Path, parent: &Path, made: &Made) -> io::Result<bool> {
    write_file(&beside.join(KEY), &made.key, 0o600)?;
    write_file(&beside.join(CERTIFICATE), &made.certificate, 0o644)?;
    File::open(beside)?.sync_all()?;
    match fs::rename(beside, folder) {
        Ok(()) => File::open(parent)?.sync_all().map(|()| true),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn write_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name beside `path` that no other call uses.
fn unused(path: &Path) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{number}", std::process::id()))
}
