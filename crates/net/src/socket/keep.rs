//! Noticing that a peer is gone although it never said so.
//!
//! A host that lost its power sends no FIN. Probes on an idle connection and a limit on bytes that
//! nobody acknowledges (RFC 5482) end such a connection; without them it would be held for hours.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How a silent peer is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    /// Silence before the first probe.
    pub after: Duration,
    /// Between two probes.
    pub every: Duration,
    /// Unanswered probes that end the connection.
    pub probes: u32,
    /// How long bytes that were sent may stay unacknowledged.
    pub unacknowledged: Duration,
}

/// Has the system watch a connection; one that is broken already refuses, and will say so itself.
pub(crate) fn watch(socket: &TcpStream, liveness: &Liveness) {
    let socket = SockRef::from(socket);
    let probes = TcpKeepalive::new().with_time(liveness.after).with_interval(liveness.every);
    let _ = socket.set_tcp_keepalive(&probes.with_retries(liveness.probes));
    let _ = socket.set_tcp_user_timeout(Some(liveness.unacknowledged));
}
