//! The one that asks the service: what it is asked with, and what becomes of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;
use trunkline_model::RouteId;
use trunkline_net::http::{Body, BodyError, Head};

use super::Cache;
use super::answer::{Hit, is_condition};
use super::control::Control;
use super::fresh::{Times, storable};
use super::store::{Stored, selecting};
use crate::limits;

/// A question to the service that others may wait for; they go on when it is dropped.
pub(crate) struct Fill {
    cache: Arc<Cache>,
    key: Arc<str>,
    route: RouteId,
    /// What is stored and stale.
    known: Option<Arc<Stored>>,
    /// What selects the variant, of the request as its caller sent it.
    request: Option<Head>,
    asked: Instant,
    /// Closes when this is over.
    _landing: watch::Sender<()>,
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
        cache: &Arc<Cache>,
        (key, route): (Arc<str>, &RouteId),
        (known, landing): (Option<Arc<Stored>>, watch::Sender<()>),
        asked: Instant,
    ) -> Self {
        Self {
            cache: Arc::clone(cache),
            key,
            route: route.clone(),
            known,
            request: None,
            asked,
            _landing: landing,
        }
    }

    /// Has the request ask about what is stored; the caller's own conditions are answered here.
    pub(crate) fn ask(&mut self, request: &mut Head) {
        self.request = Some(request.clone());
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
        let known = self.known.as_ref()?;
        let stale = known.fresh_for(now).err()?;
        let may = !known.control.must_revalidate
            && known.control.stale_if_error.is_some_and(|most| stale < most);
        may.then(|| self.hit(known, now))
    }

    fn hit(&self, stored: &Arc<Stored>, now: Instant) -> Hit {
        let request = self.request.as_ref();
        let plain = Head::request("GET", "/", trunkline_net::http::Version::Http11);
        Hit::new(stored, request.unwrap_or(&plain), now)
    }

    /// The service answered.
    pub(crate) fn answered(
        self: Box<Self>,
        mut head: Head,
        body: impl FnOnce() -> Body,
        (now, wall): (Instant, SystemTime),
    ) -> Filled {
        if head.status() >= 500
            && let Some(hit) = self.failed(now)
        {
            return Filled::Hit(hit);
        }
        let delay = now.saturating_duration_since(self.asked);
        if let Some(known) = self.known.clone().filter(|_| head.status() == 304) {
            return Filled::Hit(self.freshen(&known, &head, (now, wall, delay)));
        }
        let control = Control::of(&head);
        let request = self.request.as_ref();
        let times = request.and_then(|request| storable(request, &head, &control, (wall, delay)));
        let body = body();
        let length = body.size_hint().lower();
        let fits = length <= limits::CACHE_OBJECT_BYTES_MAX as u64;
        let why = if self.known.is_some() { "stale" } else { "uri-miss" };
        let (Some(times), Some(request), true) = (times, request, fits) else {
            self.cache.store.part(&self.key).forget(&self.key);
            head.set("cache-status", format!("trunkline; fwd={why}").as_bytes());
            return Filled::Passed(head, body);
        };
        let stored = Stored {
            route: self.route.clone(),
            vary: vary(&head, request),
            head: head.clone(),
            body: Bytes::new(),
            control,
            times,
            at: now,
        };
        head.set("cache-status", format!("trunkline; fwd={why}; stored").as_bytes());
        let tee = Tee { body, gathered: BytesMut::new(), rest: Some((self, stored)) };
        Filled::Passed(head, Body::Stream(Box::pin(tee)))
    }

    /// What is stored is still true, and what the answer says of it is newer (RFC 9111 §4.3.4).
    fn freshen(
        &self,
        known: &Stored,
        news: &Head,
        (now, wall, delay): (Instant, SystemTime, Duration),
    ) -> Hit {
        let mut head = known.head.clone();
        for (name, value) in news.fields() {
            if !is_of_body(name) {
                head.set(name, value);
            }
        }
        let control = Control::of(&head);
        let request = self.request.as_ref();
        let times = request.and_then(|request| storable(request, &head, &control, (wall, delay)));
        // The news can be that it is for one caller only: then it is stored no more.
        let keep = times.is_some();
        let times = times.unwrap_or(Times { lifetime: Duration::ZERO, age: Duration::ZERO });
        let stored = || Stored {
            route: known.route.clone(),
            vary: known.vary.clone(),
            head: head.clone(),
            body: known.body.clone(),
            control,
            times,
            at: now,
        };
        self.cache.revalidated.fetch_add(1, Ordering::Relaxed);
        let mut part = self.cache.store.part(&self.key);
        if keep {
            part.store(&self.key, stored(), self.cache.max());
        } else {
            part.forget(&self.key);
        }
        drop(part);
        let mut hit = self.hit(&Arc::new(stored()), now);
        hit.head.set("cache-status", b"trunkline; hit; fwd=stale; fwd-status=304");
        hit
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        let mut part = self.cache.store.part(&self.key);
        if let Some(place) = part.known(&self.key) {
            place.flight = None;
        }
        part.tidy(&self.key);
    }
}

/// Fields of the stored body, which "not modified" must not change (RFC 9111 §3.2).
fn is_of_body(name: &str) -> bool {
    ["content-length", "content-encoding", "content-type", "content-range", "age"]
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

/// A body that is gathered while it goes to the caller, and stored once it is whole.
struct Tee {
    body: Body,
    gathered: BytesMut,
    rest: Option<(Box<Fill>, Stored)>,
}

impl Tee {
    fn whole(&mut self) {
        if let Some((fill, mut stored)) = self.rest.take() {
            stored.body = std::mem::take(&mut self.gathered).freeze();
            let mut part = fill.cache.store.part(&fill.key);
            part.store(&fill.key, stored, fill.cache.max());
        }
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
                Some(data) => {
                    this.gathered.extend_from_slice(data);
                    if this.gathered.len() > limits::CACHE_OBJECT_BYTES_MAX {
                        (this.rest, this.gathered) = (None, BytesMut::new());
                    } else if this.body.is_end_stream() {
                        this.whole();
                    }
                }
                // Trailers are not stored, and what has them is not whole without.
                None => this.rest = None,
            },
            Some(Err(_)) => this.rest = None,
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
