//! Bytes both ways between two connections, whatever they mean.
//!
//! Each direction ends by itself (half-close, RFC 9293 §3.6): what ended is told to the other side,
//! and the rest goes on. A connection that breaks breaks its partner too, with a reset: an end in
//! order would say that what came was all. Memory is taken when bytes are there and given back when
//! they are gone, so that an idle pair holds its sockets only.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;
use tokio::time::Sleep;
use trunkline_net::buffer::{BLOCK_BYTES, Buffer, LARGE_BLOCK_BYTES};
use trunkline_net::stream::Stream;
use trunkline_rt::TurnClock;

/// Least room for one read.
const ROOM_BYTES: usize = 4 << 10;

/// A connection, and what was read of it before.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) stream: Stream,
    /// Read already, to be passed on first.
    pub(crate) read: Buffer,
}

/// What a pair has carried so far; read by whoever drops it halfway.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) to_service: Cell<u64>,
    pub(crate) to_caller: Cell<u64>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both directions, in order.
    Both,
    /// The caller's connection broke.
    CallerBroke,
    /// The service's connection broke.
    ServiceBroke,
    /// Nothing moved for too long.
    Idle,
}

/// One direction.
#[derive(Debug)]
struct Way {
    buffer: Buffer,
    state: State,
    /// Bytes were written and not flushed.
    unflushed: bool,
    /// The last read filled its room: more is likely there.
    full_read: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What is buffered is all.
    Last,
    /// The other side was told.
    Done,
}

/// Which side of a direction failed.
enum Broke {
    Reading,
    Writing,
}

/// Carries bytes until both directions have ended, or one broke, or nothing moved for `idle`.
pub(crate) async fn carry(
    caller: Side,
    service: Side,
    (clock, idle): (&TurnClock, Duration),
    carried: &Carried,
) -> Ended {
    let (mut near, mut far) = (caller.stream, service.stream);
    let (mut up, mut down) = (Way::new(caller.read), Way::new(service.read));
    let mut quiet = Quiet::new(clock.now(), idle);
    let ended = poll_fn(|cx| {
        let before = (carried.to_service.get(), carried.to_caller.get());
        let upward = up.poll(cx, (&mut near, &mut far), &carried.to_service);
        if let Poll::Ready(Err(broke)) = &upward {
            let reading = matches!(broke, Broke::Reading);
            return Poll::Ready(if reading { Ended::CallerBroke } else { Ended::ServiceBroke });
        }
        let downward = down.poll(cx, (&mut far, &mut near), &carried.to_caller);
        if let Poll::Ready(Err(broke)) = &downward {
            let reading = matches!(broke, Broke::Reading);
            return Poll::Ready(if reading { Ended::ServiceBroke } else { Ended::CallerBroke });
        }
        if upward.is_ready() && downward.is_ready() {
            return Poll::Ready(Ended::Both);
        }
        if before != (carried.to_service.get(), carried.to_caller.get()) {
            quiet.since = clock.now();
        }
        quiet.poll(cx, clock).map(|()| Ended::Idle)
    })
    .await;
    if matches!(ended, Ended::CallerBroke | Ended::ServiceBroke) {
        near.reset_on_close();
        far.reset_on_close();
    }
    ended
}

impl Way {
    fn new(buffer: Buffer) -> Self {
        Self { buffer, state: State::Open, unflushed: false, full_read: false }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): (&mut Stream, &mut Stream),
        count: &Cell<u64>,
    ) -> Poll<Result<(), Broke>> {
        loop {
            ready!(self.poll_drain(cx, to, count)).map_err(|_| Broke::Writing)?;
            match self.state {
                State::Done => return Poll::Ready(Ok(())),
                State::Last => {
                    // Who has read all and is gone before it is told so has missed nothing.
                    let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    self.state = State::Done;
                    continue;
                }
                State::Open => {}
            }
            let room = if self.full_read { LARGE_BLOCK_BYTES } else { ROOM_BYTES };
            let Poll::Ready(read) = self.buffer.poll_fill(from, cx, room) else {
                if self.unflushed {
                    ready!(Pin::new(&mut *to).poll_flush(cx)).map_err(|_| Broke::Writing)?;
                    self.unflushed = false;
                }
                return Poll::Pending;
            };
            match read {
                Ok(0) => self.state = State::Last,
                Ok(bytes) => self.full_read = bytes >= BLOCK_BYTES / 2,
                Err(_) => return Poll::Ready(Err(Broke::Reading)),
            }
        }
    }

    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Stream,
        count: &Cell<u64>,
    ) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, self.buffer.data()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.buffer.consume(written);
            self.unflushed = true;
            count.set(count.get() + written as u64);
        }
        self.buffer.release();
        Poll::Ready(Ok(()))
    }
}

/// Waits until nothing has moved for too long. Its timer is set anew only when it rings.
pub(crate) struct Quiet {
    pub(crate) since: Instant,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Quiet {
    /// Nothing moved since then; `idle` is too long.
    pub(crate) fn new(since: Instant, idle: Duration) -> Self {
        Self { since, idle, timer: None }
    }

    /// Ready once it is too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, clock: &TurnClock) -> Poll<()> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        while timer.as_mut().poll(cx).is_ready() {
            let quiet = clock.now().saturating_duration_since(self.since);
            let Some(left) = idle.checked_sub(quiet).filter(|left| !left.is_zero()) else {
                return Poll::Ready(());
            };
            timer.set(tokio::time::sleep(left));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use trunkline_rt::Clock;

    fn side(stream: Stream, read: &[u8]) -> Side {
        let mut buffer = Buffer::default();
        buffer.extend(read);
        Side { stream, read: buffer }
    }

    async fn carried(near: Side, far: Side, idle: Duration) -> (Ended, u64, u64) {
        let (clock, carried) = (TurnClock::new(Clock::system()), Carried::default());
        let ended = carry(near, far, (&clock, idle), &carried).await;
        (ended, carried.to_service.get(), carried.to_caller.get())
    }

    #[tokio::test]
    async fn a_half_closed_pair_still_carries_the_answer() {
        let (mut caller, near) = Stream::pair(512);
        let (far, mut service) = Stream::pair(512);
        let ends = async {
            caller.write_all(b"sk").await.unwrap();
            caller.shutdown().await.unwrap();
            let mut asked = Vec::new();
            service.read_to_end(&mut asked).await.unwrap();
            service.write_all(&[b'x'; 300]).await.unwrap();
            service.shutdown().await.unwrap();
            let mut answer = Vec::new();
            caller.read_to_end(&mut answer).await.unwrap();
            (asked, answer.len())
        };
        let pair = carried(side(near, b"a"), side(far, b""), Duration::from_secs(5));
        let (ended, got) = tokio::join!(pair, ends);
        assert_eq!(got, (b"ask".to_vec(), 300));
        assert_eq!(ended, (Ended::Both, 3, 300));
    }

    #[tokio::test]
    async fn a_pair_that_does_not_move_ends() {
        let (_caller, near) = Stream::pair(64);
        let (far, _service) = Stream::pair(64);
        let ended = carried(side(near, b""), side(far, b""), Duration::from_millis(20)).await;
        assert_eq!(ended, (Ended::Idle, 0, 0));
    }

    #[tokio::test]
    async fn one_that_takes_nothing_more_breaks_the_pair() {
        let (_caller, near) = Stream::pair(64);
        let (far, service) = Stream::pair(64);
        drop(service);
        let ended = carried(side(near, b"lost"), side(far, b""), Duration::from_secs(5)).await;
        assert_eq!(ended.0, Ended::ServiceBroke);
    }
}
