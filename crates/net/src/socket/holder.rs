//! Who listens on an address: the answer to "address already in use".
//!
//! Linux tells it in two steps: `/proc/net/tcp{,6}` gives the inode of the listening socket, and some process has a
//! descriptor that links to that inode. Both walks are linear and bounded; a process of another user hides its
//! descriptors, so the answer may be missing. Nothing here is exact under races, and nothing depends on it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Lines of a socket table and descriptors of all processes that are looked at, at most.
const LOOKED_AT_MAX: usize = 262_144;

/// The state of a listening socket in `/proc/net/tcp` (`TCP_LISTEN`, Linux `include/net/tcp_states.h`).
const LISTEN: &str = "0A";

/// A process that has a listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name, at most 15 bytes (`/proc/PID/comm`).
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (process {})", self.name, self.pid)
    }
}

/// The process that listens on `address`, or on an address that collides with it; `None` if it cannot be seen.
pub fn holder(address: SocketAddr) -> Option<Holder> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening_inode(table, address))?;
    let link = format!("socket:[{inode}]");
    let mut left = LOOKED_AT_MAX;
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for descriptor in descriptors.flatten() {
            left = left.checked_sub(1)?;
            if fs::read_link(descriptor.path())
                .is_ok_and(|target| target.as_os_str() == link.as_str())
            {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                return Some(Holder { pid, name: name.trim_end().to_owned() });
            }
        }
    }
    None
}

/// Where these processes listen, each address once; what cannot be seen is left out.
pub fn listening(pids: &[u32]) -> Vec<SocketAddr> {
    let mut links = BTreeSet::new();
    for pid in pids {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let sockets = descriptors
            .take(LOOKED_AT_MAX)
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .filter_map(|target| {
                let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                inode.parse::<u64>().ok()
            });
        links.extend(sockets);
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|table| {
        Some(BufReader::new(fs::File::open(table).ok()?).lines().skip(1).take(LOOKED_AT_MAX))
    });
    let found = tables.flat_map(|lines| {
        lines.map_while(Result::ok).filter_map(|line| parse_line(&line)).collect::<Vec<_>>()
    });
    let ours = found.filter(|(_, inode)| links.contains(inode)).map(|(address, _)| address);
    ours.collect::<BTreeSet<_>>().into_iter().collect()
}

fn listening_inode(table: &str, wanted: SocketAddr) -> Option<u64> {
    let lines = BufReader::new(fs::File::open(table).ok()?).lines();
    lines
        .skip(1)
        .take(LOOKED_AT_MAX)
        .map_while(Result::ok)
        .filter_map(|line| parse_line(&line))
        .find_map(|(address, inode)| collides(address, wanted).then_some(inode))
}

/// The local address and inode of a listening socket's line (Linux `Documentation/networking/proc_net_tcp.rst`).
fn parse_line(line: &str) -> Option<(SocketAddr, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    (fields.nth(1)? == LISTEN).then_some(())?;
    let inode = fields.nth(5)?.parse().ok().filter(|&inode| inode != 0)?;
    let (ip, port) = local.split_once(':')?;
    Some((SocketAddr::new(parse_ip(ip)?, u16::from_str_radix(port, 16).ok()?), inode))
}

/// Addresses are printed as 32-bit words in the byte order of the machine.
fn parse_ip(hex: &str) -> Option<IpAddr> {
    let words: Vec<u32> = hex
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    let mut bytes = words.iter().flat_map(|word| word.to_ne_bytes());
    match hex.len() {
        8 => Some(
            Ipv4Addr::from(<[u8; 4]>::try_from(bytes.by_ref().collect::<Vec<_>>()).ok()?).into(),
        ),
        32 => Some(
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes.by_ref().collect::<Vec<_>>()).ok()?)
                .to_canonical(),
        ),
        _ => None,
    }
}

fn collides(held: SocketAddr, wanted: SocketAddr) -> bool {
    held.port() == wanted.port()
        && (held.ip() == wanted.ip().to_canonical()
            || held.ip().is_unspecified()
            || wanted.ip().is_unspecified())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expect: Option<(&str, u64)>) {
        let expect = expect.map(|(address, inode)| (address.parse().unwrap(), inode));
        assert_eq!(parse_line(line), expect, "{line}");
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn listening_lines_are_read_and_others_skipped() {
        let rest = "00000000:00000000 00:00000000 00000000  1000        0";
        check(
            &format!("  0: 0100007F:1F40 00000000:0000 0A {rest} 4711 1 0"),
            Some(("127.0.0.1:8000", 4711)),
        );
        check(&format!("  1: 0100007F:1F40 0100007F:9C40 01 {rest} 4712 1 0"), None);
        check(&format!("  2: 0100007F:1F40 00000000:0000 0A {rest} 0 1 0"), None);
        let six = "00000000000000000000000001000000";
        let any = "00000000000000000000000000000000";
        check(&format!("  3: {six}:01BB {any}:0000 0A {rest} 9 1 0"), Some(("[::1]:443", 9)));
        let mapped = "0000000000000000FFFF00000100007F";
        check(
            &format!("  4: {mapped}:01BB {any}:0000 0A {rest} 9 1 0"),
            Some(("127.0.0.1:443", 9)),
        );
    }

    #[test]
    fn an_unspecified_address_collides_with_every_address_of_its_port() {
        let check = |held: &str, wanted: &str, expect| {
            assert_eq!(
                collides(held.parse().unwrap(), wanted.parse().unwrap()),
                expect,
                "{held} {wanted}"
            );
        };
        check("0.0.0.0:80", "127.0.0.1:80", true);
        check("127.0.0.1:80", "0.0.0.0:80", true);
        check("127.0.0.1:80", "127.0.0.2:80", false);
        check("127.0.0.1:80", "127.0.0.1:81", false);
    }

    #[test]
    fn what_this_process_listens_on_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = listening(&[std::process::id()]);
        assert!(found.contains(&listener.local_addr().unwrap()), "{found:?}");
        assert_eq!(listening(&[]), []);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in ".{0,200}") {
            let _ = parse_line(&line);
        }

        #[test]
        fn no_words_panic(words in proptest::collection::vec("[0-9A-F:é]{0,40}", 0..12)) {
            let _ = parse_line(&words.join(" "));
        }
    }
}
