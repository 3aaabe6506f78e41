//! Who called: what proxies in front say of it, believed where they are trusted.
//!
//! A trusted peer's `X-Forwarded-For` is read from the right; the first address that is no trusted
//! proxy's is the caller's, because whatever stands left of it anybody may have written. From a
//! peer that is not trusted nothing is believed: its fields are replaced by what this gateway saw.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use trunkline_model::Network;
use trunkline_net::http::{Exchange, Head, Peer};

/// Addresses of a chain that are looked at.
const HOPS_MAX: usize = 64;
/// Longest text of an address with brackets and port, in bytes.
const ADDRESS_BYTES_MAX: usize = 64;

/// Finds out who called.
pub(crate) fn learn(peer: &mut Peer, request: &Head, trusted: &[Network]) {
    let address = peer.address.ip().to_canonical();
    peer.client = address;
    peer.trusted = is_trusted(trusted, address);
    if !peer.trusted {
        return;
    }
    let mut hops = 0;
    // Fields in their order are one list; the last is the nearest.
    let mut nearest = address;
    let mut lists = [&[][..]; 8];
    let mut count = 0;
    for value in request.get_all("x-forwarded-for") {
        if count == lists.len() {
            // The nearest count.
            lists.rotate_left(1);
            count -= 1;
        }
        if let Some(place) = lists.get_mut(count) {
            *place = value;
        }
        count += 1;
    }
    for list in lists.iter().take(count).rev() {
        for element in list.rsplit(|byte| *byte == b',') {
            hops += 1;
            let Some(hop) = parse(element).filter(|_| hops <= HOPS_MAX) else {
                peer.client = nearest;
                return;
            };
            nearest = hop;
            if !is_trusted(trusted, hop) {
                peer.client = hop;
                return;
            }
        }
    }
    peer.client = nearest;
}

fn is_trusted(trusted: &[Network], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// `192.0.2.1`, `192.0.2.1:80`, `[::1]:80`, `::1`.
fn parse(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element.trim_ascii()).ok()?;
    if text.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|full| full.ip()));
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    address.or_else(bare).map(|address| address.to_canonical())
}

/// What services are told of a caller's verified certificate; the name and form are Envoy's.
const CLIENT_CERTIFICATE: &str = "x-forwarded-client-cert";

/// Whether a field says something of callers that its sender must not: what it says of its own
/// certificate is worth nothing, and the rest is only a trusted peer's to say.
pub(crate) fn is_untrue(name: &[u8], trusted: bool) -> bool {
    let is = |own: &[u8]| name.eq_ignore_ascii_case(own);
    match name.len() {
        23 => is(CLIENT_CERTIFICATE.as_bytes()),
        _ if trusted => false,
        9 => is(b"x-real-ip") || is(b"forwarded"),
        15 => is(b"x-forwarded-for"),
        16 => is(b"x-forwarded-host") || is(b"x-forwarded-port"),
        17 => is(b"x-forwarded-proto"),
        _ => false,
    }
}

/// Says who called, in a request without [untrue](is_untrue) fields: a trusted peer's fields are gone on with, another's are replaced. `Forwarded`
/// (RFC 7239) is appended to where a trusted peer uses it, else not begun.
pub(crate) fn tell(exchange: &mut Exchange) {
    let ip = exchange.peer.address.ip().to_canonical();
    let request = &mut exchange.request;
    let mut room = [0; ADDRESS_BYTES_MAX];
    let own = written(&mut room, ip);
    if request.has("x-forwarded-for") {
        let mut chain = Vec::new();
        for value in request.get_all("x-forwarded-for") {
            chain.extend_from_slice(value);
            chain.extend_from_slice(b", ");
        }
        chain.extend_from_slice(own);
        request.set("x-forwarded-for", &chain);
    } else {
        request.append("x-forwarded-for", own);
    }
    if !request.has("x-forwarded-proto") {
        request.append("x-forwarded-proto", exchange.scheme.as_str().as_bytes());
    }
    if !request.has("x-forwarded-host") {
        request.append_copy("x-forwarded-host", "host");
    }
    if let Some(certificate) = &exchange.peer.certificate {
        request.append(CLIENT_CERTIFICATE, certificate.as_bytes());
    }
    if request.has("forwarded") {
        let node = if ip.is_ipv6() { format!("\"[{ip}]\"") } else { ip.to_string() };
        let element = format!("for={node};proto={}", exchange.scheme.as_str());
        request.append("forwarded", element.as_bytes());
    }
}

/// An address as text, without an allocation.
fn written(room: &mut [u8; ADDRESS_BYTES_MAX], address: IpAddr) -> &[u8] {
    let end = match address {
        // Every request has one, and formatting costs as much as parsing its head.
        IpAddr::V4(address) => {
            let mut end = 0;
            for octet in address.octets() {
                for (place, least) in [(100, 100), (10, 10), (1, 0)] {
                    if octet >= least {
                        end = put(room, end, b'0' + octet / place % 10);
                    }
                }
                end = put(room, end, b'.');
            }
            end - 1
        }
        IpAddr::V6(address) => {
            let mut left = room.as_mut_slice();
            // No address is longer than the room.
            let _ = write!(left, "{address}");
            let free = left.len();
            ADDRESS_BYTES_MAX - free
        }
    };
    room.get(..end).unwrap_or_default()
}

fn put(room: &mut [u8], at: usize, byte: u8) -> usize {
    if let Some(place) = room.get_mut(at) {
        *place = byte;
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_net::http::Version;

    fn client(peer: &str, fields: &[&str]) -> (String, bool) {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let mut head = Head::request("GET", "/", Version::Http11);
        for value in fields {
            head.append("X-Forwarded-For", value.as_bytes());
        }
        let address = SocketAddr::new(peer.parse().unwrap(), 1);
        let client = address.ip();
        let mut peer = Peer {
            address,
            local: None,
            client,
            trusted: false,
            server_name: None,
            identity: None,
            certificate: None,
        };
        learn(&mut peer, &head, &trusted);
        (peer.client.to_string(), peer.trusted)
    }

    #[test]
    fn the_nearest_address_that_is_not_trusted_is_the_callers() {
        let check = |peer: &str, fields: &[&str], expect: &str, trusted: bool| {
            assert_eq!(client(peer, fields), (expect.to_owned(), trusted), "{peer} {fields:?}");
        };
        check("192.0.2.1", &["198.51.100.1"], "192.0.2.1", false);
        check("10.0.0.1", &[], "10.0.0.1", true);
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1", true);
        let mut many = vec!["1.1.1.1"; 20];
        many.push("198.51.100.1");
        check("10.0.0.1", &many, "198.51.100.1", true);
        many.extend(["10.0.0.2"; 9]);
        check("10.0.0.1", &many, "10.0.0.2", true);
        check("::ffff:10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1", true);
        check("10.0.0.1", &["1.1.1.1", "198.51.100.1:80", "[::1]:8080"], "198.51.100.1", true);
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3", true);
        check("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.2"], "10.0.0.2", true);
        check("10.0.0.1", &[""], "10.0.0.1", true);
    }

    #[test]
    fn what_only_a_trusted_peer_may_say_is_untrue_of_others() {
        let names = ["X-Real-IP", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host"];
        for name in names.into_iter().chain(["X-Forwarded-Port", "X-Forwarded-Proto"]) {
            assert!(is_untrue(name.as_bytes(), false), "{name}");
            assert!(!is_untrue(name.as_bytes(), true), "{name}");
        }
        let certificate = b"X-Forwarded-Client-Cert";
        assert!(is_untrue(certificate, false) && is_untrue(certificate, true));
        assert!(!is_untrue(b"X-Forwarded-User", false));
    }

    #[test]
    fn an_address_is_written_into_the_room() {
        let mut room = [0; ADDRESS_BYTES_MAX];
        for address in ["192.0.2.1", "0.10.99.255", "100.101.9.0", "::1"] {
            let text = written(&mut room, address.parse().unwrap());
            assert_eq!(std::str::from_utf8(text), Ok(address));
        }
        let longest: IpAddr = "1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap();
        assert_eq!(written(&mut room, longest).len(), 39);
    }
}
