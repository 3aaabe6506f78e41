//! The body of a message: a stream of data frames and trailers with backpressure.
//!
//! A body is pulled: nothing is read from its sender before its receiver asks. Buffering a whole
//! body is a filter's explicit, bounded request, never this type's.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::http2::Received;

/// What a codec says about a broken body.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The sender went away or broke the protocol.
    #[error("the body's sender broke off")]
    Broken(#[source] Cause),
    /// More bytes than a limit allows.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// Nothing moved for as long as a limit allows.
    #[error("the body was idle for too long")]
    Idle,
    /// A drain or a kill ended the exchange.
    #[error("the exchange was cut")]
    Cut,
}

/// A body of either direction.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes that are there; sent as one frame.
    Full(Bytes),
    /// What a peer sends over HTTP/2.
    Http2(Received),
    /// Any other stream: counted, limited, changed by filters.
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError>>>),
}

impl Body {
    /// A body of these bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Http2(_) => f.write_str("Http2"),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Http2(received) => Pin::new(received).poll_frame(cx),
            Self::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(_) => false,
            Self::Http2(received) => received.is_end_stream(),
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Http2(received) => received.size_hint(),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}
