//! Extended CONNECT from callers (RFC 8441): a WebSocket in a stream of HTTP/2.
//!
//! Inside it is what it is over HTTP/1.1, a `GET` that asks for an upgrade, so that routes, filters
//! and services need not know. A `101` becomes a `200`, and the stream the caller's side of the
//! tunnel.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::SendResponse;
use http::{Method, Request};
use trunkline_net::buffer::Buffer;
use trunkline_net::http::{Body, Head, wire};
use trunkline_net::http2::Tunnel;
use trunkline_net::stream::Stream;

use super::stream::{check, run_while_wanted};
use super::{Connection, answer};
use crate::carry::Side;
use crate::exchange::{Answer, Arrival};
use crate::forward::{Upgrade, websocket};

/// Whether the request is for a WebSocket.
pub(super) fn is_asked_for(request: &Request<RecvStream>) -> bool {
    let protocol = request.extensions().get::<Protocol>();
    *request.method() == Method::CONNECT
        && protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"))
}

/// Serves such a stream.
pub(super) async fn serve(
    connection: &Rc<Connection>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let respond = Rc::new(RefCell::new(respond));
    let (parts, input) = request.into_parts();
    let (side, upgrade) = Upgrade::channel();
    let head = head(connection, &parts);
    let arrival = Arrival {
        plan: connection.listening.plan(),
        strict: check(connection, &parts, &head),
        request: head,
        body: Body::Empty,
        upgrade: Some(upgrade),
        interim: None,
        began: None,
        busy: connection.activity.enter(),
        alarm: Rc::default(),
    };
    let Some(answer) = pin!(run_while_wanted(connection, &respond, arrival)).await else { return };
    if answer.head.status() != 101 {
        return pin!(answer::send(connection, &respond, answer, false)).await;
    }
    let Answer { mut head, .. } = answer;
    head.set_status(200);
    head.retain(|name| !websocket::is_of_http1(name));
    let Ok(head) = wire::response_out(&head) else { return };
    let sent = respond.borrow_mut().send_response(head, false);
    if let Ok(output) = sent {
        let stream = Stream::H2Tunnel(Box::new(Tunnel::new(input, output)));
        // Nobody waits any more if a drain cut the tunnel before it began.
        let _ = side.send(Side { stream, read: Buffer::default() });
    }
}

/// The request as HTTP/1.1 would have it.
fn head(connection: &Connection, parts: &http::request::Parts) -> Head {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut head = wire::request_head(parts);
    head.retain(|name| !websocket::is_of_http1(name));
    head.set_method("GET");
    head.set_target(target);
    head.append("upgrade", b"websocket");
    let key = websocket::key(connection.worker.random.borrow_mut().bytes16());
    head.append("sec-websocket-key", key.as_bytes());
    head
}
