//! The PROXY header: taken off accepted connections where their listener expects one from that
//! sender, and put in front of connections to services that want one.
//!
//! Strict both ways: a trusted sender must bring a header (a connection without one would be taken
//! for the sender's own), and nobody else's header is read, because anybody can write one.

use tokio::net::TcpStream;
use trunkline_model::relay::ProxyVersion;
use trunkline_net::http::Peer;
use trunkline_net::proxy_protocol::{self, Addresses, Header, Tlv, Version};

use crate::decode::Connection;

/// Takes the header off the connection, and notes who the caller is. `false` if the connection has
/// to be closed.
pub(crate) async fn take_header(connection: &mut Connection, socket: &mut TcpStream) -> bool {
    let plan = connection.listening.plan();
    let limit = plan.listener.timeouts.handshake;
    let read = tokio::time::timeout(limit, proxy_protocol::read(socket)).await;
    let sender = connection.peer.address;
    match read {
        Ok(Ok(header)) => {
            if let Some(caller) = header.source() {
                connection.peer.address = caller;
                connection.peer.client = caller.ip();
                connection.activity.called_by(caller);
            }
            return true;
        }
        Ok(Err(error)) => tracing::debug!(peer = %sender, %error, "no PROXY header"),
        Err(_) => tracing::debug!(peer = %sender, "no PROXY header within {limit:?}"),
    }
    plan.counters.of(connection.worker.index).headers_failed.increment();
    false
}

/// The header that tells a service of this caller; `asked` is the host name that it asked TLS for.
pub(crate) fn announce(version: ProxyVersion, peer: &Peer, asked: Option<&str>) -> Vec<u8> {
    let mut header = match peer.local {
        Some(local) => Header::relayed(peer.address, local),
        None => Header::new(Addresses::Unknown),
    };
    let version = match version {
        ProxyVersion::V1 => Version::V1,
        ProxyVersion::V2 => Version::V2,
    };
    header.tlvs.extend(asked.map(|name| Tlv::Authority(name.to_owned())));
    let plain = |_| Header::new(Addresses::Local).encode(version).unwrap_or_default();
    header.encode(version).unwrap_or_else(plain)
}
