//! Sending an answer: its head, and its body as it comes, framed for this caller.
//!
//! What is small goes out together with the head in one piece; what is large is written from where
//! it was read.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, Waker, ready};

use trunkline_net::http::{Head, Version};
use trunkline_net::http1::{chunk_end, chunk_start, encode_response, encode_trailers};

use super::{Connection, Shared};
use crate::decode::Activity;
use crate::exchange::Answer;
use crate::forward::Part;
use crate::limits;
use crate::observe::Observed;

/// Parts of a body up to this size are copied behind what is to be sent before them.
const SMALL_BYTES: usize = 4 << 10;

/// What must be known of a caller to answer it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) version: Version,
    pub(super) is_head: bool,
    pub(super) keep_alive: bool,
    pub(super) has_body: bool,
}

/// How sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// All of it; the connection can carry another request.
    Whole,
    /// All of it; the caller was told, or can see, that nothing follows.
    Last,
    /// The connection broke, or the body did: what the caller has is not whole.
    Broken,
}

/// How the body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Empty,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Sends the answer.
pub(super) async fn send(
    connection: &Connection,
    server: &Shared,
    answer: Answer,
    caller: Caller,
) -> Sent {
    let Answer { head, mut body } = answer;
    let (frame, keep_alive) = begin(server, &head, &body, caller);
    let mut sending =
        Sending { server, activity: &connection.activity, frame, chunk: 0, stalled: false };
    let sent = poll_fn(|cx| sending.poll(cx, &mut body)).await;
    if !matches!(sent, Ok(true)) {
        if sent.is_err() {
            body.caller_gone();
        }
        return Sent::Broken;
    }
    if keep_alive { Sent::Whole } else { Sent::Last }
}

/// Puts the head into the output. Returns how the body is framed, and whether the connection goes
/// on.
fn begin(server: &Shared, head: &Head, body: &Observed, caller: Caller) -> (Frame, bool) {
    let mut server = server.borrow_mut();
    // A body that was never asked for may come or not: the connection cannot go on.
    let mut keep_alive = caller.keep_alive && !server.owes_continue();
    let status = head.status();
    if status == 101 {
        encode_response(head, &[], server.output());
        return (Frame::Empty, true);
    }
    let (frame, length) = frame(head, body, caller);
    keep_alive &= frame != Frame::UntilClose;
    let text;
    let mut more: [(&str, &str); 2] = [("", ""), ("", "")];
    let mut count = 0;
    let mut add = |name, value| {
        if let Some(place) = more.get_mut(count) {
            *place = (name, value);
            count += 1;
        }
    };
    match frame {
        Frame::Chunked => add("transfer-encoding", "chunked"),
        Frame::Length(bytes) if length => {
            text = bytes.to_string();
            add("content-length", &text);
        }
        _ => {}
    }
    if !keep_alive {
        add("connection", "close");
    } else if caller.version == Version::Http10 {
        add("connection", "keep-alive");
    }
    encode_response(head, more.get(..count).unwrap_or_default(), server.output());
    (frame, keep_alive)
}

/// How the body is framed, and whether its length is still to be told (RFC 9112 §6).
fn frame(head: &Head, body: &Observed, caller: Caller) -> (Frame, bool) {
    if caller.is_head || matches!(head.status(), 100..=199 | 204 | 304) {
        return (Frame::Empty, false);
    }
    let told = head.get_text("content-length").and_then(|length| length.parse().ok());
    match (told, body.length()) {
        (Some(length), _) => (Frame::Length(length), false),
        (None, Some(length)) => (Frame::Length(length), true),
        (None, None) if caller.version == Version::Http10 => (Frame::UntilClose, false),
        (None, None) => (Frame::Chunked, false),
    }
}

struct Sending<'a> {
    server: &'a Shared,
    activity: &'a Activity,
    frame: Frame,
    /// Bytes of the chunk under way that are still to come.
    chunk: usize,
    stalled: bool,
}

impl Sending<'_> {
    /// Sends on. `Ok(false)` is a body that broke: the caller must see that it is not whole.
    fn poll(&mut self, cx: &mut Context<'_>, body: &mut Observed) -> Poll<io::Result<bool>> {
        if self.frame == Frame::Empty {
            body.finish();
            ready!(self.flush(cx))?;
            return Poll::Ready(Ok(true));
        }
        loop {
            let Poll::Ready(part) = body.poll_part(cx) else {
                let _ = self.flush(cx)?;
                return Poll::Pending;
            };
            match part {
                Ok(Part::Data(count)) => {
                    let used = ready!(self.part(cx, body.data(count)))?;
                    if used == 0 {
                        return Poll::Ready(Ok(false));
                    }
                    body.consume(used);
                    self.after(used);
                    // Asked for no more than was told, a service could hold the connection open.
                    if self.frame == Frame::Length(0) {
                        break;
                    }
                }
                Ok(Part::End(trailers)) => {
                    match self.frame {
                        Frame::Chunked => {
                            encode_trailers(trailers.as_deref(), self.server.borrow_mut().output())
                        }
                        Frame::Length(1..) => return Poll::Ready(Ok(false)),
                        _ => {}
                    }
                    self.frame = Frame::Length(0);
                    break;
                }
                Err(_) => {
                    let _ = self.server.borrow_mut().poll_flush_now(cx);
                    return Poll::Ready(Ok(false));
                }
            }
        }
        self.frame = Frame::Empty;
        body.finish();
        ready!(self.flush(cx))?;
        Poll::Ready(Ok(true))
    }

    /// Takes what it can of a part; nothing where that would be more than the head told.
    fn part(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut server = self.server.borrow_mut();
        let mut most = data.len();
        match self.frame {
            Frame::Length(left) => most = usize::try_from(left).unwrap_or(usize::MAX).min(most),
            Frame::Chunked => {
                if self.chunk == 0 {
                    self.chunk = data.len();
                    chunk_start(data.len(), server.output());
                }
                most = self.chunk.min(most);
            }
            Frame::Empty | Frame::UntilClose => {}
        }
        let data = data.get(..most).unwrap_or_default();
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if data.len() <= SMALL_BYTES && server.output().len() <= SMALL_BYTES {
            server.output().extend(data);
            return Poll::Ready(Ok(data.len()));
        }
        let written = server.poll_write(cx, data);
        drop(server);
        self.note(written.is_pending());
        written
    }

    fn after(&mut self, used: usize) {
        self.activity.took(used);
        match &mut self.frame {
            Frame::Length(left) => *left = left.saturating_sub(used as u64),
            Frame::Chunked => {
                self.chunk = self.chunk.saturating_sub(used);
                if self.chunk == 0 {
                    chunk_end(self.server.borrow_mut().output());
                }
            }
            Frame::Empty | Frame::UntilClose => {}
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut server = self.server.borrow_mut();
        // That others go first says nothing about the caller.
        ready!(server.poll_turn(cx));
        let flushed = server.poll_flush_now(cx);
        drop(server);
        self.note(flushed.is_pending());
        flushed
    }

    /// Tells the connection's supervisor whether the caller takes what it is sent.
    fn note(&mut self, pending: bool) {
        if pending {
            self.activity.stalled();
        } else if self.stalled {
            self.activity.sent();
        }
        self.stalled = pending;
    }
}

/// Reads what is left of the request's body, as far as it is there already. Returns whether the
/// next request can be told from it.
pub(super) fn take_rest(server: &Shared) -> bool {
    let mut server = server.borrow_mut();
    let mut cx = Context::from_waker(Waker::noop());
    let mut left = limits::DISCARD_BYTES_MAX;
    while !server.is_body_ended() {
        match server.poll_body(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, bytes::Bytes::len);
                match left.checked_sub(bytes) {
                    Some(rest) => left = rest,
                    None => return false,
                }
            }
            Poll::Ready(None) => return server.is_body_ended(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
        }
    }
    true
}
