//! HTTP/1.1 and HTTP/1.0 from callers, by our own codec.
//!
//! One task per connection does it all: it reads a head, runs the exchange, which reads the body and
//! talks to the service, and sends the answer. Between requests it holds the socket and nothing
//! else; what an exchange needs is made for it and gone with it. A caller that leaves while it
//! should wait takes the exchange, and all upstream work, with it.

mod answer;
mod caller;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use trunkline_net::buffer::Buffer;
use trunkline_net::http::{Body, Head, Version};
use trunkline_net::http1::{Arrived, Framing, Refusal, Request, Server};
use trunkline_net::stream::Stream;
use trunkline_resilience::overload::Level;
use trunkline_rt::drain::Phase;

use super::Connection;
use crate::exchange::{self, Answer, Arrival};
use crate::forward::Upgrade;
use crate::limits;
use crate::worker::Told;

use answer::{Caller, Sent};
use caller::CallerBody;
pub(crate) use caller::Interim;

/// A connection, shared by its loop and by the body of the request under way.
type Shared = Rc<RefCell<Server>>;

/// What follows an exchange.
enum Next {
    /// Another request may come.
    Serve,
    /// The connection ends; whether something that the caller sent may be on its way.
    End { unread: bool },
    /// It becomes a tunnel, whose other end waits for this side.
    Switch(tokio::sync::oneshot::Sender<crate::carry::Side>),
}

/// Serves a connection of which `read` was read already.
pub(super) async fn serve(connection: &Rc<Connection>, stream: Stream, read: Buffer) {
    let bounds = limits::of_callers(&connection.listening.plan().model.guard);
    let server: Shared = Rc::new(RefCell::new(Server::new(stream, read, bounds)));
    let next = loop {
        if server.borrow().has_input() {
            connection.activity.received();
        }
        let arrived = poll_fn(|cx| {
            let mut server = server.borrow_mut();
            if connection.orders.told() >= Told::End && !server.has_input() {
                return Poll::Ready(Arrived::Closed);
            }
            server.poll_request(cx, || connection.activity.received())
        });
        let next = match arrived.await {
            // In room of its own, which an idle connection does not hold; made where it stays, for
            // it is large.
            Arrived::Request(request) => {
                let room = Box::new_uninit();
                Box::into_pin(Box::write(room, respond(connection, &server, request))).await
            }
            Arrived::Refused(refusal) => Box::pin(refuse(connection, &server, refusal)).await,
            Arrived::Closed | Arrived::Broken => Next::End { unread: false },
        };
        match next {
            Next::Serve => server.borrow_mut().rest(),
            next => break next,
        }
    };
    let Ok(server) = Rc::try_unwrap(server) else { return };
    Box::pin(leave(server.into_inner(), next)).await;
}

/// What follows the last exchange.
async fn leave(server: Server, next: Next) {
    match next {
        Next::Switch(other) => {
            let (stream, read) = server.into_stream();
            // Nobody waits any more if a drain cut the tunnel before it began.
            let _ = other.send(crate::carry::Side { stream, read });
        }
        Next::End { unread: true } => {
            let closing = server.close(limits::DISCARD_BYTES_MAX);
            let _ = tokio::time::timeout(limits::LINGER_TIME, closing).await;
        }
        Next::End { unread: false } | Next::Serve => {
            let _ = tokio::time::timeout(Duration::from_millis(50), server.end()).await;
        }
    }
}

/// One request and its response.
async fn respond(connection: &Rc<Connection>, server: &Shared, request: Request) -> Next {
    let began = connection.activity.head_began();
    let busy = connection.activity.enter();
    let Request { head, framing, keep_alive, upgrade, .. } = request;
    let mut caller = Caller {
        version: head.version(),
        is_head: head.method() == "HEAD",
        keep_alive,
        has_body: framing != Framing::Empty,
    };
    let body = match framing {
        Framing::Empty => Body::Empty,
        _ => Body::Stream(Box::pin(CallerBody::new(server))),
    };
    let switches = upgrade && !carries_requests(&head);
    let (side, upgrade) = switches.then(Upgrade::channel).unzip();
    let interim =
        (caller.version == Version::Http11).then(|| super::Interim::Http1(Interim::new(server)));
    let arrival = Arrival {
        plan: connection.listening.plan(),
        request: head,
        strict: Ok(()),
        body,
        upgrade,
        interim,
        began,
        busy,
        alarm: Rc::clone(&connection.alarm),
    };
    let Some(answer) = pin!(run_while_wanted(connection, server, arrival)).await else {
        return Next::End { unread: false };
    };
    caller.keep_alive &= connection.drain.phase() < Phase::Draining
        && connection.worker.guard.level() == Level::Calm;
    if answer.head.status() == 101 {
        return match (answer::send(connection, server, answer, caller).await, side) {
            (Sent::Whole, Some(side)) => Next::Switch(side),
            _ => Next::End { unread: false },
        };
    }
    match pin!(answer::send(connection, server, answer, caller)).await {
        Sent::Whole if answer::take_rest(server) => Next::Serve,
        Sent::Last if !caller.has_body => Next::End { unread: server.borrow().has_input() },
        Sent::Whole | Sent::Last => Next::End { unread: true },
        Sent::Broken => Next::End { unread: false },
    }
}

/// Runs the exchange; `None` once the caller went away.
async fn run_while_wanted(
    connection: &Rc<Connection>,
    server: &Shared,
    arrival: Arrival,
) -> Option<Answer> {
    let mut running = pin!(exchange::run(connection, arrival));
    poll_fn(|cx| {
        if let Poll::Ready(answer) = running.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        let mut server = server.borrow_mut();
        if !server.output().is_empty() && matches!(server.poll_flush(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(None);
        }
        server.poll_gone(cx).map(|()| None)
    })
    .await
}

/// Answers what was no request that can be served; the connection ends with it.
async fn refuse(connection: &Rc<Connection>, server: &Shared, refusal: Refusal) -> Next {
    let plan = connection.listening.plan();
    plan.counters.of(connection.worker.index).refusals.count(refusal);
    let caller =
        Caller { version: Version::Http11, is_head: false, keep_alive: false, has_body: true };
    let arrival = Arrival {
        plan,
        request: Head::request("BADREQ", "/", Version::Http11),
        strict: Err(refusal),
        body: Body::Empty,
        upgrade: None,
        interim: None,
        began: connection.activity.head_began(),
        busy: connection.activity.enter(),
        alarm: Rc::clone(&connection.alarm),
    };
    let answer = exchange::run(connection, arrival).await;
    match answer::send(connection, server, answer, caller).await {
        Sent::Broken => Next::End { unread: false },
        Sent::Whole | Sent::Last => Next::End { unread: true },
    }
}

/// Whether HTTP is spoken after the switch that is asked for: `h2c` (RFC 7540 §3.2), `HTTP/2.0`,
/// `TLS/1.0` (RFC 2817). Such a switch is ignored, which is always allowed: in its tunnel requests
/// would reach the service without being routed, checked or seen.
fn carries_requests(head: &Head) -> bool {
    let protocols = head.get_all("upgrade").flat_map(|value| value.split(|byte| *byte == b','));
    protocols.map(<[u8]>::trim_ascii).any(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
        [&b"h2"[..], b"h2c", b"http", b"tls"].iter().any(|known| known.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_protocol_without_further_requests_is_switched_to() {
        let carries = |protocol: &str| {
            let mut head = Head::request("GET", "/", Version::Http11);
            head.append("Upgrade", protocol.as_bytes());
            carries_requests(&head)
        };
        assert!(!carries("websocket") && !carries("echo/2"));
        for protocol in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"] {
            assert!(carries(protocol), "{protocol}");
        }
    }
}
