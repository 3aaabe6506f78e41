//! Sending an answer on a stream: its head, its body as far as windows allow, its trailers.
//!
//! A caller that keeps its window shut while an answer waits is left after a while: nothing else
//! would ever end that stream.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Response, StatusCode};
use tokio::time::Sleep;
use trunkline_net::http::{Head, wire};
use trunkline_net::http2::Excess;

use super::{Connection, count};
use crate::exchange::Answer;
use crate::forward::{Part, later};
use crate::limits;
use crate::observe::Observed;

/// Sends the answer.
pub(super) async fn send(
    connection: &Connection,
    respond: &RefCell<SendResponse<Bytes>>,
    answer: Answer,
    is_head: bool,
) {
    let Answer { head, mut body } = answer;
    let (head, empty) = encode(&head, &body, is_head);
    let sent = respond.borrow_mut().send_response(head, empty);
    match sent {
        Err(error) => {
            tracing::debug!(%error, "response could not be sent");
            respond.borrow_mut().send_reset(Reason::INTERNAL_ERROR);
        }
        Ok(_) if empty => body.finish(),
        Ok(stream) => {
            let idle = connection.listening.plan().listener.timeouts.idle;
            let mut sending = Sending { stream, body, idle, stall: None, taken: 0 };
            if poll_fn(|cx| sending.poll(cx)).await == Sent::Stalled {
                count(connection, Excess::Stall);
            }
        }
    }
}

/// The head, and whether nothing follows it.
fn encode(head: &Head, body: &Observed, is_head: bool) -> (Response<()>, bool) {
    let mut response = match wire::response_out(head) {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "response head could not be sent");
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            return (response, true);
        }
    };
    let bodiless = is_head || matches!(head.status(), 100..=199 | 204 | 304);
    let empty = bodiless || body.is_ended();
    if let Some(length) = body.length().filter(|_| !empty)
        && !response.headers().contains_key(CONTENT_LENGTH)
    {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    (response, empty)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Whole,
    Broken,
    Stalled,
}

struct Sending {
    stream: SendStream<Bytes>,
    body: Observed,
    idle: Duration,
    /// Made when the caller first lets us wait.
    stall: Option<Pin<Box<Sleep>>>,
    /// Bytes that it took since the timer was set.
    taken: usize,
}

impl Sending {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Sent> {
        loop {
            let Poll::Ready(part) = self.body.poll_part(cx) else {
                // Nothing waits for the caller: time that the service takes is not its own.
                self.taken = limits::STALL_BYTES;
                return self.stream.poll_reset(cx).map(|_| self.leave());
            };
            match part {
                Ok(Part::Data(count)) => {
                    let room = match ready!(self.poll_room(cx, count)) {
                        Ok(room) => room,
                        Err(sent) => return Poll::Ready(sent),
                    };
                    if let Some(sent) = self.data(count.min(room)) {
                        return Poll::Ready(sent);
                    }
                }
                Ok(Part::End(trailers)) => {
                    let sent = match trailers {
                        Some(trailers) => self.stream.send_trailers(*trailers),
                        None => self.stream.send_data(Bytes::new(), true),
                    };
                    return Poll::Ready(self.finish(sent.is_ok()));
                }
                Err(_) => {
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(Sent::Broken);
                }
            }
        }
    }

    /// Sends so many bytes; tells if they were the last.
    fn data(&mut self, count: usize) -> Option<Sent> {
        let data = self.body.bytes(count);
        self.body.consume(count);
        let last = self.body.is_ended();
        self.taken = self.taken.saturating_add(count);
        let sent = self.stream.send_data(data, last);
        (last || sent.is_err()).then(|| self.finish(sent.is_ok()))
    }

    /// How many of `count` bytes may be sent now.
    fn poll_room(&mut self, cx: &mut Context<'_>, count: usize) -> Poll<Result<usize, Sent>> {
        self.stream.reserve_capacity(count);
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None | Some(Err(_))) => return Poll::Ready(Err(self.leave())),
                Poll::Pending => {
                    ready!(self.poll_stall(cx));
                    self.leave();
                    self.stream.send_reset(Reason::CANCEL);
                    return Poll::Ready(Err(Sent::Stalled));
                }
            }
        }
    }

    /// Ends when the caller took next to nothing for too long.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        if self.taken >= limits::STALL_BYTES {
            self.taken = 0;
            stall.as_mut().reset(later(idle));
        }
        stall.as_mut().poll(cx)
    }

    fn leave(&mut self) -> Sent {
        self.body.caller_gone();
        Sent::Broken
    }

    fn finish(&mut self, sent: bool) -> Sent {
        if !sent {
            return self.leave();
        }
        self.body.finish();
        Sent::Whole
    }
}
