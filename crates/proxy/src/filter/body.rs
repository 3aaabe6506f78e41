//! A body that is compressed on its way to the caller.
//!
//! It is pulled like any other: what the service has not sent is not waited for, because the coder
//! is flushed whenever the service pauses. So a stream of events is as prompt as it was, and a fast
//! body is coded in large pieces. Trailers come after the coded bytes; a body that breaks off stays
//! broken, for its coded form then has no end.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use trunkline_filters::Encoder;
use trunkline_net::http::{Body, BodyError};

use crate::limits::{ENCODER_INPUT_BYTES, ENCODERS_PER_WORKER_MAX};

thread_local! {
    /// Coders of this worker that are running.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

/// The right to run one coder on this worker.
#[derive(Debug)]
pub(super) struct Place(());

impl Place {
    pub(super) fn take() -> Option<Self> {
        let running = RUNNING.get();
        (running < ENCODERS_PER_WORKER_MAX).then(|| {
            RUNNING.set(running + 1);
            Self(())
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        RUNNING.set(RUNNING.get().saturating_sub(1));
    }
}

/// A body in its coded form.
pub(super) struct Encoded {
    inner: Body,
    /// `None` once the coded form has its end.
    encoder: Option<(Encoder, Place)>,
    /// Bytes taken in since the last flush.
    unflushed: usize,
    /// What follows the coded bytes.
    trailers: Option<Frame<Bytes>>,
}

impl Encoded {
    pub(super) const fn new(inner: Body, encoder: Encoder, place: Place) -> Self {
        Self { inner, encoder: Some((encoder, place)), unflushed: 0, trailers: None }
    }

    /// Takes a part in; `Some` are coded bytes that are worth sending.
    fn take_in(&mut self, bytes: &[u8]) -> std::io::Result<Option<Bytes>> {
        let Some((encoder, _)) = &mut self.encoder else {
            return Ok(None);
        };
        encoder.write(bytes)?;
        self.unflushed = self.unflushed.saturating_add(bytes.len());
        if self.unflushed < ENCODER_INPUT_BYTES { Ok(None) } else { self.flush() }
    }

    fn flush(&mut self) -> std::io::Result<Option<Bytes>> {
        let Some((encoder, _)) = self.encoder.as_mut().filter(|_| self.unflushed > 0) else {
            return Ok(None);
        };
        encoder.flush()?;
        self.unflushed = 0;
        Ok((encoder.ready() > 0).then(|| encoder.take()))
    }

    fn end(&mut self) -> std::io::Result<Option<Bytes>> {
        let Some((mut encoder, _)) = self.encoder.take() else {
            return Ok(None);
        };
        encoder.finish()?;
        Ok(Some(encoder.take()))
    }
}

impl HttpBody for Encoded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        while this.encoder.is_some() {
            let polled = Pin::new(&mut this.inner).poll_frame(cx);
            let pending = polled.is_pending();
            let coded = match polled {
                Poll::Pending => this.flush(),
                Poll::Ready(None) => this.end(),
                Poll::Ready(Some(Err(error))) => {
                    this.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => this.take_in(&bytes),
                    Err(trailers) => {
                        this.trailers = Some(trailers);
                        this.end()
                    }
                },
            };
            match coded {
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Ok(None) if pending => return Poll::Pending,
                Ok(None) => {}
                Err(error) => {
                    this.encoder = None;
                    return Poll::Ready(Some(Err(BodyError::Broken(error.into()))));
                }
            }
        }
        Poll::Ready(this.trailers.take().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.trailers.is_none()
    }
}
