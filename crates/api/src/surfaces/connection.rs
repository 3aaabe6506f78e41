//! The accept loop and the life of one management connection.
//!
//! hyper reads and writes; limits of time, size and number are set here, once for every surface.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service as _;
use trunkline_net::hyper_io::{HyperIo, HyperTimer};
use trunkline_net::stream::Stream;
use trunkline_net::unix::check_same_user;
use trunkline_rt::{Policy, Scope};

use super::CONNECTIONS_MAX;
use super::patient::Patient;
use crate::guard::Way;

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Most fields of a request's head.
const HEAD_FIELDS_MAX: usize = 64;

/// How long open requests may go on after the surface was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Rest after a failed accept: the process may be out of descriptors, and asking at once again would
/// only burn CPU.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// One surface being served.
pub(super) struct Server {
    pub(super) router: Router,
    pub(super) way: Way,
    pub(super) idle: Duration,
    /// Owner of the connections.
    pub(super) scope: Scope,
}

/// Where connections come from.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// One connection, with our address of it where it has one. Other users are turned away.
    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let stream = Stream::tcp(listener.accept().await?.0);
                let local = stream.local_address();
                Ok((stream, local))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                check_same_user(&stream).map_err(io::Error::other)?;
                Ok((Stream::Unix(stream), None))
            }
        }
    }
}

impl Server {
    /// Accepts until the scope stops.
    pub(super) async fn run(self, listener: Listener) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.ok();
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                biased;
                () = self.scope.stopping() => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, local)) => {
                    let connection = self.connection(stream, self.way_to(local), slot);
                    self.scope.spawn("connection", Policy::Best, connection);
                }
                Err(error) => {
                    tracing::debug!(%error, "management connection not accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    /// A socket bound to every address learns by each connection which one was called.
    fn way_to(&self, called: Option<SocketAddr>) -> Way {
        match (self.way, called) {
            (Way::Tcp { loopback_only, .. }, Some(local)) => Way::Tcp { local, loopback_only },
            (way, _) => way,
        }
    }

    fn connection(
        &self,
        stream: Stream,
        way: Way,
        slot: Option<OwnedSemaphorePermit>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (router, idle, scope) = (self.router.clone(), self.idle, self.scope.clone());
        async move {
            let _slot = slot;
            let service = service_fn(move |request| call(router.clone(), request, way));
            let connection = http1::Builder::new()
                .timer(HyperTimer)
                .header_read_timeout(idle)
                .max_headers(HEAD_FIELDS_MAX)
                .max_header_size(HEAD_BYTES_MAX)
                .max_buf_size(2 * HEAD_BYTES_MAX)
                .serve_connection(HyperIo(Patient::new(stream, idle)), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => return log(ended),
                () = scope.stopping() => connection.as_mut().graceful_shutdown(),
            }
            if let Ok(ended) = tokio::time::timeout(STOP_GRACE, connection).await {
                log(ended);
            }
        }
    }
}

async fn call(
    mut router: Router,
    request: Request<Incoming>,
    way: Way,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(way);
    router.call(request).await
}

/// Callers come and go; only somebody who looks for a fault wants to know how.
fn log(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "management connection ended");
    }
}
