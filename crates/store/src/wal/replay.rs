//! Reads the files of a log in order and gives out the frames after a mark. Changes nothing.
//!
//! A file's end is what the header of the next file says. The last file has none after it: there,
//! what a later group proves to have been synced and cannot be read is lost, and the rest is what
//! was being written when the process ended.

pub(super) mod files;
mod walk;

use std::path::Path;

use super::format::{DATA_START, FRAME_HEADER_BYTES, Seal};
use super::log::Entry;
use super::report::{Damage, Report};
use super::scan::{Item, Scan};
use super::window::Window;
use super::{Frame, OpenError, Position, ReplayError, name, path};
use crate::disk::Disk;
use files::Known;
use walk::Walk;

/// What a log is like after it was read.
#[derive(Debug)]
pub(super) struct Found {
    pub report: Report,
    /// Files that hold frames, or held some.
    pub files: Vec<Entry>,
    /// Numbers of files that nobody needs.
    pub unused: Vec<u64>,
    pub end: End,
}

/// Where the log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub number: u64,
    pub sequence: u64,
    /// The file before.
    pub seal: Seal,
    /// A file without frames, in whose place the next one comes.
    pub replaced: Option<u64>,
    /// Nobody needs what comes before.
    pub kept: Position,
}

/// Reads what comes after the mark. Files that end before the first of the two marks are unused.
pub(super) fn run(
    disk: &dyn Disk,
    (kept, mark): (Position, Position),
    deliver: &mut dyn FnMut(Frame) -> Result<(), ReplayError>,
) -> Result<Found, OpenError> {
    let listed = files::list(disk, kept)?;
    let newest = listed.newest.max(mark.file);
    let seals = files::seals(&listed.known);
    let mut walk = Walk::new(mark, deliver);
    let mut entries = Vec::new();
    let mut last = Last::default();
    let known: Vec<u64> = listed.known.iter().map(|file| file.number).collect();
    for file in &listed.known {
        if file.number < mark.file {
            let end = seals.get(&file.number).map_or(file.length, |seal| seal.end);
            entries.push(Entry { number: file.number, end, bytes: file.length });
            continue;
        }
        if let Some(previous) = file.previous {
            miss(&mut walk, &known, previous, mark);
        }
        let seal = seals.get(&file.number).copied();
        let (number, length, header) = (file.number, file.length, (file.previous, file.first));
        let seen = read(&mut walk, disk, file, seal, mark)?;
        last = Last { seen, header, number };
        entries.push(Entry { number, end: seen.end, bytes: length });
    }
    let (mut report, sequence) = walk.finish();
    for (number, bytes) in listed.unfinished {
        report.leave(damage(&name(number), 0, bytes));
    }
    let mut end = End {
        number: newest + 1,
        sequence: sequence.unwrap_or(1),
        seal: last.seal(),
        replaced: None,
        kept,
    };
    if let (true, (Some(previous), Some(first))) = (last.seen.untouched, last.header) {
        end.seal = previous;
        end.sequence = end.sequence.max(first);
        end.replaced = entries.pop().map(|entry| entry.number);
    }
    Ok(Found { report, files: entries, unused: listed.unused, end })
}

/// The last file that was read.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    seen: Seen,
    header: (Option<Seal>, Option<u64>),
    number: u64,
}

impl Last {
    fn seal(&self) -> Seal {
        // Frames that were synced and are broken count as well: they stay lost, and are not cut off.
        let end = self.seen.end.max(self.seen.synced);
        Seal { number: self.number, end, synced: self.seen.synced }
    }
}

/// What a file was like.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// End of its last frame.
    end: u64,
    synced: u64,
    /// It never held anything.
    untouched: bool,
}

/// A file that should be there is not.
fn miss(walk: &mut Walk<'_>, known: &[u64], previous: Seal, mark: Position) {
    let empty = previous.number == 0 || previous.end <= DATA_START;
    if empty || previous.position() <= mark || known.contains(&previous.number) {
        return;
    }
    let from = if previous.number == mark.file { mark.offset } else { 0 }.max(DATA_START);
    walk.begin(name(previous.number), None, from);
    walk.broken(from, previous.end, None);
    walk.end(Some(previous.end));
}

fn read(
    walk: &mut Walk<'_>,
    disk: &dyn Disk,
    file: &Known,
    seal: Option<Seal>,
    mark: Position,
) -> Result<Seen, OpenError> {
    let begun = file.number == mark.file && mark.offset > DATA_START;
    let from = if begun { mark.offset } else { DATA_START };
    let sealed = seal.map(|seal| seal.end.max(from));
    walk.begin(name(file.number), file.first.filter(|_| !begun), from);
    if let Some(first) = file.first.filter(|_| begun) {
        // How many frames come before the mark is not known, but no more than this.
        walk.number_after(first + (from - DATA_START) / FRAME_HEADER_BYTES as u64);
    }
    let mut seen = Seen { end: from, synced: from, untouched: !begun };
    let limit = sealed.unwrap_or(file.length);
    let Some(salt) = file.salt else {
        // Neither header nor a frame to know it by.
        walk.broken(from, limit.max(from), None);
        walk.end(Some(limit));
        return Ok(Seen { end: limit, synced: limit, untouched: false });
    };
    let opened = disk.open(&path(file.number)).and_then(Window::new);
    let window = opened.map_err(io_error(name(file.number)))?;
    let scan = Scan::new(window, salt, from, limit);
    let reached = scan.limit().max(from);
    for item in scan {
        match item {
            Item::Frame { start, header, payload } => {
                walk.header(start, &header);
                if let Some(signal) = header.signal {
                    seen.end = start + header.total();
                    let position = Position { file: file.number, offset: seen.end };
                    walk.deliver(Frame { position, sequence: header.sequence, signal, payload })?;
                }
            }
            Item::Broken { start, end, header } => walk.broken(start, end, header.as_ref()),
        }
        seen.untouched = false;
    }
    if let Some(end) = sealed {
        // What lies between was cut.
        walk.broken(reached, end, None);
    }
    seen.synced = walk.end(seal.map(|seal| seal.synced));
    Ok(seen)
}

/// A damage of which only the place is known.
fn damage(file: &str, offset: u64, end: u64) -> Damage {
    let length = end.saturating_sub(offset);
    Damage { file: file.to_owned(), offset, length, frames: None, kept: None }
}

fn io_error(file: impl Into<String>) -> impl FnOnce(std::io::Error) -> OpenError {
    let file = file.into();
    |source| OpenError::Io { file, source }
}

fn folder() -> &'static Path {
    Path::new(super::FOLDER)
}
