//! The side of a connection that sends requests and takes responses.
//!
//! Whoever waits for the response also drives the request's body out, and goes on doing so while
//! the response's body is read: both directions stream at the same time, without a task. A service
//! may answer before it took the whole body; what it took no more is then not sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::Body as _;
use tokio::io::AsyncWrite as _;

use super::body::{Framing, Incoming, Step};
use super::encode::{self, Unsendable, chunk_end, chunk_start, encode_trailers};
use super::limits::Limits;
use super::refusal::Refusal;
use super::response::{Response, parse_ahead, parse_response};
use super::scan::Scan;
use super::server::write_through;
use crate::buffer::{BLOCK_BYTES, Buffer, LARGE_BLOCK_BYTES};
use crate::burst::Turn;
use crate::http::{Body, BodyError, Head};
use crate::stream::Stream;

/// Parts of a body up to this size are sent together with what stands around them.
const SMALL_BYTES: usize = 4 << 10;
/// Least room for one read.
const ROOM_BYTES: usize = 2 << 10;

/// A request's body on its way out.
#[derive(Debug, Default)]
pub enum Outgoing {
    /// All of it was sent.
    #[default]
    Done,
    /// There is more to come.
    Body {
        /// Where it comes from.
        body: Body,
        /// What came and was not sent yet.
        part: Bytes,
        /// How it is framed.
        framing: Framing,
    },
    /// It cannot be sent: the connection takes nothing more.
    Cut,
}

/// What a service sends next.
#[derive(Debug)]
pub enum Answered {
    /// An interim response (1xx) other than a switch; a further one follows.
    Interim(Head),
    /// A switch to another protocol: the connection is a tunnel from here on.
    Switched(Head),
    /// The response; its body follows.
    Final(Head),
}

/// Why an exchange on a connection broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection broke or ended; `answered` tells whether a byte of the response had come.
    #[error("{error}")]
    Connection {
        /// What the system says.
        error: io::Error,
        /// Whether a byte of the response had come.
        answered: bool,
        /// Whether a byte of the request was taken.
        sent: bool,
    },
    /// The response is refused.
    #[error("the response was refused: {0}")]
    Refused(#[from] Refusal),
    /// The request's body broke.
    #[error("the request's body broke: {0}")]
    Body(BodyError),
}

/// What a body of a response is at now.
#[derive(Debug)]
pub enum Part {
    /// So many bytes are there: see [`Client::data`].
    Data(usize),
    /// It ended.
    End(Option<Box<HeaderMap>>),
}

/// A connection to a service.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    input: Buffer,
    output: Buffer,
    scan: Scan,
    limits: Limits,
    sending: Outgoing,
    body: Incoming,
    keep_alive: bool,
    /// A byte of the request under way was taken.
    sent: bool,
    /// The last read filled its room: more is likely there.
    full_read: bool,
    turn: Turn,
}

impl Client {
    /// A fresh connection.
    pub fn new(stream: Stream, limits: Limits) -> Self {
        Self {
            stream,
            input: Buffer::default(),
            output: Buffer::default(),
            scan: Scan::default(),
            limits,
            sending: Outgoing::Done,
            body: Incoming::new(Framing::Empty),
            keep_alive: true,
            sent: false,
            full_read: false,
            turn: Turn::default(),
        }
    }

    /// Begins a request: its head with `more` fields, then its body.
    ///
    /// # Errors
    /// The head cannot be sent as one; the connection is as it was.
    pub fn begin(
        &mut self,
        head: &Head,
        more: &[(&str, &str)],
        body: Body,
        framing: Framing,
    ) -> Result<(), Unsendable> {
        encode::encode_request(head, more, &mut self.output)?;
        self.sending = match framing {
            Framing::Empty => Outgoing::Done,
            framing => Outgoing::Body { body, part: Bytes::new(), framing },
        };
        self.scan = Scan::default();
        self.body = Incoming::new(Framing::Empty);
        self.sent = false;
        self.full_read = false;
        Ok(())
    }

    /// The head of the response, or of the next interim one. `method` is the request's.
    pub fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
    ) -> Poll<Result<Answered, Broken>> {
        loop {
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            if let Some((response, end)) = self.find_answer(method)? {
                return Poll::Ready(Ok(self.take_answer(response, end)));
            }
            match ready!(self.input.poll_fill(&mut self.stream, cx, ROOM_BYTES)) {
                Ok(0) => return Poll::Ready(Err(self.broken(io::ErrorKind::UnexpectedEof.into()))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
    }

    /// The response at the front of the input, and the length of its head, once that is all there.
    fn find_answer(&mut self, method: &str) -> Result<Option<(Response, usize)>, Refusal> {
        let limits = &self.limits;
        self.scan.find(
            self.input.data(),
            limits.head_bytes,
            |data| parse_ahead(data, method, limits),
            |block| parse_response(block, method, limits),
        )
    }

    fn take_answer(&mut self, response: Response, end: usize) -> Answered {
        self.input.consume(end);
        self.scan = Scan::default();
        match response.head.status() {
            101 => Answered::Switched(response.head),
            100..=199 => Answered::Interim(response.head),
            _ => {
                self.keep_alive = response.keep_alive;
                self.body = Incoming::new(response.framing);
                Answered::Final(response.head)
            }
        }
    }

    /// Where the response's body is: bytes that are there, or its end.
    pub fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Broken>> {
        if !matches!(self.sending, Outgoing::Done | Outgoing::Cut)
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            return Poll::Ready(Err(error));
        }
        loop {
            match self.body.step(&mut self.input, &self.limits)? {
                Step::Data(count) => return Poll::Ready(Ok(Part::Data(count))),
                Step::End(trailers) => return Poll::Ready(Ok(Part::End(trailers))),
                Step::More => {}
            }
            let large =
                self.full_read || self.body.left().is_some_and(|left| left > BLOCK_BYTES as u64);
            let room = if large { LARGE_BLOCK_BYTES } else { ROOM_BYTES };
            match ready!(self.input.poll_fill(&mut self.stream, cx, room)) {
                Ok(0) if self.body.closed() => return Poll::Ready(Ok(Part::End(None))),
                Ok(0) => return Poll::Ready(Err(self.broken(io::ErrorKind::UnexpectedEof.into()))),
                Ok(count) => self.full_read = count >= BLOCK_BYTES,
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
    }

    /// The bytes that [`Part::Data`] told of.
    pub fn data(&self, count: usize) -> &[u8] {
        self.input.data().get(..count).unwrap_or_default()
    }

    /// So many of them were used.
    pub fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.body.used(count);
        self.input.release();
    }

    /// Whether the response's body was read to its end.
    pub fn is_ended(&self) -> bool {
        self.body.is_ended()
    }

    /// Bytes of the response's body that are still to come, where that is known.
    pub fn left(&self) -> Option<u64> {
        self.body.left()
    }

    /// Whether the exchange is over and the connection can carry another one.
    pub fn is_reusable(&self) -> bool {
        self.keep_alive
            && self.body.is_ended()
            && matches!(self.sending, Outgoing::Done)
            && self.input.is_empty()
            && self.output.is_empty()
    }

    /// Whether an idle connection still lives: its service neither closed it nor sent anything
    /// unasked. Costs no system call while nothing happened.
    pub fn is_alive(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.input.poll_fill(&mut self.stream, &mut cx, ROOM_BYTES).is_pending()
    }

    /// The stream, and what was read of it beyond the last head.
    pub fn into_stream(self) -> (Stream, Buffer) {
        (self.stream, self.input)
    }

    /// Sends what is there of the request. An error of the connection is kept for the read that
    /// follows: a service that refuses a body answers first and then closes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            let Outgoing::Body { body, part, framing } = &mut self.sending else {
                return self.poll_output(cx).map(Ok);
            };
            if !part.is_empty() {
                let before = self.output.len();
                let written = write_through(&mut self.stream, &mut self.output, cx, part);
                self.sent |= self.output.len() < before;
                let Ok(count) = ready!(written) else {
                    return self.cut();
                };
                self.sent = true;
                part.advance(count);
                if part.is_empty() && *framing == Framing::Chunked {
                    chunk_end(&mut self.output);
                }
                continue;
            }
            // Small parts are gathered, but a service that does not read holds up who sends them.
            if self.output.len() >= BLOCK_BYTES {
                let before = self.output.len();
                let written = write_through(&mut self.stream, &mut self.output, cx, &[]);
                self.sent |= self.output.len() < before;
                if ready!(written).is_err() {
                    return self.cut();
                }
            }
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => take_part(data, part, framing, &mut self.output)?,
                    Err(frame) => {
                        let trailers = frame.into_trailers().ok();
                        if *framing == Framing::Chunked {
                            encode_trailers(trailers.as_ref(), &mut self.output);
                        }
                        self.sending = Outgoing::Done;
                    }
                },
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Broken::Body(error))),
                Poll::Ready(None) => {
                    match framing {
                        Framing::Chunked => encode_trailers(None, &mut self.output),
                        Framing::Length(1..) => return Poll::Ready(Err(wrong_length())),
                        _ => {}
                    }
                    self.sending = Outgoing::Done;
                }
                Poll::Pending => {
                    let _ = self.poll_output(cx);
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.output.is_empty() {
            return Pin::new(&mut self.stream).poll_flush(cx).map(drop);
        }
        ready!(self.turn.poll(cx));
        let before = self.output.len();
        let written = write_through(&mut self.stream, &mut self.output, cx, &[]);
        self.sent |= self.output.len() < before;
        if ready!(written).is_err() {
            let _ = self.cut();
            return Poll::Ready(());
        }
        Pin::new(&mut self.stream).poll_flush(cx).map(drop)
    }

    fn cut(&mut self) -> Poll<Result<(), Broken>> {
        self.sending = Outgoing::Cut;
        self.output.consume(usize::MAX / 2);
        Poll::Ready(Ok(()))
    }

    fn broken(&self, error: io::Error) -> Broken {
        Broken::Connection { error, answered: !self.input.is_empty(), sent: self.sent }
    }
}

/// Takes a part of a body to be sent; what is more than was announced is refused.
fn take_part(
    data: Bytes,
    part: &mut Bytes,
    framing: &mut Framing,
    output: &mut Buffer,
) -> Result<(), Broken> {
    if data.is_empty() {
        return Ok(());
    }
    match framing {
        Framing::Chunked => chunk_start(data.len(), output),
        Framing::Length(left) => {
            *left = left.checked_sub(data.len() as u64).ok_or_else(wrong_length)?;
        }
        Framing::Empty | Framing::UntilClose => return Err(wrong_length()),
    }
    if data.len() <= SMALL_BYTES {
        output.extend(&data);
        if *framing == Framing::Chunked {
            chunk_end(output);
        }
    } else {
        *part = data;
    }
    Ok(())
}

fn wrong_length() -> Broken {
    let error = io::Error::new(io::ErrorKind::InvalidData, "the body is not as long as announced");
    Broken::Body(BodyError::Broken(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Version;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn get() -> Head {
        let mut head = Head::request("GET", "/", Version::Http11);
        head.append("host", b"a");
        head
    }

    async fn answer(client: &mut Client) -> Result<Answered, Broken> {
        poll_fn(|cx| client.poll_answer(cx, "GET")).await
    }

    async fn content(client: &mut Client) -> Result<Vec<u8>, Broken> {
        let mut all = Vec::new();
        loop {
            match poll_fn(|cx| client.poll_part(cx)).await? {
                Part::Data(count) => {
                    all.extend_from_slice(client.data(count));
                    client.consume(count);
                }
                Part::End(_) => return Ok(all),
            }
        }
    }

    async fn exchange(response: &[u8]) -> (Client, Result<Vec<u8>, Broken>) {
        let (stream, mut service) = Stream::pair(256 << 10);
        let mut client = Client::new(stream, Limits::default());
        client.begin(&get(), &[], Body::Empty, Framing::Empty).unwrap();
        service.write_all(response).await.unwrap();
        let Ok(Answered::Final(_)) = answer(&mut client).await else { panic!() };
        drop(service);
        let all = content(&mut client).await;
        (client, all)
    }

    #[tokio::test]
    async fn bodies_end_as_they_are_framed() {
        let (client, all) = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").await;
        assert!(client.is_reusable() && all.unwrap() == b"abc");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let (client, all) = exchange(chunked).await;
        assert!(client.is_reusable() && all.unwrap() == b"abc");
        let (client, all) = exchange(b"HTTP/1.0 200 OK\r\n\r\nabc").await;
        assert!(!client.is_reusable() && all.unwrap() == b"abc");
        let (_, all) = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc").await;
        assert!(matches!(all, Err(Broken::Connection { .. })));
    }

    #[tokio::test]
    async fn a_byte_too_many_ends_the_use_of_a_connection() {
        let (client, all) = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd").await;
        assert!(all.unwrap() == b"abc" && !client.is_reusable());
    }

    #[tokio::test]
    async fn a_service_may_answer_before_it_took_the_body() {
        let (stream, mut service) = Stream::pair(64);
        let mut client = Client::new(stream, Limits::default());
        let body = Body::full(vec![7; 10_000]);
        client.begin(&get(), &[], body, Framing::Length(10_000)).unwrap();
        service.write_all(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let Ok(Answered::Final(head)) = answer(&mut client).await else { panic!() };
        assert_eq!(head.status(), 413);
        assert!(content(&mut client).await.unwrap().is_empty() && !client.is_reusable());
    }

    /// A body that always has another small part.
    struct Endless;

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
            Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(&[7; 1_000])))))
        }
    }

    #[tokio::test]
    async fn small_parts_wait_for_a_service_that_does_not_read() {
        for framing in [Framing::Chunked, Framing::Length(1 << 20)] {
            let (stream, _service) = Stream::pair(64);
            let mut client = Client::new(stream, Limits::default());
            client.begin(&get(), &[], Body::Stream(Box::pin(Endless)), framing).unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..3 {
                assert!(client.poll_answer(&mut cx, "POST").is_pending());
                assert!(client.output.len() < 2 * BLOCK_BYTES, "{}", client.output.len());
            }
        }
    }

    #[tokio::test]
    async fn an_idle_connection_tells_whether_it_lives() {
        let (stream, service) = Stream::pair(64);
        let mut client = Client::new(stream, Limits::default());
        assert!(client.is_alive() && client.is_alive());
        drop(service);
        assert!(!client.is_alive());
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_goes_in_chunks() {
        let (stream, mut service) = Stream::pair(64 << 10);
        let mut client = Client::new(stream, Limits::default());
        client.begin(&get(), &[("te", "x")], Body::full("abc"), Framing::Chunked).unwrap();
        let waiting = answer(&mut client);
        let mut sent = vec![0; 47];
        let reading = async {
            service.read_exact(&mut sent).await.unwrap();
            service.write_all(b"HTTP/1.1 204 x\r\n\r\n").await.unwrap();
        };
        let (answered, ()) = tokio::join!(waiting, reading);
        assert!(matches!(answered, Ok(Answered::Final(_))));
        let text = String::from_utf8(sent).unwrap();
        assert!(text.ends_with("te: x\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{text}");
    }
}
