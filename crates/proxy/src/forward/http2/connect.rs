//! An upgrade where the service speaks HTTP/2: an extended CONNECT (RFC 8441).
//!
//! To the rest of the data plane its `200` is the `101` that the caller waits for.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Response};
use trunkline_model::reason::Kind;
use trunkline_net::buffer::Buffer;
use trunkline_net::http::{Body, Head, Version, wire};
use trunkline_net::http2::{Received, Tunnel};
use trunkline_net::stream::Stream as ByteStream;

use super::super::failure::{Failure, Processed};
use super::super::pool::{Lease, Stream};
use super::super::{Attempt, Sent, Upgrade, websocket};
use super::encode;
use crate::carry::Side;

pub(super) async fn send(
    attempt: &Attempt<'_>,
    stream: Stream,
    reused: bool,
) -> Result<Sent, Failure> {
    let mut sender = stream.shared.sender();
    let _ = tokio::time::timeout(attempt.connect_limit, stream.shared.link.settled()).await;
    if !sender.is_extended_connect_protocol_enabled() {
        let detail = format!("{} takes no WebSocket over HTTP/2", attempt.endpoint.address);
        return Err(Failure::new(Kind::UpstreamProtocol, detail, Processed::No));
    }
    let mut head = encode(attempt)?;
    *head.method_mut() = Method::CONNECT;
    head.extensions_mut().insert(Protocol::from_static("websocket"));
    head.headers_mut().remove("sec-websocket-key");
    let broken = |error: &h2::Error| Failure::of_http2(error, reused);
    let begun = sender.send_request(head, false);
    let (mut response, output) =
        begun.map_err(|error| Failure { processed: Processed::No, ..broken(&error) })?;
    let answered = poll_fn(|cx| Pin::new(&mut response).poll(cx)).await;
    let response = answered.map_err(|error| broken(&error))?;
    Ok(if response.status().is_success() {
        switched(attempt, response, output, stream)
    } else {
        refused(response, stream)
    })
}

fn switched(
    attempt: &Attempt<'_>,
    response: Response<RecvStream>,
    output: SendStream<Bytes>,
    stream: Stream,
) -> Sent {
    let (parts, input) = response.into_parts();
    let mut head = Head::response(101, Version::Http2);
    for (name, value) in &parts.headers {
        if !websocket::is_of_http1(name.as_str().as_bytes()) {
            head.append(name.as_str(), value.as_bytes());
        }
    }
    head.append("upgrade", b"websocket");
    if let Some(key) = attempt.head.get("sec-websocket-key") {
        head.append("sec-websocket-accept", websocket::proof(key).as_bytes());
    }
    let (sender, side) = Upgrade::channel();
    let tunnel = ByteStream::H2Tunnel(Box::new(Tunnel::new(input, output)));
    // The other end of the channel is in `side`: it is there.
    let _ = sender.send(Side { stream: tunnel, read: Buffer::default() });
    Sent { head, lease: Lease::framed(Body::Empty, stream, None), switched: Some(side) }
}

fn refused(response: Response<RecvStream>, stream: Stream) -> Sent {
    let (parts, received) = response.into_parts();
    let body = Body::Http2(Received::new(received, &parts.headers));
    let lease = Lease::framed(body, stream, None);
    Sent { head: wire::response_head(&parts), lease, switched: None }
}
