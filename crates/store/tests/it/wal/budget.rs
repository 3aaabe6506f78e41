//! A replay reads a log through a window, however large the log is.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use trunkline_rt::Clock;
use trunkline_store::disk::{Disk, File, Recorder};
use trunkline_store::wal::{Base, Config, Position, Signal, Wal};

use super::rig::{acknowledged, base, payload, small};

/// A disk that notes the largest read, and how much was read.
#[derive(Debug, Clone)]
struct Meter {
    disk: Recorder,
    largest: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Metered {
    file: Box<dyn File>,
    meter: Meter,
}

impl Disk for Meter {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.disk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(Metered { file: self.disk.open(path)?, meter: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_folder(path)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
}

impl File for Metered {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.meter.largest.fetch_max(into.len(), Ordering::Relaxed);
        self.meter.all.fetch_add(into.len(), Ordering::Relaxed);
        self.file.read_at(offset, into)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.file.set_length(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}

/// Opens a log and drops its frames as they come. How many there were, how many were lost, and how
/// many bytes were read at once and in all?
fn measure(disk: Recorder, config: Config) -> (u64, u64, usize, usize) {
    let meter = Meter { disk, largest: Arc::default(), all: Arc::default() };
    let base = Base { disk: Arc::new(meter.clone()), clock: Clock::system(), config };
    let (_wal, report) = Wal::open(base, Position::default(), &mut |_| Ok(()), |_| {}).unwrap();
    let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    (report.frames, report.lost_frames, read(&meter.largest), read(&meter.all))
}

fn write(payloads: impl IntoIterator<Item = Vec<u8>>) -> (Recorder, Config) {
    let disk = Recorder::new();
    let config = Config { file_bytes: 16 << 20, group_bytes: 1 << 20, ..small() };
    let base = base(&disk, config.clone());
    let (wal, _) = Wal::open(base, Position::default(), &mut |_| Ok(()), |_| {}).unwrap();
    let append = |payload| wal.append(Signal::Spans, Bytes::from(payload));
    payloads.into_iter().map(append).for_each(acknowledged);
    drop(wal);
    (disk, config)
}

#[test]
fn a_replay_needs_memory_for_one_frame() {
    let (disk, config) = write((0..400).map(|id| payload(id, 100_000)));
    let (frames, lost, largest, all) = measure(disk, config);
    assert_eq!((frames, lost), (400, 0));
    assert!(largest <= 1 << 20, "{largest}");
    assert!(all < 400 * 100_000 * 5 / 4, "{all}");
}

#[test]
fn what_looks_like_frames_is_not_read_again_for_each() {
    let magic = b"\xf9TL\x96".repeat(750_000);
    let (disk, config) = write([payload(0, 100), magic, payload(1, 100)]);
    disk.damage(Path::new("wal/0000000000000001.wal"), |bytes| {
        let end = 8192 + 36 + payload(0, 100).len();
        bytes[end + 8] ^= 1;
    })
    .unwrap();
    let (frames, lost, _, all) = measure(disk, config);
    assert_eq!((frames, lost), (2, 1));
    // Once to look for frames, once for the quarantine.
    assert!(all < 3 * 3_000_000, "{all}");
}
