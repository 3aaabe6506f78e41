//! Values over time: a window that goes over rollups once, from the oldest to the newest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use trunkline_otlp::StatusCode;
use trunkline_rt::metrics::{BUCKETS, Sparse, quantile};
use trunkline_store::rollup::{Cell, PERIOD_SECONDS, Period, Rollup, SeriesKey, Wanted, calls};
use trunkline_store::source::{Budget, QueryError, Spent};

use super::who::Own;
use super::{Measure, Question, Rollups, SERIES_MAX, Series, VALUES_MAX};

/// A window keeps at most so many parts of itself, to take them away when they leave it: of one
/// that is longer than an hour, neighbouring periods leave together.
const PARTS_MAX: u64 = 360;

/// Several measures over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Whose.
    pub service: Arc<str>,
    /// Of which operation, where it was asked for.
    pub operation: Option<Arc<str>>,
    /// Moments, nanoseconds since the Unix epoch, from the first call on.
    pub moments: Vec<u64>,
    /// A value for each moment, for each measure that was asked for, in their order. Where there
    /// were no calls, their rate is 0 and nothing else is a number.
    pub values: Vec<Vec<f64>>,
    /// Whether any call failed.
    failed: bool,
}

impl Course {
    /// The course of its first measure.
    pub(super) fn into_series(mut self, measure: Measure) -> Series {
        let mut values = self.values.drain(..).next().unwrap_or_default();
        if measure == Measure::Errors && !self.failed {
            // Without a single failure, Jaeger says so for each moment.
            values.fill(0.0);
        }
        let points = self.moments.into_iter().zip(values).collect();
        Series { service: self.service, operation: self.operation, points }
    }
}

/// The courses of these measures, by service and operation, and whether there are more: there are
/// at most [`SERIES_MAX`] of them, and [`VALUES_MAX`] values in all. Moments ascend.
///
/// # Errors
/// It costs too much, or rollups cannot be read.
pub fn courses(
    rollups: &dyn Rollups,
    question: &Question,
    moments: &[u64],
    measures: &[Measure],
    budget: &mut Budget,
) -> Result<(Vec<Course>, bool), QueryError> {
    let own = Own::find(rollups, question, budget)?;
    let mut windows = Windows::new(question, moments, measures, budget.clone());
    let wanted = Wanted { series: &|service| question.wants(service), edges: false };
    rollups.read(question.needed(), &wanted, budget, &mut |period, rollup| {
        windows.take(period, rollup, &own);
    })?;
    windows.end()
}

/// Whose a window is.
type Whose = (Arc<str>, Option<Arc<str>>);

struct Windows<'a> {
    question: &'a Question,
    /// Those to come.
    moments: &'a [u64],
    measures: &'a [Measure],
    /// Periods that leave a window together.
    together: u32,
    open: BTreeMap<Whose, Window>,
    /// Series at most.
    room: usize,
    /// There were more.
    truncated: bool,
    /// Pays for the values, while the other one pays for reading.
    budget: Budget,
    /// It paid for all that it may.
    spent: Option<Spent>,
}

/// What counts for one moment, of one series.
struct Window {
    parts: VecDeque<Part>,
    failed: u64,
    /// Weights by duration.
    latency: Box<[u64; BUCKETS]>,
    total: u64,
    course: Course,
}

struct Part {
    last: Period,
    failed: u64,
    latency: Sparse,
}

impl<'a> Windows<'a> {
    fn new(
        question: &'a Question,
        moments: &'a [u64],
        measures: &'a [Measure],
        budget: Budget,
    ) -> Self {
        let periods = question.window_nanos() / 1_000_000_000 / PERIOD_SECONDS;
        let together = u32::try_from(periods.div_ceil(PARTS_MAX)).unwrap_or(u32::MAX).max(1);
        let cost = moments.len().saturating_mul(measures.len()).max(1);
        Self {
            question,
            moments,
            measures,
            together,
            open: BTreeMap::new(),
            room: (VALUES_MAX / cost).clamp(1, SERIES_MAX),
            truncated: false,
            budget,
            spent: None,
        }
    }

    fn take(&mut self, period: Period, rollup: &Rollup, own: &Own) {
        self.measure_before(period);
        if self.spent.is_some() {
            return;
        }
        for (key, cell) in &rollup.series {
            if self.question.kinds.contains(&key.kind) && own.counts(key) {
                self.add(period, key, cell);
            }
        }
    }

    fn add(&mut self, period: Period, key: &SeriesKey, cell: &Cell) {
        let operation = self.question.by_operation.then(|| Arc::clone(&key.operation));
        let whose = (Arc::clone(&key.service), operation);
        if !self.open.contains_key(&whose) && self.open.len() >= self.room {
            self.truncated = true;
            return;
        }
        let measures = self.measures.len();
        let window =
            self.open.entry(whose).or_insert_with_key(|whose| Window::new(whose, measures));
        window.add(period, self.together, key.status == StatusCode::Error, &cell.latency);
    }

    /// Takes the values of all moments whose window ends before this period begins.
    fn measure_before(&mut self, period: Period) {
        while let Some((moment, rest)) = self.moments.split_first()
            && *moment <= period.start_unix_nanos()
        {
            self.moments = rest;
            let values = self.open.len().saturating_mul(self.measures.len());
            if self.spent.is_none() {
                self.spent = self.budget.spend(values as u64, 0).err();
            }
            if self.spent.is_none() {
                self.measure(*moment);
            }
        }
    }

    fn measure(&mut self, moment: u64) {
        let nanos = self.question.window_nanos();
        let first = Period::of(
            moment.saturating_sub(nanos).saturating_add(PERIOD_SECONDS * 1_000_000_000 - 1),
        );
        for window in self.open.values_mut() {
            window.leave(first);
            window.measure(moment, nanos, self.measures);
        }
    }

    fn end(mut self) -> Result<(Vec<Course>, bool), QueryError> {
        self.measure_before(Period(u32::MAX));
        if let Some(spent) = self.spent {
            return Err(spent.into());
        }
        let all = self.open.into_values().map(|window| window.course);
        Ok((all.filter(|course| !course.moments.is_empty()).collect(), self.truncated))
    }
}

impl Window {
    fn new((service, operation): &Whose, measures: usize) -> Self {
        let (service, operation) = (Arc::clone(service), operation.clone());
        let values = vec![Vec::new(); measures];
        Self {
            parts: VecDeque::new(),
            failed: 0,
            latency: Box::new([0; BUCKETS]),
            total: 0,
            course: Course { service, operation, moments: Vec::new(), values, failed: false },
        }
    }

    fn add(&mut self, period: Period, together: u32, failed: bool, latency: &Sparse) {
        let weight = latency.total();
        let failed = if failed { weight } else { 0 };
        for (bucket, weight) in latency.iter() {
            if let Some(sum) = self.latency.get_mut(usize::from(bucket)) {
                *sum = sum.saturating_add(weight);
            }
        }
        self.total = self.total.saturating_add(weight);
        self.failed = self.failed.saturating_add(failed);
        let last = Period(period.0 / together * together + (together - 1));
        match self.parts.back_mut().filter(|part| part.last == last) {
            Some(part) => {
                part.failed = part.failed.saturating_add(failed);
                part.latency.merge(latency);
            }
            None => self.parts.push_back(Part { last, failed, latency: latency.clone() }),
        }
    }

    /// Takes away what is before this period.
    fn leave(&mut self, first: Period) {
        while let Some(part) = self.parts.pop_front_if(|part| part.last < first) {
            for (bucket, weight) in part.latency.iter() {
                if let Some(sum) = self.latency.get_mut(usize::from(bucket)) {
                    *sum = sum.saturating_sub(weight);
                }
                self.total = self.total.saturating_sub(weight);
            }
            self.failed = self.failed.saturating_sub(part.failed);
        }
    }

    fn measure(&mut self, moment: u64, window_nanos: u64, measures: &[Measure]) {
        let seconds = std::time::Duration::from_nanos(window_nanos).as_secs_f64();
        self.course.failed |= self.failed > 0;
        self.course.moments.push(moment);
        for (place, measure) in measures.iter().enumerate() {
            let value = match measure {
                Measure::Calls => calls(self.total) / seconds,
                // Nothing of nothing is no number, as in Prometheus.
                Measure::Errors => calls(self.failed) / calls(self.total),
                Measure::Latency(share) => self.quantile(*share),
            };
            if let Some(values) = self.course.values.get_mut(place) {
                values.push(value);
            }
        }
    }

    /// In milliseconds. What lies beyond everything is infinite, as in Prometheus.
    fn quantile(&self, share: f64) -> f64 {
        match share {
            _ if self.total == 0 || share.is_nan() => f64::NAN,
            ..0.0 => f64::NEG_INFINITY,
            1.0.. if share > 1.0 => f64::INFINITY,
            _ => {
                let buckets = self.latency.iter().copied().enumerate();
                quantile(buckets, share).map_or(f64::NAN, |micros| micros / 1_000.0)
            }
        }
    }
}
