//! Handing a breaker on to another process: the state it is in, without the calls it has counted.

use std::time::Duration;

use super::{Breaker, Phase, State};

/// How a breaker stays in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// The state.
    pub state: State,
    /// How often it has opened since it was last closed.
    pub attempts: u32,
    /// Until trials may begin; zero in every state but OPEN.
    pub left: Duration,
}

impl Breaker {
    /// How it stays in its state at `now`.
    pub fn stay(&self, now: Duration) -> Stay {
        let (attempts, left) = match self.phase {
            Phase::Open { attempts, until } => (attempts, until.saturating_sub(now)),
            Phase::HalfOpen { attempts, .. } | Phase::ForcedOpen { attempts } => {
                (attempts, Duration::ZERO)
            }
            Phase::Closed | Phase::Disabled | Phase::MetricsOnly { .. } => (0, Duration::ZERO),
        };
        Stay { state: self.phase.state(), attempts, left }
    }

    /// Goes on as another one stayed. Trials begin anew: who made the others tells them to the other.
    pub fn resume(&mut self, stay: Stay, now: Duration) {
        let Stay { state, attempts, left } = stay;
        match state {
            State::Closed => {}
            State::Open | State::HalfOpen => {
                self.enter(State::Open, attempts, now);
                self.phase = Phase::Open { attempts, until: now.saturating_add(left) };
            }
            State::Disabled | State::MetricsOnly | State::ForcedOpen => {
                self.enter(state, attempts, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Config, Outcome, Window};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn new() -> Breaker {
        let config = Config { window: Window::Calls(2), minimum_calls: 2, ..Config::default() };
        Breaker::new(config, Duration::ZERO).unwrap()
    }

    #[test]
    fn an_open_breaker_is_open_for_the_rest_of_its_wait() {
        let mut former = new();
        for _ in 0..2 {
            let permit = former.try_acquire(SECOND, &mut |_| ()).unwrap();
            former.on_result(permit, Outcome::Error, SECOND, SECOND, &mut |_| ());
        }
        let stay = former.stay(SECOND * 11);
        assert_eq!((stay.state, stay.attempts, stay.left), (State::Open, 1, SECOND * 50));
        let mut next = new();
        next.resume(stay, SECOND * 100);
        assert!(next.try_acquire(SECOND * 149, &mut |_| ()).is_err());
        assert!(next.try_acquire(SECOND * 151, &mut |_| ()).is_ok());
        assert_eq!(next.state(SECOND * 151, &mut |_| ()), State::HalfOpen);
    }

    #[test]
    fn what_a_person_ordered_stays() {
        for state in [State::ForcedOpen, State::Disabled, State::MetricsOnly, State::Closed] {
            let (mut former, mut next) = (new(), new());
            former.transition_to(state, SECOND, &mut |_| ()).unwrap();
            next.resume(former.stay(SECOND), SECOND);
            assert_eq!(next.state(SECOND, &mut |_| ()), state);
        }
    }
}
