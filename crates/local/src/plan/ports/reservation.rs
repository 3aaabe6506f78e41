//! Holding a port for a service that does not listen yet, against other runs of this machine.
//!
//! It is a socket with an abstract name (unix(7)): names are one to a network namespace, as ports
//! are, no file is left behind, and the kernel frees the name with the process, however that ends.
//! It binds only those that ask: other programs may still take the port, which the start notices.

use std::os::unix::net::UnixListener;
use std::sync::Arc;

/// A port that no other run chooses. Clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Reservation {
    port: u16,
    /// `None` on systems without abstract names: there is nothing to hold then.
    _held: Option<Arc<UnixListener>>,
}

impl PartialEq for Reservation {
    fn eq(&self, other: &Self) -> bool {
        self.port == other.port
    }
}

impl Eq for Reservation {}

impl Reservation {
    /// Reserves `port`; `None` if it is reserved already.
    pub fn of(port: u16) -> Option<Self> {
        let held = hold(port).ok()?;
        Some(Self { port, _held: held.map(Arc::new) })
    }

    /// Which port it is.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Another run has reserved the port.
struct Reserved;

/// The socket that holds the name; `None` if the system cannot make one, which reserves nothing and
/// stops nobody.
#[cfg(target_os = "linux")]
fn hold(port: u16) -> Result<Option<UnixListener>, Reserved> {
    use std::io::ErrorKind;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("trunkline.port.{port}");
    match SocketAddr::from_abstract_name(name).and_then(|name| UnixListener::bind_addr(&name)) {
        Ok(held) => Ok(Some(held)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Reserved),
        Err(_) => Ok(None),
    }
}

#[cfg(not(target_os = "linux"))]
fn hold(_port: u16) -> Result<Option<UnixListener>, Reserved> {
    Ok(None)
}
