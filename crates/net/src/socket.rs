//! Listening sockets: found busy when they are busy, and one per worker.
//!
//! The first socket of an address is bound *without* `SO_REUSEPORT`: with the option set, a second process of the same
//! user would bind silently and steal traffic. The option is set between `bind` and `listen`, so that the first socket
//! joins the group of its siblings, which are bound after it. A set never shrinks: closing a socket resets the
//! connections that wait in its queue. IPv6 sockets are IPv6 only, so an address means what it says on every system.
//! UDP has no queue of connections, but the same group: the system sends every datagram of one source to one socket.

mod holder;
mod keep;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use socket2::{Domain, Protocol, Socket, Type};

pub use holder::{Holder, holder, listening};
pub use keep::Liveness;
pub(crate) use keep::watch;

/// Connections that may wait to be accepted, for each socket; the system lowers it to `net.core.somaxconn`.
pub const BACKLOG: i32 = 4096;

/// The most sockets one address may have; above the cores of any machine it runs on.
pub const SOCKETS_MAX: usize = 1024;

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another socket listens there.
    #[error("{address} is already in use{}", by(holder.as_ref()))]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
        /// The process that has it, if it can be seen (another user's cannot).
        holder: Option<Holder>,
    },
    /// The port needs a privilege, usually because it is below 1024.
    #[error("{address} needs a privilege that this process does not have")]
    Forbidden {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// No interface of this machine has the address.
    #[error("{address} is not an address of this machine")]
    NotLocal {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The system refused for another reason.
    #[error("{address} cannot be listened on")]
    System {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn by(holder: Option<&Holder>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}

/// Why an inherited descriptor is not a listening socket of ours.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// Not a listening TCP socket.
    #[error("an inherited descriptor is not a listening TCP socket")]
    NotListening,
    /// The system refused to say what it is.
    #[error("an inherited descriptor cannot be used")]
    System(#[source] io::Error),
}

/// What a socket takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// All sockets of one address. They are non-blocking, close on exec, and in a stable order: worker *i* of *N* serves
/// every socket *j* with *j* mod *N* = *i*.
#[derive(Debug)]
pub struct Bound {
    transport: Transport,
    address: SocketAddr,
    sockets: Vec<Socket>,
}

impl Bound {
    /// Listens on `address` with `count` sockets (at least one). Port 0 picks a free port, the same for all.
    pub fn bind(address: SocketAddr, count: usize) -> Result<Self, BindError> {
        Self::bind_to(Transport::Tcp, address, count)
    }

    /// Takes what `transport` brings to `address`, otherwise as [`Bound::bind`].
    pub fn bind_to(
        transport: Transport,
        address: SocketAddr,
        count: usize,
    ) -> Result<Self, BindError> {
        let wrong = |error| explain(transport, address, error);
        let first = first_socket(transport, address).map_err(wrong)?;
        let address = local_address(&first).map_err(wrong)?;
        let mut bound = Self { transport, address, sockets: vec![first] };
        bound.extend_to(count)?;
        Ok(bound)
    }

    /// Takes listening sockets that another process bound, grouped by address in the order they came.
    pub fn adopt(descriptors: Vec<OwnedFd>) -> Result<Vec<Self>, AdoptError> {
        let mut all: Vec<Self> = Vec::new();
        for descriptor in descriptors {
            let socket = Socket::from(descriptor);
            let kind = socket.r#type().map_err(AdoptError::System)?;
            let transport = if kind == Type::DGRAM { Transport::Udp } else { Transport::Tcp };
            let listens = match transport {
                Transport::Tcp => socket.is_listener().map_err(AdoptError::System)?,
                Transport::Udp => socket.peer_addr().is_err(),
            };
            if !listens || ![Type::STREAM, Type::DGRAM].contains(&kind) {
                return Err(AdoptError::NotListening);
            }
            let address = socket.local_addr().map_err(AdoptError::System)?;
            let address = address.as_socket().ok_or(AdoptError::NotListening)?;
            socket.set_nonblocking(true).map_err(AdoptError::System)?;
            let same = |bound: &&mut Self| bound.address == address && bound.transport == transport;
            match all.iter_mut().find(same) {
                Some(bound) => bound.sockets.push(socket),
                None => all.push(Self { transport, address, sockets: vec![socket] }),
            }
        }
        Ok(all)
    }

    /// Takes one listening socket that somebody else bound for the listener at `wanted`, whatever
    /// its own address says: a wildcard of another family, or a port that was moved.
    pub fn adopt_for(descriptor: OwnedFd, wanted: SocketAddr) -> Result<Self, AdoptError> {
        let mut adopted = Self::adopt(vec![descriptor])?.pop().ok_or(AdoptError::NotListening)?;
        adopted.address = wanted;
        Ok(adopted)
    }

    /// Adds siblings until there are `count` sockets; a larger set stays as it is.
    ///
    /// A single socket that was inherited without `SO_REUSEPORT` stays alone: siblings of it cannot be bound, and the
    /// error says so.
    pub fn extend_to(&mut self, count: usize) -> Result<(), BindError> {
        let first = self.sockets.first().and_then(|socket| local_address(socket).ok());
        if first != Some(self.address) {
            // One that stands for another address stays alone: a sibling would be somewhere else.
            return Ok(());
        }
        while self.sockets.len() < count.min(SOCKETS_MAX) {
            let sibling = sibling_socket(self.transport, self.address)
                .map_err(|error| explain(self.transport, self.address, error))?;
            self.sockets.push(sibling);
        }
        Ok(())
    }

    /// The address, with the port that was picked if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its sockets take.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// How many sockets there are.
    pub fn count(&self) -> usize {
        self.sockets.len()
    }

    /// A second handle of socket `index` for the worker that serves it; both share one accept queue.
    pub fn share(&self, index: usize) -> io::Result<TcpListener> {
        self.share_any(index).map(TcpListener::from)
    }

    /// The same for datagrams; both handles take from one queue.
    pub fn share_datagrams(&self, index: usize) -> io::Result<UdpSocket> {
        self.share_any(index).map(UdpSocket::from)
    }

    /// The same as a bare descriptor, for who knows what it is.
    pub fn share_any(&self, index: usize) -> io::Result<OwnedFd> {
        let socket = self.sockets.get(index).ok_or(io::ErrorKind::NotFound)?;
        socket.as_fd().try_clone_to_owned()
    }

    /// All sockets, to be handed to the next process.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(AsFd::as_fd)
    }
}

/// Asks the system to keep so many bytes of datagrams that nobody took yet; it may keep less.
pub fn widen_queue(socket: &UdpSocket, bytes: usize) {
    // A queue of the usual size serves as well, only bursts suffer.
    let _ = socket2::SockRef::from(socket).set_recv_buffer_size(bytes);
}

fn first_socket(transport: Transport, address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(transport, address)?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    listen(transport, &socket)?;
    Ok(socket)
}

fn sibling_socket(transport: Transport, address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(transport, address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    listen(transport, &socket)?;
    Ok(socket)
}

fn listen(transport: Transport, socket: &Socket) -> io::Result<()> {
    match transport {
        Transport::Tcp => socket.listen(BACKLOG),
        // Datagrams are there as soon as it is bound.
        Transport::Udp => Ok(()),
    }
}

fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

fn unbound(transport: Transport, address: SocketAddr) -> io::Result<Socket> {
    let (kind, protocol) = match transport {
        Transport::Tcp => (Type::STREAM, Protocol::TCP),
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let kind = kind.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if transport == Transport::Udp {
        // With it two sockets of UDP would share an address in silence.
        return Ok(socket);
    }
    // Connections of an earlier process that linger in TIME_WAIT must not keep the port from us.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn explain(transport: Transport, address: SocketAddr, error: io::Error) -> BindError {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            // Who has a port of UDP is not looked for: the table of sockets is another one.
            let holder = (transport == Transport::Tcp).then(|| holder(address)).flatten();
            BindError::InUse { address, holder }
        }
        io::ErrorKind::PermissionDenied => BindError::Forbidden { address },
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal { address },
        _ => BindError::System { address, source: error },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use super::*;

    const LOOPBACK: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    fn accepted(bound: &Bound) -> HashSet<usize> {
        let mut served = HashSet::new();
        for index in 0..bound.count() {
            while bound.share(index).unwrap().accept().is_ok() {
                served.insert(index);
            }
        }
        served
    }

    #[test]
    fn a_busy_port_is_found_and_its_holder_named() {
        let held = Bound::bind(LOOPBACK, 2).unwrap();
        let error = Bound::bind(held.address(), 1).unwrap_err();
        let BindError::InUse { holder: Some(holder), .. } = &error else { panic!("{error:?}") };
        assert_eq!(holder.pid, std::process::id());
        assert!(error.to_string().contains(&format!("process {}", holder.pid)), "{error}");
    }

    #[test]
    fn a_port_held_with_reuse_port_is_busy_too() {
        let other = unbound(Transport::Tcp, LOOPBACK).unwrap();
        other.set_reuse_port(true).unwrap();
        other.bind(&LOOPBACK.into()).unwrap();
        other.listen(1).unwrap();
        let address = other.local_addr().unwrap().as_socket().unwrap();
        assert!(matches!(Bound::bind(address, 1), Err(BindError::InUse { .. })));
    }

    #[test]
    fn a_busy_port_of_udp_is_found_and_one_of_tcp_is_another() {
        // An address of its own: on the shared one a socket of TCP of another test may have the port.
        let alone = SocketAddr::from(([127, 0, 83, 17], 0));
        let held = Bound::bind_to(Transport::Udp, alone, 2).unwrap();
        let again = Bound::bind_to(Transport::Udp, held.address(), 1);
        assert!(matches!(again, Err(BindError::InUse { .. })), "{again:?}");
        assert!(Bound::bind(held.address(), 1).is_ok());
    }

    #[test]
    fn adopted_sockets_of_udp_keep_their_waiting_datagrams() {
        let bound = Bound::bind_to(Transport::Udp, LOOPBACK, 2).unwrap();
        let caller = UdpSocket::bind(LOOPBACK).unwrap();
        caller.send_to(b"early", bound.address()).unwrap();
        let inherited = bound.descriptors().map(|fd| fd.try_clone_to_owned().unwrap()).collect();
        drop(bound);
        let adopted = Bound::adopt(inherited).unwrap();
        assert_eq!((adopted.len(), adopted[0].count()), (1, 2));
        assert_eq!(adopted[0].transport(), Transport::Udp);
        let mut bytes = [0; 9];
        let came =
            (0..2).find_map(|one| adopted[0].share_datagrams(one).unwrap().recv(&mut bytes).ok());
        assert_eq!(came, Some(5));
    }

    #[test]
    fn the_whole_group_shares_the_connections() {
        let bound = Bound::bind(LOOPBACK, 4).unwrap();
        assert_eq!(bound.count(), 4);
        let _callers: Vec<_> =
            (0..200).map(|_| TcpStream::connect(bound.address()).unwrap()).collect();
        // 200 connections over 4 sockets: that one of them gets none has a chance below 1e-24.
        assert_eq!(accepted(&bound).len(), 4, "the first socket must be in the group as well");
    }

    #[test]
    fn a_set_grows_and_never_shrinks() {
        let mut bound = Bound::bind(LOOPBACK, 3).unwrap();
        bound.extend_to(2).unwrap();
        assert_eq!(bound.count(), 3);
        bound.extend_to(5).unwrap();
        assert_eq!(bound.count(), 5);
    }

    #[test]
    fn adopted_sockets_keep_their_waiting_connections() {
        let bound = Bound::bind(LOOPBACK, 2).unwrap();
        let mut caller = TcpStream::connect(bound.address()).unwrap();
        caller.write_all(b"early").unwrap();
        let inherited = bound.descriptors().map(|fd| fd.try_clone_to_owned().unwrap()).collect();
        drop(bound);
        let adopted = Bound::adopt(inherited).unwrap();
        assert_eq!((adopted.len(), adopted[0].count()), (1, 2));
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut server = loop {
            let found = (0..2).find_map(|index| adopted[0].share(index).unwrap().accept().ok());
            if let Some((server, _)) = found {
                break server;
            }
            assert!(Instant::now() < deadline, "the waiting connection was lost");
        };
        server.set_nonblocking(false).unwrap();
        let mut text = [0; 5];
        server.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"early");
    }

    #[test]
    fn adopted_sets_take_new_siblings() {
        let bound = Bound::bind(LOOPBACK, 1).unwrap();
        let inherited = bound.descriptors().map(|fd| fd.try_clone_to_owned().unwrap()).collect();
        let mut adopted = Bound::adopt(inherited).unwrap().remove(0);
        adopted.extend_to(3).unwrap();
        assert_eq!(adopted.count(), 3);
    }

    #[test]
    fn a_connected_socket_is_not_adopted() {
        let bound = Bound::bind(LOOPBACK, 1).unwrap();
        let caller = TcpStream::connect(bound.address()).unwrap();
        assert!(matches!(Bound::adopt(vec![caller.into()]), Err(AdoptError::NotListening)));
    }

    #[test]
    fn both_families_can_have_the_same_port() {
        let Ok(six) = Bound::bind("[::1]:0".parse().unwrap(), 2) else {
            return;
        };
        let four = SocketAddr::new(LOOPBACK.ip(), six.address().port());
        assert!(Bound::bind(four, 2).is_ok());
    }

    #[test]
    fn an_address_of_another_machine_is_refused_as_such() {
        let elsewhere = "192.0.2.1:0".parse().unwrap();
        assert!(matches!(Bound::bind(elsewhere, 1), Err(BindError::NotLocal { .. })));
    }
}
