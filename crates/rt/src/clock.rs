//! What time it is: the one place that asks the operating system.
//!
//! Everything else is given a [`Clock`] and can therefore be tested with a [`ManualClock`] that
//! moves only when told. Monotonic time ([`Clock::now`]) measures; wall time ([`Clock::wall`]) is
//! only for people and for other machines.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A source of time; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    manual: Option<ManualClock>,
}

impl Clock {
    /// The clock of the machine.
    pub const fn system() -> Self {
        Self { manual: None }
    }

    /// Monotonic time, for measuring and for deadlines.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Instant {
        self.manual.as_ref().map_or_else(Instant::now, ManualClock::now)
    }

    /// Calendar time; it may jump.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn wall(&self) -> SystemTime {
        self.manual.as_ref().map_or_else(SystemTime::now, ManualClock::wall)
    }

    /// Calendar time as nanoseconds since 1970; 0 when the machine believes it is earlier.
    pub fn wall_nanos(&self) -> u64 {
        let since = self.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl From<&ManualClock> for Clock {
    fn from(manual: &ManualClock) -> Self {
        Self { manual: Some(manual.clone()) }
    }
}

/// The clock of one thread. Within a turn, monotonic time stands still: a turn is a few dozen
/// microseconds of work on one connection, in which a dozen steps want to know the time.
#[derive(Clone, Debug)]
pub struct TurnClock(Rc<Turns>);

#[derive(Debug)]
struct Turns {
    clock: Clock,
    turn: Cell<Turn>,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// None is under way: time goes on.
    Off,
    /// Nobody asked yet.
    Unread,
    At(Instant),
}

/// A turn under way, until it is dropped.
#[derive(Debug)]
pub struct InTurn<'a>(&'a TurnClock);

impl TurnClock {
    /// Reads this clock.
    pub fn new(clock: Clock) -> Self {
        Self(Rc::new(Turns { clock, turn: Cell::new(Turn::Off) }))
    }

    /// Begins a turn. Turns do not nest: the inner one's end would end the outer one.
    pub fn turn(&self) -> InTurn<'_> {
        self.0.turn.set(Turn::Unread);
        InTurn(self)
    }

    /// Monotonic time; of the turn that is under way, if one is.
    pub fn now(&self) -> Instant {
        match self.0.turn.get() {
            Turn::At(now) => now,
            Turn::Off => self.0.clock.now(),
            Turn::Unread => {
                let now = self.0.clock.now();
                self.0.turn.set(Turn::At(now));
                now
            }
        }
    }

    /// The time by which timers of the runtime ring: of the machine, even where a test moves time
    /// by hand.
    pub fn machine_now(&self) -> Instant {
        if self.0.clock.manual.is_none() { self.now() } else { Clock::system().now() }
    }

    /// See [`Clock::wall_nanos`].
    pub fn wall_nanos(&self) -> u64 {
        self.0.clock.wall_nanos()
    }

    /// The clock that is read.
    pub fn source(&self) -> &Clock {
        &self.0.clock
    }
}

impl Drop for InTurn<'_> {
    fn drop(&mut self) {
        self.0.0.turn.set(Turn::Off);
    }
}

/// A clock for tests: it stands still until advanced, and all its clones move together.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: Instant,
    wall_start: SystemTime,
    elapsed_nanos: Arc<AtomicU64>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock whose calendar reads 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        let wall_start = SystemTime::UNIX_EPOCH + Duration::from_hours(490_896);
        Self { start: Clock::system().now(), wall_start, elapsed_nanos: Arc::default() }
    }

    /// Moves both monotonic and calendar time forward.
    pub fn advance(&self, by: Duration) {
        self.elapsed_nanos
            .fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_nanos.load(Ordering::Relaxed))
    }

    fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    fn wall(&self) -> SystemTime {
        self.wall_start + self.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_within_a_turn() {
        let manual = ManualClock::new();
        let clock = TurnClock::new(Clock::from(&manual));
        let turn = clock.turn();
        let begin = clock.now();
        manual.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), begin);
        drop(turn);
        assert_eq!(clock.now(), begin + Duration::from_secs(1));
    }

    #[test]
    fn a_manual_clock_moves_only_when_told_and_with_all_its_clones() {
        let manual = ManualClock::new();
        let clock = Clock::from(&manual);
        let (before, wall_before) = (clock.now(), clock.wall());
        assert_eq!(clock.now(), before);
        manual.clone().advance(Duration::from_secs(5));
        assert_eq!(clock.now() - before, Duration::from_secs(5));
        assert_eq!(clock.wall().duration_since(wall_before).unwrap(), Duration::from_secs(5));
    }

    #[test]
    fn the_system_clock_never_runs_backwards() {
        let clock = Clock::system();
        assert!(clock.now() <= clock.now());
        assert!(clock.wall_nanos() > 0);
    }
}
