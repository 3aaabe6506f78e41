//! The values behind the addresses of version 2: type, length, bytes; and the checksum over all of it.
//!
//! Values of unknown types are kept as they are. Padding is dropped, the checksum is verified and dropped: it is of one
//! header and cannot be passed on.

use super::{Invalid, TLVS_MAX};

pub(super) const ALPN: u8 = 0x01;
pub(super) const AUTHORITY: u8 = 0x02;
pub(super) const CRC32C: u8 = 0x03;
pub(super) const NOOP: u8 = 0x04;
pub(super) const UNIQUE_ID: u8 = 0x05;
pub(super) const SSL: u8 = 0x20;
pub(super) const NETNS: u8 = 0x30;
/// Bytes of a value before its content.
pub(super) const HEAD_BYTES: usize = 3;
/// Bytes of the SSL value before the values within it.
const SSL_FIXED_BYTES: usize = 5;
/// Longest unique id (specification §2.2.5).
pub const UNIQUE_ID_BYTES_MAX: usize = 128;

/// A value of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tlv {
    /// The protocol that ALPN chose with the caller.
    Alpn(Vec<u8>),
    /// The host name that the caller asked for by SNI.
    Authority(String),
    /// An id of the connection, at most [`UNIQUE_ID_BYTES_MAX`] bytes.
    UniqueId(Vec<u8>),
    /// What the relay knows of the caller's TLS.
    Ssl(Ssl),
    /// The network namespace that the caller came from.
    NetworkNamespace(String),
    /// Any other value: somebody's own (`0xE0` to `0xEF`), or of a later specification.
    Other(u8, Vec<u8>),
}

/// What the relay knows of the caller's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssl {
    /// Bits: 1 for TLS, 2 for a certificate on this connection, 4 for one in this session.
    pub client: u8,
    /// Zero if the caller's certificate was verified.
    pub verify: u32,
    /// Values within: 0x21 version, 0x22 common name, 0x23 cipher, 0x24 signature, 0x25 key.
    pub values: Vec<(u8, Vec<u8>)>,
}

/// Splits bytes into values.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), Invalid>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let taken = bytes.split_first_chunk::<HEAD_BYTES>().and_then(|(head, rest)| {
            let [kind, high, low] = *head;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let (value, behind) = rest.split_at_checked(length)?;
            bytes = behind;
            Some((kind, value))
        });
        if taken.is_none() {
            bytes = &[];
        }
        Some(taken.ok_or(Invalid::Tlv))
    })
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Tlv>, Invalid> {
    let mut tlvs = Vec::new();
    let mut count = 0;
    for value in split(bytes) {
        let (kind, value) = value?;
        count += 1;
        if count > TLVS_MAX {
            return Err(Invalid::TooManyTlvs);
        }
        let text = || String::from_utf8(value.to_vec()).map_err(|_| Invalid::Tlv);
        tlvs.push(match kind {
            CRC32C | NOOP => continue,
            ALPN => Tlv::Alpn(value.to_vec()),
            AUTHORITY => Tlv::Authority(text()?),
            UNIQUE_ID if value.len() > UNIQUE_ID_BYTES_MAX => return Err(Invalid::Tlv),
            UNIQUE_ID => Tlv::UniqueId(value.to_vec()),
            SSL => {
                let ssl = ssl(value)?;
                count += ssl.values.len();
                Tlv::Ssl(ssl)
            }
            NETNS => Tlv::NetworkNamespace(text()?),
            other => Tlv::Other(other, value.to_vec()),
        });
    }
    if count > TLVS_MAX { Err(Invalid::TooManyTlvs) } else { Ok(tlvs) }
}

fn ssl(value: &[u8]) -> Result<Ssl, Invalid> {
    let (fixed, rest) = value.split_first_chunk::<SSL_FIXED_BYTES>().ok_or(Invalid::Tlv)?;
    let [client, a, b, c, d] = *fixed;
    let values = split(rest).map(|value| value.map(|(kind, value)| (kind, value.to_vec())));
    let values = values.take(TLVS_MAX + 1).collect::<Result<_, _>>()?;
    Ok(Ssl { client, verify: u32::from_be_bytes([a, b, c, d]), values })
}

/// Verifies the checksum, if there is one. `values` are the end of `header`.
pub(super) fn verify(header: &[u8], values: &[u8]) -> Result<(), Invalid> {
    let mut found = None;
    let mut at = header.len() - values.len();
    for value in split(values) {
        let (kind, value) = value?;
        if kind == CRC32C {
            let sum: [u8; 4] = value.try_into().map_err(|_| Invalid::Checksum)?;
            // Two would each have to be zero for the other.
            if found.replace((at + HEAD_BYTES, sum)).is_some() {
                return Err(Invalid::Checksum);
            }
        }
        at += HEAD_BYTES + value.len();
    }
    let Some((place, wanted)) = found else { return Ok(()) };
    let (before, rest) = header.split_at(place);
    let (_, after) = rest.split_at(wanted.len());
    let sum = crc32c(&[before, &[0; 4], after]);
    if sum == u32::from_be_bytes(wanted) { Ok(()) } else { Err(Invalid::Checksum) }
}

/// CRC-32C (RFC 3720 §B.4), bit by bit: headers are short and rare.
pub(super) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut sum = !0_u32;
    for byte in parts.iter().copied().flatten() {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum >>= 1;
            if carry == 1 {
                sum ^= 0x82f6_3b78;
            }
        }
    }
    !sum
}
