//! A shared cache for small objects (RFC 9111), for routes that ask for one.
//!
//! A fresh response answers without the service; a stale one is asked about by its validators. Of
//! several who want the same, one asks, and the others wait for what it brings, or are served what
//! is stale as far as `stale-while-revalidate` allows. What is stored is bounded in bytes, and one
//! object too. Only GET is stored; HEAD is answered from it; what names a range goes past it.

mod answer;
mod control;
mod fill;
mod fresh;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use trunkline_model::RouteId;
use trunkline_model::ops::CacheStats;
use trunkline_net::http::{Exchange, Head};

use crate::limits;
pub(crate) use answer::Hit;
use answer::has_condition;
use control::Control;
pub(crate) use fill::{Fill, Filled};
use store::{Store, Stored};

/// The cache of the process.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    store: Store,
    /// Bytes that it may hold.
    max: AtomicUsize,
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

impl Cache {
    /// Holds so many bytes at most from now on.
    pub(crate) fn limit(&self, bytes: usize) {
        self.max.store(bytes, Ordering::Relaxed);
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
        if is_safe(exchange.request.method()) || !(200..400).contains(&response.status()) {
            return;
        }
        let own = key(exchange, exchange.request.target());
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

/// Looks a request up; waits while somebody else asks for the same.
pub(crate) async fn look(
    cache: &Arc<Cache>,
    exchange: &Exchange,
    route: &RouteId,
    now: Instant,
) -> Found {
    let request = &exchange.request;
    let asks = Control::of(request);
    let is_get = request.method() == "GET";
    let passes = !is_get && request.method() != "HEAD" || request.has("range") || asks.no_store;
    if passes || cache.max() == 0 {
        cache.passed.fetch_add(1, Ordering::Relaxed);
        return Found::Pass;
    }
    let key: Arc<str> = key(exchange, request.target()).into();
    let mut waited = false;
    loop {
        let mut flight = {
            let mut part = cache.store.part(&key);
            let place = part.place(&key);
            let fitting = place.variants.iter().find(|stored| stored.fits(request, route)).cloned();
            let usable =
                fitting.as_deref().map(|stored| usable(stored, &asks, now, place.flight.is_some()));
            if let (Some(stored), Some(Use::Now(how))) = (&fitting, usable) {
                let count = if how == "stale" { &cache.stale } else { &cache.hits };
                count.fetch_add(1, Ordering::Relaxed);
                return Found::Hit(Hit::new(stored, request, now));
            }
            if asks.only_if_cached {
                part.tidy(&key);
                return Found::Nothing;
            }
            // A condition of the caller's own can only be answered from what is stored.
            if !is_get || (fitting.is_none() && has_condition(request)) {
                part.tidy(&key);
                cache.passed.fetch_add(1, Ordering::Relaxed);
                return Found::Pass;
            }
            match &place.flight {
                None => {
                    let (landing, flight) = watch::channel(());
                    place.flight = Some(flight);
                    cache.misses.fetch_add(1, Ordering::Relaxed);
                    let fill = Fill::new(cache, (key, route), (fitting, landing), now);
                    return Found::Fill(Box::new(fill));
                }
                // What the last one brought was not for others: each goes on its own.
                Some(_) if waited || place.waiting >= limits::CACHE_WAITING_MAX => {
                    cache.passed.fetch_add(1, Ordering::Relaxed);
                    return Found::Pass;
                }
                Some(flight) => flight.clone(),
            }
        };
        waited = true;
        cache.collapsed.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting::new(cache, &key);
        // The channel closes with the flight, whatever it brought.
        let _ = tokio::time::timeout(limits::CACHE_WAIT_TIME, flight.changed()).await;
    }
}

/// One that waits for a flight, counted until it is dropped.
struct Waiting<'a> {
    cache: &'a Cache,
    key: &'a str,
}

impl<'a> Waiting<'a> {
    fn new(cache: &'a Cache, key: &'a str) -> Self {
        if let Some(place) = cache.store.part(key).known(key) {
            place.waiting += 1;
        }
        Self { cache, key }
    }
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

/// Whether a stored response answers a request as it is (RFC 9111 §4.2, §5.2.1, RFC 5861 §3).
fn usable(stored: &Stored, asks: &Control, now: Instant, asked: bool) -> Use {
    let age = stored.age(now);
    let too_old = asks.max_age.is_some_and(|most| age > most);
    if asks.no_cache || too_old {
        return Use::AskFirst;
    }
    match stored.fresh_for(now) {
        Ok(left) if asks.min_fresh.is_none_or(|least| left >= least) => Use::Now("hit"),
        Ok(_) => Use::AskFirst,
        Err(_) if stored.control.must_revalidate || stored.control.no_cache => Use::AskFirst,
        Err(stale) => {
            let while_asked = stored.control.stale_while_revalidate.filter(|_| asked);
            let most = while_asked.max(asks.max_stale).unwrap_or(Duration::ZERO);
            if stale < most { Use::Now("stale") } else { Use::AskFirst }
        }
    }
}

/// What a target is stored by.
fn key(exchange: &Exchange, target: &str) -> String {
    format!("{}://{}{target}", exchange.scheme.as_str(), exchange.host)
}

fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}
