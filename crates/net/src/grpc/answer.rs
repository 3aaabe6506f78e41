//! What a call is answered with: one message or several, then trailers with the status.
//!
//! A body is asked for more only when the one who reads has room for it: somebody who takes nothing
//! would keep an answer for ever. What is left of it therefore stands where its [`Watch`] can take
//! it away when the time of the call is over.

use std::convert::Infallible;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::frame;
use super::status::{self, Code, Status};

/// A message up to this size is copied behind its length; a larger one is passed on as it is, so
/// that whoever made it knows how long it is held.
const COPIED_BYTES_MAX: usize = 1 << 10;
/// How long whoever reads may take for what is under way when the time of the call is over.
const END_GRACE: Duration = Duration::from_secs(2);

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

/// What was not taken yet; `None` when the time of the call is over.
type Rest = Arc<Mutex<Option<BoxStream<'static, Result<Bytes, Status>>>>>;

/// The body of an answer.
pub struct Body {
    state: State,
    rest: Rest,
    /// Ready when the time of the call is over; there is none where that has no end.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Dropped with the body: the end of its [`Watch`].
    _open: Option<oneshot::Sender<Infallible>>,
}

enum State {
    /// The next message is to be asked for.
    Messages,
    /// A message whose length was told already.
    Message(Bytes),
    Done,
}

/// Ends an answer that nobody takes.
pub(super) struct Watch {
    rest: Rest,
    deadline: Instant,
    closed: oneshot::Receiver<Infallible>,
}

impl Body {
    /// No message: the status stands in the head ("Trailers-Only").
    pub(super) fn empty() -> Self {
        Self { state: State::Done, rest: Rest::default(), deadline: None, _open: None }
    }

    /// An answer that is to be taken by the deadline, if there is one, and who looks after that.
    pub(super) fn new(reply: Reply, deadline: Option<Instant>) -> (Self, Option<Watch>) {
        let is_small =
            matches!(&reply, Reply::Message(message) if message.len() <= COPIED_BYTES_MAX);
        let messages: BoxStream<'static, _> = match reply {
            Reply::Message(message) => Box::pin(futures_util::stream::iter([Ok(message)])),
            Reply::Messages(messages) => messages,
        };
        let rest: Rest = Arc::new(Mutex::new(Some(messages)));
        let (open, closed) = oneshot::channel();
        let watch = deadline.filter(|_| !is_small);
        let watch = watch.map(|deadline| Watch { rest: Arc::clone(&rest), deadline, closed });
        let body = Self {
            state: State::Messages,
            rest,
            deadline: deadline.map(|deadline| Box::pin(sleep_until(deadline))),
            _open: watch.is_some().then_some(open),
        };
        (body, watch)
    }

    /// The next message, as the caller takes it.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let late = || Status::new(Code::DeadlineExceeded, "the time of the call is over");
        if self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready())
        {
            return Poll::Ready(Some(Err(late())));
        }
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        match rest.as_mut() {
            Some(messages) => messages.as_mut().poll_next(context),
            None => Poll::Ready(Some(Err(late()))),
        }
    }

    /// The frame for a message; of a large one it is the length.
    fn begin(&mut self, message: Bytes) -> Result<Bytes, Status> {
        if message.len() <= COPIED_BYTES_MAX {
            return frame::frame(&message, false);
        }
        let prefix = frame::prefix(message.len(), false)?;
        self.state = State::Message(message);
        Ok(Bytes::copy_from_slice(&prefix))
    }
}

impl Watch {
    /// Waits for the answer to be taken. Returns when it was not, although its time and some more
    /// was over: the connection is to be closed then, as nothing else takes back what waits in it.
    pub(super) async fn stalled(mut self) -> bool {
        tokio::select! {
            _ = &mut self.closed => return false,
            () = sleep_until(self.deadline) => {}
        }
        drop(self.rest.lock().unwrap_or_else(PoisonError::into_inner).take());
        tokio::select! {
            _ = &mut self.closed => false,
            () = sleep(END_GRACE) => true,
        }
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
        let end = |fields: HeaderMap| Poll::Ready(Some(Ok(Frame::trailers(fields))));
        match std::mem::replace(&mut self.state, State::Done) {
            State::Done => Poll::Ready(None),
            State::Message(message) => {
                self.state = State::Messages;
                Poll::Ready(Some(Ok(Frame::data(message))))
            }
            State::Messages => {
                let Poll::Ready(next) = self.poll_message(context) else {
                    self.state = State::Messages;
                    return Poll::Pending;
                };
                let Some(next) = next else { return end(status::well()) };
                self.state = State::Messages;
                match next.and_then(|message| self.begin(message)) {
                    Ok(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                    Err(status) => {
                        self.state = State::Done;
                        end(status.fields())
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
