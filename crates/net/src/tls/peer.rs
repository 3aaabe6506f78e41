//! Who a verified certificate says its holder is: its identity, and the element that services are told.
//!
//! The chain was verified by the handshake; here it is only read. A certificate that cannot be read names nobody.

use std::fmt::Write as _;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Bytes of the element that services are told; beyond it names are left out.
pub const ELEMENT_BYTES_MAX: usize = 4 << 10;

/// The holder of a verified certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Its SPIFFE id, else its first DNS name, else its subject.
    pub name: Arc<str>,
    /// One element of `x-forwarded-client-cert`: `Hash=…;Subject="…";URI=…;DNS=…`.
    pub element: Arc<str>,
}

/// Reads the leaf of a verified chain.
pub fn identity(leaf: &CertificateDer<'_>) -> Option<PeerIdentity> {
    let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
    let alternatives = parsed.subject_alternative_name().ok().flatten();
    let alternatives = alternatives.map(|extension| extension.value.general_names.as_slice());
    let (mut uris, mut names) = (Vec::new(), Vec::new());
    for name in alternatives.unwrap_or_default() {
        match name {
            GeneralName::URI(uri) if is_plain(uri) => uris.push(*uri),
            GeneralName::DNSName(name) if is_plain(name) => names.push(*name),
            _ => {}
        }
    }
    let subject = parsed.subject().to_string();
    let spiffe = uris.iter().find(|uri| uri.starts_with("spiffe://"));
    let name = spiffe.or(names.first()).copied().unwrap_or(&subject);
    let mut element = String::from("Hash=");
    for byte in super::sha256(leaf) {
        let _ = write!(element, "{byte:02x}");
    }
    let _ = write!(element, ";Subject=\"{}\"", quoted(&subject));
    let uris = uris.iter().map(|uri| ("URI", uri));
    for (key, value) in uris.chain(names.iter().map(|name| ("DNS", name))) {
        if element.len() + key.len() + value.len() < ELEMENT_BYTES_MAX {
            let _ = write!(element, ";{key}={value}");
        }
    }
    Some(PeerIdentity { name: name.into(), element: element.into() })
}

/// Whether a value can stand in the element as it is: what separates elements or fields cannot.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !b",;=\"\\".contains(&byte))
}

/// A subject may hold any text; what a header cannot carry becomes `?`.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars().take(ELEMENT_BYTES_MAX / 4) {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(names: &[&str], uri: Option<&str>, subject: &str) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, subject);
        parameters
            .subject_alt_names
            .extend(uri.map(|uri| rcgen::SanType::URI(uri.to_owned().try_into().unwrap())));
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_spiffe_id_wins_over_a_dns_name_and_that_over_the_subject() {
        let check = |names: &[&str], uri, expect: &str| {
            let found = identity(&leaf(names, uri, "orders")).unwrap();
            assert!(found.name.ends_with(expect), "{found:?}");
        };
        check(&["a.test"], Some("spiffe://shop/ns/orders"), "spiffe://shop/ns/orders");
        check(&["a.test", "b.test"], Some("https://a.test"), "a.test");
        check(&[], None, "CN=orders");
    }

    #[test]
    fn a_name_cannot_make_itself_another_element() {
        let found = identity(&leaf(&["a.test"], None, "x\";URI=spiffe://shop/admin,é\\")).unwrap();
        let (hash, rest) = found.element.split_at(69);
        assert!(hash.starts_with("Hash="), "{hash}");
        assert!(rest.contains(r#"x\";URI=spiffe://shop/admin,?\\";DNS=a.test"#), "{rest}");
        let found = identity(&leaf(&[], Some("spiffe://a,Hash=0;URI=b"), "x")).unwrap();
        assert!(!found.element.contains("spiffe"), "{found:?}");
    }
}
