//! Guards an [`Accumulator`] for one writer and many readers, and keeps what it counted.
//!
//! The writer is the thread that has just synced the log: it never waits for IO here, only for the
//! short locks of readers. Every ten seconds the owner calls [`Rollups::maintain`]: what was counted
//! is taken out, added to what is kept of the same periods, and committed together with the position
//! in the log that it goes up to and with the sides of calls that still wait. So whatever a crash
//! destroys is counted again from the log, and nothing else is:
//!
//! ```text
//! log     ──frame──frame──frame──│──frame──frame──▶
//!                                mark of the last commit: a replay counts from here
//! ```
//!
//! The log must be kept from [`Rollups::mark`] on. What the proxy saw has no place in the log: a
//! crash loses what it told since the last commit.

mod flush;
mod show;
mod totals;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::accumulate::{Accumulator, Counts};
use super::format::{State, Unreadable, read_state, write_state};
use super::keep::{Commit, Keep, KeepError};
use super::period::Period;
use super::seen::Seen;
use super::{Config, Mark};
use flush::{Attempt, Flush};

pub use totals::{Total, TotalEdges, TotalSeries, Totals};

/// How often sides of calls are let go whose time is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// Rollups cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What is kept cannot be read.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// What a restart goes on from cannot be read.
    #[error("the state of the rollups cannot be read")]
    State(#[source] Unreadable),
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// What became of spans since this process began.
    pub counts: Counts,
    /// Series that are counted.
    pub series: usize,
    /// Batches that could not be read to their end.
    pub unreadable: u64,
    /// Periods that are kept.
    pub kept_periods: usize,
    /// Their rollups, in bytes.
    pub kept_bytes: u64,
    /// Periods that were forgotten before their time, to stay within the bytes that may be kept.
    pub forgotten: u64,
    /// Rollups that were damaged and are left out.
    pub damaged: u64,
    /// Commits that failed; what they held is tried again.
    pub failed_commits: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Rollups {
    config: Config,
    keep: Arc<dyn Keep>,
    live: Mutex<Live>,
    /// Held by readers while they look where everything is, and by a commit while it moves from
    /// memory to what is kept: nothing is seen twice or not at all.
    moving: RwLock<()>,
    /// Held for a whole commit: there is one at a time.
    flush: Mutex<Flush>,
    totals: Mutex<Totals>,
}

#[derive(Debug)]
struct Live {
    accumulator: Accumulator,
    /// Up to where the log is counted.
    counted: Mark,
    /// Up to where it is counted in what is kept.
    kept: Mark,
    /// What is being committed.
    attempt: Option<Arc<Attempt>>,
    /// When sides whose time was over were last let go, nanoseconds since the Unix epoch.
    expired: u64,
    /// The period in which this process last tried to keep what was counted.
    flushed: Option<Period>,
    unreadable: u64,
    damaged: u64,
    forgotten: u64,
    failed_commits: u64,
    kept_periods: usize,
    kept_bytes: u64,
}

/// Keeps where counting begins: the mark of the next start may be further on, and nothing of what
/// came in between would be counted.
fn begin(keep: &dyn Keep, from: Mark) -> Result<State, KeepError> {
    let state = State { mark: from, ..State::default() };
    keep.commit(&Commit { rollups: &[], first: Period(0), state: &write_state(&state) })?;
    Ok(state)
}

impl Rollups {
    /// Goes on from what is kept; where nothing is kept yet, it counts what comes after `from` in
    /// the log. Then the log is to be replayed from [`Rollups::mark`] through [`Rollups::take`], and
    /// only after that [maintained](Rollups::maintain).
    ///
    /// # Errors
    /// What is kept cannot be read, or was written by a newer version.
    pub fn open(
        config: Config,
        keep: Arc<dyn Keep>,
        from: Mark,
        now: u64,
    ) -> Result<Self, OpenError> {
        let view = keep.view()?;
        let state = match view.state()? {
            Some(bytes) => read_state(&bytes).map_err(OpenError::State)?,
            None => begin(&*keep, from)?,
        };
        let mut lengths = BTreeMap::new();
        view.range(Period(0)..Period(u32::MAX), &mut |period, bytes| {
            lengths.insert(period, bytes.len() as u64);
            ControlFlow::Continue(())
        })?;
        drop(view);
        let mut accumulator = Accumulator::new(config.clone());
        accumulator.restore(&state.checkpoint, now);
        let live = Live {
            accumulator,
            counted: state.mark,
            kept: state.mark,
            attempt: None,
            expired: now,
            flushed: None,
            unreadable: 0,
            damaged: 0,
            forgotten: 0,
            failed_commits: 0,
            kept_periods: lengths.len(),
            kept_bytes: lengths.values().sum(),
        };
        let idle = state.checkpoint.sides.is_empty();
        Ok(Self {
            totals: Mutex::new(Totals::new(&config)),
            config,
            keep,
            live: Mutex::new(live),
            moving: RwLock::new(()),
            flush: Mutex::new(Flush { sequence: state.sequence, lengths, idle }),
        })
    }

    /// How much is counted and kept.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Up to where the log is counted in what is kept: what comes after is needed after a crash.
    pub fn mark(&self) -> Mark {
        self.live().kept
    }

    /// How long until there is something to [maintain](Rollups::maintain).
    pub fn wait(&self, now: u64) -> Duration {
        let live = self.live();
        let this = Period::of(now);
        if live.flushed != Some(this) {
            return Duration::ZERO;
        }
        let end = Duration::from_nanos(this.end_unix_nanos().saturating_sub(now));
        if live.accumulator.counts().sides.waiting == 0 {
            return end;
        }
        let since = Duration::from_nanos(now.saturating_sub(live.expired));
        end.min(EXPIRE_EVERY.saturating_sub(since))
    }

    /// Counts a frame of the log, which ends at `at`: a checked `ExportTraceServiceRequest`, or
    /// nothing where a frame holds no spans, so that the log may be forgotten up to there. Frames
    /// come in the order of the log; one that is counted already is left out.
    pub fn take(&self, at: Mark, request: &[u8], now: u64) {
        let mut live = self.live();
        if at <= live.counted {
            return;
        }
        live.counted = at;
        if live.accumulator.batch(request, now).is_err() {
            live.unreadable += 1;
        }
    }

    /// Counts a frame as [`Rollups::take`] does, but lets `count` walk through it: for whoever reads
    /// the spans anyway.
    pub fn take_with(&self, at: Mark, count: impl FnOnce(&mut Accumulator)) {
        let mut live = self.live();
        if at > live.counted {
            live.counted = at;
            count(&mut live.accumulator);
        }
    }

    /// Counts calls that the proxy has seen.
    pub fn seen(&self, calls: &[Seen<'_>], now: u64) {
        let mut live = self.live();
        for seen in calls {
            live.accumulator.seen(seen, now);
        }
    }

    /// See [`Accumulator::learn`].
    pub fn learn(&self, addresses: std::collections::HashMap<String, Arc<str>>) {
        self.live().accumulator.learn(addresses);
    }

    /// Counters since this process began, for scrapes; as of the last commit.
    pub fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands.
    pub fn stats(&self) -> Stats {
        let live = self.live();
        Stats {
            counts: live.accumulator.counts(),
            series: live.accumulator.series(),
            unreadable: live.unreadable,
            kept_periods: live.kept_periods,
            kept_bytes: live.kept_bytes,
            forgotten: live.forgotten,
            damaged: live.damaged,
            failed_commits: live.failed_commits,
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // Counting does not panic between two fields that must agree.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
