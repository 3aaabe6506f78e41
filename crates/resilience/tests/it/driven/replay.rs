//! Runs sequences that are written down on our machines, with our defaults.
//!
//! The text is the driver's: a word for the kind, the settings, `|`, the operations. It knows the
//! operations that show a difference, no others.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use trunkline_resilience::breaker::{
    AfterHalfOpen, Breaker, Config, OpenWait, Outcome, Permit, State, Window,
};
use trunkline_resilience::bulkhead::{self, Bulkhead, Entry};
use trunkline_resilience::rate_limiter::{self, Cycles, Reservation};

use super::breaker::{BEGIN, tell};

/// What is seen after each operation, as the driver writes it.
pub(crate) fn replay(line: &str) -> String {
    let (settings, operations) = line.split_once('|').unwrap();
    let settings: Vec<_> = settings.split_whitespace().collect();
    let operations = operations.split_whitespace();
    let seen: Vec<_> = match settings[0] {
        "breaker" => {
            let mut run = Replay::new(&settings);
            operations.map(|operation| run.act(operation)).collect()
        }
        "limiter" => {
            let mut limiter = Limiter::new(&settings);
            operations.map(|operation| limiter.act(operation)).collect()
        }
        "bulkhead" => {
            let config = bulkhead::Config {
                max_concurrent_calls: settings[1].parse().unwrap(),
                ..bulkhead::Config::default()
            };
            let mut bulkhead = Bulkhead::new(config);
            operations.map(|operation| act_on_bulkhead(&mut bulkhead, operation)).collect()
        }
        other => panic!("`{other}` is not replayed"),
    };
    seen.join(" ")
}

fn nanos(text: &str) -> Duration {
    Duration::from_nanos(text.parse().unwrap())
}

fn state(word: &str) -> State {
    State::ALL.into_iter().find(|state| state.as_str() == word).unwrap()
}

struct Replay {
    breaker: Breaker,
    now: Duration,
    running: HashMap<String, Permit>,
}

impl Replay {
    fn new(s: &[&str]) -> Self {
        let size = s[5].parse().unwrap();
        let millis = |text: &str| Duration::from_millis(text.parse().unwrap());
        let defaults = Config::default();
        let config = Config {
            failure_rate_threshold: s[1].parse().unwrap(),
            slow_call_rate_threshold: s[2].parse().unwrap(),
            slow_call_duration_threshold: nanos(s[3]),
            window: if s[4] == "calls" { Window::Calls(size) } else { Window::Seconds(size) },
            minimum_calls: s[6].parse().unwrap(),
            wait_in_open: OpenWait::exponential(millis(s[7]), s[8].parse().unwrap()),
            permitted_in_half_open: s[10].parse().unwrap(),
            max_wait_in_half_open: match s[11] {
                "default" => defaults.max_wait_in_half_open,
                text => millis(text),
            },
            after_half_open: match s[12] {
                "OPEN" => AfterHalfOpen::Open,
                _ => AfterHalfOpen::Closed,
            },
            automatic_transition: s[13] == "true",
            initial: state(s[14]),
            ..defaults
        };
        let breaker = Breaker::new(config, BEGIN).unwrap();
        Self { breaker, now: BEGIN, running: HashMap::new() }
    }

    fn act(&mut self, operation: &str) -> String {
        let (kind, rest) = operation.split_at(1);
        let (id, took) = rest.split_once(':').unwrap_or((rest, "0"));
        let (mut events, now) = (String::new(), self.now);
        let sink = &mut |event| tell(event, &mut events);
        let mut returned = "-";
        match kind {
            "t" => {
                self.now += nanos(rest);
                returned = "t";
            }
            "a" => match self.breaker.try_acquire(now, sink) {
                Ok(permit) => {
                    self.running.insert(id.to_owned(), permit);
                    returned = "1";
                }
                Err(_) => returned = "0",
            },
            "e" | "i" => {
                let outcome = if kind == "e" { Outcome::Error } else { Outcome::Ignored };
                let permit = self.running.remove(id).unwrap();
                self.breaker.on_result(permit, outcome, nanos(took), now, sink);
            }
            "S" => self.breaker.transition_to(state(rest), now, sink).unwrap(),
            "R" => self.breaker.reset(now, sink),
            // Who is told of a change has no way to the breaker in that moment.
            "g" => {}
            other => panic!("`{other}` is not replayed"),
        }
        let state = self.breaker.state(self.now, &mut |event| tell(event, &mut events));
        let metrics = self.breaker.metrics(self.now);
        format!(
            "{returned}/{state}/{}/{}/{}/{}/{}/{:x}/{:x}{events}",
            metrics.buffered,
            metrics.failed,
            metrics.slow,
            metrics.slow_failed,
            metrics.not_permitted,
            metrics.failure_rate.to_bits(),
            metrics.slow_call_rate.to_bits(),
        )
    }
}

struct Limiter {
    cycles: Cycles,
    now: Duration,
}

impl Limiter {
    fn new(s: &[&str]) -> Self {
        let config = match s[1] {
            "default" => rate_limiter::Config::default(),
            limit => rate_limiter::Config {
                limit_for_period: limit.parse().unwrap(),
                limit_refresh_period: nanos(s[2]),
                timeout_duration: nanos(s[3]),
            },
        };
        Self { cycles: Cycles::new(config, Duration::ZERO), now: Duration::ZERO }
    }

    fn act(&mut self, operation: &str) -> String {
        let (kind, rest) = operation.split_at(1);
        let mut returned = "-".to_owned();
        match kind {
            "t" => {
                self.now += nanos(rest);
                "t".clone_into(&mut returned);
            }
            "p" => match self.cycles.reserve(rest.parse().unwrap(), self.now) {
                Reservation::After(wait) => returned = wait.as_nanos().to_string(),
                Reservation::Refused(_) => "-1".clone_into(&mut returned),
            },
            "w" => {
                let reserved = self.cycles.reserve(rest.parse().unwrap(), self.now);
                let permitted = matches!(reserved, Reservation::After(_));
                returned.clear();
                let _ = write!(returned, "{}:at-once", u8::from(permitted));
            }
            "l" => {
                let config = *self.cycles.config();
                let limit_for_period = rest.parse().unwrap();
                self.cycles.change(rate_limiter::Config { limit_for_period, ..config }, self.now);
            }
            "d" => self.cycles.drain(self.now),
            other => panic!("`{other}` is not replayed"),
        }
        format!("{returned}/{}", self.cycles.available(self.now))
    }
}

fn act_on_bulkhead(bulkhead: &mut Bulkhead<()>, operation: &str) -> String {
    let (kind, rest) = operation.split_at(1);
    let returned = match kind {
        "a" => u8::from(bulkhead.enter(0, || ()) == Entry::Permitted).to_string(),
        "f" => {
            assert!(bulkhead.leave().is_none());
            "done".to_owned()
        }
        "c" => {
            let max_concurrent_calls = rest.parse().unwrap();
            bulkhead.change(bulkhead::Config { max_concurrent_calls, ..*bulkhead.config() });
            "done".to_owned()
        }
        other => panic!("`{other}` is not replayed"),
    };
    format!("{returned}/{}", bulkhead.available())
}
