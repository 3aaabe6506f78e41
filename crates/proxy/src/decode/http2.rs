//! HTTP/2 from callers.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use trunkline_net::http::{Body, strict, wire};
use trunkline_net::hyper_io::{HyperIo, HyperTimer, LocalExecutor};

use super::io::Watched;
use super::{Connection, drive};
use crate::exchange::{self, Answer, Arrival};
use crate::limits;

pub(super) async fn serve(connection: &Rc<Connection>, io: HyperIo<Watched>) {
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
    let mut served = pin!(Served { served, connection });
    drive(connection, served.as_mut(), |served| served.project().graceful_shutdown()).await;
}

/// A connection that tells why it broke.
struct Served<'a, C> {
    served: C,
    connection: &'a Connection,
}

impl<C: Unpin> Served<'_, C> {
    fn project(self: Pin<&mut Self>) -> Pin<&mut C> {
        Pin::new(&mut self.get_mut().served)
    }
}

impl<C: Future<Output = Result<(), hyper::Error>> + Unpin> Future for Served<'_, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let ended = ready!(self.as_mut().project().poll(cx));
        if let Err(error) = ended {
            tracing::debug!(peer = %self.connection.peer.address, %error, "connection broke");
        }
        Poll::Ready(())
    }
}

/// One request: in through our own types, and out again.
async fn respond(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let busy = connection.activity.enter();
    let (parts, body) = request.into_parts();
    let strict = strict::check(&parts);
    let arrival = Arrival {
        plan: connection.listening.plan(),
        request: wire::request_head(&parts),
        strict,
        body: Body::Incoming(body),
        upgrade: None,
        interim: None,
        began: None,
        busy,
        // Each stream is a task of its own.
        alarm: Rc::default(),
    };
    Ok(encode(exchange::run(&connection, arrival).await))
}

fn encode(answer: Answer) -> Response<Body> {
    match wire::response_out(&answer.head) {
        Ok(head) => head.map(|()| Body::Stream(Box::pin(answer.body))),
        Err(error) => {
            tracing::error!(%error, "response head could not be sent");
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
            response
        }
    }
}
