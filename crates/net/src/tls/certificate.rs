//! A certificate chain with its key, and loading both from PEM files with errors that say what, where and why.
//!
//! A [`Certificate`] that exists is usable: the chain parses, the key matches the leaf, and it was valid when it was
//! loaded. Validity is checked again by callers, who know the time; nothing here watches files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::InconsistentKeys;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::store::HostPattern;

/// The largest PEM file that is read, in bytes.
pub const PEM_BYTES_MAX: u64 = 4 << 20;

/// A chain, leaf first, with the leaf's private key.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<HostPattern>,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// A certificate file, a key file or the pair of them that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {wrong}", path.display())]
pub struct LoadError {
    /// The file that is at fault.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub wrong: WhatIsWrong,
}

/// Why certificates or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WhatIsWrong {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(ReadError),
    /// The file is not PEM.
    #[error("is not PEM: {0}")]
    NotPem(String),
    /// The file is PEM, without what is looked for.
    #[error("contains no {0}")]
    Lacks(&'static str),
    /// A certificate does not parse.
    #[error("contains a broken certificate: {0}")]
    BrokenCertificate(String),
    /// The key is of a kind or a form that is not supported.
    #[error("contains a private key that cannot be used: {0}")]
    BadKey(String),
    /// Certificate and key do not belong together.
    #[error("the key does not belong to the certificate{}", in_file(certificate.as_deref()))]
    KeyMismatch {
        /// The file with the certificate, if it is another one.
        certificate: Option<PathBuf>,
    },
    /// The key belongs to a certificate that is not the first one.
    #[error("the certificate of the key has to be the first one in it")]
    LeafNotFirst,
    /// The validity has ended.
    #[error("the certificate expired {} ago", days(*.0))]
    Expired(Duration),
    /// The validity has not begun.
    #[error("the certificate is not valid before {} from now", days(*.0))]
    NotYetValid(Duration),
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// It exceeds [`PEM_BYTES_MAX`].
    #[error("it is larger than {PEM_BYTES_MAX} bytes")]
    TooLarge,
    /// The system refused.
    #[error("{0}")]
    System(#[source] std::io::Error),
}

fn in_file(path: Option<&Path>) -> String {
    path.map(|path| format!(" in {}", path.display())).unwrap_or_default()
}

fn days(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..7_200 => format!("{} minutes", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} hours", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

impl Certificate {
    /// Loads a chain and its key from two PEM files (which may be the same file); `now` decides whether it has expired.
    pub fn from_files(certificate: &Path, key: &Path, now: SystemTime) -> Result<Self, LoadError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |wrong| LoadError { path, wrong }
        };
        let chain_text = read(certificate).map_err(at(certificate))?;
        let chain = parse_chain(&chain_text).map_err(at(certificate))?;
        let key_text = read(key).map_err(at(key))?;
        let secret = parse_key(&key_text).map_err(at(key))?;
        let loaded = Self::from_der(chain, secret).map_err(|wrong| match wrong {
            WhatIsWrong::KeyMismatch { .. } => LoadError {
                path: key.to_owned(),
                wrong: WhatIsWrong::KeyMismatch {
                    certificate: Some(certificate.to_owned()).filter(|path| path != key),
                },
            },
            WhatIsWrong::BadKey(_) => LoadError { path: key.to_owned(), wrong },
            wrong => LoadError { path: certificate.to_owned(), wrong },
        })?;
        loaded.check_time(now).map_err(at(certificate))?;
        Ok(loaded)
    }

    /// Takes a chain, leaf first, and its key, without looking at the time.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, WhatIsWrong> {
        let leaf = chain.first().ok_or(WhatIsWrong::Lacks("certificate"))?;
        let (_, parsed) = X509Certificate::from_der(leaf)
            .map_err(|error| WhatIsWrong::BrokenCertificate(error.to_string()))?;
        let names = names_of(&parsed)?;
        let not_before = instant(parsed.validity().not_before.timestamp());
        let not_after = instant(parsed.validity().not_after.timestamp());
        let key = super::provider().key_provider.load_private_key(key);
        let key = key.map_err(|error| WhatIsWrong::BadKey(error.to_string()))?;
        check_pair(&chain, &key)?;
        let key = CertifiedKey::new(chain, key);
        Ok(Self { key: Arc::new(key), names, not_before, not_after })
    }

    /// Says whether the leaf is valid at `now`.
    pub fn check_time(&self, now: SystemTime) -> Result<(), WhatIsWrong> {
        if let Ok(since) = now.duration_since(self.not_after) {
            return Err(WhatIsWrong::Expired(since));
        }
        match self.not_before.duration_since(now) {
            Ok(until) if !until.is_zero() => Err(WhatIsWrong::NotYetValid(until)),
            _ => Ok(()),
        }
    }

    /// The host names of the leaf (DNS names of its subject alternative name).
    pub fn names(&self) -> &[HostPattern] {
        &self.names
    }

    /// When the leaf's validity begins.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// When the leaf's validity ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    /// The same certificate with a proof that it is not revoked, which callers are given with it: an OCSP response in
    /// DER form.
    #[must_use]
    pub fn stapled(&self, proof: Option<Vec<u8>>) -> Self {
        let mut key = CertifiedKey::clone(&self.key);
        key.ocsp = proof;
        Self { key: Arc::new(key), ..self.clone() }
    }

    /// The proof that goes with it.
    pub fn proof(&self) -> Option<&[u8]> {
        self.key.ocsp.as_deref()
    }

    /// Chain and key in the form rustls asks for.
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

fn check_pair(
    chain: &[CertificateDer<'static>],
    key: &Arc<dyn SigningKey>,
) -> Result<(), WhatIsWrong> {
    let matches = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], Arc::clone(key)).keys_match()
    };
    let Some((leaf, others)) = chain.split_first() else {
        return Err(WhatIsWrong::Lacks("certificate"));
    };
    match matches(leaf) {
        // A key that cannot say its public half is believed.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_))
            if others.iter().any(|other| matches(other).is_ok()) =>
        {
            Err(WhatIsWrong::LeafNotFirst)
        }
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(WhatIsWrong::KeyMismatch { certificate: None })
        }
        Err(error) => Err(WhatIsWrong::BrokenCertificate(error.to_string())),
    }
}

fn names_of(leaf: &X509Certificate<'_>) -> Result<Vec<HostPattern>, WhatIsWrong> {
    let names = leaf
        .subject_alternative_name()
        .map_err(|error| WhatIsWrong::BrokenCertificate(error.to_string()))?
        .map(|extension| extension.value.general_names.as_slice())
        .unwrap_or_default();
    Ok(names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => HostPattern::parse(name),
            _ => None,
        })
        .collect())
}

fn instant(seconds: i64) -> SystemTime {
    let span = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(span)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(span)
    };
    moved.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Reads a file, at most [`PEM_BYTES_MAX`] bytes of it.
pub fn read(path: &Path) -> Result<Vec<u8>, WhatIsWrong> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| {
        WhatIsWrong::Unreadable(match error.kind() {
            std::io::ErrorKind::NotFound => ReadError::Missing,
            _ => ReadError::System(error),
        })
    })?;
    let mut bytes = Vec::new();
    file.take(PEM_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| WhatIsWrong::Unreadable(ReadError::System(error)))?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(WhatIsWrong::Unreadable(ReadError::TooLarge));
    }
    Ok(bytes)
}

/// All certificates of a PEM text, in their order; at least one.
pub(super) fn parse_chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, WhatIsWrong> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(&error))?;
    if chain.is_empty() {
        return Err(lacking(text, "certificate"));
    }
    Ok(chain)
}

fn parse_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, WhatIsWrong> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound if has_text(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") => {
            WhatIsWrong::BadKey("it is encrypted".to_owned())
        }
        pem::Error::NoItemsFound => lacking(text, "private key"),
        error => not_pem(&error),
    })
}

/// A text without any PEM section is not PEM; one with other sections lacks what was looked for.
fn lacking(text: &[u8], what: &'static str) -> WhatIsWrong {
    if has_text(text, b"-----BEGIN ") {
        WhatIsWrong::Lacks(what)
    } else {
        WhatIsWrong::NotPem("no section begins in it".to_owned())
    }
}

fn has_text(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn not_pem(error: &pem::Error) -> WhatIsWrong {
    WhatIsWrong::NotPem(match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section has a malformed beginning".to_owned(),
        pem::Error::Base64Decode(reason) => format!("a section is not base64 ({reason})"),
        pem::Error::NoItemsFound => "no section begins in it".to_owned(),
        error => format!("{error:?}"),
    })
}

#[cfg(test)]
pub(super) mod tests;
