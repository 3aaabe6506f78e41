//! The handshake of one connection: within a time limit, counted by how it ended.

use std::sync::Arc;
use std::time::Duration;

use rustls::HandshakeKind;
use tokio_rustls::TlsAcceptor;
use trunkline_net::http::Peer;
use trunkline_net::stream::Stream;
use trunkline_net::tls;

use crate::observe::Connections;
use crate::plan::ListenerPlan;

/// Why handshakes fail, in the words of metrics.
pub(crate) const FAILURES: [&str; 9] = [
    "timeout",
    "gone",
    "refused",
    "client_certificate",
    "unknown_name",
    "alpn",
    "incompatible",
    "not_tls",
    "other",
];

/// Why a connection was not secured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the handshake took longer than {0:?}")]
    TimedOut(Duration),
    #[error("the handshake failed: {0}")]
    Failed(#[from] std::io::Error),
}

impl HandshakeError {
    /// Its place in [`FAILURES`].
    pub(crate) fn reason(&self) -> usize {
        let Self::Failed(error) = self else { return 0 };
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(inner) = inner else { return 1 };
        match inner {
            rustls::Error::AlertReceived(_) => 2,
            rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_) => 3,
            rustls::Error::General(text) if text.contains("no server certificate") => 4,
            rustls::Error::NoApplicationProtocol => 5,
            rustls::Error::PeerIncompatible(_) => 6,
            rustls::Error::InvalidMessage(_) => 7,
            _ => 8,
        }
    }
}

/// A stream that may be served.
pub(crate) type Secured = Result<Stream, HandshakeError>;

/// Secures an accepted connection, where its listener asks for it, and learns who is calling.
pub(crate) async fn secure(
    stream: Stream,
    peer: &mut Peer,
    plan: &ListenerPlan,
    counters: &Connections,
) -> Secured {
    let Some(tls) = &plan.tls else {
        return Ok(stream);
    };
    let limit = plan.listener.timeouts.handshake;
    let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
    let secured = tokio::time::timeout(limit, handshake).await;
    let secured = match secured {
        Ok(Ok(secured)) => secured,
        ended => {
            let error = ended.map_or(HandshakeError::TimedOut(limit), |ended| match ended {
                Err(error) => HandshakeError::Failed(error),
                Ok(_) => HandshakeError::TimedOut(limit),
            });
            if let Some(counter) = counters.handshakes_failed.get(error.reason()) {
                counter.increment();
            }
            return Err(error);
        }
    };
    let connection = secured.get_ref().1;
    match connection.handshake_kind() {
        Some(HandshakeKind::Resumed) => counters.handshakes_resumed.increment(),
        _ => counters.handshakes_full.increment(),
    }
    peer.server_name = connection.server_name().map(Arc::from);
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    if let Some(identity) = leaf.and_then(tls::identity) {
        peer.identity = Some(identity.name);
        peer.certificate = Some(identity.element);
    }
    Ok(Stream::Tls(Box::new(secured.into())))
}
