//! The open connections of one worker, by address and transport.
//!
//! HTTP/1.1 connections are taken last in, first out, so that those not needed grow old and are
//! closed. Whether one still lives is asked of its socket when it is taken, which costs no system
//! call: the runtime has been told if anything happened to it. After how long a service closes idle
//! connections is learned from what it says and from what it does. HTTP/2 connections are shared by
//! many streams; another one is opened when streams run out. Nothing here waits or opens a
//! connection: that is [`super::connect`]'s work.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::Notify;
use trunkline_net::http::Body;
use trunkline_net::http1::Client;

use super::driver::Link;
use super::http2::Uploading;
use super::learned::{self, Learned};
use crate::limits;
use crate::quick::QuickMap;
use crate::worker::Worker;

/// What requests must agree on to share a connection: where it goes, in which of its lives, how it
/// is made (the transport's id), and the name that TLS verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) address: SocketAddr,
    pub(crate) transport: u64,
    pub(crate) host: Box<str>,
    pub(crate) life: u64,
    /// The only caller that it is for, where the service is told who calls.
    pub(crate) caller: Option<SocketAddr>,
}

/// A life of an endpoint has one address, and seldom more than one transport or name.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.life, self.transport).hash(state);
    }
}

/// The pool of one worker.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    places: RefCell<QuickMap<Key, Place>>,
    idle: Cell<usize>,
    next: Cell<u64>,
    /// Lives that ended last: what is still in use then is closed when it comes back.
    ended: RefCell<VecDeque<u64>>,
}

#[derive(Debug, Default)]
struct Place {
    #[expect(clippy::vec_box, reason = "they come boxed, and go so")]
    idle: Vec<Box<Single>>,
    learned: Learned,
    shared: Vec<Rc<Shared>>,
    /// Somebody opens an HTTP/2 connection; others wait for it.
    opening: Option<Rc<Notify>>,
}

/// An HTTP/1.1 connection, with what the pool must know of it.
#[derive(Debug)]
struct Single {
    client: Client,
    key: Key,
    keep_alive: Duration,
    /// When it was given back last, or made.
    since: Instant,
}

/// An HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct Shared {
    number: u64,
    sender: SendRequest<Bytes>,
    pub(super) link: Rc<Link>,
    idle_since: Cell<Instant>,
    keep_alive: Duration,
}

/// What a pool has for a request over HTTP/2.
#[derive(Debug)]
pub(crate) enum Multiplexed {
    /// A connection with room.
    Ready(Stream),
    /// Somebody is opening one: wait, then ask again.
    Wait(Rc<Notify>),
    /// Open one. Dropping the permit without a connection lets the next one try.
    Open(Opening),
    /// There are as many as there may be, all full.
    Full,
}

/// The permit to open an HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct Opening {
    worker: Rc<Worker>,
    key: Key,
}

/// A stream of a shared connection, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) shared: Rc<Shared>,
    worker: Rc<Worker>,
}

/// An HTTP/1.1 connection in use.
#[derive(Debug)]
pub(crate) struct Exclusive {
    single: Box<Single>,
    worker: Rc<Worker>,
}

/// A connection in use, by which the response's body is read; dropping it closes it or resets its
/// stream. It is moved more often than it is read, and therefore small.
#[derive(Debug)]
pub(crate) enum Lease {
    Http1(Exclusive),
    Http2(Box<Framed>),
    /// It was given back, or became a tunnel.
    None,
}

/// A response's body that comes in frames.
#[derive(Debug)]
pub(crate) struct Framed {
    pub(crate) body: Body,
    /// What came and was not used yet.
    pub(crate) part: Bytes,
    _stream: Stream,
    /// The rest of the request's body.
    _upload: Option<Uploading>,
}

impl Lease {
    /// The body on this stream, and what is still sent on it.
    pub(crate) fn framed(body: Body, stream: Stream, upload: Option<Uploading>) -> Self {
        Self::Http2(Box::new(Framed { body, part: Bytes::new(), _stream: stream, _upload: upload }))
    }

    /// The exchange is over and the connection can serve another one.
    pub(crate) fn give_back(self) {
        if let Self::Http1(exclusive) = self {
            exclusive.give_back();
        }
    }
}

impl Pool {
    /// The next idle HTTP/1.1 connection that seems alive.
    pub(crate) fn take(worker: &Rc<Worker>, key: &Key) -> Option<Exclusive> {
        let pool = &worker.pool;
        let mut places = pool.places.borrow_mut();
        let place = places.get_mut(key)?;
        let now = worker.clock.now();
        while let Some(mut single) = place.idle.pop() {
            pool.idle.set(pool.idle.get().saturating_sub(1));
            if single.client.is_alive() {
                return Some(Exclusive { single, worker: Rc::clone(worker) });
            }
            place.learned.closed_after(now.saturating_duration_since(single.since));
        }
        None
    }

    /// Takes a new HTTP/1.1 connection into use.
    pub(crate) fn lease(
        worker: &Rc<Worker>,
        key: Key,
        client: Client,
        keep_alive: Duration,
    ) -> Exclusive {
        let single = Single { client, key, keep_alive, since: worker.clock.now() };
        Exclusive { single: Box::new(single), worker: Rc::clone(worker) }
    }

    /// Whether HTTP/2 is known to be spoken there: a connection of it is open.
    pub(crate) fn speaks_http2(&self, key: &Key) -> bool {
        self.places.borrow().get(key).is_some_and(|place| !place.shared.is_empty())
    }

    /// What there is for a request over HTTP/2.
    pub(crate) fn multiplex(worker: &Rc<Worker>, key: &Key) -> Multiplexed {
        let mut places = worker.pool.places.borrow_mut();
        let place = places.entry(key.clone()).or_default();
        place.shared.retain(|shared| !shared.link.is_closed());
        let roomy = place.shared.iter().filter(|shared| shared.link.has_room());
        if let Some(shared) = roomy.min_by_key(|shared| shared.link.streams.get()) {
            return Multiplexed::Ready(Stream::new(shared, worker));
        }
        if let Some(opening) = &place.opening {
            return Multiplexed::Wait(Rc::clone(opening));
        }
        if place.shared.len() >= limits::POOL_HTTP2_PER_ENDPOINT_MAX {
            return Multiplexed::Full;
        }
        place.opening = Some(Rc::default());
        Multiplexed::Open(Opening { worker: Rc::clone(worker), key: key.clone() })
    }

    /// A connection ended: it is not offered any more.
    pub(crate) fn forget(&self, key: &Key, number: u64) {
        let mut places = self.places.borrow_mut();
        let Some(place) = places.get_mut(key) else {
            return;
        };
        place.shared.retain(|shared| shared.number != number);
        if place.is_empty() {
            places.remove(key);
        }
    }

    /// Closes what was idle for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut places = self.places.borrow_mut();
        let mut closed = 0;
        places.retain(|_, place| {
            let before = place.idle.len();
            let learned = &mut place.learned;
            place.idle.retain_mut(|idle| {
                let age = now.saturating_duration_since(idle.since);
                let alive = idle.client.is_alive();
                if !alive {
                    learned.closed_after(age);
                }
                alive && age < idle.keep_alive
            });
            closed += before - place.idle.len();
            place.shared.retain(|shared| !shared.is_over(now));
            !place.is_empty()
        });
        self.idle.set(self.idle.get().saturating_sub(closed));
    }

    /// Closes what was connected to a life of an endpoint that ended: a service that is told to end
    /// may wait for that.
    pub(crate) fn end(&self, life: u64) {
        let mut ended = self.ended.borrow_mut();
        if ended.len() >= limits::POOL_ENDED_MAX {
            ended.pop_front();
        }
        ended.push_back(life);
        let mut places = self.places.borrow_mut();
        let mut closed = 0;
        places.retain(|key, place| {
            if key.life != life {
                return true;
            }
            closed += place.idle.len();
            place.idle.clear();
            // Open streams hold their connection until they are over.
            place.shared.clear();
            !place.is_empty()
        });
        self.idle.set(self.idle.get().saturating_sub(closed));
    }

    pub(crate) fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }
}

impl Place {
    fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.shared.is_empty() && self.opening.is_none()
    }
}

impl Exclusive {
    pub(crate) fn client(&self) -> &Client {
        &self.single.client
    }

    pub(crate) fn client_mut(&mut self) -> &mut Client {
        &mut self.single.client
    }

    /// It serves something else from now on, and does not come back.
    pub(crate) fn into_client(self) -> Client {
        self.single.client
    }

    /// The service closes idle connections after so long: ours is gone before, so that a request
    /// does not cross with the close.
    pub(crate) fn limit_idle(&mut self, theirs: Option<Duration>) {
        if let Some(theirs) = theirs {
            self.single.keep_alive = self.single.keep_alive.min(learned::before(theirs));
        }
    }

    fn give_back(self) {
        let Self { mut single, worker } = self;
        let pool = &worker.pool;
        let full = pool.idle.get() >= limits::POOL_IDLE_MAX;
        let ended = pool.ended.borrow().contains(&single.key.life);
        if !single.client.is_reusable() || full || ended {
            return;
        }
        single.since = worker.clock.now();
        let mut places = pool.places.borrow_mut();
        let Some(place) = places.get_mut(&single.key) else {
            pool.idle.set(pool.idle.get() + 1);
            let key = single.key.clone();
            places.insert(key, Place { idle: vec![single], ..Place::default() });
            return;
        };
        if place.idle.len() < limits::POOL_IDLE_PER_ENDPOINT_MAX {
            pool.idle.set(pool.idle.get() + 1);
            single.keep_alive = place.learned.limit(single.keep_alive);
            place.idle.push(single);
        }
    }
}

impl Shared {
    fn is_over(&self, now: Instant) -> bool {
        let idle = self.link.streams.get() == 0
            && now.saturating_duration_since(self.idle_since.get()) >= self.keep_alive;
        idle || self.link.is_closed()
    }

    /// A handle to send one request by.
    pub(crate) fn sender(&self) -> SendRequest<Bytes> {
        self.sender.clone()
    }
}

impl Stream {
    fn new(shared: &Rc<Shared>, worker: &Rc<Worker>) -> Self {
        shared.link.streams.set(shared.link.streams.get() + 1);
        Self { shared: Rc::clone(shared), worker: Rc::clone(worker) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let streams = &self.shared.link.streams;
        streams.set(streams.get().saturating_sub(1));
        self.shared.idle_since.set(self.worker.clock.now());
    }
}

impl Opening {
    /// Shares the connection that was opened, and takes the first stream of it.
    pub(crate) fn share(
        self,
        number: u64,
        (sender, link): (SendRequest<Bytes>, Rc<Link>),
        keep_alive: Duration,
    ) -> Stream {
        let shared = Rc::new(Shared {
            number,
            sender,
            link,
            idle_since: Cell::new(self.worker.clock.now()),
            keep_alive,
        });
        let stream = Stream::new(&shared, &self.worker);
        let pool = &self.worker.pool;
        // A life that ended while it was opened takes this stream, and no other.
        if !pool.ended.borrow().contains(&self.key.life) {
            pool.places.borrow_mut().entry(self.key.clone()).or_default().shared.push(shared);
        }
        stream
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut places = self.worker.pool.places.borrow_mut();
        let opening = places.get_mut(&self.key).and_then(|place| place.opening.take());
        drop(places);
        if let Some(opening) = opening {
            opening.notify_waiters();
        }
    }
}
