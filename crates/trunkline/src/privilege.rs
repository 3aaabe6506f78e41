//! What this process is permitted to do on this machine.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Whether ports below 1024 can be had: tried, because users, capabilities and a system setting all
/// have a say in it. A port that is merely taken is permitted.
pub(crate) fn may_bind_low_ports() -> bool {
    const LOW: u16 = 80;
    match TcpListener::bind((Ipv4Addr::LOCALHOST, LOW)) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::AddrInUse,
    }
}
