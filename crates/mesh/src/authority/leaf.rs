//! Issuing leaves: for the gateway's host names, and for workloads.

use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use trunkline_net::tls::Certificate;

use super::permitted::address;
use super::root::CLOCK_SKEW;
use super::{Authority, AuthorityError, calendar};
use crate::identity::Identity;

/// How long a leaf lives: a day, so that a stolen one is worth little and revocation is not needed.
pub const LEAF_LIFE: Duration = Duration::from_hours(24);

/// The most names one leaf has; more would not fit into a handshake of reasonable size.
pub const LEAF_NAMES_MAX: usize = 256;

/// A certificate with its key, in memory only.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The chain and the key.
    pub certificate: Certificate,
    /// When a new one should take its place: after two thirds of its life.
    pub renew_at: SystemTime,
}

impl Authority {
    /// A server certificate for these host names and loopback addresses; a name may begin with `*.`.
    ///
    /// Names may repeat; more than [`LEAF_NAMES_MAX`] different ones, or none, are an error.
    pub fn issue_gateway<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        now: SystemTime,
    ) -> Result<Leaf, AuthorityError> {
        let mut alternatives: Vec<SanType> = Vec::new();
        for name in names {
            let alternative = self.checked(name)?;
            if !alternatives.contains(&alternative) {
                alternatives.push(alternative);
            }
            if alternatives.len() > LEAF_NAMES_MAX {
                break;
            }
        }
        if !(1..=LEAF_NAMES_MAX).contains(&alternatives.len()) {
            return Err(AuthorityError::NameCount(alternatives.len()));
        }
        self.issue("Trunkline gateway", alternatives, &[ExtendedKeyUsagePurpose::ServerAuth], now)
    }

    /// A certificate for a workload, as server and as client: its identity as the only URI (X509-SVID §2), and
    /// `<service>.<trust domain>` for callers that verify host names.
    pub fn issue_workload(
        &self,
        identity: &Identity,
        now: SystemTime,
    ) -> Result<Leaf, AuthorityError> {
        let domain = identity.trust_domain();
        if !self.permitted().allows(domain.as_str()) {
            return Err(self.refusal(identity.as_str()));
        }
        let mut alternatives = vec![SanType::URI(identity.as_str().try_into()?)];
        if let Some(service) = identity.service_name() {
            alternatives.push(self.checked(&format!("{service}.{domain}"))?);
        }
        let purposes = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue("Trunkline workload", alternatives, &purposes, now)
    }

    /// Refuses here what every verifier would refuse later, where it is harder to see why.
    fn checked(&self, name: &str) -> Result<SanType, AuthorityError> {
        if !self.permitted().allows(name) {
            return Err(self.refusal(name));
        }
        if name.strip_prefix("*.").is_some_and(|below| !below.trim_end_matches('.').contains('.')) {
            return Err(AuthorityError::WildcardTooWide(name.to_owned()));
        }
        Ok(match address(name) {
            Some(address) => SanType::IpAddress(address),
            None => SanType::DnsName(name.trim_end_matches('.').to_ascii_lowercase().try_into()?),
        })
    }

    fn refusal(&self, name: &str) -> AuthorityError {
        AuthorityError::NotPermitted { name: name.to_owned(), permitted: self.permitted().clone() }
    }

    pub(super) fn issue(
        &self,
        subject: &str,
        alternatives: Vec<SanType>,
        purposes: &[ExtendedKeyUsagePurpose],
        now: SystemTime,
    ) -> Result<Leaf, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, subject);
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = name;
        parameters.subject_alt_names = alternatives;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = purposes.to_vec();
        parameters.use_authority_key_identifier_extension = true;
        parameters.not_before =
            calendar(now.checked_sub(CLOCK_SKEW).ok_or(AuthorityError::Clock)?, Duration::ZERO)?;
        parameters.not_after = calendar(now, LEAF_LIFE)?;
        let made = parameters.signed_by(&key, &self.issuer)?;
        let secret = PrivatePkcs8KeyDer::from(key.serialize_der());
        let certificate = Certificate::from_der(vec![made.der().clone()], secret.into())?;
        let renew_at = now.checked_add(LEAF_LIFE * 2 / 3).ok_or(AuthorityError::Clock)?;
        Ok(Leaf { certificate, renew_at })
    }
}
