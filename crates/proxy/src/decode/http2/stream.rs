//! One request of an HTTP/2 connection: in through our own types, and out again.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use trunkline_net::http::{Body, BodyError, Head, strict, wire};
use trunkline_net::http1::Refusal;
use trunkline_net::http2::Received;

use super::{answer, websocket};
use crate::decode::{self, Connection};
use crate::exchange::{self, Answer, Arrival};
use crate::forward::headers;
use crate::limits;

/// The way back, shared by the stream and by what may answer in between.
pub(super) type Respond = Rc<RefCell<SendResponse<Bytes>>>;

/// Serves one stream.
pub(super) async fn serve(
    connection: Rc<Connection>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    if websocket::is_asked_for(&request) {
        return pin!(websocket::serve(&connection, request, respond)).await;
    }
    let respond = Rc::new(RefCell::new(respond));
    let arrival = arrival(&connection, request, &respond);
    let is_head = arrival.request.method() == "HEAD";
    let Some(answer) = pin!(run_while_wanted(&connection, &respond, arrival)).await else { return };
    pin!(answer::send(&connection, &respond, answer, is_head)).await;
}

fn arrival(
    connection: &Rc<Connection>,
    request: Request<RecvStream>,
    respond: &Respond,
) -> Arrival {
    let busy = connection.activity.enter();
    let (parts, stream) = request.into_parts();
    let head = wire::request_head(&parts);
    let strict = check(connection, &parts, &head);
    let body = if stream.is_end_stream() {
        Body::Empty
    } else {
        let received = Received::new(stream, &parts.headers);
        if head.has_element("expect", "100-continue") {
            let respond = Some(Rc::clone(respond));
            Body::Stream(Box::pin(Asked { received, respond }))
        } else {
            Body::Http2(received)
        }
    };
    Arrival {
        plan: connection.listening.plan(),
        request: head,
        strict,
        body,
        upgrade: None,
        interim: Some(decode::Interim::Http2(Interim(Rc::clone(respond)))),
        began: None,
        busy,
        // Each stream has deadlines of its own.
        alarm: Rc::default(),
    }
}

/// Refuses what HTTP/1.1 callers may not send either, and counts why.
pub(super) fn check(
    connection: &Connection,
    parts: &http::request::Parts,
    head: &Head,
) -> Result<(), Refusal> {
    let plan = connection.listening.plan();
    let bounds = &plan.model.guard;
    let strict =
        if parts.headers.len() > limits::HTTP2_FIELDS_MAX || head.field_count() > bounds.fields {
            Err(Refusal::TooManyFields)
        } else if head.target().len() > bounds.target_bytes {
            Err(Refusal::TargetTooLong)
        } else {
            strict::check(parts)
        };
    strict.inspect_err(|refusal| {
        plan.counters.of(connection.worker.index).refusals.count(*refusal);
    })
}

/// Runs the exchange; `None` once the caller reset the stream.
pub(super) async fn run_while_wanted(
    connection: &Rc<Connection>,
    respond: &Respond,
    arrival: Arrival,
) -> Option<Answer> {
    let mut running = pin!(exchange::run(connection, arrival));
    poll_fn(|cx| {
        if let Poll::Ready(answer) = running.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        respond.borrow_mut().poll_reset(cx).map(|_| None)
    })
    .await
}

/// Takes interim responses for the stream's caller.
pub(crate) struct Interim(Respond);

impl Interim {
    pub(crate) fn send(&self, mut head: Head) {
        headers::prepare_response(&mut head);
        // What cannot be sent is left out: the response is what counts.
        if let Ok(head) = wire::response_out(&head) {
            let _ = self.0.borrow_mut().send_informational(head);
        }
    }
}

impl std::fmt::Debug for Interim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interim")
    }
}

/// A body whose caller waits to be asked for it (RFC 9110 §10.1.1).
struct Asked {
    received: Received,
    /// Taken once it was asked.
    respond: Option<Respond>,
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.received).poll_frame(cx);
        if let Some(respond) = self.respond.take()
            && polled.is_pending()
        {
            let mut go_on = http::Response::new(());
            *go_on.status_mut() = http::StatusCode::CONTINUE;
            let _ = respond.borrow_mut().send_informational(go_on);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.received.size_hint()
    }
}
