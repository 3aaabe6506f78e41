//! What a call is answered with: one message or several, then trailers with the status.

use std::convert::Infallible;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

use super::frame;
use super::status::{self, Code, Status};

/// What a service answers.
pub enum Reply {
    /// One message.
    Message(Bytes),
    /// Messages until the stream ends or one is an error. They are asked for as the caller takes
    /// them.
    Messages(BoxStream<'static, Result<Bytes, Status>>),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(bytes) => f.debug_tuple("Message").field(&bytes.len()).finish(),
            Self::Messages(_) => f.write_str("Messages"),
        }
    }
}

/// The body of an answer.
pub struct Body {
    state: State,
}

enum State {
    Message(Bytes),
    Messages { messages: BoxStream<'static, Result<Bytes, Status>>, deadline: Pin<Box<Sleep>> },
    Trailers(HeaderMap),
    Done,
}

impl Body {
    /// No message: the status stands in the head ("Trailers-Only").
    pub(super) const fn empty() -> Self {
        Self { state: State::Done }
    }

    pub(super) fn new(reply: Reply, deadline: Pin<Box<Sleep>>) -> Result<Self, Status> {
        Ok(Self {
            state: match reply {
                Reply::Message(message) => State::Message(frame::frame(&message, false)?),
                Reply::Messages(messages) => State::Messages { messages, deadline },
            },
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (frame, next) = match std::mem::replace(&mut self.state, State::Done) {
            State::Message(framed) => (Some(Frame::data(framed)), State::Trailers(status::well())),
            State::Messages { mut messages, mut deadline } => {
                let next = if deadline.as_mut().poll(context).is_ready() {
                    Some(Err(Status::new(Code::DeadlineExceeded, "the time of the call is over")))
                } else {
                    match messages.as_mut().poll_next(context) {
                        Poll::Ready(next) => next,
                        Poll::Pending => {
                            self.state = State::Messages { messages, deadline };
                            return Poll::Pending;
                        }
                    }
                };
                match next.map(|message| message.and_then(|message| frame::frame(&message, false)))
                {
                    Some(Ok(framed)) => {
                        (Some(Frame::data(framed)), State::Messages { messages, deadline })
                    }
                    Some(Err(status)) => (Some(Frame::trailers(status.fields())), State::Done),
                    None => (Some(Frame::trailers(status::well())), State::Done),
                }
            }
            State::Trailers(trailers) => (Some(Frame::trailers(trailers)), State::Done),
            State::Done => (None, State::Done),
        };
        self.state = next;
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
