//! Which certificate answers which name, swappable under running listeners.
//!
//! Exact names win over wildcards; a wildcard stands for exactly one label (RFC 9525 §6.3). A caller without a server
//! name, or with one that nobody has, gets the default certificate: refusing would tell a prober which names exist,
//! and tools that connect by address would not work. A strict store refuses both all the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{Certificate, challenge};

/// A host name of a certificate, lower case: `shop.localhost`, or `*.shop.localhost` for one label below.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPattern(String);

impl HostPattern {
    /// Reads a pattern; `None` if it is no DNS name, or has a `*` elsewhere than as the whole first label.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let fixed = text.strip_prefix("*.").unwrap_or(&text);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        (text.len() <= 253 && fixed.split('.').all(label)).then_some(Self(text))
    }

    /// Whether `host` (in any case) is this name, or exactly one label below the wildcard.
    pub fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            None => self.0.eq_ignore_ascii_case(host),
            Some(suffix) => match host.find('.') {
                Some(dot) if dot > 0 => {
                    host.get(dot..).is_some_and(|rest| rest.eq_ignore_ascii_case(suffix))
                }
                _ => false,
            },
        }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The certificates of one listener. Reading takes no lock; replacing them is one atomic swap, seen by the next
/// handshake.
#[derive(Debug, Default)]
pub struct CertificateStore {
    names: ArcSwap<Names>,
    /// Whether only a name that a certificate has is answered.
    strict: bool,
}

#[derive(Debug, Default)]
struct Names {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// Keyed by what follows the `*`, with its dot.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl CertificateStore {
    /// A store with these certificates; see [`CertificateStore::replace`].
    pub fn new(certificates: &[Certificate]) -> Self {
        let store = Self::default();
        store.replace(certificates);
        store
    }

    /// The same, which answers only names that a certificate has.
    pub fn strict(certificates: &[Certificate]) -> Self {
        let store = Self { strict: true, ..Self::default() };
        store.replace(certificates);
        store
    }

    /// Replaces all certificates. The first one is the default, and where two have one name, the earlier answers.
    pub fn replace(&self, certificates: &[Certificate]) {
        let mut names = Names::default();
        for certificate in certificates {
            let key = certificate.certified_key();
            names.default.get_or_insert_with(|| Arc::clone(&key));
            for pattern in certificate.names() {
                let (map, name) = match pattern.as_str().strip_prefix('*') {
                    Some(suffix) => (&mut names.wildcard, suffix),
                    None => (&mut names.exact, pattern.as_str()),
                };
                map.entry(name.to_owned()).or_insert_with(|| Arc::clone(&key));
            }
        }
        self.names.store(Arc::new(names));
    }

    /// The certificate that answers `name`, or a caller that gives no name.
    pub fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let names = self.names.load();
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            names.exact.get(&name).or_else(|| {
                let dot = name.find('.').filter(|&dot| dot > 0)?;
                names.wildcard.get(name.get(dot..)?)
            })
        });
        found.or(names.default.as_ref().filter(|_| !self.strict)).cloned()
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737 §3: an authority that checks a name offers this protocol alone.
        if let Some(mut offered) = hello.alpn()
            && offered.next() == Some(challenge::ALPN)
            && offered.next().is_none()
        {
            return challenge::certificate(hello.server_name()?);
        }
        self.find(hello.server_name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tls::certificate::tests::self_signed;

    fn names(key: &CertifiedKey) -> Vec<u8> {
        key.cert[0].to_vec()
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let check = |pattern: &str, host: &str, expect| {
            assert_eq!(
                HostPattern::parse(pattern).unwrap().matches(host),
                expect,
                "{pattern} {host}"
            );
        };
        check("*.shop.localhost", "orders.shop.localhost", true);
        check("*.shop.localhost", "ORDERS.Shop.localhost", true);
        check("*.shop.localhost", "shop.localhost", false);
        check("*.shop.localhost", "a.orders.shop.localhost", false);
        check("*.shop.localhost", ".shop.localhost", false);
        check("shop.localhost", "shop.localhost", true);
        check("shop.localhost", "xshop.localhost", false);
    }

    #[test]
    fn patterns_with_a_star_elsewhere_are_refused() {
        for text in ["", "*", "a.*.b", "w*.b", "a..b", "-".repeat(64).as_str(), "a b"] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn exact_names_win_over_wildcards_and_strangers_get_the_default() {
        let [first, wild, exact] =
            [&["first.test"][..], &["*.shop.test"], &["orders.shop.test"]].map(self_signed);
        let store = CertificateStore::new(&[first.clone(), wild.clone(), exact.clone()]);
        let check = |name: Option<&str>, expect: &Certificate| {
            assert_eq!(names(&store.find(name).unwrap()), expect.chain()[0].to_vec(), "{name:?}");
        };
        check(Some("Orders.shop.test"), &exact);
        check(Some("web.shop.test"), &wild);
        check(Some("shop.test"), &first);
        check(None, &first);
        store.replace(std::slice::from_ref(&exact));
        check(Some("web.shop.test"), &exact);
        store.replace(&[]);
        assert!(store.find(None).is_none());
    }

    proptest! {
        #[test]
        fn parsing_and_matching_never_panic(pattern in ".{0,80}", host in ".{0,80}") {
            if let Some(parsed) = HostPattern::parse(&pattern) {
                parsed.matches(&host);
                prop_assert_eq!(HostPattern::parse(parsed.as_str()), Some(parsed));
            }
        }

        #[test]
        fn the_store_agrees_with_the_pattern(label in "[a-z]{1,8}", base in "[a-z]{1,8}\\.test") {
            let pattern = HostPattern::parse(&format!("*.{base}")).unwrap();
            let host = format!("{label}.{base}");
            prop_assert!(pattern.matches(&host));
            prop_assert!(!pattern.matches(&base));
        }
    }
}
