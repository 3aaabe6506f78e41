//! What is to be done besides taking and answering: cut, merge, remove.
//!
//! Heads are cut first, always: they are memory. A merge that is under way stops for them between
//! two row groups. What fails is tried again after a pause; nothing is lost by it, as the log has
//! what no segment has.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use parquet::errors::ParquetError;

use super::Store;
use super::config::Retention;
use super::shared::Shared;
use crate::chain::chain;
use crate::files::Segment;
use crate::manifest::{Change, ManifestError};
use crate::segment::SegmentError;

/// Retention is looked at this often at least.
const RETAIN_EVERY: Duration = Duration::from_secs(60);
/// Shortest and longest pause after a failure.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Why maintenance failed. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum MaintainError {
    /// The disk fails, or is full.
    #[error("a segment cannot be written")]
    Io(#[from] io::Error),
    /// A segment cannot be encoded.
    #[error("a segment cannot be written")]
    Encode(#[from] ParquetError),
    /// The manifest cannot be written.
    #[error("the manifest cannot be written")]
    Manifest(#[from] ManifestError),
    /// A segment that is to be merged cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// Which, below the store's folder.
        file: String,
        /// Why.
        #[source]
        source: SegmentError,
    },
}

/// What maintenance knows from one time to the next.
#[derive(Debug, Default)]
pub(super) struct Progress {
    retained: Option<Instant>,
    failing: Option<Failing>,
}

#[derive(Debug)]
struct Failing {
    message: String,
    pause: Duration,
    until: Instant,
}

impl Store {
    /// Does what is due: cuts heads, merges and removes segments. It blocks, and returns when
    /// nothing more is due.
    ///
    /// # Errors
    /// Something cannot be written or read. [`Store::due`] then waits before it is tried again.
    pub fn maintain(&self) -> Result<(), MaintainError> {
        let mut progress = self.progress();
        let done = self.maintain_with(&mut progress);
        let now = self.shared.clock.now();
        progress.failing = done.as_ref().err().map(|error| {
            let before = progress.failing.as_ref().map(|failing| failing.pause * 2);
            let pause = before.unwrap_or(PAUSE_MIN).clamp(PAUSE_MIN, PAUSE_MAX);
            Failing { message: chain(error), pause, until: now + pause }
        });
        done
    }

    fn maintain_with(&self, progress: &mut Progress) -> Result<(), MaintainError> {
        let cut = self.cut_all();
        let now = self.shared.clock.now();
        let due = progress.retained.is_none_or(|then| now.duration_since(then) >= RETAIN_EVERY);
        // What cannot be written may find room when something goes.
        if due || cut.is_err() {
            self.shared.retain(&|| self.cut_all())?;
            progress.retained = Some(now);
            // Where spans come fast there is soon another.
            let spare = self.shared.heads().spare.take();
            drop(spare);
        }
        if cut.is_err() {
            self.cut_all()?;
        }
        while self.shared.merge(&|| self.cut_all())? {
            self.cut_all()?;
        }
        Ok(())
    }

    /// Cuts the head now, whatever it has; then does what is due.
    ///
    /// # Errors
    /// As of [`Store::maintain`].
    pub fn flush(&self) -> Result<(), MaintainError> {
        self.shared.freeze(&mut self.shared.heads());
        self.maintain()
    }

    /// Removes what is too old or too much, now.
    ///
    /// # Errors
    /// As of [`Store::maintain`].
    pub fn retain(&self) -> Result<(), MaintainError> {
        let _progress = self.progress();
        self.shared.retain(&|| self.cut_all())
    }

    /// Replaces what is removed, and when; it counts from the next time that is looked at, in a
    /// minute at the latest.
    pub fn replace_retention(&self, retention: Retention) {
        let retained = &self.shared.retention;
        *retained.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(retention);
    }

    /// Ends when something is due: then call [`Store::maintain`]. It needs a runtime of tokio with
    /// timers.
    pub async fn due(&self) {
        loop {
            let mut work = std::pin::pin!(self.shared.work.notified());
            work.as_mut().enable();
            let wait = self.wait();
            if wait.is_zero() {
                return;
            }
            tokio::select! {
                () = work => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// How long until something is due.
    fn wait(&self) -> Duration {
        let now = self.shared.clock.now();
        let Ok(progress) = self.maintaining.try_lock() else { return RETAIN_EVERY };
        if let Some(failing) = &progress.failing {
            return failing.until.saturating_duration_since(now);
        }
        if self.shared.merge_is_due() {
            return Duration::ZERO;
        }
        let retain = progress.retained.map_or(now, |then| then + RETAIN_EVERY);
        let heads = self.shared.heads();
        if !heads.frozen.is_empty() {
            return Duration::ZERO;
        }
        let cut = heads.active.since.map(|since| since + self.shared.config.head_age_max);
        let cut = cut.unwrap_or(retain).min(retain).saturating_duration_since(now);
        cut.min(self.shared.rollups.wait(self.shared.clock.wall_nanos()))
    }

    /// Cuts what waits for it, and the head if it is old enough.
    fn cut_all(&self) -> Result<(), MaintainError> {
        let shared = &self.shared;
        let mut heads = shared.heads();
        let now = shared.clock.now();
        let age = heads.active.since.map(|since| now.duration_since(since));
        if age.is_some_and(|age| age >= shared.config.head_age_max) {
            shared.freeze(&mut heads);
        }
        drop(heads);
        let mut cut = false;
        let ended = loop {
            match shared.cut() {
                Ok(true) => cut = true,
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // Always: what is counted is to be kept, whatever else there is to do.
        let kept = shared.keep_rates();
        let advanced = if ended.is_ok() { shared.advance()? } else { false };
        if advanced || cut || kept {
            // Files that cannot be removed now are removed the next time.
            let _ = self.log.forget(self.needed());
        }
        ended
    }

    pub(super) fn failing(&self) -> Option<String> {
        // While it is at work it does not fail.
        let progress = self.maintaining.try_lock().ok()?;
        progress.failing.as_ref().map(|failing| failing.message.clone())
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.maintaining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Moves the mark over frames that brought no span to the head. Says whether it did.
    fn advance(&self) -> Result<bool, MaintainError> {
        let mark = {
            let heads = self.heads();
            let empty = heads.active.spans == 0 && heads.frozen.is_empty();
            empty.then_some(heads.active.mark)
        };
        let listed = self.manifest.with(|state| state.mark);
        let Some(mark) = mark.filter(|mark| *mark > listed) else { return Ok(false) };
        self.manifest.commit(&Change { mark: Some(mark), ..Change::default() })?;
        Ok(true)
    }

    /// Lists segments in place of themselves: only what is said of them is new.
    pub(crate) fn relist(&self, change: &Change) -> Result<(), MaintainError> {
        self.manifest.commit(change)?;
        let heads = self.heads();
        let view = self.view();
        let of = |number| change.add.iter().find(|entry| entry.number == number);
        let segments = view.segments.iter().map(|segment| match of(segment.entry.number) {
            Some(entry) => Arc::new(segment.with_entry(Arc::clone(entry))),
            None => Arc::clone(segment),
        });
        let segments = segments.collect();
        self.show(&heads, Some(segments));
        Ok(())
    }

    /// Takes segments off the list, and counts why.
    pub(crate) fn unlist(&self, change: &Change) -> Result<(), MaintainError> {
        self.manifest.commit(change)?;
        let heads = self.heads();
        let view = self.view();
        let (gone, mut left): (Vec<_>, Vec<_>) = view
            .segments
            .iter()
            .cloned()
            .partition(|segment| change.remove.contains(&segment.entry.number));
        let added =
            change.add.iter().map(|entry| Arc::new(Segment::new(Arc::clone(entry), &self.files)));
        left.extend(added);
        for segment in &gone {
            segment.remove();
        }
        self.show(&heads, Some(left));
        drop(heads);
        // Now that nobody waits: whoever is the last to let go of a segment removes its file.
        drop((view, gone));
        Ok(())
    }
}
