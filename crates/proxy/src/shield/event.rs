//! What policies tell: changes of state, rates that were exceeded, resets. The last ones are kept
//! for whoever asks, and each is a line of the log.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use trunkline_model::ops::ResilienceEvent;
use trunkline_resilience::breaker::Event;
use trunkline_rt::Clock;

use crate::limits;

/// The last events of all policies.
#[derive(Debug)]
pub(super) struct Journal {
    last: Mutex<Last>,
    /// By policy and kind; bounded by the policies of the plan.
    refusals: Mutex<HashMap<(Arc<str>, &'static str), Refusals>>,
    clock: Clock,
}

/// Refusals of one kind that were not told yet.
#[derive(Debug, Default)]
struct Refusals {
    calls: u64,
    told: Option<Instant>,
}

#[derive(Debug, Default)]
struct Last {
    events: VecDeque<ResilienceEvent>,
    number: u64,
}

impl Journal {
    pub(super) fn new(clock: Clock) -> Self {
        Self { last: Mutex::default(), refusals: Mutex::default(), clock }
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
        self.keep(name, event.as_str(), detail);
    }

    /// Notes that a policy refused a call. There may be thousands in a second: the first is told, then
    /// their number, from time to time.
    pub(super) fn refused(&self, name: &Arc<str>, kind: &'static str) {
        let now = self.clock.now();
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= limits::REFUSALS_MAX {
            refusals.clear();
        }
        let known = refusals.entry((Arc::clone(name), kind)).or_default();
        known.calls += 1;
        let told = known.told;
        if told.is_some_and(|told| now < told + limits::REFUSALS_TOLD) {
            return;
        }
        let calls = std::mem::take(&mut known.calls);
        known.told = Some(now);
        drop(refusals);
        let detail = match calls {
            1 => "1 call".to_owned(),
            calls => format!("{calls} calls"),
        };
        self.keep(name, kind, detail);
    }

    /// Forgets those of policies that are not there any more.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.retain(|(name, _), _| is_there(name));
    }

    fn keep(&self, name: &Arc<str>, kind: &'static str, detail: String) {
        let at_unix_ms = self.clock.wall_nanos() / 1_000_000;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.number += 1;
        let (number, policy) = (last.number, name.to_string());
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
