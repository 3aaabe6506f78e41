//! Making the root, and checking that what is on disk is it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{AuthorityError, LEAF_LIFE, Permitted, calendar, files};

/// How long a root lives: ten years, since every new one has to be trusted by hand.
pub const ROOT_LIFE: Duration = Duration::from_hours(3_650 * 24);

/// Certificates are valid from a little earlier, for clocks of containers and virtual machines that lag.
pub(super) const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// A root as PEM texts.
pub(super) struct Made {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// A root that was checked.
pub(super) struct Loaded {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) not_after: SystemTime,
}

pub(super) fn make(permitted: &Permitted, now: SystemTime) -> Result<Made, AuthorityError> {
    let key = KeyPair::generate()?;
    let mut parameters = parameters(permitted, &key);
    let early = now.checked_sub(CLOCK_SKEW).ok_or(AuthorityError::Clock)?;
    parameters.not_before = calendar(early, Duration::ZERO)?;
    parameters.not_after = calendar(now, ROOT_LIFE)?;
    Ok(Made { certificate: parameters.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// Everything of the root but its dates follows from its names and its key, so that it can be signed with after a
/// restart without reading its certificate back.
fn parameters(permitted: &Permitted, key: &KeyPair) -> CertificateParams {
    let number = super::digest_text(&key.subject_public_key_info(), 4);
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Trunkline");
    // Roots of several machines and users can be told apart, and a new one is another issuer than the one before.
    name.push(DnType::CommonName, format!("Trunkline root {number}"));
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.name_constraints = Some(permitted.constraints());
    parameters
}

pub(super) fn load(
    folder: &Path,
    permitted: &Permitted,
    certificate: &str,
    key: &str,
    now: SystemTime,
) -> Result<Loaded, AuthorityError> {
    let corrupt = |file: &str, why: &str| AuthorityError::Corrupt {
        path: folder.join(file),
        why: why.to_owned(),
    };
    let key = KeyPair::from_pem(key).map_err(|_| corrupt(files::KEY, "is not a private key"))?;
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
        .map_err(|_| corrupt(files::CERTIFICATE, "is not a PEM certificate"))?;
    let (_, parsed) = X509Certificate::from_der(&certificate)
        .map_err(|_| corrupt(files::CERTIFICATE, "is not a certificate"))?;
    if parsed.public_key().raw != key.subject_public_key_info() {
        return Err(corrupt(files::CERTIFICATE, "does not belong to the key beside it"));
    }
    if !says(&parsed, permitted) {
        return Err(corrupt(files::CERTIFICATE, "was made for other names"));
    }
    let end = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    let not_after = SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(end))
        .ok_or(AuthorityError::Clock)?;
    if now.checked_add(LEAF_LIFE).is_none_or(|last| last > not_after) {
        return Err(AuthorityError::Expired { path: folder.join(files::CERTIFICATE) });
    }
    let issuer = Issuer::new(parameters(permitted, &key), key);
    Ok(Loaded { issuer, certificate: certificate.into_owned(), not_after })
}

/// Whether the certificate is of an authority that is constrained to exactly these names.
fn says(certificate: &X509Certificate<'_>, permitted: &Permitted) -> bool {
    let Ok(Some(constraints)) = certificate.name_constraints() else {
        return false;
    };
    let subtrees = constraints.value.permitted_subtrees.as_deref().unwrap_or_default();
    let names = subtrees.iter().filter_map(|subtree| match subtree.base {
        GeneralName::DNSName(name) => Some(name),
        _ => None,
    });
    certificate.is_ca() && names.eq(permitted.names())
}
