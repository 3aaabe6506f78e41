//! Headers as bytes.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::v2::{DATAGRAM, INET, INET6, STREAM, UNIX, UNIX_BYTES, UNSPEC};
use super::{
    Addresses, Header, Ssl, Tlv, Transport, Unencodable, V2_BYTES_MAX, V2_FIXED_BYTES, V2_START,
    Version, tlv,
};

impl Header {
    /// The bytes of this header. Version 1 has no values, and says `UNKNOWN` where it cannot say what is.
    pub fn encode(&self, version: Version) -> Result<Vec<u8>, Unencodable> {
        match version {
            Version::V1 => self.encode_v1(),
            Version::V2 => self.encode_v2(false),
        }
    }

    /// The bytes of this header in version 2, with a checksum.
    pub fn encode_summed(&self) -> Result<Vec<u8>, Unencodable> {
        self.encode_v2(true)
    }

    fn encode_v1(&self) -> Result<Vec<u8>, Unencodable> {
        let Addresses::Ip { source, destination, transport: Transport::Stream } = self.addresses
        else {
            return Ok(b"PROXY UNKNOWN\r\n".to_vec());
        };
        let family = match (source.ip(), destination.ip()) {
            (IpAddr::V4(_), IpAddr::V4(_)) => "TCP4",
            (IpAddr::V6(_), IpAddr::V6(_)) => "TCP6",
            _ => return Err(Unencodable::Families),
        };
        let (from, to) = (source.ip(), destination.ip());
        let ports = (source.port(), destination.port());
        let mut line = Vec::with_capacity(super::V1_BYTES_MAX);
        // Writing into memory does not fail.
        let _ = write!(line, "PROXY {family} {from} {to} {} {}\r\n", ports.0, ports.1);
        Ok(line)
    }

    fn encode_v2(&self, summed: bool) -> Result<Vec<u8>, Unencodable> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(V2_START);
        bytes.extend_from_slice(&[0x21, UNSPEC, 0, 0]);
        let said = match &self.addresses {
            Addresses::Local => (0x20, UNSPEC),
            Addresses::Unknown => (0x21, UNSPEC),
            Addresses::Ip { source, destination, transport } => {
                (0x21, ip(*source, *destination, &mut bytes)? << 4 | nibble(*transport))
            }
            Addresses::Unix { source, destination, transport } => {
                unix(source, &mut bytes)?;
                unix(destination, &mut bytes)?;
                (0x21, UNIX << 4 | nibble(*transport))
            }
        };
        for value in &self.tlvs {
            append(value, &mut bytes)?;
        }
        let place = bytes.len() + tlv::HEAD_BYTES;
        if summed {
            put(tlv::CRC32C, &[0; 4], &mut bytes)?;
        }
        if bytes.len() > V2_BYTES_MAX {
            return Err(Unencodable::TooLong);
        }
        let length = u16::try_from(bytes.len() - V2_FIXED_BYTES);
        let length = length.map_err(|_| Unencodable::TooLong)?.to_be_bytes();
        write_at(&mut bytes, V2_START.len(), &[said.0, said.1, length[0], length[1]]);
        if summed {
            let sum = tlv::crc32c(&[&bytes]).to_be_bytes();
            write_at(&mut bytes, place, &sum);
        }
        Ok(bytes)
    }
}

fn write_at(bytes: &mut [u8], place: usize, value: &[u8]) {
    if let Some(part) = bytes.get_mut(place..place + value.len()) {
        part.copy_from_slice(value);
    }
}

fn nibble(transport: Transport) -> u8 {
    match transport {
        Transport::Stream => STREAM,
        Transport::Datagram => DATAGRAM,
    }
}

/// Appends both addresses; tells their family.
fn ip(source: SocketAddr, destination: SocketAddr, into: &mut Vec<u8>) -> Result<u8, Unencodable> {
    let family = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            into.extend_from_slice(&source.octets());
            into.extend_from_slice(&destination.octets());
            INET
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            into.extend_from_slice(&source.octets());
            into.extend_from_slice(&destination.octets());
            INET6
        }
        _ => return Err(Unencodable::Families),
    };
    into.extend_from_slice(&source.port().to_be_bytes());
    into.extend_from_slice(&destination.port().to_be_bytes());
    Ok(family)
}

fn unix(path: &[u8], into: &mut Vec<u8>) -> Result<(), Unencodable> {
    let rest = UNIX_BYTES.checked_sub(path.len()).ok_or(Unencodable::TooLong)?;
    into.extend_from_slice(path);
    into.resize(into.len() + rest, 0);
    Ok(())
}

fn append(value: &Tlv, into: &mut Vec<u8>) -> Result<(), Unencodable> {
    match value {
        Tlv::Alpn(name) => put(tlv::ALPN, name, into),
        Tlv::Authority(name) => put(tlv::AUTHORITY, name.as_bytes(), into),
        Tlv::UniqueId(id) if id.len() > tlv::UNIQUE_ID_BYTES_MAX => Err(Unencodable::TooLong),
        Tlv::UniqueId(id) => put(tlv::UNIQUE_ID, id, into),
        Tlv::Ssl(Ssl { client, verify, values }) => {
            let mut bytes = vec![*client];
            bytes.extend_from_slice(&verify.to_be_bytes());
            for (kind, value) in values {
                put(*kind, value, &mut bytes)?;
            }
            put(tlv::SSL, &bytes, into)
        }
        Tlv::NetworkNamespace(name) => put(tlv::NETNS, name.as_bytes(), into),
        Tlv::Other(kind, value) => put(*kind, value, into),
    }
}

fn put(kind: u8, value: &[u8], into: &mut Vec<u8>) -> Result<(), Unencodable> {
    let length = u16::try_from(value.len()).map_err(|_| Unencodable::TooLong)?;
    into.push(kind);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(value);
    Ok(())
}
