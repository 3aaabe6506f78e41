//! One attempt over HTTP/2.
//!
//! Who waits for the response also drives the request's body out. A response that comes earlier
//! leaves the rest of the body to a task of its own, so that neither direction waits for the other;
//! it ends with the response.

mod connect;

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::{AbortHandle, Abortable};
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::Response;
use http_body::Body as _;
use trunkline_model::reason::Kind;
use trunkline_net::http::{Body, BodyError, wire};
use trunkline_net::http2::Received;
use trunkline_rt::Policy;

use super::failure::{Failure, Processed, whole};
use super::pool::{Lease, Stream};
use super::response_body::{Part, poll_frames};
use super::{Attempt, Sent, headers, unsendable};
use crate::limits;
use crate::worker::Worker;

pub(super) async fn send(
    attempt: &Attempt<'_>,
    stream: Stream,
    reused: bool,
) -> Result<Sent, Failure> {
    if attempt.upgrade {
        return Box::pin(connect::send(attempt, stream, reused)).await;
    }
    let head = encode(attempt)?;
    let body = attempt.body.lend(None);
    let empty = body.is_end_stream();
    let begun = stream.shared.sender().send_request(head, empty);
    let (response, sending) = begun.map_err(|error| Failure {
        processed: Processed::No,
        ..Failure::of_http2(&error, reused)
    })?;
    let upload = (!empty).then(|| Upload { stream: sending, body, part: Bytes::new() });
    let mut waiting = Waiting { attempt, response, upload, interims: 0, reused };
    let response = poll_fn(|cx| waiting.poll(cx)).await?;
    let upload = waiting.upload.map(|upload| Uploading::start(attempt.worker, upload));
    let (parts, received) = response.into_parts();
    let body = if received.is_end_stream() {
        Body::Empty
    } else {
        Body::Http2(Received::new(received, &parts.headers))
    };
    let lease = Lease::framed(body, stream, upload);
    Ok(Sent { head: wire::response_head(&parts), lease, switched: None })
}

fn encode(attempt: &Attempt<'_>) -> Result<http::Request<()>, Failure> {
    let tls = attempt.service.transport.tls.is_some();
    let scheme = if tls { "https" } else { "http" };
    let authority = attempt
        .head
        .get_text("host")
        .map_or_else(|| Cow::Owned(attempt.endpoint.address.to_string()), Cow::Borrowed);
    let head = wire::request_out(attempt.head, Some((scheme, &authority)));
    let mut head = head.map_err(|error| unsendable(&error))?;
    headers::frame_http2(head.headers_mut());
    Ok(head)
}

/// An attempt that has no response yet.
struct Waiting<'a> {
    attempt: &'a Attempt<'a>,
    response: ResponseFuture,
    upload: Option<Upload>,
    interims: usize,
    reused: bool,
}

impl Waiting<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, Failure>> {
        // First, so that a small body leaves together with its head.
        if let Some(upload) = &mut self.upload
            && let Poll::Ready(sent) = upload.poll(cx)
        {
            self.upload = None;
            if let Err(error) = sent {
                let failure = Failure::new(Kind::BadRequest, whole(&error), Processed::Maybe);
                return Poll::Ready(Err(failure));
            }
        }
        while let Poll::Ready(Some(Ok(interim))) = self.response.poll_informational(cx) {
            self.interims += 1;
            if self.interims > limits::INTERIM_MAX {
                let detail = "too many interim responses";
                let failure = Failure::new(Kind::UpstreamProtocol, detail, Processed::Maybe);
                return Poll::Ready(Err(failure));
            }
            if let Some(caller) = self.attempt.interim
                && interim.status() != http::StatusCode::CONTINUE
            {
                caller.send(wire::response_head(&interim.into_parts().0));
            }
        }
        let answered = ready!(Pin::new(&mut self.response).poll(cx));
        Poll::Ready(answered.map_err(|error| Failure::of_http2(&error, self.reused)))
    }
}

/// The body of a request on its way.
struct Upload {
    stream: SendStream<Bytes>,
    body: Body,
    part: Bytes,
}

impl Upload {
    /// Sends on. A service that wants no more of it says so with its response, or by a reset that
    /// whoever waits for the response is told of; an error is the caller's.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        loop {
            let Poll::Ready(part) = poll_frames(&mut self.body, &mut self.part, cx) else {
                return self.stream.poll_reset(cx).map(|_| Ok(()));
            };
            match part {
                Ok(Part::Data(count)) => {
                    let Some(room) = ready!(self.poll_room(cx, count)) else {
                        return Poll::Ready(Ok(()));
                    };
                    let data = self.part.split_to(room.min(count));
                    let last = self.part.is_empty() && self.body.is_end_stream();
                    if self.stream.send_data(data, last).is_err() || last {
                        return Poll::Ready(Ok(()));
                    }
                }
                Ok(Part::End(trailers)) => {
                    let _ = match trailers {
                        Some(trailers) => self.stream.send_trailers(*trailers),
                        None => self.stream.send_data(Bytes::new(), true),
                    };
                    return Poll::Ready(Ok(()));
                }
                Err(error) => {
                    self.stream.send_reset(Reason::CANCEL);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// How many of `count` bytes may be sent now; `None` if no more are wanted.
    fn poll_room(&mut self, cx: &mut Context<'_>, count: usize) -> Poll<Option<usize>> {
        self.stream.reserve_capacity(count);
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                return Poll::Ready(Some(room));
            }
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Poll::Ready(None),
            }
        }
    }
}

/// The rest of a request's body, sent while the response is read already; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Uploading(AbortHandle);

impl Uploading {
    fn start(worker: &Rc<Worker>, mut upload: Upload) -> Self {
        let (handle, registration) = AbortHandle::new_pair();
        worker.scope.spawn_local("upload", Policy::Best, async move {
            let sending = poll_fn(|cx| upload.poll(cx));
            // A caller that broke off is noticed where the response is sent.
            let _ = Abortable::new(sending, registration).await;
        });
        Self(handle)
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.0.abort();
    }
}
