//! What policies tell: changes of state, rates that were exceeded, resets. The last ones are kept
//! for whoever asks, and each is a line of the log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_model::ops::ResilienceEvent;
use trunkline_resilience::breaker::Event;
use trunkline_rt::Clock;

use crate::limits;

/// The last events of all policies.
#[derive(Debug)]
pub(super) struct Journal {
    last: Mutex<Last>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Last {
    events: VecDeque<ResilienceEvent>,
    number: u64,
}

impl Journal {
    pub(super) fn new(clock: Clock) -> Self {
        Self { last: Mutex::default(), clock }
    }

    /// Notes an event of the policy `name`. Those of single calls are counted elsewhere.
    pub(super) fn note(&self, name: &Arc<str>, event: &Event) {
        let detail = match event {
            Event::StateTransition { from, to } => {
                tracing::warn!(policy = %name, %from, %to, "the breaker changed its state");
                format!("{from} to {to}")
            }
            Event::FailureRateExceeded(rate) | Event::SlowCallRateExceeded(rate) => {
                tracing::warn!(policy = %name, event = event.as_str(), rate, "a rate was exceeded");
                format!("{rate:.1}%")
            }
            Event::Reset => String::new(),
            _ => return,
        };
        let at_unix_ms = self.clock.wall_nanos() / 1_000_000;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.number += 1;
        let (number, kind) = (last.number, event.as_str());
        let policy = name.to_string();
        last.events.push_back(ResilienceEvent { number, at_unix_ms, policy, kind, detail });
        if last.events.len() > limits::RESILIENCE_EVENTS {
            last.events.pop_front();
        }
    }

    /// Events with a number above `after`, the oldest first.
    pub(super) fn after(&self, after: u64) -> Vec<ResilienceEvent> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.events.iter().filter(|event| event.number > after).cloned().collect()
    }
}
