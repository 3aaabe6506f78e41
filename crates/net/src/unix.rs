//! Messages with file descriptors over a unix socket: what the upgrade protocol hands over from process to process.
//!
//! A message is a bounded body of bytes and a bounded list of descriptors (`SCM_RIGHTS`, unix(7)). The frame is eight
//! bytes (length of the body, number of descriptors, both 32-bit big-endian), one byte for each group of descriptors
//! they travel on, and the body. The calls block, with time limits: an upgrade happens on a thread of its own. What a
//! message means, and who may say it, is decided by the caller; [`check_same_user`] answers the second.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// The largest body of one message, in bytes.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// The most descriptors of one message.
pub const DESCRIPTORS_MAX: usize = 16_384;

/// Descriptors that travel together; Linux allows 253 (`SCM_MAX_FD`).
const GROUP: usize = 200;

/// Why a message could not be exchanged.
#[derive(Debug, thiserror::Error)]
pub enum UnixError {
    /// The peer closed the socket between two messages.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer did not answer in time.
    #[error("the peer did not answer in time")]
    TimedOut,
    /// A message exceeds a bound.
    #[error("a message of {body} bytes and {descriptors} descriptors exceeds the bounds")]
    TooLarge {
        /// Length of the body, in bytes.
        body: usize,
        /// Number of descriptors.
        descriptors: usize,
    },
    /// Descriptors were announced and did not arrive: this process may have no free slots.
    #[error("{missing} descriptors of a message were lost; the limit of open files may be too low")]
    DescriptorsLost {
        /// How many did not arrive.
        missing: usize,
    },
    /// The peer belongs to another user.
    #[error("the peer belongs to user {peer}, this process to user {own}")]
    OtherUser {
        /// The peer's user id.
        peer: u32,
        /// Our user id.
        own: u32,
    },
    /// The system refused.
    #[error("the socket failed")]
    System(#[source] io::Error),
}

impl From<io::Error> for UnixError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::System(error),
        }
    }
}

/// What a peer sent.
#[derive(Debug, Default)]
pub struct Message {
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its descriptors, in the order they were sent, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
}

/// The process on the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its process id when it connected.
    pub pid: u32,
    /// Its user id when it connected.
    pub uid: u32,
}

/// One end of a connection that carries [`Message`]s.
#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
}

impl Channel {
    /// Takes a connected socket and makes it blocking; no read or write waits longer than `limit`.
    pub fn new(socket: UnixStream, limit: Duration) -> Result<Self, UnixError> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(limit))?;
        socket.set_write_timeout(Some(limit))?;
        Ok(Self { socket })
    }

    /// Changes how long a read or a write may wait; `None` waits forever.
    pub fn set_limit(&self, limit: Option<Duration>) -> Result<(), UnixError> {
        self.socket.set_read_timeout(limit)?;
        self.socket.set_write_timeout(limit)?;
        Ok(())
    }

    /// Who is on the other end.
    pub fn peer(&self) -> Result<Peer, UnixError> {
        peer(&self.socket)
    }

    /// Sends one message. The descriptors stay open here as well.
    pub fn send(&mut self, body: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), UnixError> {
        let too_large = UnixError::TooLarge { body: body.len(), descriptors: descriptors.len() };
        if body.len() > BODY_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
            return Err(too_large);
        }
        let (Ok(length), Ok(count)) = (u32::try_from(body.len()), u32::try_from(descriptors.len()))
        else {
            return Err(too_large);
        };
        self.socket.write_all(&[length.to_be_bytes(), count.to_be_bytes()].concat())?;
        for group in descriptors.chunks(GROUP) {
            self.send_group(group)?;
        }
        self.socket.write_all(body)?;
        Ok(())
    }

    /// Waits for one message.
    pub fn receive(&mut self) -> Result<Message, UnixError> {
        let (mut length, mut count) = ([0; 4], [0; 4]);
        self.socket.read_exact(&mut length)?;
        self.socket.read_exact(&mut count)?;
        let length = u32::from_be_bytes(length) as usize;
        let count = u32::from_be_bytes(count) as usize;
        if length > BODY_BYTES_MAX || count > DESCRIPTORS_MAX {
            return Err(UnixError::TooLarge { body: length, descriptors: count });
        }
        let mut message = Message::default();
        while message.descriptors.len() < count {
            let expected = (count - message.descriptors.len()).min(GROUP);
            self.receive_group(expected, &mut message.descriptors)?;
        }
        // The length is only a claim, so memory is taken as bytes arrive.
        (&mut self.socket).take(length as u64).read_to_end(&mut message.body)?;
        if message.body.len() < length {
            return Err(UnixError::Closed);
        }
        Ok(message)
    }

    fn send_group(&mut self, group: &[BorrowedFd<'_>]) -> Result<(), UnixError> {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(GROUP))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(group));
        let marker = [IoSlice::new(b"d")];
        retry(|| rustix::net::sendmsg(&self.socket, &marker, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    fn receive_group(&mut self, expected: usize, into: &mut Vec<OwnedFd>) -> Result<(), UnixError> {
        let before = into.len();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(GROUP))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let received = {
            let mut marker = [IoSliceMut::new(&mut byte)];
            retry(|| {
                rustix::net::recvmsg(
                    &self.socket,
                    &mut marker,
                    &mut control,
                    RecvFlags::CMSG_CLOEXEC,
                )
            })?
        };
        if received.bytes == 0 {
            return Err(UnixError::Closed);
        }
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = part {
                into.extend(descriptors);
            }
        }
        let arrived = into.len() - before;
        if arrived != expected || received.flags.contains(ReturnFlags::CTRUNC) {
            return Err(UnixError::DescriptorsLost { missing: expected.saturating_sub(arrived) });
        }
        Ok(())
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> Result<T, UnixError> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map_err(|error| io::Error::from(error).into()),
        }
    }
}

/// Who is on the other end of a unix socket, as the kernel remembers it (`SO_PEERCRED`, unix(7)).
pub fn peer(socket: impl std::os::fd::AsFd) -> Result<Peer, UnixError> {
    let credentials = rustix::net::sockopt::socket_peercred(socket).map_err(io::Error::from)?;
    Ok(Peer {
        pid: credentials.pid.as_raw_nonzero().get().unsigned_abs(),
        uid: credentials.uid.as_raw(),
    })
}

/// Refuses a peer that is neither our own user nor root, who could read our memory anyway.
pub fn check_same_user(socket: impl std::os::fd::AsFd) -> Result<Peer, UnixError> {
    let peer = peer(socket)?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid != own && peer.uid != 0 {
        return Err(UnixError::OtherUser { peer: peer.uid, own });
    }
    Ok(peer)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek, SeekFrom};
    use std::os::fd::AsFd;

    use proptest::prelude::*;

    use super::*;

    fn pair() -> (Channel, Channel) {
        let (one, other) = UnixStream::pair().unwrap();
        let limit = Duration::from_secs(10);
        (Channel::new(one, limit).unwrap(), Channel::new(other, limit).unwrap())
    }

    #[test]
    fn descriptors_arrive_open_and_in_order() {
        let (mut one, mut other) = pair();
        let files: Vec<File> = (0..450)
            .map(|number: u32| {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&number.to_be_bytes()).unwrap();
                file
            })
            .collect();
        let sender = std::thread::spawn(move || {
            let descriptors: Vec<_> = files.iter().map(AsFd::as_fd).collect();
            one.send(b"{\"listeners\":2}", &descriptors).unwrap();
            one.send(b"", &[]).unwrap();
        });
        let message = other.receive().unwrap();
        assert_eq!(message.body, b"{\"listeners\":2}");
        assert_eq!(message.descriptors.len(), 450);
        for (number, descriptor) in (0_u32..).zip(message.descriptors) {
            let mut file = File::from(descriptor);
            file.seek(SeekFrom::Start(0)).unwrap();
            let mut bytes = [0; 4];
            file.read_exact(&mut bytes).unwrap();
            assert_eq!(u32::from_be_bytes(bytes), number);
        }
        assert!(other.receive().unwrap().body.is_empty());
        sender.join().unwrap();
        assert!(matches!(other.receive(), Err(UnixError::Closed)));
    }

    #[test]
    fn a_claim_beyond_the_bounds_is_refused_before_it_is_read() {
        let (one, mut other) = pair();
        (&one.socket).write_all(&[0xff; 8]).unwrap();
        assert!(matches!(other.receive(), Err(UnixError::TooLarge { .. })));
    }

    #[test]
    fn a_body_that_is_too_long_is_not_sent() {
        let (mut one, _other) = pair();
        let body = vec![0; BODY_BYTES_MAX + 1];
        assert!(matches!(one.send(&body, &[]), Err(UnixError::TooLarge { .. })));
    }

    #[test]
    fn announced_descriptors_that_do_not_come_are_noticed() {
        let (one, mut other) = pair();
        (&one.socket).write_all(&[0, 0, 0, 1, 0, 0, 0, 3, b'd', b'x']).unwrap();
        assert!(matches!(other.receive(), Err(UnixError::DescriptorsLost { missing: 3 })));
    }

    #[test]
    fn a_silent_peer_times_out_and_a_gone_one_is_closed() {
        let (one, mut other) = pair();
        other.set_limit(Some(Duration::from_millis(20))).unwrap();
        assert!(matches!(other.receive(), Err(UnixError::TimedOut)));
        (&one.socket).write_all(&[0, 0, 0, 9, 0, 0, 0, 0, 1]).unwrap();
        drop(one);
        assert!(matches!(other.receive(), Err(UnixError::Closed)));
    }

    #[test]
    fn the_peer_is_this_process_and_allowed() {
        let (one, _other) = pair();
        let peer = check_same_user(&one.socket).unwrap();
        assert_eq!((peer, peer.pid), (one.peer().unwrap(), std::process::id()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bodies_arrive_as_sent_whatever_they_are(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5000), 1..8)) {
            let (mut one, mut other) = pair();
            let sent = bodies.clone();
            let sender = std::thread::spawn(move || sent.iter().for_each(|body| one.send(body, &[]).unwrap()));
            for body in bodies {
                prop_assert_eq!(other.receive().unwrap().body, body);
            }
            sender.join().unwrap();
        }

        #[test]
        fn bytes_of_a_stranger_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let (one, mut other) = pair();
            (&one.socket).write_all(&bytes).unwrap();
            drop(one);
            while other.receive().is_ok() {}
        }
    }
}
