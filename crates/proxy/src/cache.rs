//! A shared cache for small objects (RFC 9111), for routes that ask for one.
//!
//! A fresh response answers without the service; a stale one is asked about by its validators. Of
//! several who want the same, one asks, and the others wait for what it brings, or are served what
//! is stale as far as `stale-while-revalidate` allows. What is stored is bounded in bytes, and one
//! object too. Only GET is stored; HEAD is answered from it; what names a range goes past it.
//!
//! Targets are those that callers ask for, so that people can name them; a route's answers are its
//! own all the same, because it may ask another service, for another path, with other fields.

mod answer;
mod control;
mod fill;
mod fresh;
mod kept;
mod store;

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use trunkline_model::ops::CacheStats;
use trunkline_net::http::{Exchange, Head, Note};
use trunkline_rt::TurnClock;

use crate::limits;
pub(crate) use answer::Hit;
use answer::has_condition;
use control::Control;
pub(crate) use fill::{Fill, Filled};
pub(crate) use store::Owner;
use store::{Flight, Landing, Store, Stored};

/// The cache of the process.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    store: Store,
    /// Bytes that it may hold.
    max: AtomicUsize,
    /// Bytes of bodies that are gathered to be stored.
    gathering: AtomicUsize,
    /// Whether anything was ever asked for to be stored.
    used: AtomicBool,
    hits: AtomicU64,
    stale: AtomicU64,
    misses: AtomicU64,
    revalidated: AtomicU64,
    collapsed: AtomicU64,
    passed: AtomicU64,
}

/// What the cache has for a request.
pub(crate) enum Found {
    /// An answer.
    Hit(Hit),
    /// Nothing that can be used at once: the service is asked, and the answer may be stored.
    Fill(Box<Fill>),
    /// Nothing, and no service is to be asked (`only-if-cached`).
    Nothing,
    /// The request goes past the cache.
    Pass,
}

/// How a stored response can be used.
enum Use {
    Now(&'static str),
    AskFirst,
}

/// What comes next for a request.
enum Next {
    Done(Found),
    Wait(watch::Receiver<Landing>),
}

impl Cache {
    /// Holds so many bytes at most from now on.
    pub(crate) fn limit(&self, bytes: usize) {
        if bytes < self.max.swap(bytes, Ordering::Relaxed) {
            self.store.shrink(bytes);
        }
    }

    /// A request goes past the cache.
    pub(crate) fn pass(&self) -> Found {
        self.passed.fetch_add(1, Ordering::Relaxed);
        Found::Pass
    }

    fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// Takes away what is stored of a host, below a path; returns how many objects.
    pub(crate) fn purge(&self, host: Option<&str>, prefix: &str) -> usize {
        self.store.purge(|key| {
            let Some((_, rest)) = key.split_once("://") else { return false };
            let (known, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            host.is_none_or(|host| host == known) && target.starts_with(prefix)
        })
    }

    /// What it tells.
    pub(crate) fn stats(&self) -> CacheStats {
        let (objects, bytes) = self.store.size();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheStats {
            objects: objects as u64,
            bytes: bytes as u64,
            outcomes: vec![
                ("hit", read(&self.hits)),
                ("stale", read(&self.stale)),
                ("miss", read(&self.misses)),
                ("revalidated", read(&self.revalidated)),
                ("collapsed", read(&self.collapsed)),
                ("bypass", read(&self.passed)),
            ],
        }
    }

    /// A request that changes something was answered: what is stored of its target, and of those
    /// that the answer names on the same host, is no longer true (RFC 9111 §4.4).
    pub(crate) fn changed(&self, exchange: &Exchange, response: &Head) {
        let safe = is_safe(exchange.request.method());
        if safe || !self.used.load(Ordering::Relaxed) || !(200..400).contains(&response.status()) {
            return;
        }
        let own = key(exchange, &target(exchange));
        self.store.part(&own).forget(&own);
        for name in ["location", "content-location"] {
            let Some(place) = response.get_text(name) else { continue };
            let origin = key(exchange, "");
            let target = place.strip_prefix(&*origin).unwrap_or(place);
            if target.starts_with('/') && !target.starts_with("//") {
                let named = key(exchange, target);
                self.store.part(&named).forget(&named);
            }
        }
    }
}

/// Looks a request without a body up; waits while somebody else asks for the same.
pub(crate) async fn look(
    cache: &Arc<Cache>,
    exchange: &Exchange,
    owner: Owner,
    clock: &TurnClock,
) -> Found {
    let request = &exchange.request;
    let control = Control::of(request);
    let is_get = request.method() == "GET";
    let passes = !is_get && request.method() != "HEAD" || request.has("range") || control.no_store;
    if passes || cache.max() == 0 {
        return cache.pass();
    }
    cache.used.store(true, Ordering::Relaxed);
    let key = key(exchange, &target(exchange)).into();
    let asks = Asks { cache, key, owner, request, control };
    let mut landed = None;
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    loop {
        let mut flight = match asks.next(landed, clock.now()) {
            Next::Done(found) => return found,
            Next::Wait(flight) => flight,
        };
        let _waiting = Waiting { cache, key: &asks.key };
        let patience = patience.get_or_insert_with(|| {
            cache.collapsed.fetch_add(1, Ordering::Relaxed);
            Box::pin(sleep(limits::CACHE_WAIT_TIME))
        });
        // The channel closes with the flight, whatever it brought.
        landed = Some(tokio::select! {
            told = flight.changed() => told.map_or(Landing::Silent, |()| *flight.borrow()),
            () = patience => Landing::Alone,
        });
    }
}

/// A request that is looked up.
struct Asks<'a> {
    cache: &'a Arc<Cache>,
    key: Arc<str>,
    owner: Owner,
    request: &'a Head,
    control: Control,
}

impl Asks<'_> {
    /// What comes next, now that the flight that it waited for has `landed`.
    fn next(&self, landed: Option<Landing>, now: Instant) -> Next {
        let (cache, request) = (self.cache, self.request);
        let mut part = cache.store.part(&self.key);
        let place = part.place(&self.key);
        // Of several, the newest (RFC 9111 §4.1).
        let mut newest = place.variants.iter().rev();
        let fitting = newest.find(|stored| stored.fits(&self.owner, request)).cloned();
        let asked = place.flight.as_ref().is_some_and(|flight| flight.owner == self.owner);
        if let Some(stored) = &fitting {
            let failed = landed == Some(Landing::Failed) && stored.helps(now);
            let usable = if failed { Use::Now("stale") } else { self.usable(stored, now, asked) };
            if let Use::Now(how) = usable {
                let count = if how == "stale" { &cache.stale } else { &cache.hits };
                count.fetch_add(1, Ordering::Relaxed);
                return Next::Done(Found::Hit(Hit::new(stored, request, now)));
            }
        }
        if self.control.only_if_cached {
            part.tidy(&self.key);
            return Next::Done(Found::Nothing);
        }
        // A condition of the caller's own can only be answered from what is stored.
        if request.method() != "GET" || (fitting.is_none() && has_condition(request)) {
            part.tidy(&self.key);
            return Next::Done(cache.pass());
        }
        // One that takes long, be it for a caller that reads slowly, holds up nobody who comes later.
        let quick = |flight: &&Flight| now < flight.began + limits::CACHE_WAIT_TIME;
        let Some(flight) = place.flight.as_ref().filter(quick) else {
            let (tell, landing) = watch::channel(Landing::Silent);
            let (number, owner) = (place.used, self.owner.clone());
            place.flight = Some(Flight { number, owner, began: now, landing });
            cache.misses.fetch_add(1, Ordering::Relaxed);
            let fill = Fill::new(self, (fitting, tell), number, now);
            return Next::Done(Found::Fill(Box::new(fill)));
        };
        // What the last one brought was not for others: each goes on its own.
        let alone = landed.is_some_and(|landing| landing != Landing::Silent);
        if alone || !asked || place.waiting >= limits::CACHE_WAITING_MAX {
            return Next::Done(cache.pass());
        }
        let landing = flight.landing.clone();
        place.waiting += 1;
        Next::Wait(landing)
    }

    /// Whether a stored response answers as it is (RFC 9111 §4.2, §5.2.1, RFC 5861 §3).
    fn usable(&self, stored: &Stored, now: Instant, asked: bool) -> Use {
        let asks = &self.control;
        let age = stored.age(now);
        if asks.no_cache || asks.max_age.is_some_and(|most| age > most) {
            return Use::AskFirst;
        }
        match stored.fresh_for(now) {
            Ok(left) if asks.min_fresh.is_none_or(|least| left >= least) => Use::Now("hit"),
            Ok(_) => Use::AskFirst,
            Err(_) if stored.control.must_revalidate || stored.control.no_cache => Use::AskFirst,
            Err(stale) => {
                let while_asked = stored.control.stale_while_revalidate.filter(|_| asked);
                // A time for shared caches is one that callers cannot stretch (§5.2.2.10).
                let stretched = asks.max_stale.filter(|_| stored.control.s_maxage.is_none());
                let most = while_asked.max(stretched).unwrap_or(Duration::ZERO);
                if stale < most { Use::Now("stale") } else { Use::AskFirst }
            }
        }
    }
}

/// One that waits for a flight and was counted; until it is dropped.
struct Waiting<'a> {
    cache: &'a Cache,
    key: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut part = self.cache.store.part(self.key);
        if let Some(place) = part.known(self.key) {
            place.waiting = place.waiting.saturating_sub(1);
        }
        part.tidy(self.key);
    }
}

/// The target that the caller asked for, whatever the service is asked.
fn target(exchange: &Exchange) -> Cow<'_, str> {
    let original = exchange.notes.all().iter().find_map(|note| match note {
        Note::OriginalTarget(path) => Some(&**path),
        Note::IdleLimit(_) => None,
    });
    match (original, exchange.request.query()) {
        (None, _) => Cow::Borrowed(exchange.request.target()),
        (Some(path), None) => Cow::Borrowed(path),
        (Some(path), Some(query)) => Cow::Owned(format!("{path}?{query}")),
    }
}

/// What a target is stored by.
fn key(exchange: &Exchange, target: &str) -> String {
    format!("{}://{}{target}", exchange.scheme.as_str(), exchange.host)
}

fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}
