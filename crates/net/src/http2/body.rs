//! A body that arrives over HTTP/2.
//!
//! It is pulled: the peer's window is opened by what was taken, so that no more than a window waits
//! in memory. The codec checks that the body is as long as its head says.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::http::BodyError;

/// The body of a request or response.
#[derive(Debug)]
pub struct Received {
    stream: RecvStream,
    /// Bytes that are still to come, where the head tells.
    left: Option<u64>,
    /// Only trailers can follow.
    data_ended: bool,
}

impl Received {
    /// The body that follows a head with these fields.
    pub fn new(stream: RecvStream, fields: &HeaderMap) -> Self {
        let length = fields.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self { stream, left: length.and_then(|length| length.parse().ok()), data_ended: false }
    }

    /// The stream itself, for a tunnel.
    pub fn into_stream(self) -> RecvStream {
        self.stream
    }

    /// What follows an error. A peer that has said all it wants may reset with `NO_ERROR` (RFC 9113
    /// §8.1); what is not as long as its head says is broken all the same.
    fn ended(&mut self, error: h2::Error) -> Option<Result<Frame<Bytes>, BodyError>> {
        let all = error.reason() == Some(Reason::NO_ERROR) && error.is_reset();
        self.data_ended = true;
        (!all || self.left.is_some_and(|left| left != 0))
            .then(|| Err(BodyError::Broken(error.into())))
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        while !this.data_ended {
            match ready!(this.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // A stream that is over has no window to open.
                    let _ = this.stream.flow_control().release_capacity(data.len());
                    if data.is_empty() && !this.stream.is_end_stream() {
                        continue;
                    }
                    this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(this.ended(error)),
                None => this.data_ended = true,
            }
        }
        Poll::Ready(match ready!(this.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => this.ended(error),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
