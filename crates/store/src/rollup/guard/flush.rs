//! Moves what was counted from memory to what is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::Rollups;
use crate::rollup::Mark;
use crate::rollup::format::{State, Unreadable, Wanted, read, read_state, write, write_state};
use crate::rollup::keep::{Commit, KeepError, View};
use crate::rollup::period::{Period, Rollup};
use crate::rollup::texts::Texts;

/// What is remembered from one commit to the next.
#[derive(Debug)]
pub(super) struct Flush {
    /// Number of the last commit.
    pub(super) sequence: u64,
    /// Bytes of each rollup that is kept.
    pub(super) lengths: BTreeMap<Period, u64>,
    /// Nobody waited at the last commit.
    pub(super) idle: bool,
}

/// A commit: it is tried with the same content until it is certain that it was made, so that nothing
/// is added twice.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) sequence: u64,
    pub(super) mark: Mark,
    pub(super) parts: BTreeMap<Period, Rollup>,
    state: Vec<u8>,
    idle: bool,
}

impl Rollups {
    /// Lets calls whose other side did not come go, and keeps what was counted when a period is
    /// over. Call it every second, where IO may block.
    ///
    /// # Errors
    /// What was counted cannot be kept. It is tried again the next time, with the same content;
    /// meanwhile counting goes on within its bounds.
    pub fn maintain(&self, now: u64) -> Result<(), KeepError> {
        let mut live = self.live();
        live.accumulator.expire(now);
        live.expired = now;
        // Another period, later or earlier: clocks are set back.
        let kept = live.flushed == Some(Period::of(now));
        drop(live);
        if kept { Ok(()) } else { self.flush(now) }
    }

    /// Keeps what was counted so far: for closing. A commit that failed before is made first.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn flush(&self, now: u64) -> Result<(), KeepError> {
        let mut flush = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        let before = {
            let mut live = self.live();
            // Also where it fails: a disk that is full is not asked every second.
            live.flushed = Some(Period::of(now));
            live.attempt.clone()
        };
        if let Some(before) = before {
            self.commit(&before, &mut flush, now)?;
        }
        if let Some(attempt) = self.begin(&flush, now) {
            self.commit(&attempt, &mut flush, now)?;
        }
        Ok(())
    }

    /// Takes out what was counted; `None` when that is nothing.
    fn begin(&self, flush: &Flush, now: u64) -> Option<Arc<Attempt>> {
        let mut live = self.live();
        let parts = live.accumulator.take(now);
        let checkpoint = live.accumulator.checkpoint();
        let (mark, idle) = (live.counted, checkpoint.sides.is_empty());
        if parts.is_empty() && mark == live.kept && idle && flush.idle {
            return None;
        }
        let sequence = flush.sequence + 1;
        let state = write_state(&State { sequence, mark, checkpoint });
        let attempt = Arc::new(Attempt { sequence, mark, parts, state, idle });
        live.attempt = Some(Arc::clone(&attempt));
        drop(live);
        let mut totals = self.totals();
        attempt.parts.values().for_each(|part| totals.add(part, now));
        totals.forget_idle(now);
        Some(attempt)
    }

    fn commit(&self, attempt: &Attempt, flush: &mut Flush, now: u64) -> Result<(), KeepError> {
        let made = self.make(attempt, flush, now);
        if made.is_err() {
            self.live().failed_commits += 1;
        }
        made
    }

    fn make(&self, attempt: &Attempt, flush: &mut Flush, now: u64) -> Result<(), KeepError> {
        let view = self.keep.view()?;
        let made = is_made(&*view, attempt.sequence)?;
        let rollups = if made { Vec::new() } else { self.merged(&*view, attempt)? };
        drop(view);
        let mut lengths = flush.lengths.clone();
        lengths.extend(rollups.iter().map(|(period, bytes)| (*period, bytes.len() as u64)));
        let (first, forgotten) = self.first(&mut lengths, now);

        let moving = self.moving.write().unwrap_or_else(PoisonError::into_inner);
        if !made {
            self.keep.commit(&Commit { rollups: &rollups, first, state: &attempt.state })?;
        }
        let mut live = self.live();
        live.attempt = None;
        live.kept = attempt.mark;
        live.forgotten += forgotten;
        (live.kept_periods, live.kept_bytes) = (lengths.len(), lengths.values().sum());
        drop((live, moving));
        (flush.sequence, flush.idle, flush.lengths) = (attempt.sequence, attempt.idle, lengths);
        Ok(())
    }

    /// What is kept of these periods with what was counted since.
    fn merged(
        &self,
        view: &dyn View,
        attempt: &Attempt,
    ) -> Result<Vec<(Period, Vec<u8>)>, KeepError> {
        let mut texts = Texts::default();
        let mut merged = Vec::with_capacity(attempt.parts.len());
        for (period, part) in &attempt.parts {
            let kept = view.get(*period)?.map(|bytes| read(&bytes, &Wanted::ALL, &mut texts));
            let bytes = match kept {
                None => write(part),
                Some(Ok(mut rollup)) => {
                    rollup.merge(part);
                    write(&rollup)
                }
                Some(Err(newer @ Unreadable::Newer(_))) => return Err(KeepError(Box::new(newer))),
                // What was there cannot be saved any more.
                Some(Err(Unreadable::Damaged)) => {
                    self.live().damaged += 1;
                    write(part)
                }
            };
            merged.push((*period, bytes));
        }
        Ok(merged)
    }

    /// The first period that stays, and how many go before their time; takes out those that go.
    fn first(&self, lengths: &mut BTreeMap<Period, u64>, now: u64) -> (Period, u64) {
        let mut first = Period::of(now).before(self.config.kept_periods());
        *lengths = lengths.split_off(&first);
        let mut bytes: u64 = lengths.values().sum();
        let mut forgotten = 0;
        while bytes > self.config.kept_bytes_max
            && let Some((period, length)) = lengths.pop_first()
        {
            bytes -= length;
            forgotten += 1;
            first = period.next();
        }
        (first, forgotten)
    }
}

/// Whether a commit was made though it seemed to fail.
pub(super) fn is_made(view: &dyn View, sequence: u64) -> Result<bool, KeepError> {
    let Some(bytes) = view.state()? else { return Ok(false) };
    let state = read_state(&bytes).map_err(|error| KeepError(Box::new(error)))?;
    Ok(state.sequence >= sequence)
}
