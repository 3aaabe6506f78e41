//! A limit of calls at one time that finds its own height.
//!
//! Samples are gathered into windows, because single answers say little; at the end of a window one
//! of three algorithms moves the limit:
//! - *gradient* (Netflix's `Gradient2Limit`): the longer answers take compared with what is usual,
//!   the lower;
//! - *Vegas* (TCP Vegas): as many calls as wait in the callee's queue are too many;
//! - *correlation* (as failsafe-go guards its limiter): gradient, and if with more calls at one time
//!   only the waits grow while no more is done, it shrinks in any case. A limit whose baseline
//!   drifts up together with the load cannot run away.
//!
//! A limit that is not used does not grow, and a window with a dropped call (a time-out, an
//! overload) shrinks it.

mod correlation;

use std::time::Duration;

use correlation::Correlation;

/// How the limit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// By the ratio of usual to present answer times.
    Gradient,
    /// By the calls that wait in the callee's queue.
    Vegas,
    /// Gradient, guarded by whether more calls at one time do more.
    Correlation,
}

/// The settings of an adaptive limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How the limit is found.
    pub algorithm: Algorithm,
    /// Where it begins.
    pub initial: u32,
    /// It never falls below this; at least 1.
    pub min: u32,
    /// It never rises above this.
    pub max: u32,
    /// Samples are gathered for so long, and longer until there are ten.
    pub window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Correlation,
            initial: 20,
            min: 1,
            max: 200,
            window: Duration::from_millis(500),
        }
    }
}

/// How a call ended, for the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// It was answered after this time.
    Answered(Duration),
    /// It was dropped: a time-out, or the callee said that it is too busy.
    Dropped,
    /// It says nothing.
    Ignored,
}

/// Samples that a window has at least.
const SAMPLES_MIN: u32 = 10;
/// The usual answer time is the average over so many windows.
const LONG_WINDOWS: f64 = 60.0;
/// Part of a new limit in the limit.
const SMOOTHING: f64 = 0.2;
/// Answers may take so much longer than usual before the limit falls.
const TOLERANCE: f64 = 1.5;
/// Calls that may wait in the callee's queue.
const QUEUE: f64 = 4.0;
/// Part of the limit that is left after a window with a dropped call.
const BACKOFF: f64 = 0.9;
/// Windows after which Vegas looks for the least answer time anew.
const PROBE_WINDOWS: u32 = 600;

/// An adaptive limit. Of a fixed size.
#[derive(Debug, Clone)]
pub struct Adaptive {
    config: Config,
    limit: f64,
    running: u32,
    gathered: Gathered,
    /// Usual answer time, in seconds.
    long: Option<f64>,
    /// Least answer time, in seconds, and the windows since it was looked for.
    least: (f64, u32),
    correlation: Correlation,
}

/// The samples of one window.
#[derive(Debug, Clone, Copy, Default)]
struct Gathered {
    since: Option<Duration>,
    samples: u32,
    sum: f64,
    least: f64,
    dropped: bool,
    running_max: u32,
}

impl Adaptive {
    /// A limit at its beginning.
    pub fn new(config: Config) -> Self {
        let (least, most) = (config.min.max(1), config.max.max(config.min).max(1));
        Self {
            limit: f64::from(config.initial.clamp(least, most)),
            config,
            running: 0,
            gathered: Gathered::default(),
            long: None,
            least: (f64::INFINITY, 0),
            correlation: Correlation::default(),
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Calls that may run at one time now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and a number of 32 bits"
    )]
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Calls that run.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Takes a place if fewer than `most` and than the limit are taken.
    #[must_use]
    pub fn try_enter(&mut self, most: u32) -> bool {
        let free = self.running < self.limit().min(most);
        self.running += u32::from(free);
        self.gathered.running_max = self.gathered.running_max.max(self.running);
        free
    }

    /// Gives a place back.
    pub fn leave(&mut self, sample: Sample, now: Duration) {
        debug_assert!(self.running > 0, "a place is given back once");
        self.running = self.running.saturating_sub(1);
        let gathered = &mut self.gathered;
        match sample {
            Sample::Ignored => return,
            Sample::Dropped => gathered.dropped = true,
            Sample::Answered(took) => {
                let took = took.as_secs_f64().max(1e-9);
                gathered.least =
                    if gathered.samples == 0 { took } else { gathered.least.min(took) };
                gathered.sum += took;
                gathered.samples += 1;
            }
        }
        let since = *gathered.since.get_or_insert(now);
        let enough = gathered.samples >= SAMPLES_MIN || gathered.dropped;
        if enough && now.saturating_sub(since) >= self.config.window {
            self.end_window(now.saturating_sub(since));
        }
    }

    fn end_window(&mut self, length: Duration) {
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered.running_max = self.running;
        let used = f64::from(gathered.running_max);
        let wanted = if gathered.dropped {
            self.limit * BACKOFF
        } else {
            let short = gathered.sum / f64::from(gathered.samples.max(1));
            let done = f64::from(gathered.samples) / length.as_secs_f64().max(1e-9);
            self.wanted(short, gathered.least, (used, done))
        };
        // A limit that is not used says nothing about what it could be.
        let idle = used < self.limit / 2.0;
        if wanted > self.limit && idle {
            return;
        }
        let least = f64::from(self.config.min.max(1));
        self.limit = wanted.clamp(least, f64::from(self.config.max).max(least));
    }

    fn wanted(&mut self, short: f64, least: f64, (used, done): (f64, f64)) -> f64 {
        match self.config.algorithm {
            Algorithm::Vegas => self.vegas(short, least),
            Algorithm::Gradient => self.gradient(short),
            Algorithm::Correlation => {
                let runaway = self.correlation.is_runaway(used, short, done);
                let gradient = self.gradient(short);
                if runaway { (self.limit * BACKOFF).min(gradient) } else { gradient }
            }
        }
    }

    fn gradient(&mut self, short: f64) -> f64 {
        let long = self.long.map_or(short, |long| long + (short - long) / LONG_WINDOWS);
        // After a time of load the usual time is brought down faster than by its average.
        let long = if long / short > 2.0 { long * 0.95 } else { long };
        self.long = Some(long);
        let gradient = (TOLERANCE * long / short).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + QUEUE;
        self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING
    }

    fn vegas(&mut self, short: f64, least: f64) -> f64 {
        let (known, windows) = self.least;
        let anew = windows >= PROBE_WINDOWS;
        let best = if anew { least } else { known.min(least) };
        self.least = (best, if anew { 0 } else { windows + 1 });
        let log = self.limit.log10().max(1.0);
        let queue = (self.limit * (1.0 - best / short)).ceil();
        if queue <= log {
            self.limit + 6.0 * log
        } else if queue < 3.0 * log {
            self.limit + log
        } else if queue > 6.0 * log {
            self.limit - log
        } else {
            self.limit
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A callee that does `capacity` calls at one time in 10 ms each and lets others wait. Drives a
    /// limit that is always asked for more, and returns where it has come to.
    fn settle(algorithm: Algorithm, capacity: u32) -> u32 {
        let config = Config { algorithm, initial: 50, max: 1_000, ..Config::default() };
        let (mut limit, mut now) = (Adaptive::new(config), Duration::from_secs(1));
        for _ in 0..3_000 {
            let mut running = 0;
            while limit.try_enter(u32::MAX) {
                running += 1;
            }
            let rounds = f64::from(running) / f64::from(capacity);
            let took = Duration::from_millis(10).mul_f64(rounds.max(1.0));
            now += took;
            (0..running).for_each(|_| limit.leave(Sample::Answered(took), now));
        }
        limit.limit()
    }

    #[test]
    fn each_algorithm_finds_about_what_the_callee_can_do() {
        for algorithm in [Algorithm::Vegas, Algorithm::Correlation] {
            let found = settle(algorithm, 40);
            assert!((30..=120).contains(&found), "{algorithm:?} {found}");
        }
    }

    #[test]
    fn a_drop_shrinks_it_and_it_keeps_its_bounds() {
        let config = Config { initial: 20, min: 5, window: Duration::ZERO, ..Config::default() };
        let (mut limit, now) = (Adaptive::new(config), Duration::from_secs(1));
        assert!(limit.try_enter(u32::MAX));
        limit.leave(Sample::Dropped, now);
        assert_eq!(limit.limit(), 18);
        for _ in 0..50 {
            assert!(limit.try_enter(u32::MAX));
            limit.leave(Sample::Dropped, now);
        }
        assert_eq!((limit.limit(), limit.running()), (5, 0));
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let (mut limit, mut now) = (Adaptive::new(Config::default()), Duration::ZERO);
        for _ in 0..10_000 {
            now += Duration::from_millis(10);
            assert!(limit.try_enter(u32::MAX));
            limit.leave(Sample::Answered(Duration::from_millis(1)), now);
        }
        assert_eq!(limit.limit(), 20);
    }

    #[test]
    fn a_class_stops_before_the_limit() {
        let mut limit = Adaptive::new(Config::default());
        assert_eq!((0..100).filter(|_| limit.try_enter(12)).count(), 12);
        assert_eq!((0..100).filter(|_| limit.try_enter(u32::MAX)).count(), 8);
    }
}
