//! What a service manager is told, and the sockets that it opened beforehand: `sd_notify(3)` and
//! `sd_listen_fds(3)`, without their library.
//!
//! A message is one datagram of lines to the socket that `NOTIFY_SOCKET` names; a manager that is
//! not there, or does not listen, costs nothing. Sockets that were passed on are taken once, by the
//! process that they are meant for. Environment variables are read by the caller.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// The first descriptor that is passed on (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// The most sockets that are taken over.
pub const PASSED_MAX: i32 = 4_096;

/// Where a service manager listens.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// The manager at `NOTIFY_SOCKET`: a path, or a name in the abstract namespace after `@`.
    pub fn at(socket: &OsStr) -> io::Result<Self> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(socket)?,
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read must not keep us: what does not fit is not said.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    /// Says something: lines of `NAME=value`.
    pub fn say(&self, lines: &str) -> io::Result<()> {
        self.socket.send_to_addr(lines.as_bytes(), &self.address).map(drop)
    }
}

/// Microseconds of `CLOCK_MONOTONIC`, by which the manager tells an answer to its reload from others.
pub fn monotonic_micros() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000 + u64::try_from(now.tv_nsec / 1_000).unwrap_or_default()
}

/// A socket that the manager opened.
#[derive(Debug)]
pub struct Passed {
    /// Its name (`FileDescriptorName=`); empty without one.
    pub name: String,
    /// The socket, close-on-exec from now on.
    pub descriptor: OwnedFd,
}

/// Takes the sockets that were passed on to this process, by the values of `LISTEN_PID`,
/// `LISTEN_FDS` and `LISTEN_FDNAMES`. Those of another process (they are inherited with the
/// environment), and a second call, give none.
pub fn take_passed(pid: &str, count: &str, names: &str) -> Vec<Passed> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let count = count.parse::<RawFd>().unwrap_or(0);
    let ours = pid.parse() == Ok(std::process::id());
    if !ours || !(1..=PASSED_MAX).contains(&count) || TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    let mut names = names.split(':');
    let mut passed = Vec::new();
    for number in FIRST..FIRST + count {
        let name = names.next().filter(|name| *name != "unknown").unwrap_or_default().to_owned();
        if let Some(descriptor) = own(number) {
            passed.push(Passed { name, descriptor });
        }
    }
    passed
}

/// Takes one descriptor; `None` if it is not open.
#[expect(unsafe_code, reason = "a number in an environment variable becomes a descriptor")]
fn own(number: RawFd) -> Option<OwnedFd> {
    // A number that is not open must not be owned: it would later close somebody else's.
    std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
    // SAFETY: the descriptor is open (seen above), and it is nobody else's: the manager opened it
    // for this process (`LISTEN_PID`), before its first instruction, and `TAKEN` lets one caller
    // through in the life of the process.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC).ok()?;
    Some(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        listener.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let mut text = [0; 256];
        let length = listener.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[test]
    fn a_manager_is_told_by_path_and_by_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        Notifier::at(path.as_os_str()).unwrap().say("READY=1\n").unwrap();
        assert_eq!(heard(&listener), "READY=1\n");
        let name = format!("trunkline-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        Notifier::at(OsStr::new(&format!("@{name}"))).unwrap().say("STOPPING=1").unwrap();
        assert_eq!(heard(&listener), "STOPPING=1");
        assert!(Notifier::at(OsStr::new("vsock:2:1")).is_err());
        let gone = Notifier::at(OsStr::new("/nowhere/notify")).unwrap();
        assert!(gone.say("READY=1").is_err());
    }

    #[test]
    fn sockets_of_another_process_are_left_alone() {
        let own = std::process::id().to_string();
        for (pid, count) in [("1", "1"), ("", "1"), (&*own, "0"), (&*own, "-1"), (&*own, "x")] {
            assert!(take_passed(pid, count, "http").is_empty(), "{pid} {count}");
        }
    }

    #[test]
    fn the_clock_moves() {
        let before = monotonic_micros();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(monotonic_micros() >= before + 2_000);
    }
}
