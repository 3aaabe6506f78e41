//! The body that the caller is sent: counts bytes, and knows how the exchange ended.

use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body as _;
use trunkline_model::record::End;
use trunkline_net::http::{Body, BodyError};

use super::Recording;
use crate::forward::{Part, ResponseBody, poll_frames};

/// A response's body with the record of its exchange.
pub(crate) struct Observed {
    source: Source,
    /// `None` for the head of a tunnel, which goes on recording.
    recording: Option<Recording>,
}

/// Where a body comes from.
pub(crate) enum Source {
    /// From a service as it is: its bytes need not be copied.
    Service(ResponseBody),
    /// From anywhere else, in frames.
    Frames {
        /// The frames.
        body: Body,
        /// What came and was not used yet.
        part: Bytes,
    },
}

impl From<Body> for Source {
    fn from(body: Body) -> Self {
        Self::Frames { body, part: Bytes::new() }
    }
}

impl Source {
    /// The body in frames, for whoever changes it; asked for before any of it was read.
    pub(crate) fn into_frames(self) -> Body {
        match self {
            Self::Service(body) => Body::Stream(Box::pin(body)),
            Self::Frames { body, .. } => body,
        }
    }

    /// Bytes that are still to come, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Service(body) => body.size_hint().exact(),
            Self::Frames { body, part } if part.is_empty() => body.size_hint().exact(),
            Self::Frames { .. } => None,
        }
    }

    /// Whether all of it was read.
    pub(crate) fn is_ended(&self) -> bool {
        match self {
            Self::Service(body) => body.is_ended(),
            Self::Frames { body, part } => part.is_empty() && body.is_end_stream(),
        }
    }
}

impl Observed {
    /// A body that was read to its last byte is complete, even if nobody asks for what follows.
    pub(crate) fn new(source: Source, mut recording: Option<Recording>) -> Self {
        if let Some(recording) = &mut recording {
            recording.end(End::CallerGone);
        }
        let mut body = Self { source, recording };
        body.look();
        body
    }

    /// Bytes that are there, or the end.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>> {
        let part = ready!(match &mut self.source {
            Source::Service(body) => body.poll_part(cx),
            Source::Frames { body, part } => poll_frames(body, part, cx),
        });
        match &part {
            Ok(Part::Data(_)) => {}
            Ok(Part::End(_)) => self.end(End::Complete),
            Err(BodyError::Broken(_)) => self.end(End::ServiceBroke),
            Err(BodyError::Idle) => self.end(End::Idle),
            Err(_) => self.end(End::Cut),
        }
        Poll::Ready(part)
    }

    /// The bytes that [`Part::Data`] told of.
    pub(crate) fn data(&self, count: usize) -> &[u8] {
        match &self.source {
            Source::Service(body) => body.data(count),
            Source::Frames { part, .. } => part.get(..count).unwrap_or_default(),
        }
    }

    /// The same as bytes of their own.
    pub(crate) fn bytes(&self, count: usize) -> Bytes {
        match &self.source {
            Source::Frames { part, .. } => part.slice(..count.min(part.len())),
            Source::Service(body) => body.bytes(count),
        }
    }

    /// So many of them were sent.
    pub(crate) fn consume(&mut self, count: usize) {
        match &mut self.source {
            Source::Service(body) => body.consume(count),
            Source::Frames { part, .. } => part.advance(count.min(part.len())),
        }
        if let Some(recording) = &mut self.recording {
            recording.sent(count as u64);
        }
        self.look();
    }

    /// The caller went away before it had everything.
    pub(crate) fn caller_gone(&mut self) {
        self.end(End::CallerGone);
    }

    /// All of it is on its way: tells the record. Whoever has read a response finds it counted.
    pub(crate) fn finish(&mut self) {
        self.end(End::Complete);
        self.recording = None;
    }

    /// Bytes that are still to come, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.source.length()
    }

    /// Whether all of it was read.
    pub(crate) fn is_ended(&self) -> bool {
        self.source.is_ended()
    }

    fn look(&mut self) {
        if self.is_ended() || self.length() == Some(0) {
            self.end(End::Complete);
        }
    }

    fn end(&mut self, end: End) {
        if let Some(recording) = &mut self.recording {
            recording.end(end);
        }
    }
}
