//! Version 1: one line of ASCII, `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`.
//!
//! Numbers have one spelling: no sign, no zero in front, no IPv4 inside an IPv6 position. Behind `UNKNOWN` everything up
//! to the line's end is ignored (specification §2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{Addresses, Header, Invalid, Parsed, Transport, V1_BYTES_MAX, V1_BYTES_MIN, V1_START};

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Invalid> {
    let looked_at = bytes.get(..V1_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = looked_at.iter().position(|byte| *byte == b'\n') else {
        if bytes.len() >= V1_BYTES_MAX {
            return Err(Invalid::LineTooLong);
        }
        return Ok(Parsed::More((bytes.len() + 1).max(V1_BYTES_MIN)));
    };
    let line = looked_at.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let line = line.and_then(|line| line.strip_prefix(V1_START)).ok_or(Invalid::Line)?;
    let text = std::str::from_utf8(line).map_err(|_| Invalid::Line)?;
    let addresses = addresses(text).ok_or(Invalid::Line)?;
    Ok(Parsed::Header(Header::new(addresses), end + 1))
}

fn addresses(text: &str) -> Option<Addresses> {
    let (family, rest) = text.split_once(' ').unwrap_or((text, ""));
    match family {
        "UNKNOWN" => Some(Addresses::Unknown),
        "TCP4" => ends::<Ipv4Addr>(rest),
        "TCP6" => ends::<Ipv6Addr>(rest),
        _ => None,
    }
}

fn ends<T: FromStr + Into<IpAddr>>(text: &str) -> Option<Addresses> {
    let mut parts = text.split(' ');
    let source = parts.next()?.parse::<T>().ok()?;
    let destination = parts.next()?.parse::<T>().ok()?;
    let source_port = port(parts.next()?)?;
    let destination_port = port(parts.next()?)?;
    parts.next().is_none().then(|| Addresses::Ip {
        source: SocketAddr::new(source.into(), source_port),
        destination: SocketAddr::new(destination.into(), destination_port),
        transport: Transport::Stream,
    })
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (plain && !padded).then(|| text.parse().ok()).flatten()
}
