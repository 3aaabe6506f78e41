//! Which files there are, for whoever removes and counts them while another thread writes.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::{Position, Refused, Stats};

/// A file that is not written to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Entry {
    pub number: u64,
    /// End of its last frame.
    pub end: u64,
    pub bytes: u64,
}

impl Entry {
    /// The end of its last frame.
    const fn position(&self) -> Position {
        Position { file: self.number, offset: self.end }
    }
}

#[derive(Debug)]
pub(in super::super) struct Files(Mutex<State>);

#[derive(Debug)]
struct State {
    /// In order.
    files: VecDeque<Entry>,
    active: Option<Entry>,
    stats: Stats,
    /// Why the last file could not be written to.
    refusal: Refused,
}

impl Files {
    pub(in super::super) fn new(files: Vec<Entry>) -> Self {
        let state = State {
            files: files.into(),
            active: None,
            stats: Stats { writable: true, ..Stats::default() },
            refusal: Refused::Closed,
        };
        Self(Mutex::new(state))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in super::super) fn stats(&self) -> Stats {
        let state = self.state();
        let files = state.files.iter().chain(&state.active);
        let bytes = files.clone().map(|file| file.bytes).sum();
        Stats { bytes, files: files.count() as u64, ..state.stats.clone() }
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.state().stats);
    }

    pub(super) fn begin(&self, number: u64, end: u64) {
        self.state().active = Some(Entry { number, end, bytes: end });
    }

    pub(super) fn grow(&self, end: u64) {
        if let Some(active) = &mut self.state().active {
            (active.end, active.bytes) = (end, end);
        }
    }

    pub(super) fn retire(&self) {
        let mut state = self.state();
        let active = state.active.take();
        state.files.extend(active);
    }

    /// Notes why nothing can be written.
    pub(super) fn fail(
        &self,
        error: &io::Error,
        free_bytes: u64,
        retry_after: Duration,
    ) -> Refused {
        let mut state = self.state();
        state.stats.failures += 1;
        state.refusal = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Refused::Full { free_bytes, retry_after },
            _ => Refused::Failing { reason: error.to_string().into(), retry_after },
        };
        state.refusal.clone()
    }

    /// The same reason again, while it is not tried.
    pub(super) fn last_refusal(&self, rest: Duration) -> Refused {
        let mut refusal = self.state().refusal.clone();
        if let Refused::Full { retry_after, .. } | Refused::Failing { retry_after, .. } =
            &mut refusal
        {
            *retry_after = rest;
        }
        refusal
    }

    /// Files that hold something after the mark, in order.
    pub(in super::super) fn after(&self, mark: Position) -> Vec<Entry> {
        let state = self.state();
        let files = state.files.iter().chain(&state.active);
        files.filter(|file| file.position() > mark).copied().collect()
    }

    /// Where the files end that have to go so that no more than so many bytes are left.
    pub(in super::super) fn beyond(&self, bytes_max: u64) -> Position {
        let state = self.state();
        let mut left = bytes_max;
        let has_no_room = |file: &&Entry| {
            let has_no_room = file.bytes > left;
            left = left.saturating_sub(file.bytes);
            has_no_room
        };
        let mut newest = state.files.iter().chain(&state.active).rev();
        newest.find(has_no_room).map(Entry::position).unwrap_or_default()
    }

    /// Removes files that hold nothing after the mark, oldest first: a file says where the one
    /// before it ends.
    pub(in super::super) fn forget(
        &self,
        mark: Position,
        remove: impl Fn(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let mut state = self.state();
            let done = |file: &Entry| file.position() <= mark;
            let Some(file) = state.files.front().copied().filter(done) else {
                return Ok(());
            };
            state.files.pop_front();
            drop(state);
            match remove(file.number) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.state().files.push_front(file);
                    return Err(error);
                }
                _ => {}
            }
        }
    }
}
