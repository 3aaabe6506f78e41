//! The body that the caller is sent: counts bytes, and knows how the exchange ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use trunkline_model::record::End;
use trunkline_net::http::{Body, BodyError};

use super::Recording;

/// A response's body with the record of its exchange.
pub(crate) struct Observed {
    inner: Body,
    recording: Recording,
}

impl Observed {
    /// A body that was read to its last byte is complete, even if nobody asks for what follows.
    pub(crate) fn new(inner: Body, mut recording: Recording) -> Self {
        recording.end(End::CallerGone);
        let mut body = Self { inner, recording };
        body.look();
        body
    }

    fn look(&mut self) {
        if self.inner.is_end_stream() || self.inner.size_hint().exact() == Some(0) {
            self.recording.end(End::Complete);
        }
    }
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(frame) = &polled {
            match frame {
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    self.recording.sent(bytes as u64);
                    self.look();
                }
                Some(Err(BodyError::Broken(_))) => self.recording.end(End::ServiceBroke),
                Some(Err(BodyError::Idle)) => self.recording.end(End::Idle),
                Some(Err(_)) => self.recording.end(End::Cut),
                None => self.recording.end(End::Complete),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
