//! Step 8: the exchange goes out on a pooled connection, or on a new one.
//!
//! [`attempt`] sends a request once to one endpoint. Whether and where it is sent again is decided
//! in `protect`, on what the [`Failure`] says about the request having been processed. This step
//! and `decode` are the only places that know the codec.

mod connect;
mod driver;
mod failure;
pub(crate) mod headers;
mod http1;
mod http2;
mod learned;
mod pool;
mod request_body;
mod response_body;
mod transport;
mod tunnel;
pub(crate) mod websocket;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_model::reason::Kind;
use trunkline_model::service::Protocol;
use trunkline_net::http::{Head, Peer, wire};
use trunkline_net::tls;

use crate::balance::LiveEndpoint;
use crate::decode::Interim;
use crate::l4;
use crate::limits;
use crate::plan::ServicePlan;
use crate::worker::Worker;

pub(crate) use connect::Dial;
pub(crate) use failure::{Failure, Processed, whole};
use pool::{Exclusive, Key, Multiplexed, Stream};
pub(crate) use pool::{Lease, Pool};
pub(crate) use request_body::{Bounds, Failure as CallerFailure, Gate, RequestBody, later};
pub(crate) use response_body::{Part, ResponseBody, poll_frames};
pub(crate) use transport::{Transport, Transports};
pub(crate) use tunnel::{Upgrade, tunnel};

/// One attempt: a request for one endpoint.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) service: &'a ServicePlan,
    pub(crate) endpoint: &'a Arc<LiveEndpoint>,
    pub(crate) head: &'a Head,
    pub(crate) body: &'a RequestBody,
    /// Who called.
    pub(crate) peer: &'a Peer,
    /// The caller asks for another protocol on this connection.
    pub(crate) upgrade: bool,
    /// Pooled connections may not be used: one was just found dead.
    pub(crate) fresh: bool,
    pub(crate) connect_limit: Duration,
    /// Takes interim responses for the caller.
    pub(crate) interim: Option<&'a Interim>,
}

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) head: Head,
    /// The connection, through which the body is read.
    pub(crate) lease: Lease,
    /// The service's side of the tunnel, after a switch of protocols.
    pub(crate) switched: Option<Upgrade>,
}

/// What an attempt used of the time.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Time to have a connection; zero for a pooled one.
    pub(crate) connect: Duration,
    /// Whether the connection had served another request.
    pub(crate) reused: bool,
}

/// A connection that is ready for a request.
enum Ready {
    Http1(Exclusive),
    Http2(Stream),
}

/// Sends the request once.
pub(crate) async fn attempt(attempt: &Attempt<'_>, spent: &mut Spent) -> Result<Sent, Failure> {
    let begin = attempt.worker.clock.now();
    spent.reused = true;
    let key = key(attempt);
    let wanted = wanted(attempt, &key);
    if wanted != Protocol::Http2
        && !attempt.fresh
        && let Some(pooled) = Pool::take(attempt.worker, &key)
    {
        return pin!(http1::send(attempt, pooled)).await;
    }
    // In room of its own, which the many that find a connection do not need.
    match Box::pin(connection(attempt, key, wanted, (spent, begin))).await? {
        Ready::Http1(exclusive) => pin!(http1::send(attempt, exclusive)).await,
        Ready::Http2(stream) => pin!(http2::send(attempt, stream, spent.reused)).await,
    }
}

/// What the request must have in common with others to share their connection.
fn key(attempt: &Attempt<'_>) -> Key {
    let transport = &attempt.service.transport;
    let host = transport
        .tls
        .as_ref()
        .map_or("", |tls| if tls.server_name.is_some() { "" } else { &attempt.endpoint.host });
    Key {
        address: attempt.endpoint.address,
        transport: transport.id,
        host: host.into(),
        life: attempt.endpoint.life(),
        // A connection that was announced for one caller is no other's.
        caller: attempt.service.service.proxy_protocol.map(|_| attempt.peer.address),
    }
}

/// A new connection, or a shared one.
async fn connection(
    attempt: &Attempt<'_>,
    key: Key,
    wanted: Protocol,
    (spent, begin): (&mut Spent, Instant),
) -> Result<Ready, Failure> {
    let transport = &attempt.service.transport;
    let asked = attempt.peer.server_name.as_deref();
    let version = attempt.service.service.proxy_protocol;
    let announced = version.map(|version| l4::announce(version, attempt.peer, asked));
    let dial = Dial {
        worker: attempt.worker,
        endpoint: attempt.endpoint,
        transport,
        http1_only: attempt.upgrade && wanted != Protocol::Http2,
        limit: attempt.connect_limit,
        keep_alive: attempt.service.service.timeouts.keep_alive,
        announce: announced.as_deref(),
    };
    if wanted == Protocol::Http2 {
        return multiplexed(&dial, &key, spent, begin).await.map(Ready::Http2);
    }
    spent.reused = false;
    let stream = dial.open().await?;
    let chosen_http2 = stream.alpn() == Some(tls::H2);
    let ready = if chosen_http2 {
        // Others may have learned the same meanwhile; then this one is one connection too many.
        match Pool::multiplex(attempt.worker, &key) {
            Multiplexed::Open(opening) => dial.http2(stream, key, opening).await.map(Ready::Http2),
            _ => multiplexed(&dial, &key, spent, begin).await.map(Ready::Http2),
        }
    } else {
        Ok(Ready::Http1(dial.http1(stream, key)))
    };
    spent.connect = attempt.worker.clock.now().saturating_duration_since(begin);
    ready
}

/// The protocol to ask for: HTTP/2 where it is known to be spoken, or asked for without TLS.
fn wanted(attempt: &Attempt<'_>, key: &Key) -> Protocol {
    let transport = &attempt.service.transport;
    match transport.protocol {
        // Where HTTP/2 is all that is spoken, an upgrade is an extended CONNECT.
        Protocol::Http2 if websocket::is_asked_for(attempt.head) => Protocol::Http2,
        _ if attempt.upgrade => Protocol::Http1,
        Protocol::Auto if transport.tls.is_some() => {
            if attempt.worker.pool.speaks_http2(key) {
                Protocol::Http2
            } else {
                Protocol::Auto
            }
        }
        Protocol::Auto if headers::is_grpc(attempt.head) => Protocol::Http2,
        Protocol::Auto => Protocol::Http1,
        protocol => protocol,
    }
}

async fn multiplexed(
    dial: &Dial<'_>,
    key: &Key,
    spent: &mut Spent,
    begin: Instant,
) -> Result<Stream, Failure> {
    loop {
        match Pool::multiplex(dial.worker, key) {
            Multiplexed::Ready(stream) => return Ok(stream),
            Multiplexed::Wait(opened) => opened.notified().await,
            Multiplexed::Full => {
                let detail = format!(
                    "all {} connections to {} are full",
                    limits::POOL_HTTP2_PER_ENDPOINT_MAX,
                    key.address
                );
                return Err(Failure::new(Kind::Overload, detail, Processed::No));
            }
            Multiplexed::Open(opening) => {
                spent.reused = false;
                let stream = dial.open().await?;
                if dial.transport.tls.is_some() && stream.alpn() != Some(tls::H2) {
                    let detail = format!("{} does not speak HTTP/2", key.address);
                    return Err(Failure::new(Kind::UpstreamProtocol, detail, Processed::No));
                }
                let stream = dial.http2(stream, key.clone(), opening).await;
                spent.connect = dial.worker.clock.now().saturating_duration_since(begin);
                return stream;
            }
        }
    }
}

fn unsendable(error: &wire::Unsendable) -> Failure {
    Failure::new(Kind::BadRequest, error.to_string(), Processed::No)
}

/// Closes idle connections of a worker in time.
pub(crate) async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(limits::POOL_SWEEP).await;
        worker.pool.sweep(worker.clock.now());
    }
}
