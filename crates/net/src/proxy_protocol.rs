//! The PROXY protocol, versions 1 and 2: who the caller of a relayed connection really is.
//!
//! A relay that cannot change the bytes of a connection says in front of them where it came from and where it was
//! going (specification: `doc/proxy-protocol.txt` of HAProxy). Parsing is strict and bounded: a header that is not
//! exactly one is an error, never data. Whether a sender may be believed is decided elsewhere.

mod encode;
mod read;
mod tlv;
mod v1;
mod v2;

use std::net::SocketAddr;

pub use read::{ReadError, read};
pub use tlv::{Ssl, Tlv, UNIQUE_ID_BYTES_MAX};

/// Longest header of version 1, its line end included (specification §2.1).
pub const V1_BYTES_MAX: usize = 107;
/// Shortest header of version 1: `PROXY UNKNOWN` and its line end.
const V1_BYTES_MIN: usize = 15;
/// Bytes of version 2 up to and with its length.
const V2_FIXED_BYTES: usize = 16;
/// Longest header of version 2 that is taken; the format would allow 64 KiB, senders use a few hundred bytes.
pub const V2_BYTES_MAX: usize = 4096;
/// Most values of a header of version 2, those within others included.
pub const TLVS_MAX: usize = 64;

/// How version 1 begins.
const V1_START: &[u8] = b"PROXY ";
/// How version 2 begins.
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Which form is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary, with further values.
    V2,
}

/// What is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A connection.
    Stream,
    /// Datagrams.
    Datagram,
}

/// What a header says of the relayed connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// The relay speaks for itself, as its health checks do: the connection's own addresses hold.
    Local,
    /// Nothing is known of the caller: the connection's own addresses hold.
    Unknown,
    /// Both ends as the relay saw them, of one family.
    Ip {
        /// The caller.
        source: SocketAddr,
        /// Where it had connected to.
        destination: SocketAddr,
        /// What is relayed.
        transport: Transport,
    },
    /// Unix sockets: paths without the zeros behind them.
    Unix {
        /// The caller's.
        source: Vec<u8>,
        /// Where it had connected to.
        destination: Vec<u8>,
        /// What is relayed.
        transport: Transport,
    },
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Both ends.
    pub addresses: Addresses,
    /// Further values, in the order they came; version 2 only.
    pub tlvs: Vec<Tlv>,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Invalid {
    /// They begin as no version does.
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    /// The line of version 1 is malformed.
    #[error("the line of the PROXY header is malformed")]
    Line,
    /// The line of version 1 has no end where it must have one.
    #[error("the line of the PROXY header is longer than {V1_BYTES_MAX} bytes")]
    LineTooLong,
    /// A version, command, family or transport that does not exist.
    #[error("the PROXY header says something that version 2 does not know")]
    Unknown,
    /// More bytes than are taken.
    #[error("the PROXY header is longer than {V2_BYTES_MAX} bytes")]
    TooLong,
    /// Fewer bytes than the family's addresses need.
    #[error("the PROXY header is too short for its addresses")]
    TooShort,
    /// A value reaches beyond the header, or is malformed in itself.
    #[error("a value of the PROXY header is malformed")]
    Tlv,
    /// More values than are taken.
    #[error("the PROXY header has more than {TLVS_MAX} values")]
    TooManyTlvs,
    /// Its checksum is of other bytes.
    #[error("the checksum of the PROXY header is wrong")]
    Checksum,
}

/// Why a header cannot be sent in a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unencodable {
    /// Both ends have to be of one family.
    #[error("source and destination are of different families")]
    Families,
    /// A unix path is longer than 108 bytes, or a value than its length can say.
    #[error("a part of the PROXY header is too long")]
    TooLong,
}

/// How far bytes are a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// More are needed: at least so many in all.
    More(usize),
    /// A header of so many bytes; what follows is the connection's.
    Header(Header, usize),
}

/// Parses what has arrived of a header; bytes behind it are not looked at.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Invalid> {
    let begins = |start: &[u8]| bytes.iter().zip(start).all(|(byte, wanted)| byte == wanted);
    if begins(V2_START) {
        return v2::parse(bytes);
    }
    if begins(V1_START) {
        return v1::parse(bytes);
    }
    Err(Invalid::NoHeader)
}

impl Header {
    /// A header without further values.
    pub fn new(addresses: Addresses) -> Self {
        Self { addresses, tlvs: Vec::new() }
    }

    /// A header of a relayed TCP connection. Ends of different families are told as IPv6 (RFC 4291 §2.5.5.2).
    pub fn relayed(source: SocketAddr, destination: SocketAddr) -> Self {
        let (source, destination) = if source.is_ipv4() == destination.is_ipv4() {
            (source, destination)
        } else {
            (mapped(source), mapped(destination))
        };
        Self::new(Addresses::Ip { source, destination, transport: Transport::Stream })
    }

    /// The caller that it tells, if it tells one by its address.
    pub fn source(&self) -> Option<SocketAddr> {
        match self.addresses {
            Addresses::Ip { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        std::net::IpAddr::V4(four) => SocketAddr::new(four.to_ipv6_mapped().into(), address.port()),
        std::net::IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests;
