//! The bytes of a file: as they are seen, as they were synced, and what lies between.

use std::io;
use std::ops::Range;

use trunkline_rt::Random;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A change that was not synced.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
    unreadable: Vec<Range<u64>>,
}

impl Content {
    pub(super) fn length(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.seen.get(position(offset)?..).unwrap_or_default();
        let count = rest.len().min(into.len());
        let end = offset + count as u64;
        if self.unreadable.iter().any(|bad| bad.start < end && offset < bad.end) {
            return Err(io::Error::other("the medium fails"));
        }
        if let (Some(to), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = position(offset)?;
        put(&mut self.seen, offset, bytes);
        self.changes.push(Change::Write { offset, bytes: bytes.to_vec() });
        Ok(())
    }

    pub(super) fn set_length(&mut self, bytes: u64) -> io::Result<()> {
        let length = position(bytes)?;
        self.seen.resize(length, 0);
        self.changes.push(Change::Length(length));
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Change::Write { offset, bytes } => put(&mut self.durable, offset, &bytes),
                Change::Length(length) => self.durable.resize(length, 0),
            }
        }
    }

    /// Some of it becomes durable, and the rest is never tried again.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        self.durable = self.survivor(random);
        self.changes.clear();
    }

    pub(super) fn crash(&self, random: &mut Random) -> Self {
        let durable = self.survivor(random);
        Self { seen: durable.clone(), durable, changes: Vec::new(), unreadable: Vec::new() }
    }

    pub(super) fn spoil(&mut self, bytes: Range<u64>) {
        self.unreadable.push(bytes);
    }

    pub(super) fn damage(&mut self, harm: impl Fn(&mut Vec<u8>)) {
        harm(&mut self.seen);
        harm(&mut self.durable);
    }

    /// One possibility of what is on the disk.
    fn survivor(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        // Some disks lose all, some nothing, some what came last, some anything.
        let (kept, chance) = match below(random, 4) {
            0 => (0, 0),
            1 => (self.changes.len(), 8),
            2 => (below(random, self.changes.len() + 1), 8),
            _ => (self.changes.len(), below(random, 9)),
        };
        for change in self.changes.iter().take(kept) {
            match change {
                Change::Write { offset, bytes: written } => {
                    write_sectors(&mut bytes, *offset, written, chance, random);
                }
                Change::Length(length) if below(random, 8) < chance => bytes.resize(*length, 0),
                Change::Length(_) => {}
            }
        }
        // The first change that is not kept may be torn.
        if let Some(Change::Write { offset, bytes: written }) = self.changes.get(kept) {
            write_sectors(&mut bytes, *offset, written, below(random, 9), random);
        }
        bytes
    }
}

/// Writes each sector with a chance in eighths.
fn write_sectors(
    bytes: &mut Vec<u8>,
    offset: usize,
    written: &[u8],
    chance: usize,
    random: &mut Random,
) {
    let mut at = offset;
    let mut rest = written;
    while !rest.is_empty() {
        let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
        if below(random, 8) < chance {
            put(bytes, at, sector);
        } else if below(random, 8) == 0 {
            // The file has grown, and its bytes did not arrive.
            let grown = at + sector.len();
            bytes.resize(bytes.len().max(grown), 0);
        }
        at += sector.len();
        rest = after;
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(offset..end) {
        place.copy_from_slice(written);
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

/// A number below `limit`, or 0.
pub(super) fn below(random: &mut Random, limit: usize) -> usize {
    let number = random.number() % (limit.max(1) as u64);
    usize::try_from(number).unwrap_or(0)
}
