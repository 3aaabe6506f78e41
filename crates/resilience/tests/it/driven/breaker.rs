//! Sequences of a breaker, made while they run: the next operation follows from the state.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use trunkline_resilience::breaker::{
    AfterHalfOpen, Breaker, Config, Event, OpenWait, Outcome, Permit, State, Window,
};

use super::{Dice, Sequence};

/// Where virtual time begins, as in the driver.
pub(super) const BEGIN: Duration = Duration::from_secs(1_000_000);
const THRESHOLDS: [f32; 9] = [1.0, 10.0, 25.0, 33.333_332, 50.0, 66.666_664, 75.0, 99.9, 100.0];
const MULTIPLIERS: [f64; 4] = [1.0, 1.5, 2.0, 3.7];

struct Run<'a> {
    dice: &'a mut Dice,
    breaker: Breaker,
    now: Duration,
    /// Calls that run, and the number of the stay that let each through.
    running: BTreeMap<u64, (Permit, u64)>,
    stay: u64,
    /// OPEN was entered from a state that counts nothing: a result would divide by zero there.
    uncounted: bool,
    next: u64,
    line: String,
    seen: String,
    events: String,
}

pub(crate) fn sequence(dice: &mut Dice) -> Sequence {
    let (config, line) = config(dice);
    let breaker = Breaker::new(config, BEGIN).unwrap();
    let uncounted = false;
    let mut run = Run {
        dice,
        breaker,
        now: BEGIN,
        running: BTreeMap::new(),
        stay: 0,
        uncounted,
        next: 0,
        line,
        seen: String::new(),
        events: String::new(),
    };
    let length = run.dice.between(10, 70);
    for _ in 0..length {
        run.step();
    }
    Sequence { line: run.line.trim_end().to_owned(), seen: run.seen.trim_end().to_owned() }
}

fn config(dice: &mut Dice) -> (Config, String) {
    let by_calls = dice.chance(60);
    let window = dice.between(1, if by_calls { 12 } else { 6 });
    let size = u32::try_from(window).unwrap();
    let multiplier = dice.one_of(&MULTIPLIERS);
    let wait = Duration::from_millis(dice.between(1, 3_000));
    let wait_max = wait + Duration::from_millis(dice.between(0, 10_000));
    let trial_time = match dice.between(0, 9) {
        0..5 => 0,
        // The shortest that is kept.
        5 => 1,
        _ => dice.between(2, 4_000),
    };
    let config = Config {
        failure_rate_threshold: dice.one_of(&THRESHOLDS),
        slow_call_rate_threshold: dice.one_of(&THRESHOLDS),
        slow_call_duration_threshold: Duration::from_millis(dice.between(1, 100)),
        window: if by_calls { Window::Calls(size) } else { Window::Seconds(size) },
        minimum_calls: u32::try_from(dice.between(1, 14)).unwrap(),
        wait_in_open: OpenWait {
            max: (multiplier > 1.0).then_some(wait_max),
            ..OpenWait::exponential(wait, multiplier)
        },
        permitted_in_half_open: u32::try_from(dice.between(1, 5)).unwrap(),
        max_wait_in_half_open: Duration::from_millis(trial_time),
        after_half_open: dice.one_of(&[AfterHalfOpen::Open, AfterHalfOpen::Closed]),
        automatic_transition: dice.chance(30),
        own_trials_only: false,
        initial: if dice.chance(80) { State::Closed } else { dice.one_of(&State::ALL) },
    };
    let line = format!(
        "breaker {} {} {} {} {} {} {} {:?} {} {} {} {} {} {} | ",
        config.failure_rate_threshold,
        config.slow_call_rate_threshold,
        config.slow_call_duration_threshold.as_nanos(),
        if by_calls { "calls" } else { "seconds" },
        size,
        config.minimum_calls,
        wait.as_millis(),
        multiplier,
        wait_max.as_millis(),
        config.permitted_in_half_open,
        trial_time,
        if config.after_half_open == AfterHalfOpen::Open { "OPEN" } else { "CLOSED" },
        config.automatic_transition,
        config.initial.as_str(),
    );
    (config, line)
}

/// Writes an event as the driver does.
pub(super) fn tell(event: Event, into: &mut String) {
    let _ = write!(into, ",{}", event.as_str());
    let _ = match event {
        Event::StateTransition { from, to } => write!(into, ":{from}>{to}"),
        Event::FailureRateExceeded(rate) | Event::SlowCallRateExceeded(rate) => {
            write!(into, ":{:x}", rate.to_bits())
        }
        _ => Ok(()),
    };
}

impl Run<'_> {
    fn step(&mut self) {
        match self.dice.between(0, 99) {
            0..45 => self.acquire(),
            45..78 => self.end(),
            78..94 => self.pass_time(),
            94..97 => self.transition(),
            97..98 => self.open_for(),
            _ => self.reset(),
        }
    }

    fn acquire(&mut self) {
        let id = self.next;
        self.next += 1;
        let permit = self.act(|breaker, now, sink| breaker.try_acquire(now, sink));
        let returned = if permit.is_ok() { "1" } else { "0" };
        if let Ok(permit) = permit {
            self.running.insert(id, (permit, self.stay));
        }
        self.see(&format!("a{id}"), returned);
    }

    fn end(&mut self) {
        let ids: Vec<_> = self.running.keys().copied().collect();
        if ids.is_empty() {
            return self.acquire();
        }
        let id = self.dice.one_of(&ids);
        let state = self.breaker.state(self.now, &mut |_| ());
        let own = self.running[&id].1 == self.stay;
        let mut kind = self.dice.one_of(&['s', 's', 'e', 'e', 'e', 'i', 'r']);
        // There, a call from before gives back a permit that it never took.
        if state == State::HalfOpen && !own && matches!(kind, 'i' | 'r') {
            kind = 's';
        }
        if state == State::Open && self.uncounted && matches!(kind, 's' | 'e') {
            kind = 'i';
        }
        let (permit, _) = self.running.remove(&id).unwrap();
        let threshold =
            u64::try_from(self.breaker.config().slow_call_duration_threshold.as_nanos()).unwrap();
        let took = self.dice.one_of(&[0, threshold / 2, threshold, threshold + 1, threshold * 3]);
        if kind == 'r' {
            self.breaker.release(permit);
            return self.see(&format!("r{id}"), "-");
        }
        let outcome = match kind {
            's' => Outcome::Success,
            'e' => Outcome::Error,
            _ => Outcome::Ignored,
        };
        self.act(|breaker, now, sink| {
            breaker.on_result(permit, outcome, Duration::from_nanos(took), now, sink);
        });
        self.see(&format!("{kind}{id}:{took}"), "-");
    }

    fn pass_time(&mut self) {
        let wait = self
            .breaker
            .retry_at()
            .map_or(0, |at| u64::try_from(at.saturating_sub(self.now).as_nanos()).unwrap());
        let nanos = match self.dice.between(0, 5) {
            // To the edge, and just beyond it.
            0 => wait,
            1 => wait + 1,
            2 => self.dice.between(0, 999_999_999),
            3 => 1_000_000_000,
            4 => self.dice.between(0, 3_000) * 1_000_000,
            _ => self.dice.between(0, 9) * 1_000_000_000,
        };
        self.now += Duration::from_nanos(nanos);
        self.act(|breaker, now, sink| breaker.state(now, sink));
        self.see(&format!("t{nanos}"), "t");
    }

    fn transition(&mut self) {
        let to = self.dice.one_of(&State::ALL);
        let done = self.act(|breaker, now, sink| breaker.transition_to(to, now, sink));
        self.entered(done.is_ok());
        self.see(&format!("S{}", to.as_str()), if done.is_ok() { "-" } else { "illegal" });
    }

    fn open_for(&mut self) {
        let millis = self.dice.between(1, 5_000);
        let wait = Duration::from_millis(millis);
        let done = self.act(|breaker, now, sink| breaker.open_for(wait, now, sink));
        self.entered(done.is_ok());
        self.see(&format!("O{millis}"), if done.is_ok() { "-" } else { "illegal" });
    }

    fn reset(&mut self) {
        // There, the timer of the state that is left goes on, and opens what was closed.
        let timed = match self.breaker.state(self.now, &mut |_| ()) {
            State::HalfOpen => !self.breaker.config().max_wait_in_half_open.is_zero(),
            State::Open => self.breaker.config().automatic_transition,
            _ => false,
        };
        if timed {
            return self.acquire();
        }
        self.act(|breaker, now, sink| breaker.reset(now, sink));
        self.entered(true);
        self.see("R", "-");
    }

    /// A stay that was ordered begins anew even in the same state, without an event.
    fn entered(&mut self, entered: bool) {
        self.stay += u64::from(entered);
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Breaker, Duration, &mut dyn FnMut(Event)) -> T,
    ) -> T {
        let (events, stay, uncounted) = (&mut self.events, &mut self.stay, &mut self.uncounted);
        let mut sink = |event: Event| {
            if let Event::StateTransition { from, to } = event {
                *stay += 1;
                if to == State::Open {
                    *uncounted = matches!(from, State::Disabled | State::ForcedOpen);
                }
            }
            tell(event, events);
        };
        act(&mut self.breaker, self.now, &mut sink)
    }

    fn see(&mut self, operation: &str, returned: &str) {
        let metrics = self.breaker.metrics(self.now);
        let state = self.breaker.state(self.now, &mut |_| ());
        let _ = write!(self.line, "{operation} ");
        let _ = write!(
            self.seen,
            "{returned}/{state}/{}/{}/{}/{}/{}/{:x}/{:x}{} ",
            metrics.buffered,
            metrics.failed,
            metrics.slow,
            metrics.slow_failed,
            metrics.not_permitted,
            metrics.failure_rate.to_bits(),
            metrics.slow_call_rate.to_bits(),
            self.events,
        );
        self.events.clear();
    }
}
