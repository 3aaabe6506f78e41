//! The file that is written to, and those before it.
//!
//! A file ends its life with the first write or sync on it that fails. Whether that write is on the
//! disk is not known then, and must not matter: the next file's header says where this one ends.

mod active;
mod files;

use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_rt::{Clock, Random};

use super::format::{DATA_START, FRAME_HEADER_BYTES};
use super::queue::Waiting;
use super::replay::End;
use super::{Base, Config, Durability, Frame, Position, Refused, path};
use crate::disk::Disk;
use active::Active;

pub(super) use files::{Entry, Files};

/// Pauses between attempts to begin a file.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// When the log is beyond its bound, segments need about so long to catch up.
const BEHIND: Duration = Duration::from_secs(1);

/// With [`Durability::Os`], what was written is synced when so long nothing was.
const SYNC_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    clock: Clock,
    config: Config,
    files: Arc<Files>,
    active: Option<Active>,
    end: End,
    random: Random,
    /// Group after group that was not written.
    failed: u32,
    /// No file is begun before.
    retry_at: Option<Instant>,
    synced_at: Instant,
    /// With [`Durability::None`]: where the log would be.
    imagined: Option<Position>,
}

impl Log {
    pub(super) fn new(base: Base, end: End, files: Arc<Files>) -> Self {
        let Base { disk, clock, config } = base;
        let synced_at = clock.now();
        let imagined = (config.durability == Durability::None)
            .then_some(Position { file: end.number, offset: DATA_START });
        Self {
            disk,
            clock,
            config,
            files,
            active: None,
            end,
            random: Random::from_system(),
            failed: 0,
            retry_at: None,
            synced_at,
            imagined,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn note_time(&self, took: Duration) {
        self.files.update(|stats| stats.group_time = took);
    }

    /// Begins a file, if it can.
    pub(super) fn prepare(&mut self) {
        if self.imagined.is_none() {
            // Who appends will be told.
            let _ = self.begin();
        }
    }

    /// How long to wait for company before there is something else to do.
    pub(super) fn patience(&self) -> Option<Duration> {
        let dirty = self.active.as_ref().is_some_and(Active::is_dirty);
        dirty.then_some(SYNC_AFTER)
    }

    /// Writes a group, and makes it as durable as it shall be. Nothing of a group that is refused
    /// is ever replayed, once the next file is begun.
    pub(super) fn write(&mut self, group: &[Waiting]) -> Result<Vec<Frame>, Refused> {
        let written = if self.imagined.is_some() {
            Ok(self.imagine(group))
        } else {
            self.check_space(group).and_then(|()| self.write_frames(group))
        };
        self.files.update(|stats| {
            stats.writable = written.is_ok();
            if written.is_ok() {
                stats.groups += 1;
                stats.frames += group.len() as u64;
            } else {
                stats.refused += group.len() as u64;
            }
        });
        written
    }

    fn write_frames(&mut self, group: &[Waiting]) -> Result<Vec<Frame>, Refused> {
        let bytes = size(group);
        let sync = self.config.durability == Durability::Fsync || self.is_sync_due();
        let sequence = self.end.sequence;
        let active = self.ready(bytes)?;
        match active.write(group, sequence, sync) {
            Ok(frames) => {
                let length = active.end();
                self.end.sequence += frames.len() as u64;
                self.failed = 0;
                if sync {
                    self.synced_at = self.clock.now();
                }
                self.files.grow(length);
                Ok(frames)
            }
            Err(error) => Err(self.abandon(&error)),
        }
    }

    fn check_space(&self, group: &[Waiting]) -> Result<(), Refused> {
        // It may need a new file.
        let wanted = size(group) + DATA_START;
        let bytes = self.files.stats().bytes;
        if bytes.saturating_add(wanted) > self.config.bytes_max {
            return Err(Refused::Behind { bytes, retry_after: BEHIND });
        }
        // Where the system does not say what is free, the write will tell.
        let free_bytes = self.disk.free_bytes().unwrap_or(u64::MAX);
        if free_bytes < wanted.saturating_add(self.config.free_bytes_min) {
            return Err(Refused::Full { free_bytes, retry_after: PAUSE_MAX });
        }
        Ok(())
    }

    /// The file that takes so many bytes.
    fn ready(&mut self, bytes: u64) -> Result<&mut Active, Refused> {
        let file_bytes = self.config.file_bytes;
        if self.active.as_ref().is_some_and(|active| active.is_full(bytes, file_bytes)) {
            self.settle();
        }
        // If it could not be synced, this is another file by now.
        if let Some(active) = self.active.take_if(|active| active.is_full(bytes, file_bytes)) {
            self.retire(&active);
        }
        if self.active.is_none() {
            self.begin()?;
        }
        self.active.as_mut().ok_or(Refused::Closed)
    }

    /// Nothing is written to this file any more.
    fn retire(&mut self, active: &Active) {
        self.end.seal = active.seal();
        self.files.retire();
    }

    fn begin(&mut self) -> Result<(), Refused> {
        let now = self.clock.now();
        if let Some(rest) = self.retry_at.and_then(|at| at.checked_duration_since(now))
            && !rest.is_zero()
        {
            return Err(self.files.last_refusal(rest));
        }
        let salt = u32::try_from(self.random.number() >> 32).unwrap_or(0);
        let (number, seal) = (self.end.number, self.end.seal);
        // A number is used once, whether or not its file comes to be.
        self.end.number += 1;
        match Active::begin(&*self.disk, (number, self.end.sequence), salt, seal) {
            Ok(active) => {
                self.files.begin(number, active.end());
                self.active = Some(active);
                self.retry_at = None;
                if let Some(replaced) = self.end.replaced.take() {
                    let _ = self.disk.remove(&path(replaced));
                }
                let _ = self.files.forget(self.end.kept, |number| self.disk.remove(&path(number)));
                Ok(())
            }
            Err(error) => {
                // It may come back after a power cut, and is then found to be empty.
                let _ = self.disk.remove(&path(number));
                Err(self.refusal(&error))
            }
        }
    }

    /// A write or a sync failed: this file is over, and the next one says where it ends.
    fn abandon(&mut self, error: &std::io::Error) -> Refused {
        if let Some(active) = self.active.take() {
            // In case the process ends before the next file is begun; it does not have to succeed.
            active.cut();
            self.retire(&active);
        }
        let first = self.failed == 0;
        let refused = self.refusal(error);
        if first {
            self.retry_at = None;
            let _ = self.begin();
        }
        refused
    }

    /// Notes a failure and when to try again.
    fn refusal(&mut self, error: &std::io::Error) -> Refused {
        let pause = PAUSE_MIN.saturating_mul(1 << self.failed.min(10)).min(PAUSE_MAX);
        self.failed = self.failed.saturating_add(1);
        self.retry_at = Some(self.clock.now() + pause);
        let free_bytes = self.disk.free_bytes().unwrap_or(0);
        self.files.fail(error, free_bytes, pause)
    }

    fn is_sync_due(&self) -> bool {
        self.config.durability == Durability::Os
            && self.clock.now().saturating_duration_since(self.synced_at) >= SYNC_AFTER
    }

    /// Syncs what was only written.
    pub(super) fn settle(&mut self) {
        let Some(active) = self.active.as_mut().filter(|active| active.is_dirty()) else {
            return;
        };
        self.synced_at = self.clock.now();
        if let Err(error) = active.sync() {
            let _ = self.abandon(&error);
        }
    }

    /// Ends the file in order: a restart will know that nothing is missing.
    pub(super) fn close(mut self) {
        let sequence = self.end.sequence;
        if self.active.is_none() && self.imagined.is_none() {
            // The next file says where the one that failed ends.
            self.retry_at = None;
            let _ = self.begin();
        } else if let Some(active) = &mut self.active {
            // What is acknowledged is as durable as it shall be already.
            let _ = active.finish(sequence);
        }
    }

    fn imagine(&mut self, group: &[Waiting]) -> Vec<Frame> {
        let mut position = self.imagined.unwrap_or_default();
        let mut frames = Vec::with_capacity(group.len());
        for waiting in group {
            position.offset += (FRAME_HEADER_BYTES + waiting.payload.len()) as u64;
            frames.push(Frame {
                position,
                sequence: self.end.sequence,
                signal: waiting.signal,
                payload: waiting.payload.clone(),
            });
            self.end.sequence += 1;
        }
        self.imagined = Some(position);
        frames
    }
}

fn size(group: &[Waiting]) -> u64 {
    group.iter().map(|waiting| (FRAME_HEADER_BYTES + waiting.payload.len()) as u64).sum()
}
