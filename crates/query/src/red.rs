//! Rate, errors and duration of services, made of rollups: counts of ten seconds each that were
//! kept when spans came in, before any was sampled away.
//!
//! [`Rollups`] is whoever kept them; this module only adds up and divides. A rate at a moment is
//! taken over the time before it, as Jaeger's Monitor and Prometheus do it.

mod histogram;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use trunkline_otlp::Kind;
use trunkline_store::source::{Budget, QueryError};

use crate::edges::Edge;

pub use histogram::Histogram;

/// Counts of one operation in one step of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// When the step began, nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// Who worked.
    pub service: Arc<str>,
    /// On what.
    pub operation: Arc<str>,
    /// In which part of a call.
    pub kind: Kind,
    /// Spans that ended.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// How long they took.
    pub durations: Histogram,
}

/// Who keeps rollups and edges. Called on a pool for work that blocks.
pub trait Rollups: Send + Sync {
    /// How long a step is.
    fn step(&self) -> Duration;

    /// Shows the rollups of these services (of all when there are none) whose step began in this
    /// time, in any order.
    ///
    /// # Errors
    /// It costs too much, or a file cannot be read.
    fn rollups(
        &self,
        services: &[Arc<str>],
        time: RangeInclusive<u64>,
        budget: &mut Budget,
        see: &mut dyn FnMut(&Rollup),
    ) -> Result<(), QueryError>;

    /// Who called whom in this time.
    ///
    /// # Errors
    /// It costs too much, or a file cannot be read.
    fn edges(
        &self,
        time: RangeInclusive<u64>,
        budget: &mut Budget,
    ) -> Result<Vec<Edge>, QueryError>;
}

/// Points of a series at most.
pub const POINTS_MAX: u64 = 11_000;
/// Series of an answer at most.
pub const SERIES_MAX: usize = 2_000;

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
    /// Whose series.
    pub services: Vec<Arc<str>>,
    /// One for each operation instead of one for each service.
    pub by_operation: bool,
    /// Spans of these kinds.
    pub kinds: Vec<Kind>,
    /// The first and the last moment, nanoseconds since the Unix epoch.
    pub time: RangeInclusive<u64>,
    /// From one moment to the next.
    pub step: Duration,
    /// The time before each moment that counts for it.
    pub window: Duration,
}

/// A course over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Whose.
    pub service: Arc<str>,
    /// Of which operation, where it was asked for.
    pub operation: Option<Arc<str>>,
    /// Moments, nanoseconds since the Unix epoch, and values. A moment without calls has a rate of
    /// 0 and no other value.
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
        let step = u64::try_from(self.step.as_nanos()).unwrap_or(u64::MAX).max(1);
        let (first, last) = (*self.time.start(), *self.time.end());
        let count = last.saturating_sub(first) / step;
        if count >= POINTS_MAX {
            return Err(TooFine);
        }
        Ok((0..=count).map(|at| first.saturating_add(at * step)).collect())
    }

    /// The time of the rollups that are needed.
    pub fn needed(&self) -> RangeInclusive<u64> {
        let window = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
        self.time.start().saturating_sub(window)..=*self.time.end()
    }
}

/// A service, and an operation where it was asked for.
type Whose = (Arc<str>, Option<Arc<str>>);

/// Rollups under way to series.
#[derive(Debug)]
pub struct Collector<'a> {
    question: &'a Question,
    found: BTreeMap<Whose, Vec<Step>>,
}

#[derive(Debug)]
struct Step {
    start: u64,
    calls: u64,
    failed: u64,
    durations: Histogram,
}

impl<'a> Collector<'a> {
    /// Collects what answers a question.
    pub const fn new(question: &'a Question) -> Self {
        Self { question, found: BTreeMap::new() }
    }

    /// Takes a rollup if it is asked for.
    pub fn take(&mut self, rollup: &Rollup) {
        let question = self.question;
        let wanted = question.services.is_empty() || question.services.contains(&rollup.service);
        if !wanted || !question.kinds.contains(&rollup.kind) {
            return;
        }
        let operation = question.by_operation.then(|| Arc::clone(&rollup.operation));
        let key = (Arc::clone(&rollup.service), operation);
        if !self.found.contains_key(&key) && self.found.len() >= SERIES_MAX {
            return;
        }
        self.found.entry(key).or_default().push(Step {
            start: rollup.start_unix_nanos,
            calls: rollup.calls,
            failed: rollup.failed,
            durations: rollup.durations.clone(),
        });
    }

    /// The series of a measure, by service and operation.
    ///
    /// # Errors
    /// They would have too many points.
    pub fn series(&mut self, measure: Measure) -> Result<Vec<Series>, TooFine> {
        let moments = self.question.moments()?;
        let window = self.question.window;
        let mut all = Vec::new();
        for ((service, operation), steps) in &mut self.found {
            steps.sort_by_key(|step| step.start);
            let points = points(steps, &moments, window, measure);
            all.push(Series { service: service.clone(), operation: operation.clone(), points });
        }
        Ok(all)
    }
}

/// A value for each moment: both ends of the window only go forward, so that a step is added and
/// taken away once.
fn points(steps: &[Step], moments: &[u64], window: Duration, measure: Measure) -> Vec<(u64, f64)> {
    let nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    let (mut coming, mut going) = (steps.iter().peekable(), steps.iter().peekable());
    let (mut calls, mut failed, mut durations) = (0_u64, 0_u64, Histogram::default());
    let mut points = Vec::with_capacity(moments.len());
    for moment in moments {
        while let Some(step) = coming.next_if(|step| step.start < *moment) {
            calls += step.calls;
            failed += step.failed;
            durations.add(&step.durations);
        }
        let from = moment.saturating_sub(nanos);
        while let Some(step) = going.next_if(|step| step.start < from && step.start < *moment) {
            calls -= step.calls;
            failed -= step.failed;
            durations.remove(&step.durations);
        }
        let value = match measure {
            Measure::Calls => Some(ratio(calls, 1) / window.as_secs_f64().max(1e-9)),
            Measure::Errors => (calls > 0).then(|| ratio(failed, calls)),
            Measure::Latency(share) => durations.quantile(share).map(|nanos| nanos / 1e6),
        };
        points.extend(value.map(|value| (*moment, value)));
    }
    points
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown, not counted with")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests;
