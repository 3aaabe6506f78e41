//! HTTP/2 from callers.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use trunkline_model::listener::ListenerTimeouts;
use trunkline_net::http::{Body, strict, wire};
use trunkline_net::hyper_io::{HyperIo, HyperTimer, LocalExecutor};
use trunkline_rt::drain::Phase;

use super::http1::wants_upgrade;
use super::io::Watched;
use super::{Connection, supervise};
use crate::exchange::{self, Answer, Arrival};
use crate::forward::Upgrade;
use crate::limits;

pub(super) async fn serve(
    connection: &Rc<Connection>,
    io: HyperIo<Watched>,
    times: ListenerTimeouts,
) {
    let arriving = Rc::clone(connection);
    let service = service_fn(move |request| respond(Rc::clone(&arriving), request));
    let served = http2::Builder::new(LocalExecutor)
        .timer(HyperTimer)
        .max_concurrent_streams(limits::DOWNSTREAM_STREAMS_MAX)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(limits::STREAM_SEND_BYTES)
        .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .serve_connection(io, service);
    let mut served = pin!(served);
    // GOAWAY loses nothing: the caller knows which streams were taken (RFC 9113 §6.8).
    let told = connection.drain.draining();
    supervise(connection, served.as_mut(), told, times, false, |served| {
        served.graceful_shutdown();
    })
    .await;
}

/// One request: in through our own types, and out again.
pub(super) async fn respond(
    connection: Rc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let busy = connection.activity.enter();
    let upgrade = wants_upgrade(&request).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let strict = strict::check(&parts);
    let arrival = Arrival {
        plan: connection.listening.plan(),
        request: wire::request_head(&parts),
        strict,
        body: Body::Incoming(body),
        upgrade: upgrade.map(Upgrade::new),
        busy,
    };
    let mut answer = exchange::run(&connection, arrival).await;
    let http1 = parts.version < hyper::Version::HTTP_2;
    let ends = strict.is_err() || connection.drain.phase() >= Phase::Draining;
    if http1 && answer.head.status() != 101 && ends {
        answer.head.set("connection", b"close");
    }
    Ok(encode(answer))
}

fn encode(answer: Answer) -> Response<Body> {
    match wire::response_out(&answer.head) {
        Ok(head) => head.map(|()| answer.body),
        Err(error) => {
            tracing::error!(%error, "response head could not be sent");
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
            response
        }
    }
}
