//! A byte stream that a [`Guard`] watches while HTTP/2 passes.
//!
//! Once something is too much, the codec gets nothing more to read: what was sent in excess never
//! costs more than being looked at. Whoever drives the codec finds it told in the [`Watch`] and ends
//! the connection. One thread owns all of it.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trunkline_rt::TurnClock;

use super::frames::{Frame, Kind, Scanner};
use super::guard::{Excess, Guard, Limits, Role};

/// Bytes before a client's first frame (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;
/// Bytes that are read and thrown away when a connection ends in excess, so that its end arrives.
const DISCARD_BYTES: usize = 64 << 10;

/// What was seen of a connection, for whoever drives it.
#[derive(Debug, Default)]
pub struct Watch {
    excess: Cell<Option<Excess>>,
    going_away: Cell<bool>,
    settings: Cell<bool>,
    received: Cell<u64>,
}

impl Watch {
    /// What is too much.
    pub fn excess(&self) -> Option<Excess> {
        self.excess.get()
    }

    /// Whether the peer said that it takes no more streams.
    pub fn is_going_away(&self) -> bool {
        self.going_away.get()
    }

    /// Whether the peer's settings arrived.
    pub fn has_settings(&self) -> bool {
        self.settings.get()
    }

    /// Times that something arrived.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    fn note(&self, excess: Excess) {
        if self.excess.get().is_none() {
            self.excess.set(Some(excess));
        }
    }
}

/// The stream that the codec reads and writes.
#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    input: Scanner,
    output: Scanner,
    guard: Guard,
    clock: TurnClock,
    watch: Rc<Watch>,
}

impl<S> Guarded<S> {
    /// A connection of a caller's.
    pub fn server(stream: S, limits: Limits, clock: TurnClock) -> Self {
        Self::new(stream, (PREFACE_BYTES, 0), Guard::new(Role::Server, limits), clock)
    }

    /// A connection to a service.
    pub fn client(stream: S, limits: Limits, clock: TurnClock) -> Self {
        Self::new(stream, (0, PREFACE_BYTES), Guard::new(Role::Client, limits), clock)
    }

    fn new(stream: S, prefaces: (usize, usize), guard: Guard, clock: TurnClock) -> Self {
        Self {
            stream,
            input: Scanner::after(prefaces.0),
            output: Scanner::after(prefaces.1),
            guard,
            clock,
            watch: Rc::default(),
        }
    }

    /// What is seen of it.
    pub fn watch(&self) -> Rc<Watch> {
        Rc::clone(&self.watch)
    }

    /// Looks at what arrived. Returns how much of it may pass.
    fn look(&mut self, bytes: &[u8]) -> usize {
        let (guard, watch) = (&mut self.guard, &self.watch);
        watch.received.set(watch.received.get().wrapping_add(1));
        guard.turn(self.clock.now());
        let looked = self.input.scan(bytes, |frame: Frame| {
            match frame.kind {
                Kind::GoAway => watch.going_away.set(true),
                Kind::Settings => watch.settings.set(true),
                _ => {}
            }
            guard.received(frame)
        });
        looked.map_or_else(
            |(place, excess)| {
                watch.note(excess);
                place
            },
            |()| bytes.len(),
        )
    }

    fn note_sent(&mut self, bytes: &[u8]) {
        let guard = &mut self.guard;
        // What was written was written: all of it is looked at.
        let _ = self.output.scan(bytes, |frame| {
            if let Err(excess) = guard.sent(frame) {
                self.watch.note(excess);
            }
            Ok::<_, ()>(())
        });
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.watch.excess.get().is_some() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let arrived = buffer.filled().get(before..).unwrap_or_default();
        if arrived.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let passes = this.look(arrived);
        buffer.set_filled(before + passes);
        // Nothing filled would be the end of the stream.
        if passes == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.note_sent(bytes.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// What a peer sent in excess and nobody read would reset the connection at its close, and the
    /// peer might never see why.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.watch.excess.get().is_some() {
            let mut room = [0; 4 << 10];
            for _ in 0..DISCARD_BYTES / room.len() {
                let mut room = ReadBuf::new(&mut room);
                let read = Pin::new(&mut self.stream).poll_read(cx, &mut room);
                if !matches!(read, Poll::Ready(Ok(()))) || room.filled().is_empty() {
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let part = slice.get(..left.min(slice.len())).unwrap_or_default();
            self.note_sent(part);
            left -= part.len();
        }
        Poll::Ready(Ok(written))
    }
}
