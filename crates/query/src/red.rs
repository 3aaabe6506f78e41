//! Rates, errors and durations of services, and who calls whom, made of rollups: counts of ten
//! seconds each that were kept when spans came in, before any was sampled away.
//!
//! [`Rollups`] is whoever kept them; this module only adds up and divides. A value at a moment is
//! taken over the time before it, as Jaeger's Monitor and Prometheus do it. Where both a service
//! and the proxy recorded spans of a kind, the service's own count (`who`), and where both spans
//! and the proxy saw a call, one of them does (`graph`).

mod course;
mod graph;
mod who;

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use trunkline_otlp::Kind;
use trunkline_store::rollup::{
    self, PERIOD_SECONDS, Period, Rollup, Seen, Stats, Totals, Wanted, periods,
};
use trunkline_store::source::{Budget, QueryError};

pub use course::{Course, courses};
pub use graph::edges;

/// Who keeps rollups. Called on a pool for work that blocks.
pub trait Rollups: Send + Sync {
    /// How long they are kept.
    fn kept(&self) -> Duration;

    /// Shows the rollups of these periods, the oldest first, each once.
    ///
    /// # Errors
    /// It costs too much, or they cannot be read.
    fn read(
        &self,
        periods: Range<Period>,
        wanted: &Wanted<'_>,
        budget: &mut Budget,
        see: &mut dyn FnMut(Period, &Rollup),
    ) -> Result<(), QueryError>;

    /// Counts calls that the proxy has seen.
    fn seen(&self, _calls: &[Seen<'_>], _now: u64) {}

    /// Shows the counters since the process began, as of the last period. Short: they are locked.
    fn totals(&self, _see: &mut dyn FnMut(&Totals)) {}

    /// How counting goes; `None` where nobody counts.
    fn stats(&self) -> Option<Stats> {
        None
    }
}

impl Rollups for rollup::Rollups {
    fn kept(&self) -> Duration {
        self.config().kept
    }

    fn read(
        &self,
        periods: Range<Period>,
        wanted: &Wanted<'_>,
        budget: &mut Budget,
        see: &mut dyn FnMut(Period, &Rollup),
    ) -> Result<(), QueryError> {
        Self::read(self, periods, wanted, budget, see)
    }

    fn seen(&self, calls: &[Seen<'_>], now: u64) {
        Self::seen(self, calls, now);
    }

    fn totals(&self, see: &mut dyn FnMut(&Totals)) {
        see(&Self::totals(self));
    }

    fn stats(&self) -> Option<Stats> {
        Some(Self::stats(self))
    }
}

/// The shortest time between two values that differ for a reason.
pub const STEP: Duration = Duration::from_secs(PERIOD_SECONDS);
/// The same in nanoseconds.
pub(crate) const STEP_NANOS: u64 = PERIOD_SECONDS * 1_000_000_000;

/// Points of a series at most.
pub const POINTS_MAX: u64 = 11_000;
/// Series of an answer at most.
pub const SERIES_MAX: usize = 2_000;
/// Values of an answer at most, of all its series and measures together; one series is always told.
pub const VALUES_MAX: usize = 500_000;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Calls a second.
    Calls,
    /// Share of calls that failed, 0 to 1.
    Errors,
    /// The duration that this share of calls (0 to 1) did not exceed, in milliseconds.
    Latency(f64),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Whose series; everybody's when there are none.
    pub services: Vec<Arc<str>>,
    /// One for each operation instead of one for each service.
    pub by_operation: bool,
    /// Spans of these kinds.
    pub kinds: Vec<Kind>,
    /// The first and the last moment, nanoseconds since the Unix epoch.
    pub time: RangeInclusive<u64>,
    /// From one moment to the next.
    pub step: Duration,
    /// The time before each moment that counts for it; at least [`STEP`].
    pub window: Duration,
}

/// A course over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Whose.
    pub service: Arc<str>,
    /// Of which operation, where it was asked for.
    pub operation: Option<Arc<str>>,
    /// Moments, nanoseconds since the Unix epoch, and values, from the first call on. Where there
    /// were no calls, their rate is 0 and nothing else is a number.
    pub points: Vec<(u64, f64)>,
}

/// A question that would have more points than an answer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer has at most {POINTS_MAX} points: ask for a longer step or a shorter time")]
pub struct TooFine;

impl Question {
    /// The moments that are asked for.
    ///
    /// # Errors
    /// They are too many.
    pub fn moments(&self) -> Result<Vec<u64>, TooFine> {
        let step = nanos(self.step).max(1);
        let (first, last) = (*self.time.start(), *self.time.end());
        let Some(whole) = last.checked_sub(first) else { return Ok(Vec::new()) };
        let count = whole / step;
        if count >= POINTS_MAX {
            return Err(TooFine);
        }
        Ok((0..=count).map(|at| first.saturating_add(at * step)).collect())
    }

    /// The periods that are needed.
    fn needed(&self) -> Range<Period> {
        periods(self.time.start().saturating_sub(self.window_nanos()), *self.time.end())
    }

    /// The window as whole periods, in nanoseconds.
    fn window_nanos(&self) -> u64 {
        nanos(self.window).max(1).div_ceil(nanos(STEP)).saturating_mul(nanos(STEP))
    }

    fn wants(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|wanted| **wanted == *service)
    }
}

/// The series of one measure, by service and operation, and whether there are more.
///
/// # Errors
/// It costs too much, or rollups cannot be read.
pub fn series(
    rollups: &dyn Rollups,
    question: &Question,
    moments: &[u64],
    measure: Measure,
    budget: &mut Budget,
) -> Result<(Vec<Series>, bool), QueryError> {
    let (courses, truncated) = courses(rollups, question, moments, &[measure], budget)?;
    let series = courses.into_iter().map(|course| course.into_series(measure)).collect();
    Ok((series, truncated))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
