//! A network of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Addresses with the same beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// No address at all.
    #[error("`{0}` is not an address or a network")]
    Address(String),
    /// More bits than the address has.
    #[error("a network of this kind has 0 to {0} bits")]
    Bits(u8),
    /// Bits are set behind the network's.
    #[error(
        "bits are set behind the first {0}; this is an address in the network, not the network"
    )]
    Host(u8),
}

impl Network {
    /// Whether the address is one of them. An IPv4 address in IPv6 clothes is what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.masked(address) == number(self.address)
    }

    fn masked(&self, address: IpAddr) -> u128 {
        let width = width(address);
        let host = u32::from(width.saturating_sub(self.bits));
        let mask = u128::MAX.checked_shl(host).unwrap_or(0);
        number(address) & mask
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr =
            address.trim().parse().map_err(|_| InvalidNetwork::Address(text.to_owned()))?;
        let width = width(address);
        let bits = match bits {
            None => width,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= width)
                .ok_or(InvalidNetwork::Bits(width))?,
        };
        let network = Self { address, bits };
        if network.masked(address) == number(address) {
            Ok(network)
        } else {
            Err(InvalidNetwork::Host(bits))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_network_that_it_begins_with() {
        let check = |network: &str, address: &str, expect: bool| {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expect, "{network} {address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("0.0.0.0/0", "1.2.3.4", true);
        check("0.0.0.0/0", "::1", false);
        check("::/0", "fd00::1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("fd00::/8", "fdff::1", true);
    }

    #[test]
    fn what_is_no_network_is_told() {
        let check = |text: &str, expect: &str| {
            assert_eq!(text.parse::<Network>().unwrap_err().to_string(), expect);
        };
        check("ten", "`ten` is not an address or a network");
        check("10.0.0.0/33", "a network of this kind has 0 to 32 bits");
        check(
            "10.0.0.1/8",
            "bits are set behind the first 8; this is an address in the network, not the network",
        );
    }
}
