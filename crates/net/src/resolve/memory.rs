//! What was answered, for how long it is good, and what to do while nobody answers.
//!
//! An answer is used until its TTL is over; after that somebody is asked again, at most once per
//! pause. Meanwhile, and while the resolver fails, the last answer serves on; a name that is said to
//! be gone is believed after a while, because the one who says so may be wrong for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trunkline_rt::Random;

use super::{Config, NAMES_MAX};

/// Answers by name and port.
#[derive(Debug)]
pub(super) struct Memory<T> {
    known: Mutex<HashMap<Key, Known<T>>>,
}

/// A name in lower case without its final dot, and a port.
pub(super) type Key = (String, u16);

#[derive(Debug)]
struct Known<T> {
    /// The last answer; empty before there was one.
    answer: Arc<[T]>,
    /// When it came.
    since: Instant,
    /// Nobody is asked before this.
    ask_after: Instant,
    /// Since then the name was said to be gone.
    absent: bool,
}

/// What the memory says of a name.
pub(super) enum Look<T> {
    /// Use this.
    Use(Arc<[T]>),
    /// Nothing can be said, and it is too early to ask again; whether the name is said to be gone.
    Nothing(bool),
    /// Somebody has to be asked.
    Ask,
}

impl<T> Memory<T> {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default() }
    }

    pub(super) fn look(&self, key: &Key, now: Instant, config: &Config) -> Look<T> {
        let known = self.known();
        let Some(known) = known.get(key).filter(|known| now < known.ask_after) else {
            return Look::Ask;
        };
        match known.usable(now, config) {
            Some(answer) => Look::Use(answer),
            None => Look::Nothing(known.absent),
        }
    }

    /// Somebody answered; the answer is good for `ttl`, within bounds and a little less, so that
    /// many names are not asked for at one time.
    pub(super) fn answered(&self, key: Key, answer: Arc<[T]>, now: Instant, fresh: Duration) {
        let spread = (u128::from(Random::from_system().number()) * fresh.as_nanos() / 10) >> 64;
        let fresh = fresh.saturating_sub(Duration::from_nanos(u64::try_from(spread).unwrap_or(0)));
        let mut known = self.known();
        make_room(&mut known, &key);
        known.insert(key, Known { answer, since: now, ask_after: now + fresh, absent: false });
    }

    /// Nobody could say: what is left to use, if anything. Nobody is asked during `pause`.
    pub(super) fn missed(
        &self,
        key: Key,
        (absent, pause): (bool, Duration),
        now: Instant,
        config: &Config,
    ) -> Option<Arc<[T]>> {
        let mut known = self.known();
        make_room(&mut known, &key);
        let known = known.entry(key).or_insert_with(|| Known {
            answer: Arc::new([]),
            since: now,
            ask_after: now,
            absent,
        });
        known.ask_after = now + pause;
        known.absent = absent;
        known.usable(now, config)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Known<T>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known().len()
    }
}

impl<T> Known<T> {
    fn usable(&self, now: Instant, config: &Config) -> Option<Arc<[T]>> {
        let age_max = if self.absent { config.gone } else { config.stale };
        let young = now.saturating_duration_since(self.since) < age_max;
        (young && !self.answer.is_empty()).then(|| Arc::clone(&self.answer))
    }
}

/// The one that was asked for longest ago goes.
fn make_room<T>(known: &mut HashMap<Key, Known<T>>, key: &Key) {
    if known.len() >= NAMES_MAX && !known.contains_key(key) {
        let oldest = known.iter().min_by_key(|(_, known)| known.since).map(|(key, _)| key.clone());
        oldest.map(|oldest| known.remove(&oldest));
    }
}
