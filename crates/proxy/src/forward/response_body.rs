//! A response's body on its way from the service: with an idle limit, and with what must happen at
//! its end.
//!
//! At the end a pooled connection goes back, the request is no longer in flight, and the attempt's
//! duration is known. A body that is dropped earlier drops its connection (HTTP/1.1) or resets its
//! stream (HTTP/2).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use trunkline_net::http::{Body, BodyError};

use super::pool::Lease;
use super::request_body::later;
use crate::balance::InFlight;

/// The body of a forwarded response.
pub(crate) struct ResponseBody {
    incoming: Body,
    lease: Option<Lease>,
    _in_flight: InFlight,
    idle: Duration,
    /// Made when the service first lets us wait.
    timer: Option<Pin<Box<Sleep>>>,
}

impl ResponseBody {
    pub(crate) fn new(incoming: Body, lease: Lease, in_flight: InFlight, idle: Duration) -> Self {
        let mut body =
            Self { incoming, lease: Some(lease), _in_flight: in_flight, idle, timer: None };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let idle = self.idle;
        match polled {
            Poll::Pending => {
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
                if timer.as_mut().poll(cx).is_ready() {
                    self.lease = None;
                    return Poll::Ready(Some(Err(BodyError::Idle)));
                }
                Poll::Pending
            }
            Poll::Ready(frame) => {
                if let Some(timer) = &mut self.timer {
                    timer.as_mut().reset(later(idle));
                }
                match &frame {
                    Some(Err(_)) => self.lease = None,
                    None => self.finish(),
                    Some(Ok(_)) if self.incoming.is_end_stream() => self.finish(),
                    Some(Ok(_)) => {}
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
