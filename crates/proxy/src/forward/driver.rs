//! What drives an upstream HTTP/2 connection until it ends, and notices when its peer is dead.
//!
//! A peer that is gone without a word (its host lost power, a link broke) would keep its streams
//! waiting for ever. While streams are open and nothing arrives, it is sent a ping; what has not
//! answered by the next look is dead.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Ping, PingPong};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval};
use trunkline_net::http2::{Excess, Guarded, Watch};
use trunkline_net::stream::Stream;

use crate::limits;

type Codec = h2::client::Connection<Guarded<Stream>, Bytes>;

/// What the pool knows of a connection that it shares.
#[derive(Debug)]
pub(crate) struct Link {
    watch: Rc<Watch>,
    closed: Cell<bool>,
    streams_max: Cell<usize>,
    /// Rings once the peer's settings are known, or none will come.
    settled: Notify,
    /// Streams in use.
    pub(super) streams: Cell<usize>,
}

impl Link {
    pub(super) fn new(watch: Rc<Watch>) -> Rc<Self> {
        Rc::new(Self {
            watch,
            closed: Cell::new(false),
            streams_max: Cell::new(limits::UPSTREAM_STREAMS_MAX),
            settled: Notify::new(),
            streams: Cell::new(0),
        })
    }

    /// Whether it takes no more streams.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get() || self.watch.is_going_away()
    }

    /// Waits until the peer's settings are known, or the connection ended.
    pub(super) async fn settled(&self) {
        // Nothing is awaited between the question and the wait: no ring is missed.
        while !self.watch.has_settings() && !self.is_closed() {
            self.settled.notified().await;
        }
    }

    pub(super) fn has_room(&self) -> bool {
        let max = self.streams_max.get().min(limits::UPSTREAM_STREAMS_MAX);
        self.streams.get() < max && !self.is_closed()
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Codec(#[from] h2::Error),
    #[error("it sent too much: {0}")]
    Excess(Excess),
    #[error("it gave no sign of life")]
    Dead,
}

/// Drives a connection until its end.
pub(super) async fn drive(mut codec: Codec, link: &Link) -> Result<(), Broken> {
    let mut pulse = Pulse::new(codec.ping_pong());
    let ended = poll_fn(|cx| {
        let known = link.watch.has_settings();
        let polled = Pin::new(&mut codec).poll(cx);
        if !known && link.watch.has_settings() {
            link.settled.notify_waiters();
        }
        link.streams_max.set(codec.max_concurrent_send_streams());
        if let Some(excess) = link.watch.excess() {
            return Poll::Ready(Err(Broken::Excess(excess)));
        }
        match polled {
            Poll::Ready(ended) => Poll::Ready(ended.map_err(Broken::from)),
            Poll::Pending => pulse.poll(cx, link),
        }
    })
    .await;
    link.closed.set(true);
    link.settled.notify_waiters();
    ended
}

/// Whether the peer lives.
struct Pulse {
    ping: Option<PingPong>,
    look: Interval,
    /// What had arrived at the last look.
    received: u64,
    asked: bool,
}

impl Pulse {
    fn new(ping: Option<PingPong>) -> Self {
        let mut look = interval(limits::UPSTREAM_PING);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        Self { ping, look, received: 0, asked: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>, link: &Link) -> Poll<Result<(), Broken>> {
        let Some(ping) = &mut self.ping else {
            return Poll::Pending;
        };
        if self.asked && ping.poll_pong(cx).is_ready() {
            self.asked = false;
        }
        while self.look.poll_tick(cx).is_ready() {
            let received = link.watch.received();
            let silent = self.received == received && link.streams.get() > 0;
            self.received = received;
            if silent && self.asked {
                return Poll::Ready(Err(Broken::Dead));
            }
            if silent {
                // One that is still to be answered is as good.
                let _ = ping.send_ping(Ping::opaque());
                self.asked = true;
                // Registers for the answer, and lets the codec send the question.
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_rt::{Clock, TurnClock};

    /// A peer that shakes hands, takes a stream and is silent from then on, or only slow.
    async fn peer(stream: Stream, answers: bool) {
        let mut codec = h2::server::handshake(stream).await.unwrap();
        let taken = codec.accept().await.unwrap().unwrap();
        if answers {
            while codec.accept().await.is_some() {}
        }
        std::future::pending::<()>().await;
        drop((taken, codec));
    }

    /// How driving ends within an hour, with a stream open.
    async fn driven(answers: bool) -> Option<Result<(), Broken>> {
        let (near, far) = Stream::pair(64 << 10);
        let clock = TurnClock::new(Clock::system());
        let io = Guarded::client(near, limits::http2_guard(limits::HEAD_BYTES_MAX), clock);
        let link = Link::new(io.watch());
        let (mut sender, codec) = h2::client::handshake(io).await.unwrap();
        let request = http::Request::get("http://a.test/").body(()).unwrap();
        let _open = sender.send_request(request, true).unwrap();
        link.streams.set(1);
        let hour = std::time::Duration::from_secs(3_600);
        tokio::select! {
            ended = tokio::time::timeout(hour, drive(codec, &link)) => ended.ok(),
            () = peer(far, answers) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_answer_a_ping_is_dead() {
        assert!(matches!(driven(false).await, Some(Err(Broken::Dead))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_pings_may_take_its_time() {
        assert!(driven(true).await.is_none());
    }
}
