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

#[test]
fn a_replay_needs_memory_for_one_frame() {
    const FRAMES: u64 = 400;
    let disk = Recorder::new();
    let config = Config { file_bytes: 16 << 20, group_bytes: 1 << 20, ..small() };
    let (wal, _) =
        Wal::open(base(&disk, config.clone()), Position::default(), &mut |_| Ok(()), |_| {})
            .unwrap();
    for _ in 0..FRAMES / 20 {
        let tickets: Vec<_> = (0..20)
            .map(|id| wal.append(Signal::Spans, Bytes::from(payload(id, 100_000))))
            .collect();
        tickets.into_iter().for_each(acknowledged);
    }
    drop(wal);
    let meter = Meter { disk, largest: Arc::default(), all: Arc::default() };
    let base = Base { disk: Arc::new(meter.clone()), clock: Clock::system(), config };
    let mut frames = 0;
    // Frames that are dropped as they come are all that is held.
    let mut replay = |_| {
        frames += 1;
        Ok(())
    };
    let (_wal, report) = Wal::open(base, Position::default(), &mut replay, |_| {}).unwrap();
    assert_eq!((frames, report.frames), (FRAMES, FRAMES));
    // Files are looked at one after the other: of each, its headers and what they hold.
    assert!(meter.largest.load(Ordering::Relaxed) <= 1 << 20);
    let (read, bytes) = (meter.all.load(Ordering::Relaxed), 100_000 * 400);
    assert!(read < bytes * 5 / 4, "{read} bytes were read for {bytes}");
}
