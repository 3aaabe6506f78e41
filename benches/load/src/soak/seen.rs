//! What callers have seen, by phase of the soak.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::statistics::percentile;

/// Different failures that are told in their own words; the rest is counted.
const WORDS_MAX: usize = 12;

/// What the requests of one phase came to.
#[derive(Debug, Default, Clone)]
pub struct Requests {
    /// Answered in full and as expected.
    pub answered: u64,
    /// Anything else.
    pub failed: u64,
    /// Requests that HTTP/2 said were not processed, sent again.
    pub sent_again: u64,
    /// What failed, in words, and how often.
    pub words: BTreeMap<String, u64>,
    latencies_us: Vec<u32>,
}

impl Requests {
    /// The latency in milliseconds that `share` of the answers did not exceed.
    pub fn latency_ms(&self, share: f64) -> f64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        f64::from(percentile(&sorted, share)) / 1000.0
    }
}

/// Shared by the callers' thread and the one that changes things.
#[derive(Default)]
pub(super) struct Board {
    phase: AtomicUsize,
    stop: AtomicBool,
    phases: Mutex<Vec<Requests>>,
}

impl Board {
    pub(super) fn enter(&self, phase: usize) {
        self.phase.store(phase, Ordering::SeqCst);
    }

    pub(super) fn phase(&self) -> usize {
        self.phase.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    pub(super) fn answered(&self, phase: usize, after: Option<Duration>) {
        self.in_phase(phase, |requests| {
            requests.answered += 1;
            let us = after.map(|after| u32::try_from(after.as_micros()).unwrap_or(u32::MAX));
            requests.latencies_us.extend(us);
        });
    }

    pub(super) fn failed(&self, phase: usize, words: String) {
        self.in_phase(phase, |requests| {
            requests.failed += 1;
            let known = requests.words.len() < WORDS_MAX || requests.words.contains_key(&words);
            let words = if known { words } else { "more".to_owned() };
            *requests.words.entry(words).or_default() += 1;
        });
    }

    pub(super) fn sent_again(&self, phase: usize) {
        self.in_phase(phase, |requests| requests.sent_again += 1);
    }

    pub(super) fn requests(&self) -> Vec<Requests> {
        self.lock().clone()
    }

    fn in_phase(&self, phase: usize, change: impl FnOnce(&mut Requests)) {
        let mut phases = self.lock();
        if phases.len() <= phase {
            phases.resize_with(phase + 1, Requests::default);
        }
        phases.get_mut(phase).map(change);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Requests>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
