//! The names a root may vouch for: DNS subtrees and loopback addresses, and nothing else.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use trunkline_net::tls::HostPattern;

use crate::identity::TrustDomain;

/// Always permitted; RFC 6761 keeps it on this machine.
const LOCALHOST: &str = "localhost";

/// The most names one root may be made for.
pub const NAMES_MAX: usize = 1024;

/// Why a root cannot be made for these names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPermittable {
    /// Not a host name, nor a wildcard of one.
    #[error("`{0}` is not a host name")]
    NotAName(String),
    /// An address beyond this machine.
    #[error("`{0}` is an address beyond this machine; name a certificate's files instead")]
    Address(IpAddr),
    /// More than [`NAMES_MAX`] names.
    #[error("more than {NAMES_MAX} names for one root")]
    TooMany,
}

/// A set of permitted names, without those that another one of them includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// Each stands for itself and everything below it.
    names: BTreeSet<String>,
}

impl Permitted {
    /// `localhost`, these names (a wildcard counts as what it is below), and the trust domain.
    pub fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        domain: &'a TrustDomain,
    ) -> Result<Self, NotPermittable> {
        let mut wanted = BTreeSet::from([LOCALHOST.to_owned()]);
        for name in names.into_iter().chain([domain.as_str()]) {
            match address(name) {
                Some(address) if address.is_loopback() => continue,
                Some(address) => return Err(NotPermittable::Address(address)),
                None => {}
            }
            let pattern = HostPattern::parse(name)
                .ok_or_else(|| NotPermittable::NotAName(name.to_owned()))?;
            wanted.insert(pattern.as_str().trim_start_matches("*.").to_owned());
            if wanted.len() > NAMES_MAX {
                return Err(NotPermittable::TooMany);
            }
        }
        let is_alone = |name: &&String| !parents(name).any(|parent| wanted.contains(parent));
        Ok(Self { names: wanted.iter().filter(is_alone).cloned().collect() })
    }

    /// Whether a certificate may have this name: a host name, a wildcard, or an address.
    pub fn allows(&self, name: &str) -> bool {
        if let Some(address) = address(name) {
            return address.is_loopback();
        }
        let Some(pattern) = HostPattern::parse(name) else {
            return false;
        };
        let name = pattern.as_str().trim_start_matches("*.");
        self.names.contains(name) || parents(name).any(|parent| self.names.contains(parent))
    }

    /// The permitted names; each stands for everything below it as well.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// One folder for each set of names: `localhost`, or the first other name and a digest of all.
    pub(super) fn folder_name(&self) -> String {
        let Some(first) = self.names().find(|&name| name != LOCALHOST) else {
            return LOCALHOST.to_owned();
        };
        let all: Vec<&str> = self.names().collect();
        let digest = super::digest_text(all.join("\n").as_bytes(), 6);
        // A name may fill 253 bytes, a file name 255.
        format!("{}-{digest}", first.get(..first.len().min(64)).unwrap_or_default())
    }

    /// The extension of the root's certificate that says so.
    pub(super) fn constraints(&self) -> NameConstraints {
        let names = self.names.iter().cloned().map(GeneralSubtree::DnsName);
        let loopback = [
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv4Addr::LOCALHOST.into(), 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
                Ipv6Addr::LOCALHOST.into(),
                128,
            )),
        ];
        NameConstraints {
            permitted_subtrees: names.chain(loopback).collect(),
            excluded_subtrees: Vec::new(),
        }
    }
}

impl fmt::Display for Permitted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        write!(formatter, "{}, names below, and loopback addresses", names.join(", "))
    }
}

pub(super) fn address(name: &str) -> Option<IpAddr> {
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).parse().ok()
}

/// `a.b.c` has the parents `b.c` and `c`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(names: &[&str]) -> Permitted {
        Permitted::new(names.iter().copied(), &"shop.localhost".parse().unwrap()).unwrap()
    }

    #[test]
    fn names_that_another_includes_are_left_out() {
        let check = |names: &[&str], expect: &[&str]| {
            assert_eq!(permitted(names).names().collect::<Vec<_>>(), expect, "{names:?}");
        };
        check(&[], &["localhost"]);
        check(&["shop.localhost", "*.shop.localhost", "127.0.0.1", "[::1]"], &["localhost"]);
        check(
            &["Shop.Example", "*.shop.example", "a.b.shop.example"],
            &["localhost", "shop.example"],
        );
        check(&["notlocalhost"], &["localhost", "notlocalhost"]);
    }

    #[test]
    fn only_names_below_are_allowed() {
        let permitted = permitted(&["shop.example"]);
        for name in
            ["localhost", "a.b.localhost", "SHOP.example", "*.shop.example", "127.0.0.1", "::1"]
        {
            assert!(permitted.allows(name), "{name}");
        }
        for name in ["example", "xshop.example", "*.example", "10.0.0.1", "", "a b"] {
            assert!(!permitted.allows(name), "{name}");
        }
    }

    #[test]
    fn addresses_of_other_machines_and_nonsense_are_refused() {
        let domain = "shop.localhost".parse().unwrap();
        for name in ["10.0.0.1", "a b", "", "*"] {
            assert!(Permitted::new([name], &domain).is_err(), "{name}");
        }
    }

    #[test]
    fn the_folder_depends_on_the_set_alone() {
        assert_eq!(permitted(&["a.localhost"]).folder_name(), "localhost");
        let (one, other) = (permitted(&["b.test", "a.test"]), permitted(&["a.test", "*.b.test"]));
        assert_eq!(one.folder_name(), other.folder_name());
        assert!(one.folder_name().starts_with("a.test-"));
        assert_ne!(one.folder_name(), permitted(&["a.test"]).folder_name());
    }
}
