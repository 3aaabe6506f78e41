//! The one that asks the service: what it is asked with, and what becomes of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;
use trunkline_net::http::{Body, BodyError, Head};

use super::answer::{Hit, is_condition};
use super::control::Control;
use super::fresh::{Times, is_callers, storable};
use super::kept::Kept;
use super::store::{Landing, Owner, Stored, selecting};
use super::{Asks, Cache};
use crate::limits;

/// A question to the service that others may wait for; they go on when it is dropped.
pub(crate) struct Fill {
    cache: Arc<Cache>,
    key: Arc<str>,
    owner: Owner,
    /// What is stored and stale.
    known: Option<Arc<Stored>>,
    /// The request as its caller sent it: selects the variant, and may ask on a condition.
    request: Head,
    asked: Instant,
    /// Of the flight. Once another is in its place, what this one brings is not stored.
    number: u64,
    /// Closes when this is over.
    landing: watch::Sender<Landing>,
}

/// What became of an answer.
pub(crate) enum Filled {
    /// It goes to the caller.
    Passed(Head, Body),
    /// What is stored holds.
    Hit(Hit),
}

impl Fill {
    pub(super) fn new(
        asks: &Asks<'_>,
        (known, landing): (Option<Arc<Stored>>, watch::Sender<Landing>),
        number: u64,
        asked: Instant,
    ) -> Self {
        Self {
            cache: Arc::clone(asks.cache),
            key: Arc::clone(&asks.key),
            owner: asks.owner.clone(),
            known,
            request: asks.request.clone(),
            asked,
            number,
            landing,
        }
    }

    /// Has the request ask about what is stored; the caller's own conditions are answered here.
    pub(crate) fn ask(&self, request: &mut Head) {
        let Some(known) = &self.known else { return };
        request.retain(|name| !is_condition(name));
        for (condition, validator) in
            [("if-none-match", "etag"), ("if-modified-since", "last-modified")]
        {
            if let Some(value) = known.head.get(validator) {
                request.set(condition, value);
            }
        }
    }

    /// The service could not answer: what is stale may still do (RFC 5861 §4).
    pub(crate) fn failed(&self, now: Instant) -> Option<Hit> {
        self.landing.send_replace(Landing::Failed);
        let known = self.known.as_ref().filter(|known| known.helps(now))?;
        Some(Hit::new(known, &self.request, now))
    }

    /// The same because a policy says so, if it has not been stale for longer than `most`.
    pub(crate) fn fallback(&self, now: Instant, most: Duration) -> Option<Hit> {
        let known = self.known.as_ref().filter(|known| known.helps_for(now, most))?;
        self.landing.send_replace(Landing::Failed);
        Some(Hit::new(known, &self.request, now))
    }

    /// The service answered.
    pub(crate) fn answered(
        self: Box<Self>,
        mut head: Head,
        body: impl FnOnce() -> Body,
        (now, wall): (Instant, SystemTime),
    ) -> Filled {
        let helps = self.known.as_ref().is_some_and(|known| known.helps(now));
        if head.status() >= 500
            && helps
            && let Some(hit) = self.failed(now)
        {
            return Filled::Hit(hit);
        }
        let delay = now.saturating_duration_since(self.asked);
        if let Some(known) = self.known.clone().filter(|_| head.status() == 304) {
            return Filled::Hit(self.freshen(&known, &head, (now, wall, delay)));
        }
        let control = Control::of(&head);
        let times = storable(&self.request, &head, &control, (wall, delay));
        let mut body = body();
        let fits = body.size_hint().lower() <= limits::CACHE_OBJECT_BYTES_MAX as u64;
        let why = if self.known.is_some() { "stale" } else { "uri-miss" };
        let Some(times) = times.filter(|_| fits) else {
            self.keep_nothing(&head, &control);
            head.set("cache-status", format!("trunkline; fwd={why}").as_bytes());
            return Filled::Passed(head, body);
        };
        let stored = self.stored(&head, control, (times, now));
        head.set("cache-status", format!("trunkline; fwd={why}; stored").as_bytes());
        if body.is_end_stream() {
            self.land(stored);
        } else {
            let gathered = Gathered { cache: Arc::clone(&self.cache), bytes: BytesMut::new() };
            let tee = Tee { body, gathered, rest: Some((self, stored)) };
            body = Body::Stream(Box::pin(tee));
        }
        Filled::Passed(head, body)
    }

    fn stored(&self, head: &Head, control: Control, (times, at): (Times, Instant)) -> Stored {
        Stored {
            owner: self.owner.clone(),
            vary: vary(head, &self.request),
            head: Kept::of(head),
            body: Bytes::new(),
            control,
            times,
            at,
        }
    }

    /// Stores what was brought.
    fn land(&self, stored: impl Into<Arc<Stored>>) {
        let of = (self.number, self.cache.max());
        if self.cache.store.part(&self.key).land(&self.key, of, stored.into()) {
            self.landing.send_replace(Landing::Stored);
        }
    }

    /// An answer was not for others. Unless that is for who asked, or for a failure, what is known
    /// is not true any more.
    fn keep_nothing(&self, head: &Head, control: &Control) {
        self.landing.send_replace(Landing::Alone);
        let says_nothing = head.status() >= 500 || is_callers(&self.request, head, control);
        if let Some(known) = self.known.as_ref().filter(|_| !says_nothing) {
            self.cache.store.part(&self.key).discard(&self.key, known);
        }
    }

    /// What is stored is still true, and what the answer says of it is newer (RFC 9111 §4.3.4). One
    /// that sets a cookie makes it its caller's, like any other answer that does.
    fn freshen(
        &self,
        known: &Stored,
        news: &Head,
        (now, wall, delay): (Instant, SystemTime, Duration),
    ) -> Hit {
        let mut head = known.head.head();
        // Their age is that of the answer that confirmed them.
        head.remove("age");
        head.remove("date");
        let newer = || news.fields().filter(|(name, _)| !stays(name));
        newer().for_each(|(name, _)| head.remove(name));
        newer().for_each(|(name, value)| head.append(name, value));
        let control = Control::of(&head);
        let cookie = news.has("set-cookie");
        let times = storable(&self.request, &head, &control, (wall, delay)).filter(|_| !cookie);
        let none = Times { lifetime: Duration::ZERO, age: Duration::ZERO };
        let mut stored = self.stored(&head, control, (times.unwrap_or(none), now));
        stored.body = known.body.clone();
        let stored = Arc::new(stored);
        match times {
            Some(_) => self.land(Arc::clone(&stored)),
            None => self.keep_nothing(&head, &control),
        }
        self.cache.revalidated.fetch_add(1, Ordering::Relaxed);
        let mut hit = Hit::new(&stored, &self.request, now);
        hit.head.set("cache-status", b"trunkline; hit; fwd=stale; fwd-status=304");
        news.get_all("set-cookie").for_each(|cookie| hit.head.append("set-cookie", cookie));
        hit
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.cache.store.part(&self.key).end(&self.key, self.number);
    }
}

/// Fields that "not modified" does not change: those of the stored body (RFC 9111 §3.2), and what is
/// for one caller.
fn stays(name: &str) -> bool {
    ["content-length", "content-encoding", "content-type", "content-range", "set-cookie"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// What selected this response among others of its target.
fn vary(response: &Head, request: &Head) -> Vec<(String, Vec<u8>)> {
    let lists = response.get_all("vary").flat_map(|list| list.split(|byte| *byte == b','));
    let names = lists.filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok());
    let mut names: Vec<String> =
        names.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| (name.clone(), selecting(request, &name))).collect()
}

/// Bytes that are gathered to be stored: of all bodies together, no more than may be stored.
struct Gathered {
    cache: Arc<Cache>,
    bytes: BytesMut,
}

impl Gathered {
    /// Adds bytes; or says that there is no room.
    fn add(&mut self, data: &[u8]) -> bool {
        let before = self.cache.gathering.fetch_add(data.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(data);
        self.bytes.len() <= limits::CACHE_OBJECT_BYTES_MAX
            && before + data.len() <= self.cache.max()
    }

    /// What was gathered, in memory of its size: what it grew in may be twice as much.
    fn whole(&self) -> Bytes {
        Bytes::copy_from_slice(&self.bytes)
    }

    fn clear(&mut self) {
        self.cache.gathering.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        self.bytes = BytesMut::new();
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A body that is gathered while it goes to the caller, and stored once it is whole.
struct Tee {
    body: Body,
    gathered: Gathered,
    rest: Option<(Box<Fill>, Stored)>,
}

impl Tee {
    fn whole(&mut self) {
        if let Some((fill, mut stored)) = self.rest.take() {
            stored.body = self.gathered.whole();
            self.gathered.clear();
            fill.land(stored);
        }
    }

    /// It will not be stored: who waits for it goes on.
    fn give_up(&mut self, landing: Landing) {
        if let Some((fill, _)) = self.rest.take() {
            fill.landing.send_replace(landing);
        }
        self.gathered.clear();
    }
}

impl HttpBody for Tee {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            None => this.whole(),
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) if this.rest.is_some() => {
                    if !this.gathered.add(data) {
                        this.give_up(Landing::Alone);
                    } else if this.body.is_end_stream() {
                        this.whole();
                    }
                }
                Some(_) => {}
                // Trailers are not stored, and what has them is not whole without.
                None => this.give_up(Landing::Alone),
            },
            Some(Err(_)) => this.give_up(Landing::Failed),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_gathered_is_no_more_than_may_be_stored() {
        let cache = Arc::<Cache>::default();
        cache.limit(1_000);
        let gathered = || Gathered { cache: Arc::clone(&cache), bytes: BytesMut::new() };
        let (mut one, mut other) = (gathered(), gathered());
        assert!(one.add(&[0; 600]) && !other.add(&[0; 600]));
        drop(other);
        assert!(one.add(&[0; 400]) && !one.add(&[0; 1]));
        one.clear();
        assert!(one.add(&[0; 1_000]));
        drop(one);
        assert_eq!(cache.gathering.load(Ordering::Relaxed), 0);
    }
}
