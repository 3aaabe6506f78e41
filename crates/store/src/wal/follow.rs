//! Reading what was written, behind the writer: for whoever sends it on.

use super::format::DATA_START;
use super::log::Entry;
use super::replay::files;
use super::scan::{Item, Scan};
use super::window::Window;
use super::{Frame, Position, Wal, path};
use crate::disk::Disk;

impl Wal {
    /// Frames after a mark, oldest first: one at least if there is one, and no more than so many
    /// bytes of payload unless the first alone has more. What is damaged, or has been forgotten, is
    /// left out: the numbers of frames tell. It reads from the disk.
    pub fn read(&self, after: Position, bytes_max: usize) -> Vec<Frame> {
        let mut reading = Reading { frames: Vec::new(), left: bytes_max };
        for file in self.files.after(after) {
            let from = if file.number == after.file { after.offset } else { 0 };
            if reading.is_full() || reading.file(&*self.disk, file, from).is_none() {
                break;
            }
        }
        reading.frames
    }

    /// Where the files end that have to go so that no more than so many bytes of log are left.
    pub fn beyond(&self, bytes_max: u64) -> Position {
        self.files.beyond(bytes_max)
    }
}

struct Reading {
    frames: Vec<Frame>,
    left: usize,
}

impl Reading {
    const fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Reads frames of a file from an offset on. None if there are more than have room.
    fn file(&mut self, disk: &dyn Disk, file: Entry, from: u64) -> Option<()> {
        // A file that cannot be opened is passed over: it was forgotten, or is lost.
        let opened = files::open(disk, file.number).ok().and_then(|known| known.salt);
        let Some((salt, read)) = opened.zip(disk.open(&path(file.number)).ok()) else {
            return Some(());
        };
        let Ok(window) = Window::new(read) else { return Some(()) };
        for item in Scan::new(window, salt, from.max(DATA_START), file.end) {
            let Item::Frame { start, header, payload } = item else { continue };
            let Some(signal) = header.signal else { continue };
            if !self.frames.is_empty() && payload.len() > self.left {
                self.left = 0;
                return None;
            }
            self.left = self.left.saturating_sub(payload.len());
            let position = Position { file: file.number, offset: start + header.total() };
            self.frames.push(Frame { position, sequence: header.sequence, signal, payload });
        }
        Some(())
    }
}
