//! A response's body on its way from the service: with an idle limit, and with what must happen at
//! its end.
//!
//! At the end a pooled connection goes back and the request is no longer in flight. A body that is
//! dropped earlier drops its connection (HTTP/1.1) or resets its stream (HTTP/2). Over HTTP/1.1 its
//! bytes are shown where they were read ([`ResponseBody::data`]), so that they need not be copied
//! to be sent on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use trunkline_net::http::{Body, BodyError};
use trunkline_net::http1::{self, Broken};

use super::pool::Lease;
use super::request_body::later;
use crate::balance::InFlight;
use crate::shield::Pass;

/// The body of a forwarded response.
pub(crate) struct ResponseBody {
    /// What it is read from; `None` once it ended.
    source: Lease,
    in_flight: Option<(InFlight, Option<Box<Pass>>)>,
    idle: Duration,
    /// Made when the service first lets us wait.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Where a body is.
pub(crate) enum Part {
    /// So many bytes are there.
    Data(usize),
    /// It ended.
    End(Option<Box<HeaderMap>>),
}

impl ResponseBody {
    pub(crate) fn new(
        source: Lease,
        in_flight: (InFlight, Option<Box<Pass>>),
        idle: Duration,
    ) -> Self {
        let mut body = Self { source, in_flight: Some(in_flight), idle, timer: None };
        if body.is_ended() {
            body.finish();
        }
        body
    }

    /// Bytes that are there, or the end.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>> {
        let polled = match &mut self.source {
            Lease::None => return Poll::Ready(Ok(Part::End(None))),
            Lease::Http1(exclusive) => {
                exclusive.client_mut().poll_part(cx).map(|part| match part {
                    Ok(http1::Part::Data(count)) => Ok(Part::Data(count)),
                    Ok(http1::Part::End(trailers)) => Ok(Part::End(trailers)),
                    Err(Broken::Body(error)) => Err(error),
                    Err(error) => Err(BodyError::Broken(error.into())),
                })
            }
            Lease::Http2(framed) => poll_frames(&mut framed.body, &mut framed.part, cx),
        };
        if polled.is_pending() {
            let idle = self.idle;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
            ready!(timer.as_mut().poll(cx));
            self.source = Lease::None;
            return Poll::Ready(Err(BodyError::Idle));
        }
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(later(self.idle));
        }
        match &polled {
            Poll::Ready(Ok(Part::End(_))) => self.finish(),
            Poll::Ready(Err(_)) => self.source = Lease::None,
            _ => {}
        }
        polled
    }

    /// The bytes that [`Part::Data`] told of.
    pub(crate) fn data(&self, count: usize) -> &[u8] {
        match &self.source {
            Lease::Http1(exclusive) => exclusive.client().data(count),
            Lease::Http2(framed) => framed.part.get(..count).unwrap_or_default(),
            Lease::None => &[],
        }
    }

    /// The same as bytes of their own.
    pub(crate) fn bytes(&self, count: usize) -> Bytes {
        match &self.source {
            Lease::Http2(framed) => framed.part.slice(..count.min(framed.part.len())),
            _ => Bytes::copy_from_slice(self.data(count)),
        }
    }

    /// So many of them were used.
    pub(crate) fn consume(&mut self, count: usize) {
        match &mut self.source {
            Lease::Http1(exclusive) => exclusive.client_mut().consume(count),
            Lease::Http2(framed) => framed.part.advance(count.min(framed.part.len())),
            Lease::None => {}
        }
        if self.is_ended() {
            self.finish();
        }
    }

    /// Whether all of it was read.
    pub(crate) fn is_ended(&self) -> bool {
        match &self.source {
            Lease::Http1(exclusive) => exclusive.client().is_ended(),
            Lease::Http2(framed) => framed.part.is_empty() && framed.body.is_end_stream(),
            Lease::None => true,
        }
    }

    fn finish(&mut self) {
        std::mem::replace(&mut self.source, Lease::None).give_back();
        self.in_flight = None;
    }
}

/// The next part of a body that comes in frames.
pub(crate) fn poll_frames(
    body: &mut Body,
    part: &mut Bytes,
    cx: &mut Context<'_>,
) -> Poll<Result<Part, BodyError>> {
    loop {
        if !part.is_empty() {
            return Poll::Ready(Ok(Part::Data(part.len())));
        }
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(Ok(Part::End(None))),
            Some(Err(error)) => return Poll::Ready(Err(error)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => *part = data,
                Err(frame) => {
                    let trailers = frame.into_trailers().ok().map(Box::new);
                    return Poll::Ready(Ok(Part::End(trailers)));
                }
            },
        }
    }
}

/// As frames, for whoever does not send it on as it is.
impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match ready!(self.poll_part(cx)) {
            Ok(Part::Data(count)) => {
                let data = self.bytes(count);
                self.consume(count);
                Some(Ok(Frame::data(data)))
            }
            Ok(Part::End(trailers)) => trailers.map(|trailers| Ok(Frame::trailers(*trailers))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Lease::Http1(exclusive) => {
                exclusive.client().left().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Lease::Http2(framed) if framed.part.is_empty() => framed.body.size_hint(),
            Lease::Http2(_) => SizeHint::default(),
            Lease::None => SizeHint::with_exact(0),
        }
    }
}
