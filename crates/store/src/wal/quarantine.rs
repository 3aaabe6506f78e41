//! Keeps the bytes of damaged frames before their file is forgotten, within a bound: a person, or
//! a later version, may make sense of them.
//!
//! It is best effort: where it does not succeed, the report says nothing of a copy.

use std::io;
use std::path::{Path, PathBuf};

use super::report::{Damage, Report};
use super::window::{WINDOW_BYTES, Window};
use crate::disk::Disk;

const FOLDER: &str = "quarantine";

pub(super) fn keep(disk: &dyn Disk, bytes_max: u64, report: &mut Report) {
    if report.lost.is_empty() {
        return;
    }
    let Ok(mut free) = room(disk, bytes_max) else {
        return;
    };
    for damage in &mut report.lost {
        let path = place(damage);
        match copy(disk, damage, &path, free) {
            Ok(bytes) => free = free.saturating_sub(bytes),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => continue,
        }
        damage.kept = path.to_str().map(str::to_owned);
    }
    let _ = disk.sync_folder(Path::new(FOLDER));
}

fn place(damage: &Damage) -> PathBuf {
    let file = damage.file.replace('/', "-");
    Path::new(FOLDER).join(format!("{file}-{}-{}", damage.offset, damage.length))
}

/// Bytes that may still be kept.
fn room(disk: &dyn Disk, bytes_max: u64) -> io::Result<u64> {
    let folder = Path::new(FOLDER);
    disk.create_folder(folder)?;
    let mut room = bytes_max;
    for name in disk.list(folder)? {
        room = room.saturating_sub(disk.open(&folder.join(name))?.length()?);
    }
    Ok(room)
}

/// Copies what is there of a damage; gives back how much that is.
fn copy(disk: &dyn Disk, damage: &Damage, to: &Path, room: u64) -> io::Result<u64> {
    let mut from = Window::new(disk.open(Path::new(&damage.file))?)?;
    let end = (damage.offset + damage.length).min(from.length());
    let bytes = end.saturating_sub(damage.offset);
    if disk.open(to).and_then(|kept| kept.length()).is_ok_and(|length| length == bytes) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    if bytes == 0 || bytes > room {
        return Err(io::ErrorKind::QuotaExceeded.into());
    }
    // A copy that was not finished.
    let _ = disk.remove(to);
    let kept = disk.create(to)?;
    let mut at = damage.offset;
    while at < end {
        let rest = usize::try_from(end - at).unwrap_or(usize::MAX);
        let piece = from.get(at, rest.min(WINDOW_BYTES));
        kept.write_at(at - damage.offset, piece)?;
        at += piece.len() as u64;
    }
    kept.sync_data()?;
    Ok(bytes)
}
