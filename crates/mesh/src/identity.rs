//! Who a workload is: `spiffe://<trust domain>/service/<name>`.
//!
//! The texts follow the SPIFFE ID specification (§2): a trust domain has no port and no upper case, a path has no empty
//! and no dot segments. A certificate says exactly one of them (X509-SVID §2). What an identity may do is not known
//! here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use trunkline_model::names::ServiceName;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The longest identity, in bytes (SPIFFE ID §2.4).
pub const IDENTITY_BYTES_MAX: usize = 2048;

/// The longest trust domain, in bytes (SPIFFE ID §2.1).
pub const TRUST_DOMAIN_BYTES_MAX: usize = 255;

const SCHEME: &str = "spiffe://";

/// Why a text or a certificate says no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The trust domain is empty, too long or has a character beyond `a-z 0-9 . - _`.
    #[error("`{0}` is not a trust domain")]
    TrustDomain(String),
    /// The text does not begin with `spiffe://`, or is too long.
    #[error("`{0}` is not a SPIFFE ID")]
    NotSpiffe(String),
    /// A segment of the path is empty, `.`, `..`, or has a character beyond `a-z A-Z 0-9 . - _`.
    #[error("`{0}` has a path that no SPIFFE ID has")]
    Path(String),
    /// The certificate does not parse.
    #[error("the certificate is broken")]
    BrokenCertificate,
    /// The certificate has no URI, or several.
    #[error("the certificate has {0} URIs instead of one")]
    NotOne(usize),
}

/// A trust domain: everything below one root of identities.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if (1..=TRUST_DOMAIN_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.into()))
        } else {
            Err(IdentityError::TrustDomain(text.to_owned()))
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for TrustDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The identity of a workload.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    text: Arc<str>,
    /// Where the path begins in `text`, with its slash; the end of it without a path.
    path_at: usize,
}

impl Identity {
    /// The identity of a service of this trust domain.
    pub fn service(domain: &TrustDomain, name: &ServiceName) -> Self {
        let text = format!("{SCHEME}{domain}/service/{name}");
        Self { text: text.into(), path_at: SCHEME.len() + domain.as_str().len() }
    }

    /// The one identity that a certificate says. Whether the certificate is to be believed is for TLS to verify.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| IdentityError::BrokenCertificate)?;
        let names =
            parsed.subject_alternative_name().map_err(|_| IdentityError::BrokenCertificate)?;
        let names =
            names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        let mut uris = names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        match (uris.next(), uris.count()) {
            (Some(uri), 0) => uri.parse(),
            (first, more) => Err(IdentityError::NotOne(usize::from(first.is_some()) + more)),
        }
    }

    /// The whole text, with `spiffe://`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its trust domain.
    pub fn trust_domain(&self) -> TrustDomain {
        TrustDomain(self.text.get(SCHEME.len()..self.path_at).unwrap_or_default().into())
    }

    /// Its path, empty or beginning with a slash.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default()
    }

    /// The service it names, if it is the identity of a service.
    pub fn service_name(&self) -> Option<ServiceName> {
        self.path().strip_prefix("/service/")?.parse().ok()
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let rest = text.strip_prefix(SCHEME).filter(|_| text.len() <= IDENTITY_BYTES_MAX);
        let rest = rest.ok_or_else(|| IdentityError::NotSpiffe(text.to_owned()))?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let domain: TrustDomain = domain.parse()?;
        let is_segment = |segment: &str| {
            let is_allowed =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            !matches!(segment, "" | "." | "..") && segment.bytes().all(is_allowed)
        };
        if !path.is_empty() && !path.split('/').skip(1).all(is_segment) {
            return Err(IdentityError::Path(text.to_owned()));
        }
        Ok(Self { text: text.into(), path_at: SCHEME.len() + domain.as_str().len() })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_identity_is_taken_apart() {
        let identity: Identity = "spiffe://shop.localhost/service/orders".parse().unwrap();
        let domain: TrustDomain = "shop.localhost".parse().unwrap();
        let orders: ServiceName = "orders".parse().unwrap();
        assert_eq!(identity, Identity::service(&domain, &orders));
        assert_eq!((identity.trust_domain(), identity.service_name()), (domain, Some(orders)));
        assert_eq!("spiffe://shop/ns/a/sa/b".parse::<Identity>().unwrap().service_name(), None);
        assert_eq!("spiffe://shop".parse::<Identity>().unwrap().path(), "");
    }

    #[test]
    fn texts_beyond_the_specification_are_refused() {
        for text in [
            "",
            "spiffe://",
            "https://shop/service/a",
            "SPIFFE://shop/service/a",
            "spiffe://Shop/service/a",
            "spiffe://shop:80/service/a",
            "spiffe://me@shop/service/a",
            "spiffe://shop/",
            "spiffe://shop//a",
            "spiffe://shop/a/",
            "spiffe://shop/a/../b",
            "spiffe://shop/a?b",
            "spiffe://shop/a#b",
            "spiffe://shop/%61",
        ] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_text(text in "(spiffe://)?.{0,60}") {
            if let Ok(identity) = text.parse::<Identity>() {
                prop_assert_eq!(identity.as_str(), &text);
                prop_assert_eq!(format!("spiffe://{}{}", identity.trust_domain(), identity.path()), text);
            }
        }

        #[test]
        fn valid_texts_round_trip(domain in "[a-z0-9._-]{1,40}", path in "(/[a-zA-Z0-9_-]{1,9}){0,4}") {
            let text = format!("spiffe://{domain}{path}");
            prop_assert_eq!(text.parse::<Identity>().unwrap().to_string(), text);
        }
    }
}
