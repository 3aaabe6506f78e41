//! Accepts connections of a management surface: bounded in number, secured if wished, owned by a scope.
//!
//! Each connection is one task of the scope and holds one of the slots as long as it lives; who
//! comes when all are taken waits in the listen queue. What is spoken on it is the caller's
//! business. The data plane accepts on its workers, in `proxy`.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use trunkline_rt::{Policy, Scope};

use crate::stream::Stream;

/// Rest after a failed accept: the process may be out of descriptors, and asking at once again would
/// only burn CPU.
const REST: Duration = Duration::from_millis(50);
/// How long a TLS handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// One address that is served.
#[derive(Debug, Clone)]
pub struct Acceptor {
    /// Owner of the connections; its end is the end of accepting.
    pub scope: Scope,
    /// Connections at a time.
    pub connections_max: usize,
    /// With TLS, if there is a configuration.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Acceptor {
    /// Accepts until the scope stops. `serve` is given each connection, secured already, and serves
    /// it to its end.
    pub async fn run<F>(
        self,
        listener: TcpListener,
        serve: impl Fn(Stream) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(self.connections_max));
        let serve = Arc::new(serve);
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
                Ok((socket, _)) => {
                    let (serve, tls, scope) =
                        (Arc::clone(&serve), self.tls.clone(), self.scope.clone());
                    self.scope.spawn("connection", Policy::Best, async move {
                        let _slot = slot;
                        let secured = tokio::select! {
                            () = scope.stopping() => return,
                            secured = secure(Stream::tcp(socket), tls) => secured,
                        };
                        match secured {
                            Ok(stream) => serve(stream).await,
                            Err(error) => tracing::debug!(%error, "connection not secured"),
                        }
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "connection not accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

async fn secure(stream: Stream, tls: Option<Arc<ServerConfig>>) -> io::Result<Stream> {
    let Some(tls) = tls else { return Ok(stream) };
    let handshake = TlsAcceptor::from(tls).accept(stream);
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let secured = tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await.map_err(late)??;
    Ok(Stream::Tls(Box::new(secured.into())))
}
