//! Version 2: twelve bytes that no text protocol begins with, what is said, how long it is, addresses, values.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Addresses, Header, Invalid, Parsed, Transport, V2_BYTES_MAX, V2_FIXED_BYTES, tlv};

/// Bytes of a path in the family of unix sockets.
pub(super) const UNIX_BYTES: usize = 108;

/// What the family nibble and the transport nibble can say.
pub(super) const UNSPEC: u8 = 0x0;
pub(super) const INET: u8 = 0x1;
pub(super) const INET6: u8 = 0x2;
pub(super) const UNIX: u8 = 0x3;
pub(super) const STREAM: u8 = 0x1;
pub(super) const DATAGRAM: u8 = 0x2;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Invalid> {
    let Some(fixed) = bytes.get(..V2_FIXED_BYTES) else {
        return Ok(Parsed::More(V2_FIXED_BYTES));
    };
    let &[.., command, family, high, low] = fixed else {
        return Ok(Parsed::More(V2_FIXED_BYTES));
    };
    let whole = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Invalid::Unknown),
    };
    if family >> 4 > UNIX || family & 0x0f > DATAGRAM {
        return Err(Invalid::Unknown);
    }
    if whole > V2_BYTES_MAX {
        return Err(Invalid::TooLong);
    }
    let Some(header) = bytes.get(..whole) else {
        return Ok(Parsed::More(whole));
    };
    let body = header.get(V2_FIXED_BYTES..).unwrap_or_default();
    let (addresses, values) = addresses(family, body)?;
    let tlvs = tlv::parse(values)?;
    tlv::verify(header, values)?;
    let addresses = if local { Addresses::Local } else { addresses };
    Ok(Parsed::Header(Header { addresses, tlvs }, whole))
}

/// The addresses, and what follows them.
fn addresses(family: u8, body: &[u8]) -> Result<(Addresses, &[u8]), Invalid> {
    let transport = match family & 0x0f {
        STREAM => Some(Transport::Stream),
        DATAGRAM => Some(Transport::Datagram),
        _ => None,
    };
    let bytes = match family >> 4 {
        INET => 12,
        INET6 => 36,
        UNIX => 2 * UNIX_BYTES,
        // Of an unspecified family nothing is known, not even its length: values are looked for at once.
        _ => 0,
    };
    let (addresses, values) = body.split_at_checked(bytes).ok_or(Invalid::TooShort)?;
    let Some(transport) = transport.filter(|_| bytes > 0) else {
        return Ok((Addresses::Unknown, values));
    };
    let told = match family >> 4 {
        INET => inet(addresses, transport),
        INET6 => inet6(addresses, transport),
        _ => unix(addresses, transport),
    };
    Ok((told.ok_or(Invalid::TooShort)?, values))
}

fn inet(bytes: &[u8], transport: Transport) -> Option<Addresses> {
    let (source, rest) = bytes.split_first_chunk::<4>()?;
    let (destination, ports) = rest.split_first_chunk::<4>()?;
    let &[a, b, c, d] = ports else { return None };
    Some(Addresses::Ip {
        source: SocketAddr::new(Ipv4Addr::from(*source).into(), u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(
            Ipv4Addr::from(*destination).into(),
            u16::from_be_bytes([c, d]),
        ),
        transport,
    })
}

fn inet6(bytes: &[u8], transport: Transport) -> Option<Addresses> {
    let (source, rest) = bytes.split_first_chunk::<16>()?;
    let (destination, ports) = rest.split_first_chunk::<16>()?;
    let &[a, b, c, d] = ports else { return None };
    Some(Addresses::Ip {
        source: SocketAddr::new(Ipv6Addr::from(*source).into(), u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(
            Ipv6Addr::from(*destination).into(),
            u16::from_be_bytes([c, d]),
        ),
        transport,
    })
}

fn unix(bytes: &[u8], transport: Transport) -> Option<Addresses> {
    let (source, destination) = bytes.split_at_checked(UNIX_BYTES)?;
    let path = |bytes: &[u8]| {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.get(..used).unwrap_or_default().to_vec()
    };
    Some(Addresses::Unix { source: path(source), destination: path(destination), transport })
}
