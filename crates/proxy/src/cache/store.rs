//! The stored responses: one store for all workers, in parts with a short lock each, bounded in
//! bytes. What was not used for longest makes room.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::watch;
use trunkline_model::{RouteId, ServiceName};
use trunkline_net::http::Head;

use super::control::Control;
use super::fresh::Times;
use super::kept::Kept;
use crate::limits;

/// Parts of the store: workers seldom meet in one.
const PARTS: usize = 16;
/// Bytes that an object costs beside its own.
const OVERHEAD_BYTES: usize = 512;

/// What an answer depends on besides its target: routes ask differently, by other fields and paths,
/// and services answer differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) route: RouteId,
    pub(crate) service: ServiceName,
}

/// A stored response.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) owner: Owner,
    pub(super) head: Kept,
    pub(super) body: Bytes,
    /// The fields of the request that it was chosen by, and their values.
    pub(super) vary: Vec<(String, Vec<u8>)>,
    pub(super) control: Control,
    pub(super) times: Times,
    /// When it arrived.
    pub(super) at: Instant,
}

impl Stored {
    /// How old it is.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.times.age + now.saturating_duration_since(self.at)
    }

    /// For how long it is still fresh; negative times are how long it is stale.
    pub(super) fn fresh_for(&self, now: Instant) -> Result<Duration, Duration> {
        let age = self.age(now);
        self.times
            .lifetime
            .checked_sub(age)
            .filter(|left| !left.is_zero())
            .ok_or_else(|| age.saturating_sub(self.times.lifetime))
    }

    /// Whether it was chosen by what this request says too.
    pub(super) fn fits(&self, owner: &Owner, request: &Head) -> bool {
        self.owner == *owner
            && self.vary.iter().all(|(name, value)| selecting(request, name) == *value)
    }

    /// When it was changed last, if it says so.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        super::fresh::read_date(self.head.get("last-modified")?)
    }

    /// Whether it may stand in for an answer that failed (RFC 5861 §4).
    pub(super) fn helps(&self, now: Instant) -> bool {
        self.control.stale_if_error.is_some_and(|most| self.helps_for(now, most))
    }

    /// The same, for as long as somebody else says.
    pub(super) fn helps_for(&self, now: Instant, most: Duration) -> bool {
        !self.control.must_revalidate && self.fresh_for(now).is_err_and(|stale| stale < most)
    }

    fn bytes(&self, key: &str) -> usize {
        let vary = self.vary.iter().map(|one| one.0.len() + one.1.len() + size_of_val(one));
        self.body.len() + self.head.bytes() + vary.sum::<usize>() + key.len() + OVERHEAD_BYTES
    }
}

/// What a request says in a field, all its lines as one.
pub(super) fn selecting(request: &Head, name: &str) -> Vec<u8> {
    request.get_all(name).map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b", "[..])
}

/// What those who wait for a flight are told before its channel closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// Nothing: who asked left, or what came was overtaken by a change. Another may ask.
    Silent,
    /// It is stored: whom it does not answer goes on its own.
    Stored,
    /// What it brought is not for others: each goes on its own.
    Alone,
    /// The service failed.
    Failed,
}

/// Somebody asks the service.
#[derive(Debug)]
pub(super) struct Flight {
    /// Its name among all of a part.
    pub(super) number: u64,
    /// Whose answer it brings.
    pub(super) owner: Owner,
    pub(super) began: Instant,
    pub(super) landing: watch::Receiver<Landing>,
}

/// What is under one key.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) variants: Vec<Arc<Stored>>,
    /// The flight whose answer will be stored.
    pub(super) flight: Option<Flight>,
    pub(super) waiting: usize,
    /// Differs each time that the place is used.
    pub(super) used: u64,
}

/// A part of the store.
#[derive(Debug, Default)]
pub(super) struct Part {
    places: HashMap<Arc<str>, Place>,
    /// Keys by when they were used last.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
    bytes: usize,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Store([Mutex<Part>; PARTS]);

impl Default for Store {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Store {
    /// The part of a key, locked.
    pub(super) fn part(&self, key: &str) -> MutexGuard<'_, Part> {
        let hash = trunkline_resilience::balance::stable_hash(key.as_bytes());
        let [first, rest @ ..] = &self.0;
        let at = usize::try_from(hash >> 32).unwrap_or(0) % PARTS;
        rest.get(at).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, Part>> {
        self.0.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Objects and bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        self.parts().fold((0, 0), |(objects, bytes), part| {
            let variants: usize = part.places.values().map(|place| place.variants.len()).sum();
            (objects + variants, bytes + part.bytes)
        })
    }

    /// Makes room until no more than so many bytes are stored.
    pub(super) fn shrink(&self, max: usize) {
        self.parts().for_each(|mut part| part.shrink(max / PARTS));
    }

    /// Takes away everything whose key is meant; returns how many objects.
    pub(super) fn purge(&self, meant: impl Fn(&str) -> bool) -> usize {
        let mut gone = 0;
        for mut part in self.parts() {
            let keys: Vec<_> = part.places.keys().filter(|key| meant(key)).cloned().collect();
            gone += keys.iter().map(|key| part.forget(key)).sum::<usize>();
        }
        gone
    }
}

impl Part {
    /// What is under a key, which counts as used now.
    pub(super) fn place(&mut self, key: &Arc<str>) -> &mut Place {
        self.next += 1;
        let place = self.places.entry(Arc::clone(key)).or_default();
        self.order.remove(&place.used);
        place.used = self.next;
        self.order.insert(self.next, Arc::clone(key));
        place
    }

    /// What is under a key, if anything is.
    pub(super) fn known(&mut self, key: &str) -> Option<&mut Place> {
        self.places.get_mut(key)
    }

    /// Takes away what is stored under a key. What is on its way is as old, and is not stored.
    pub(super) fn forget(&mut self, key: &str) -> usize {
        let gone = self.evict(key);
        if let Some(place) = self.places.get_mut(key) {
            place.flight = None;
        }
        self.tidy(key);
        gone
    }

    /// Takes away what is stored under a key, for its room.
    fn evict(&mut self, key: &str) -> usize {
        let Some(place) = self.places.get_mut(key) else { return 0 };
        let variants = std::mem::take(&mut place.variants);
        self.bytes -= variants.iter().map(|stored| stored.bytes(key)).sum::<usize>();
        self.tidy(key);
        variants.len()
    }

    /// Takes away one response.
    pub(super) fn discard(&mut self, key: &str, stored: &Arc<Stored>) {
        let Some(place) = self.places.get_mut(key) else { return };
        let before = place.variants.len();
        place.variants.retain(|known| !Arc::ptr_eq(known, stored));
        if place.variants.len() < before {
            self.bytes -= stored.bytes(key);
        }
        self.tidy(key);
    }

    /// Stores what a flight brought, unless it was overtaken by a change or another flight; says
    /// whether it did.
    pub(super) fn land(
        &mut self,
        key: &Arc<str>,
        (number, max): (u64, usize),
        stored: Arc<Stored>,
    ) -> bool {
        let flight = self.places.get(key).and_then(|place| place.flight.as_ref());
        let current = flight.is_some_and(|flight| flight.number == number);
        if current {
            self.store(key, stored, max);
        }
        current
    }

    /// A flight is over.
    pub(super) fn end(&mut self, key: &str, number: u64) {
        if let Some(place) = self.places.get_mut(key)
            && place.flight.as_ref().is_some_and(|flight| flight.number == number)
        {
            place.flight = None;
        }
        self.tidy(key);
    }

    /// Takes away a place that holds nothing.
    pub(super) fn tidy(&mut self, key: &str) {
        let empty = |place: &Place| {
            place.variants.is_empty() && place.flight.is_none() && place.waiting == 0
        };
        if let Some(place) = self.places.get(key).filter(|place| empty(place)) {
            self.order.remove(&place.used);
            self.places.remove(key);
        }
    }

    /// Stores a response in the place of those that it replaces, within a part's share of `max`.
    fn store(&mut self, key: &Arc<str>, stored: Arc<Stored>, max: usize) {
        let (share, bytes) = (max / PARTS, stored.bytes(key));
        if bytes > share {
            return;
        }
        let place = self.place(key);
        let mut freed = 0;
        place.variants.retain(|known| {
            let same = known.owner == stored.owner && known.vary == stored.vary;
            freed += if same { known.bytes(key) } else { 0 };
            !same
        });
        if place.variants.len() >= limits::CACHE_VARIANTS_MAX {
            freed += place.variants.remove(0).bytes(key);
        }
        place.variants.push(stored);
        self.bytes = self.bytes + bytes - freed;
        self.shrink(share);
    }

    fn shrink(&mut self, share: usize) {
        while self.bytes > share {
            let oldest = self.order.values().find(|old| {
                self.places.get(&***old).is_some_and(|place| !place.variants.is_empty())
            });
            let Some(oldest) = oldest.cloned() else { break };
            self.evict(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trunkline_net::http::Version;

    fn stored(bytes: usize, vary: &str) -> Arc<Stored> {
        Arc::new(Stored {
            owner: Owner { route: RouteId::new("r"), service: "web".parse().unwrap() },
            head: Kept::of(&Head::response(200, Version::Http11)),
            body: vec![0; bytes].into(),
            vary: vec![("accept".into(), vary.into())],
            control: Control::default(),
            times: Times { lifetime: Duration::ZERO, age: Duration::ZERO },
            at: trunkline_rt::Clock::system().now(),
        })
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_count_is_right(
            steps in prop::collection::vec((0_u8..40, 0_usize..4_000, 0_u8..3, any::<bool>()), 1..200)
        ) {
            let max = 16 * 20_000;
            let mut part = Part::default();
            for (key, bytes, vary, forget) in steps {
                let key: Arc<str> = format!("k{key}").into();
                if forget {
                    part.forget(&key);
                } else {
                    part.store(&key, stored(bytes, &vary.to_string()), max);
                }
                let sum: usize = part
                    .places
                    .iter()
                    .flat_map(|(key, place)| place.variants.iter().map(|one| one.bytes(key)))
                    .sum();
                prop_assert_eq!(part.bytes, sum);
                prop_assert!(part.bytes <= max / PARTS);
                prop_assert_eq!(part.order.len(), part.places.len());
            }
        }
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let max = 16 * 3_500;
        let mut part = Part::default();
        let keys: Vec<Arc<str>> = ["a", "b", "c"].map(Into::into).to_vec();
        part.store(&keys[0], stored(1_000, ""), max);
        part.store(&keys[1], stored(1_000, ""), max);
        part.place(&keys[0]);
        part.store(&keys[2], stored(1_000, ""), max);
        assert!(part.known("b").is_none());
        assert!(part.known("a").is_some() && part.known("c").is_some());
        part.store(&keys[1], stored(9_000, ""), max);
        assert!(part.known("b").is_none(), "larger than all there is");
    }
}
