//! The side of a connection that takes requests and sends responses.
//!
//! One request at a time: its head, then its body as far as somebody asks for it, then the next.
//! What a caller sends ahead (pipelining) waits in the input buffer, which is not read further
//! while it holds anything. Between requests nothing but the socket is held.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::body::{Framing, Incoming, Step};
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::{Request, parse_ahead, parse_request};
use super::scan::{Scan, leading_line};
use crate::buffer::Buffer;
use crate::burst::Turn;
use crate::http::BodyError;
use crate::stream::Stream;

/// Least room for one read.
const ROOM_BYTES: usize = 2 << 10;

/// What came of waiting for a request.
#[derive(Debug)]
pub enum Arrived {
    /// A request.
    Request(Request),
    /// The caller went away between requests.
    Closed,
    /// The caller broke off, or the connection broke, in the middle of a head.
    Broken,
    /// What arrived is refused; the connection cannot go on.
    Refused(Refusal),
}

/// A connection from a caller.
#[derive(Debug)]
pub struct Server {
    stream: Stream,
    input: Buffer,
    output: Buffer,
    scan: Scan,
    leading: bool,
    body: Incoming,
    owes_continue: bool,
    limits: Limits,
    turn: Turn,
}

impl Server {
    /// A connection of which `input` was read already.
    pub fn new(stream: Stream, input: Buffer, limits: Limits) -> Self {
        Self {
            stream,
            input,
            output: Buffer::default(),
            scan: Scan::default(),
            leading: true,
            body: Incoming::new(Framing::Empty),
            owes_continue: false,
            limits,
            turn: Turn::default(),
        }
    }

    /// Whether a part of the next request is there.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Whether the body of the request was read to its end.
    pub fn is_body_ended(&self) -> bool {
        self.body.is_ended()
    }

    /// Whether the caller holds its body back, and was not asked for it.
    pub fn owes_continue(&self) -> bool {
        self.owes_continue
    }

    /// Where to put heads and small bodies that are to be sent.
    pub fn output(&mut self) -> &mut Buffer {
        &mut self.output
    }

    /// The next request. `arrived` is told when bytes of it arrive.
    pub fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        mut arrived: impl FnMut(),
    ) -> Poll<Arrived> {
        loop {
            match self.take_request() {
                Ok(Some(request)) => return Poll::Ready(Arrived::Request(request)),
                Ok(None) => {}
                Err(refusal) => return Poll::Ready(Arrived::Refused(refusal)),
            }
            let before = self.input.len();
            match ready!(self.input.poll_fill(&mut self.stream, cx, ROOM_BYTES)) {
                Ok(0) if before == 0 => return Poll::Ready(Arrived::Closed),
                Ok(0) => return Poll::Ready(Arrived::Broken),
                Ok(_) => arrived(),
                Err(_) => {
                    return Poll::Ready(if before == 0 {
                        Arrived::Closed
                    } else {
                        Arrived::Broken
                    });
                }
            }
        }
    }

    fn take_request(&mut self) -> Result<Option<Request>, Refusal> {
        if self.leading {
            match leading_line(self.input.data()) {
                Some(skip) => {
                    self.input.consume(skip);
                    self.leading = self.input.is_empty() && skip == 0;
                }
                None => return Ok(None),
            }
        }
        let limits = &self.limits;
        let found = self.scan.find(
            self.input.data(),
            limits.head_bytes,
            |data| parse_ahead(data, limits),
            |block| parse_request(block, limits),
        );
        let Some((request, end)) = found? else { return Ok(None) };
        self.input.consume(end);
        self.scan = Scan::default();
        self.leading = true;
        self.body = Incoming::new(request.framing);
        self.owes_continue = request.expects_continue && !self.body.is_ended();
        Ok(Some(request))
    }

    /// The next part of the request's body. Asking for the first part is what tells a caller that
    /// waits for it to go on (RFC 9110 §10.1.1).
    pub fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.owes_continue {
            self.owes_continue = false;
            if self.input.is_empty() {
                self.output.extend(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
        if !self.output.is_empty()
            && let Err(error) = ready!(self.poll_flush(cx))
        {
            return Poll::Ready(Some(Err(BodyError::Broken(error.into()))));
        }
        loop {
            if self.body.is_ended() {
                return Poll::Ready(None);
            }
            match self.body.step(&mut self.input, &self.limits) {
                Ok(Step::Data(count)) => {
                    let data = self.input.data().get(..count).unwrap_or_default();
                    let data = Bytes::copy_from_slice(data);
                    self.input.consume(count);
                    self.body.used(count);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Ok(Step::End(trailers)) => {
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(*trailers))));
                }
                Ok(Step::More) => {}
                Err(refusal) => {
                    return Poll::Ready(Some(Err(BodyError::Broken(refusal.into()))));
                }
            }
            let room = crate::buffer::BLOCK_BYTES / 2;
            match ready!(self.input.poll_fill(&mut self.stream, cx, room)) {
                Ok(0) => {
                    let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Poll::Ready(Some(Err(BodyError::Broken(error.into()))));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(BodyError::Broken(error.into())))),
            }
        }
    }

    /// Bytes of the body that are still to come, where that is known.
    pub fn body_left(&self) -> Option<u64> {
        self.body.left()
    }

    /// Ready when the caller went away while it should wait for its response. What it sends ahead
    /// is kept, and nothing further is read until that is used.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.input.is_empty() || !self.body.is_ended() {
            return Poll::Pending;
        }
        match ready!(self.input.poll_fill(&mut self.stream, cx, ROOM_BYTES)) {
            Ok(0) | Err(_) => Poll::Ready(()),
            Ok(_) => Poll::Pending,
        }
    }

    /// Sends the output, then of `more` what the connection takes; returns how much of `more` it
    /// took, at least one byte unless `more` is empty.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        write_through(&mut self.stream, &mut self.output, cx, more)
    }

    /// Sends all of the output, together with what others have to send.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_turn(cx));
        self.poll_flush_now(cx)
    }

    /// Ready when it is time to send the output: see [`crate::burst`].
    pub fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.output.is_empty() { Poll::Ready(()) } else { self.turn.poll(cx) }
    }

    /// Sends all of the output at once, as far as the connection takes it.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_flush_now(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(write_through(&mut self.stream, &mut self.output, cx, &[]))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Gives memory back: nothing is open.
    pub fn rest(&mut self) {
        self.input.release();
        self.output.release();
    }

    /// The stream, and what was read of it beyond the last request.
    pub fn into_stream(self) -> (Stream, Buffer) {
        (self.stream, self.input)
    }

    /// Ends a connection of which nothing is under way. TLS says so to its peer, without which the
    /// end could be an attacker's (RFC 8446 §6.1).
    pub async fn end(mut self) {
        if matches!(self.stream, Stream::Tls(_)) {
            let _ = self.stream.shutdown().await;
        }
    }

    /// Ends the connection in order: says that nothing more comes, and reads what is under way, at
    /// most `bytes`. Closing at once would reset the connection, and the caller might never see what
    /// it was sent last (RFC 9112 §9.6).
    pub async fn close(mut self, bytes: usize) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let mut left = bytes;
        while left > 0 {
            let input = &mut self.input;
            input.consume(usize::MAX / 2);
            let stream = &mut self.stream;
            let read = std::future::poll_fn(|cx| input.poll_fill(stream, cx, ROOM_BYTES)).await;
            match read {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    }
}

/// Writes `output` and then `more`, in one call where the stream can.
pub(super) fn write_through(
    stream: &mut Stream,
    output: &mut Buffer,
    cx: &mut Context<'_>,
    more: &[u8],
) -> Poll<io::Result<usize>> {
    loop {
        let before = output.len();
        let polled = match (before, more.is_empty()) {
            (0, true) => return Poll::Ready(Ok(0)),
            (0, false) => Pin::new(&mut *stream).poll_write(cx, more),
            (_, true) => Pin::new(&mut *stream).poll_write(cx, output.data()),
            (_, false) => {
                let slices = [io::IoSlice::new(output.data()), io::IoSlice::new(more)];
                Pin::new(&mut *stream).poll_write_vectored(cx, &slices)
            }
        };
        let written = ready!(polled)?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        output.consume(written);
        output.release();
        if written > before {
            return Poll::Ready(Ok(written - before));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn next(server: &mut Server) -> Arrived {
        poll_fn(|cx| server.poll_request(cx, || {})).await
    }

    async fn body(server: &mut Server) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(frame) = poll_fn(|cx| server.poll_body(cx)).await {
            if let Ok(data) = frame.unwrap().into_data() {
                all.extend_from_slice(&data);
            }
        }
        all
    }

    #[tokio::test]
    async fn pipelined_requests_come_one_after_the_other() {
        let (mut caller, stream) = Stream::pair(4_096);
        let sent = b"\r\nPOST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
            POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n\
            GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
        caller.write_all(sent).await.unwrap();
        drop(caller);
        let mut server = Server::new(stream, Buffer::default(), Limits::default());
        for (target, content) in [("/1", "abc"), ("/2", "de"), ("/3", "")] {
            let Arrived::Request(request) = next(&mut server).await else { panic!() };
            assert_eq!(request.head.target(), target);
            assert_eq!(body(&mut server).await, content.as_bytes());
        }
        assert!(matches!(next(&mut server).await, Arrived::Closed));
    }

    #[tokio::test]
    async fn who_waits_is_told_to_go_on_once_somebody_asks() {
        let (mut caller, stream) = Stream::pair(4_096);
        let head =
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        caller.write_all(head).await.unwrap();
        let mut server = Server::new(stream, Buffer::default(), Limits::default());
        assert!(matches!(next(&mut server).await, Arrived::Request(_)));
        assert!(server.owes_continue());
        let reading = body(&mut server);
        let talking = async {
            let mut told = [0; 25];
            caller.read_exact(&mut told).await.unwrap();
            assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
            caller.write_all(b"ok").await.unwrap();
        };
        let (read, ()) = tokio::join!(reading, talking);
        assert_eq!(read, b"ok");
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused_at_the_limit() {
        let (mut caller, stream) = Stream::pair(256 << 10);
        let limits = Limits { head_bytes: 20_000, ..Limits::default() };
        let mut server = Server::new(stream, Buffer::default(), limits);
        caller.write_all(b"GET / HTTP/1.1\r\nA: ").await.unwrap();
        caller.write_all(&vec![b'x'; 30_000]).await.unwrap();
        assert!(matches!(next(&mut server).await, Arrived::Refused(Refusal::HeadTooLarge)));
    }

    #[tokio::test]
    async fn an_idle_connection_holds_no_buffer() {
        let (mut caller, stream) = Stream::pair(4_096);
        caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut server = Server::new(stream, Buffer::default(), Limits::default());
        assert!(matches!(next(&mut server).await, Arrived::Request(_)));
        server.rest();
        assert!(futures_util::poll!(std::pin::pin!(next(&mut server))).is_pending());
        assert_eq!(format!("{:?}", server.input), format!("{:?}", Buffer::default()));
    }
}
