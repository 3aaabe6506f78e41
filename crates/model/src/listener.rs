//! Listeners: the addresses that Trunkline accepts connections on.

use std::net::SocketAddr;
use std::time::Duration;

use crate::filter::Filter;
use crate::relay::{Carrier, Relay};
use crate::tls::Tls;
use crate::{ListenerId, Network, Origin, ServiceName};

/// One address with what is spoken on it. Each address has one owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listener {
    /// Stable id.
    pub id: ListenerId,
    /// Where it listens.
    pub address: SocketAddr,
    /// The service whose calls come in here and from nobody else; `None` for callers from outside.
    /// What arrives is the outgoing side of that service.
    pub caller: Option<ServiceName>,
    /// TLS, if the connection starts with it.
    pub tls: Option<Tls>,
    /// What arrives is passed on as it is; `None` where HTTP is spoken.
    pub relay: Option<Relay>,
    /// Whose connections begin with a PROXY header that tells their caller; nobody else's is read.
    pub proxy_protocol: Vec<Network>,
    /// Filters that run before routing, in order.
    pub filters: Vec<Filter>,
    /// Time limits of a connection.
    pub timeouts: ListenerTimeouts,
    /// How connections end when the listener or the process goes.
    pub drain: Drain,
    /// Where it was written.
    pub origin: Origin,
}

impl Listener {
    /// What arrives there. One of each kind may share an address.
    pub fn carrier(&self) -> Carrier {
        let datagrams = self.relay.as_ref().is_some_and(|relay| relay.datagrams.is_some());
        if datagrams { Carrier::Udp } else { Carrier::Tcp }
    }
}

/// Time limits of one downstream connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerTimeouts {
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// Between requests of a kept-alive connection.
    pub idle: Duration,
}

/// How long connections may go on after they were asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Drain {
    /// A removed listener keeps accepting for this long: load balancers in front need time to see.
    pub min: Duration,
    /// After this long, what is still open is closed.
    pub max: Duration,
}
