//! The last fifteen minutes of every counter, for rates and quantiles over a window.
//!
//! Each look at the counters becomes a sample of what was added since the look before. Recent samples
//! are kept as they came, older ones joined to five seconds; samples without traffic are empty, so an
//! idle run costs nothing. Memory is bounded: beyond it the oldest go, and a window covers less.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::book::{Book, Key};
use super::tally::Tally;

/// The longest window.
pub(crate) const SPAN_MAX: Duration = Duration::from_mins(15);

/// Samples of so long ago are kept as they came.
const FINE_SPAN: Duration = Duration::from_secs(65);

/// Older samples are joined until they are as long as this.
const COARSE_LENGTH: Duration = Duration::from_secs(5);

/// Memory of all samples, in bytes.
const BYTES_MAX: usize = 6 * 1024 * 1024;

/// Memory of an entry of a sample besides its tally, by a careful estimate.
const ENTRY_BYTES: usize = 96;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: Option<(Instant, Arc<Book>)>,
    coarse: VecDeque<Sample>,
    fine: VecDeque<Sample>,
    bytes: usize,
}

/// What was counted between two moments.
#[derive(Debug, Clone)]
struct Sample {
    from: Instant,
    to: Instant,
    tallies: BTreeMap<Key, Tally>,
}

impl History {
    /// Takes a look. `began` is when counting began, for the first one.
    pub(crate) fn look(&self, now: Instant, began: Instant, book: Book) {
        let mut kept = self.kept();
        let sample = kept.since_last(now, began, &book);
        kept.last = Some((now, Arc::new(book)));
        kept.push(sample);
    }

    /// What was counted in the window that ends now, what the counters say at this moment included.
    pub(crate) fn view(&self, now: Instant, began: Instant, window: Duration, book: &Book) -> View {
        let kept = self.kept();
        let live = kept.since_last(now, began, book);
        let all = kept.coarse.iter().chain(&kept.fine).chain([&live]);
        let samples: Vec<Sample> =
            all.filter(|sample| sample.is_mostly_after(now, window)).cloned().collect();
        drop(kept);
        View::new(now, window, samples)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic while the lock is held leaves at worst a wrong sample; serving goes on.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn since_last(&self, now: Instant, began: Instant, book: &Book) -> Sample {
        let last = self.last.as_ref();
        let tallies = book.iter().filter_map(|(key, total)| {
            let tally = total.since(last.and_then(|(_, before)| before.get(key)));
            (!tally.is_empty()).then(|| (key.clone(), tally))
        });
        Sample { from: last.map_or(began, |(at, _)| *at), to: now, tallies: tallies.collect() }
    }

    fn push(&mut self, sample: Sample) {
        let now = sample.to;
        self.bytes += sample.bytes();
        self.fine.push_back(sample);
        let old = |sample: &Sample, age| now.saturating_duration_since(sample.to) > age;
        while self.fine.front().is_some_and(|sample| old(sample, FINE_SPAN)) {
            if let Some(sample) = self.fine.pop_front() {
                self.join(sample);
            }
        }
        while self.coarse.front().is_some_and(|sample| old(sample, SPAN_MAX)) {
            self.forget_oldest();
        }
        while self.bytes > BYTES_MAX && self.coarse.len() + self.fine.len() > 1 {
            self.forget_oldest();
        }
    }

    fn join(&mut self, sample: Sample) {
        let joins = self
            .coarse
            .back()
            .is_some_and(|last| sample.to.saturating_duration_since(last.from) <= COARSE_LENGTH);
        if joins && let Some(last) = self.coarse.back_mut() {
            self.bytes = self.bytes.saturating_sub(last.bytes() + sample.bytes());
            last.to = sample.to;
            for (key, tally) in sample.tallies {
                last.tallies.entry(key).or_default().merge(&tally);
            }
            self.bytes += last.bytes();
        } else {
            self.coarse.push_back(sample);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.coarse.pop_front().or_else(|| self.fine.pop_front()) {
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
        }
    }
}

impl Sample {
    fn length(&self) -> Duration {
        self.to.saturating_duration_since(self.from)
    }

    fn is_mostly_after(&self, now: Instant, window: Duration) -> bool {
        let age = now.saturating_duration_since(self.from);
        // The part of the sample before the window is at most half of it; one that began with the
        // process may be longer than any window and is all there is.
        age.saturating_sub(window) <= self.length() / 2
    }

    fn bytes(&self) -> usize {
        self.tallies.values().map(|tally| ENTRY_BYTES + tally.bytes()).sum::<usize>() + ENTRY_BYTES
    }
}

/// What was counted in a window.
#[derive(Debug)]
pub(crate) struct View {
    now: Instant,
    window: Duration,
    samples: Vec<Sample>,
    sums: BTreeMap<Key, Tally>,
}

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Point {
    /// Its middle is so long ago.
    pub(crate) age: Duration,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// In microseconds.
    pub(crate) p99: Option<u64>,
}

impl View {
    fn new(now: Instant, window: Duration, samples: Vec<Sample>) -> Self {
        let mut sums: BTreeMap<Key, Tally> = BTreeMap::new();
        for (key, tally) in samples.iter().flat_map(|sample| &sample.tallies) {
            sums.entry(key.clone()).or_default().merge(tally);
        }
        Self { now, window, samples, sums }
    }

    /// The window that was asked for.
    pub(crate) fn window(&self) -> Duration {
        self.window
    }

    /// Seconds that the samples really cover.
    pub(crate) fn seconds(&self) -> f64 {
        let from = self.samples.iter().map(|sample| sample.from).min();
        from.map_or(0.0, |from| self.now.saturating_duration_since(from).as_secs_f64())
    }

    /// What was counted of an object.
    pub(crate) fn of(&self, key: &Key) -> Tally {
        self.sums.get(key).cloned().unwrap_or_default()
    }

    /// The window in `count` equal points, the oldest first. A sample that lies over several points
    /// is spread evenly, so that their sum stays what was counted.
    pub(crate) fn series(&self, key: &Key, count: u32) -> Vec<Point> {
        let step = self.window / count.max(1);
        let point = |index: u32| Point {
            age: (step / 2).saturating_add(step * (count - 1 - index)),
            ..Point::default()
        };
        let mut points: Vec<Point> = (0..count).map(point).collect();
        for sample in &self.samples {
            let Some(tally) = sample.tallies.get(key) else {
                continue;
            };
            let begin = self.place(sample.from);
            let end = self.place(sample.to);
            let p99 = tally.latency().quantile(0.99);
            let mut before = Share::default();
            for (index, point) in points.iter_mut().enumerate() {
                let edge = step.as_secs_f64() * super::tally::float(index as u64 + 1);
                let upto = if end > begin {
                    ((edge - begin) / (end - begin)).clamp(0.0, 1.0)
                } else if edge >= end {
                    1.0
                } else {
                    0.0
                };
                let now = Share::of(tally, upto);
                point.requests += now.requests.saturating_sub(before.requests);
                point.failed += now.failed.saturating_sub(before.failed);
                if now.upto > before.upto {
                    point.p99 = point.p99.max(p99);
                }
                before = now;
            }
        }
        points
    }

    /// Seconds from the begin of the window to a moment; what is before it counts as its begin.
    fn place(&self, at: Instant) -> f64 {
        self.window.saturating_sub(self.now.saturating_duration_since(at)).as_secs_f64()
    }
}

/// The first part of a tally.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    upto: f64,
    requests: u64,
    failed: u64,
}

impl Share {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count is a count"
    )]
    fn of(tally: &Tally, upto: f64) -> Self {
        let part = |count: u64| (super::tally::float(count) * upto).round() as u64;
        Self { upto, requests: part(tally.requests), failed: part(tally.failed) }
    }
}

#[cfg(test)]
mod tests;
