//! A request's body, lent to one attempt after the other.
//!
//! An attempt that fails before it asked for the first byte gives the body back untouched, so that
//! the next one can send it. Once a byte was asked for, the exchange is tied to that attempt. A
//! body may be held back behind a [`Gate`] until the service says `100 Continue`.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use trunkline_model::guard::Pace;
use trunkline_net::http::{Body, BodyError};

use crate::limits;

/// The body of a request, shared by its attempts; `None` for one without content.
#[derive(Debug, Clone)]
pub(crate) struct RequestBody(Option<Rc<Shared>>);

#[derive(Debug)]
struct Shared {
    body: RefCell<Body>,
    /// The loan that may read; an older one finds itself cut off.
    loan: Cell<u32>,
    started: Cell<bool>,
    /// Its reader waits for the caller to send more.
    waits: Cell<bool>,
    failure: Cell<Option<Failure>>,
    received: Cell<u64>,
    /// For how long its reader has waited for the caller in all.
    waited: Cell<Duration>,
    /// Since when it waits now.
    waits_since: Cell<Option<Instant>>,
    bounds: Bounds,
    kept: RefCell<Option<Kept>>,
    /// The loan under way has sent all of it.
    sent: Cell<bool>,
}

/// What was read of a body, to be sent again.
#[derive(Debug, Default)]
struct Kept {
    pieces: Vec<Piece>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug, Clone)]
enum Piece {
    Data(Bytes),
    Trailers(Box<HeaderMap>),
}

/// What a caller has to keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How long it may send nothing while it is asked for more.
    pub(crate) idle: Duration,
    /// Least pace while it is asked for more.
    pub(crate) pace: Pace,
    /// Bytes that it may send.
    pub(crate) bytes_max: Option<u64>,
}

/// What went wrong on the caller's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing arrived for too long.
    Idle,
    /// The caller broke off.
    Broken,
    /// It was larger than a limit.
    TooLarge,
}

/// Holds a body back until it is opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<GateState>);

#[derive(Debug, Default)]
struct GateState {
    open: AtomicBool,
    waker: AtomicWaker,
}

impl Gate {
    pub(super) fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    /// Lets the body pass.
    pub(crate) fn open(&self) {
        self.0.open.store(true, Ordering::Release);
        self.0.waker.wake();
    }
}

impl RequestBody {
    /// A body that its caller sends within these bounds.
    pub(crate) fn new(body: Body, bounds: Bounds) -> Self {
        let shared = |body| Shared {
            body: RefCell::new(body),
            loan: Cell::new(0),
            started: Cell::new(false),
            waits: Cell::new(false),
            failure: Cell::new(None),
            received: Cell::new(0),
            waited: Cell::new(Duration::ZERO),
            waits_since: Cell::new(None),
            bounds,
            kept: RefCell::default(),
            sent: Cell::new(false),
        };
        Self((!body.is_end_stream()).then(|| Rc::new(shared(body))))
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        let has_none =
            |shared: &Shared| !shared.started.get() && shared.body.borrow().is_end_stream();
        self.0.as_deref().is_none_or(has_none)
    }

    /// Keeps what is read of it from now on, up to so many bytes in not too many parts, so that it can
    /// be sent again. Call it before the first loan.
    pub(crate) fn keep(&self, bytes_max: usize) {
        if let Some(shared) = &self.0 {
            let kept = Kept { bytes_max, ..Kept::default() };
            shared.kept.replace(Some(kept).filter(|_| !shared.started.get()));
        }
    }

    /// Whether a part of it was asked for and not kept, so that no other attempt can send it.
    pub(crate) fn is_lost(&self) -> bool {
        let lost = |shared: &Rc<Shared>| shared.started.get() && shared.kept.borrow().is_none();
        self.0.as_ref().is_some_and(lost)
    }

    /// Whether a second attempt can send it without taking anything from the one under way.
    pub(crate) fn can_be_doubled(&self) -> bool {
        let kept = |shared: &Rc<Shared>| shared.sent.get() && shared.kept.borrow().is_some();
        self.is_empty() || self.0.as_ref().is_some_and(kept)
    }

    /// Whether a service that did not answer yet can still be waiting for the caller.
    pub(crate) fn waits_for_caller(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.waits.get())
    }

    /// Ends the loan under way: who holds it finds itself cut off when it next asks.
    pub(super) fn end_loan(&self) {
        if let Some(shared) = &self.0 {
            shared.loan.set(shared.loan.get() + 1);
            shared.sent.set(false);
        }
    }

    /// What went wrong on the caller's side, if anything did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.0.as_ref().and_then(|shared| shared.failure.get())
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.received.get())
    }

    /// The most bytes that are still to come, as far as is known.
    pub(crate) fn bytes_max(&self) -> u64 {
        let most = |shared: &Shared| shared.body.borrow().size_hint().upper().unwrap_or(u64::MAX);
        self.0.as_deref().map_or(0, most)
    }

    /// Lends the body to an attempt; earlier loans end.
    pub(crate) fn lend(&self, gate: Option<Gate>) -> Body {
        let Some(shared) = self.0.as_ref().filter(|_| !self.is_empty()) else {
            return Body::Empty;
        };
        self.end_loan();
        let (shared, number) = (Rc::clone(shared), shared.loan.get());
        let sent = false;
        Body::Stream(Box::pin(Loan { shared, number, gate, timer: None, at: 0, sent }))
    }
}

/// The body in the hands of one attempt.
struct Loan {
    shared: Rc<Shared>,
    number: u32,
    gate: Option<Gate>,
    /// Made when the caller first lets us wait.
    timer: Option<Pin<Box<Sleep>>>,
    /// Pieces of what was kept that this attempt has sent.
    at: usize,
    /// It has sent all: the end of its loan cuts nothing off.
    sent: bool,
}

impl Kept {
    /// Keeps a frame; `false` if that is more than may be kept.
    fn add(&mut self, frame: &Frame<Bytes>) -> bool {
        let piece = match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) => Piece::Data(data.clone()),
            (None, Some(trailers)) => Piece::Trailers(Box::new(trailers.clone())),
            (None, None) => return true,
        };
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        self.pieces.push(piece);
        self.bytes <= self.bytes_max && self.pieces.len() <= limits::BODY_PARTS_KEPT_MAX
    }
}

impl Shared {
    /// The piece at this place, if it was kept.
    fn again(&self, at: usize) -> Option<Frame<Bytes>> {
        let kept = self.kept.borrow();
        Some(match kept.as_ref()?.pieces.get(at)?.clone() {
            Piece::Data(data) => Frame::data(data),
            Piece::Trailers(trailers) => Frame::trailers(*trailers),
        })
    }

    /// Bytes from this place on that were kept.
    fn kept_bytes(&self, at: usize) -> u64 {
        let kept = self.kept.borrow();
        let pieces = kept.as_ref().and_then(|kept| kept.pieces.get(at..)).unwrap_or_default();
        let bytes = |piece: &Piece| match piece {
            Piece::Data(data) => data.len() as u64,
            Piece::Trailers(_) => 0,
        };
        pieces.iter().map(bytes).sum()
    }

    /// Keeps what arrived, or nothing at all if it is too much.
    fn remember(&self, frame: &Frame<Bytes>) {
        let mut kept = self.kept.borrow_mut();
        if kept.as_mut().is_some_and(|kept| !kept.add(frame)) {
            *kept = None;
        }
    }

    /// Adds up the time that the caller lets its reader wait, and compares what came in it.
    fn is_too_slow(&self, pending: bool) -> bool {
        match (pending, self.waits_since.take()) {
            (true, since) => self.waits_since.set(since.or_else(|| Some(now()))),
            (false, Some(since)) => {
                self.waited.set(self.waited.get() + now().saturating_duration_since(since));
                return self.bounds.pace.is_missed(self.received.get(), self.waited.get());
            }
            (false, None) => {}
        }
        false
    }
}

impl Loan {
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.number != self.shared.loan.get() {
            return Poll::Ready(());
        }
        let Some(gate) = &self.gate else {
            return Poll::Ready(());
        };
        gate.0.waker.register(cx.waker());
        if !gate.is_open() {
            return Poll::Pending;
        }
        self.gate = None;
        Poll::Ready(())
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.shared.bounds.idle;
        self.timer.get_or_insert_with(|| Box::pin(sleep(idle))).as_mut().poll(cx)
    }
}

impl Loan {
    /// Notes that nothing is left, if that is so.
    fn note_end(&mut self) {
        if self.is_end_stream() {
            self.sent = true;
            self.shared.sent.set(true);
        }
    }

    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        ready!(self.poll_gate(cx));
        if self.number != self.shared.loan.get() {
            return Poll::Ready(Some(Err(BodyError::Cut)));
        }
        if let Some(frame) = self.shared.again(self.at) {
            self.at += 1;
            return Poll::Ready(Some(Ok(frame)));
        }
        self.shared.started.set(true);
        let polled = {
            let mut body = self.shared.body.borrow_mut();
            Pin::new(&mut *body).poll_frame(cx)
        };
        self.shared.waits.set(polled.is_pending());
        if self.shared.is_too_slow(polled.is_pending()) {
            self.shared.failure.set(Some(Failure::Idle));
            return Poll::Ready(Some(Err(BodyError::Idle)));
        }
        let fail = |failure| self.shared.failure.set(Some(failure));
        match &polled {
            Poll::Pending => {
                if self.poll_idle(cx).is_ready() {
                    self.shared.failure.set(Some(Failure::Idle));
                    return Poll::Ready(Some(Err(BodyError::Idle)));
                }
                return Poll::Pending;
            }
            Poll::Ready(Some(Err(BodyError::Idle))) => fail(Failure::Idle),
            Poll::Ready(Some(Err(BodyError::TooLarge(_)))) => fail(Failure::TooLarge),
            Poll::Ready(Some(Err(_))) => fail(Failure::Broken),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                let received = self.shared.received.get() + bytes;
                self.shared.received.set(received);
                if let Some(most) = self.shared.bounds.bytes_max.filter(|most| received > *most) {
                    fail(Failure::TooLarge);
                    return Poll::Ready(Some(Err(BodyError::TooLarge(most))));
                }
                self.shared.remember(frame);
                self.at += 1;
            }
            Poll::Ready(None) => {}
        }
        let idle = self.shared.bounds.idle;
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(later(idle));
        }
        polled
    }
}

impl HttpBody for Loan {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.sent {
            return Poll::Ready(None);
        }
        let polled = ready!(self.poll_piece(cx));
        match &polled {
            None => {
                self.sent = true;
                self.shared.sent.set(true);
            }
            Some(Ok(_)) => self.note_end(),
            Some(Err(_)) => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        if self.sent {
            return true;
        }
        self.number == self.shared.loan.get()
            && self.shared.again(self.at).is_none()
            && self.shared.body.borrow().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, kept) = (self.shared.body.borrow().size_hint(), self.shared.kept_bytes(self.at));
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + kept);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + kept);
        }
        hint
    }
}

/// The deadline after something moved.
pub(crate) fn later(idle: Duration) -> Instant {
    now() + idle
}

#[expect(
    clippy::disallowed_methods,
    reason = "a tokio timer is set by tokio's clock, paused in tests"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn bounds(idle_ms: u64) -> Bounds {
        let pace = Pace { bytes_per_second: 0, grace: Duration::ZERO };
        Bounds { idle: Duration::from_millis(idle_ms), pace, bytes_max: None }
    }

    #[tokio::test]
    async fn more_than_allowed_is_too_large() {
        let body =
            RequestBody::new(Body::full("abcd"), Bounds { bytes_max: Some(3), ..bounds(1_000) });
        assert!(matches!(body.lend(None).frame().await, Some(Err(BodyError::TooLarge(3)))));
        assert_eq!(body.failure(), Some(Failure::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_trickles_is_ended_and_a_steady_one_is_not() {
        struct Trickle(tokio::time::Interval, &'static [u8]);
        impl HttpBody for Trickle {
            type Data = Bytes;
            type Error = BodyError;

            fn poll_frame(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
                ready!(self.0.poll_tick(cx));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.1)))))
            }
        }
        let pace = Pace { bytes_per_second: 2_000, grace: Duration::from_millis(20) };
        let idle = Duration::from_secs(60);
        for (part, lasts) in [(&b"x"[..], false), (&[b'x'; 1_000], true)] {
            let every = tokio::time::interval(Duration::from_millis(2));
            let stream = Body::Stream(Box::pin(Trickle(every, part)));
            let body = RequestBody::new(stream, Bounds { idle, pace, bytes_max: None });
            let mut loan = body.lend(None);
            let mut frames = 0;
            while frames < 100 && matches!(loan.frame().await, Some(Ok(_))) {
                frames += 1;
            }
            assert_eq!(frames == 100, lasts, "{frames}");
            assert_eq!(body.failure().is_none(), lasts);
        }
    }

    #[tokio::test]
    async fn an_untouched_body_can_be_lent_again() {
        let body = RequestBody::new(Body::full("abc"), bounds(1_000));
        let first = body.lend(Some(Gate::default()));
        assert!(!body.is_lost());
        let second = body.lend(None).collect().await.unwrap().to_bytes();
        assert_eq!(second, "abc");
        assert!(body.is_lost() && body.received() == 3);
        assert!(matches!(first.collect().await, Err(BodyError::Cut)));
    }

    #[tokio::test]
    async fn what_is_kept_can_be_sent_again_from_its_beginning() {
        let body = RequestBody::new(Body::full("abc"), bounds(1_000));
        body.keep(3);
        for _ in 0..3 {
            let loan = body.lend(None);
            assert_eq!(loan.size_hint().exact(), Some(3));
            assert_eq!(loan.collect().await.unwrap().to_bytes(), "abc");
            assert!(!body.is_lost());
        }
        let large = RequestBody::new(Body::full("abcd"), bounds(1_000));
        large.keep(3);
        assert_eq!(large.lend(None).collect().await.unwrap().to_bytes(), "abcd");
        assert!(large.is_lost());
    }

    #[tokio::test]
    async fn what_comes_in_too_many_parts_is_not_kept() {
        for (count, lost) in
            [(limits::BODY_PARTS_KEPT_MAX, false), (limits::BODY_PARTS_KEPT_MAX + 1, true)]
        {
            let parts =
                (0..count).map(|_| Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"x"))));
            let parts = http_body_util::StreamBody::new(futures_util::stream::iter(parts));
            let body = RequestBody::new(Body::Stream(Box::pin(parts)), bounds(1_000));
            body.keep(1 << 20);
            assert_eq!(body.lend(None).collect().await.unwrap().to_bytes().len(), count);
            assert_eq!(body.is_lost(), lost, "{count}");
        }
    }

    #[tokio::test]
    async fn a_gate_holds_a_body_back() {
        let body = RequestBody::new(Body::full("abc"), bounds(1_000));
        let gate = Gate::default();
        let mut sent = std::pin::pin!(body.lend(Some(gate.clone())).collect());
        assert!(futures_util::poll!(sent.as_mut()).is_pending());
        assert!(!body.is_lost());
        gate.open();
        assert_eq!(sent.await.unwrap().to_bytes(), "abc");
    }

    #[tokio::test]
    async fn a_silent_caller_is_told_from_a_broken_service() {
        struct Silent;
        impl HttpBody for Silent {
            type Data = Bytes;
            type Error = BodyError;

            fn poll_frame(
                self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
                Poll::Pending
            }
        }
        let body = RequestBody::new(Body::Stream(Box::pin(Silent)), bounds(5));
        let ended = body.lend(None).frame().await;
        assert!(matches!(ended, Some(Err(BodyError::Idle))));
        assert_eq!(body.failure(), Some(Failure::Idle));
    }
}
