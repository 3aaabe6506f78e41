//! Step 3: HTTP/1.1 and HTTP/2 become one kind of [`Exchange`](trunkline_net::http::Exchange).
//!
//! This step and `forward` are the only places that know the codec. ALPN decides which protocol is
//! spoken, or, where TLS did not, the first bytes: HTTP/2 with prior knowledge begins with a
//! preface that no HTTP/1 request has (RFC 9113 §3.4). Each request head is converted once; what is
//! answered is converted back once.

mod activity;
mod io;
mod sniff;

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use trunkline_model::listener::ListenerTimeouts;
use trunkline_net::http::{Body, Peer, Scheme, strict, wire};
use trunkline_net::hyper_io::{HyperIo, HyperTimer, LocalExecutor};
use trunkline_net::stream::Stream;
use trunkline_net::tls;
use trunkline_rt::DrainWatcher;
use trunkline_rt::drain::Phase;

use crate::accept::Open;
use crate::exchange::{self, Answer, Arrival};
use crate::forward::Upgrade;
use crate::limits;
use crate::worker::{Listening, Worker};

pub(crate) use activity::{Activity, Busy};
use activity::{Overdue, Stage};
use io::Watched;

/// A downstream connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) listening: Rc<Listening>,
    pub(crate) drain: DrainWatcher,
    pub(crate) peer: Peer,
    pub(crate) scheme: Scheme,
    pub(crate) activity: Arc<Activity>,
    pub(crate) _open: Open,
}

/// Which protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
}

/// Serves a connection until its end.
pub(crate) async fn serve(connection: Rc<Connection>, mut stream: Stream) {
    let timeouts = connection.listening.plan().listener.timeouts;
    let spoken = match stream.alpn() {
        Some(tls::H2) => Some((Spoken::Http2, Vec::new())),
        Some(tls::HTTP_1_1) => Some((Spoken::Http1, Vec::new())),
        _ => tokio::select! {
            sniffed = sniff::sniff(&mut stream, timeouts.idle) => {
                sniffed.map(|(http2, read)| (if http2 { Spoken::Http2 } else { Spoken::Http1 }, read))
            }
            () = connection.drain.closing() => None,
        },
    };
    let Some((spoken, read)) = spoken else { return };
    let io = HyperIo(Watched::new(stream, read, Arc::clone(&connection.activity)));
    match spoken {
        Spoken::Http1 => serve_http1(&connection, io, timeouts).await,
        Spoken::Http2 => serve_http2(&connection, io, timeouts).await,
    }
}

async fn serve_http1(connection: &Rc<Connection>, io: HyperIo<Watched>, times: ListenerTimeouts) {
    let arriving = Rc::clone(connection);
    let service = service_fn(move |request| respond(Rc::clone(&arriving), request));
    let served = http1::Builder::new()
        .timer(HyperTimer)
        .header_read_timeout(None)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .serve_connection(io, service)
        .with_upgrades();
    let mut served = pin!(served);
    // Until it must close, a caller is told by `Connection: close` on its next response: closing an
    // idle connection could cross with a request.
    let told = connection.drain.closing();
    supervise(connection, served.as_mut(), told, times, true, |served| {
        served.graceful_shutdown();
    })
    .await;
}

async fn serve_http2(connection: &Rc<Connection>, io: HyperIo<Watched>, times: ListenerTimeouts) {
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

/// Drives a connection, and ends it when it is drained, idle for too long or stuck.
async fn supervise<C>(
    connection: &Connection,
    mut served: Pin<&mut C>,
    told: impl Future<Output = ()>,
    timeouts: ListenerTimeouts,
    slow_heads: bool,
    shut_down: impl Fn(Pin<&mut C>),
) where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut told = pin!(told);
    let activity = &connection.activity;
    let mut overdue = pin!(activity.overdue(timeouts, Stage::Serving { slow_heads }));
    let mut forced = pin!(connection.drain.forced());
    let mut ending = false;
    loop {
        tokio::select! {
            biased;
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %connection.peer.address, %error, "connection broke");
                }
                return;
            }
            () = forced.as_mut() => return,
            () = told.as_mut(), if !ending => {}
            late = overdue.as_mut() => if late == Overdue::Stuck { return },
        }
        if !ending {
            ending = true;
            shut_down(served.as_mut());
            overdue.set(activity.overdue(timeouts, Stage::Ending));
        }
    }
}

/// One request: in through our own types, and out again.
async fn respond(
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

/// An upgrade is asked for by HTTP/1.1 alone (RFC 9110 §7.8). One to a protocol that carries
/// further requests is ignored, which is always allowed: in its tunnel they would reach the service
/// without being routed, checked or seen.
fn wants_upgrade<B>(request: &Request<B>) -> bool {
    let fields = request.headers();
    let elements = |name| {
        let values = fields.get_all(name).iter();
        values.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim))
    };
    request.version() == hyper::Version::HTTP_11
        && fields.contains_key(hyper::header::UPGRADE)
        && !elements(hyper::header::UPGRADE).any(carries_requests)
        && elements(hyper::header::CONNECTION)
            .any(|element| element.eq_ignore_ascii_case("upgrade"))
}

/// Whether HTTP is spoken after a switch to this protocol: `h2c` (RFC 7540 §3.2), `HTTP/2.0`,
/// `TLS/1.0` (RFC 2817).
fn carries_requests(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    ["h2", "h2c", "http", "tls"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_protocol_without_further_requests_is_switched_to() {
        let wants = |protocol| {
            let request = Request::get("/").header("upgrade", protocol);
            let request = request.header("connection", "keep-alive, Upgrade, HTTP2-Settings");
            wants_upgrade(&request.body(()).unwrap())
        };
        assert!(wants("websocket") && wants("echo/2"));
        for protocol in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"] {
            assert!(!wants(protocol), "{protocol}");
        }
    }
}
