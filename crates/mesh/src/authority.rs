//! The project's own certification authority: a root that can do little, and leaves that live for a day.
//!
//! The root is name-constrained (RFC 5280 §4.2.1.10): it can vouch for `localhost` and everything below it, for the
//! names the project configures, for the DNS form of the trust domain, and for loopback addresses. So whoever trusts
//! it, and whoever steals it, gets no certificate for a bank. URIs are not constrained: webpki refuses every chain that
//! has a URI constraint. Whoever accepts a workload therefore compares its trust domain (`Identity::trust_domain`).
//!
//! A user has one root for `localhost`, shared by all projects, to be trusted once. The constraints of a root cannot be
//! widened after it has been trusted, so a project with other names has a root of its own, in a folder keyed by the set
//! of its names. On disk are the root's certificate and key (0600, in a folder 0700, written atomically); leaves and
//! their keys exist in memory only.

mod files;
mod leaf;
mod permitted;
mod root;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{Issuer, KeyPair};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use trunkline_net::tls::{Roots, WhatIsWrong};

pub use leaf::{LEAF_LIFE, LEAF_NAMES_MAX, Leaf};
pub use permitted::{NAMES_MAX, NotPermittable, Permitted};
pub use root::ROOT_LIFE;

/// The root, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    permitted: Permitted,
    folder: PathBuf,
    certificate: CertificateDer<'static>,
    not_after: SystemTime,
    is_new: bool,
}

/// Why there is no root, or no certificate from it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of the root cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A new root cannot be written.
    #[error("{} cannot be written", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others can read the root's key.
    #[error(
        "{} can be read by other users (mode {mode:03o}); run `chmod 600` on it, or remove {} to get a new root",
        path.display(), folder(path).display()
    )]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file of the root is damaged, or the files do not belong together.
    #[error("{} {why}; remove {} to get a new root, which has to be trusted again", path.display(), folder(path).display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The root has expired, or will before a new leaf would.
    #[error(
        "the root certificate {} is at its end; remove {} to get a new root, which has to be trusted again",
        path.display(), folder(path).display()
    )]
    Expired {
        /// The root's certificate.
        path: PathBuf,
    },
    /// The root may not vouch for a name.
    #[error("the root may not issue a certificate for `{name}`, only for {permitted}")]
    NotPermitted {
        /// The name.
        name: String,
        /// What it may issue for.
        permitted: Permitted,
    },
    /// A wildcard directly below a top-level name: browsers ignore it, and webpki refuses the whole certificate.
    #[error(
        "`{0}` is too wide for a certificate; name the hosts, or put them below one more label"
    )]
    WildcardTooWide(String),
    /// A certificate for no name, or for too many.
    #[error("a certificate has 1 to {LEAF_NAMES_MAX} names, not {0} or more")]
    NameCount(usize),
    /// A certificate cannot be made.
    #[error("a certificate cannot be made")]
    Making(#[from] rcgen::Error),
    /// A certificate was made that TLS does not accept.
    #[error("a certificate was made that cannot be used")]
    Using(#[from] WhatIsWrong),
    /// The clock shows a time that certificates cannot express.
    #[error("the clock of this machine is set to a time that certificates cannot express")]
    Clock,
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The files with the certificates of every root that was made below `data`, in the order of their
/// names. Their keys are not touched.
pub fn root_files(data: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(data.join("ca")).into_iter().flatten().take(ROOTS_MAX);
    let files = folders.filter_map(Result::ok).map(|entry| entry.path().join(files::CERTIFICATE));
    let mut files: Vec<_> = files.filter(|file| file.is_file()).collect();
    files.sort();
    files
}

/// Where the certificate of the root for these names is, or would be.
pub fn root_file(data: &Path, permitted: &Permitted) -> PathBuf {
    data.join("ca").join(permitted.folder_name()).join(files::CERTIFICATE)
}

/// Most roots that are looked for.
const ROOTS_MAX: usize = 256;

impl Authority {
    /// Loads the root for these names from below `data`, the user's data folder, or makes it there.
    ///
    /// Two processes that make it at the same time get the same root.
    pub fn open(
        data: &Path,
        permitted: Permitted,
        now: SystemTime,
    ) -> Result<Self, AuthorityError> {
        let folder = data.join("ca").join(permitted.folder_name());
        let mut is_new = false;
        if !files::exist(&folder)? {
            let made = root::make(&permitted, now)?;
            is_new = files::write(&folder, &made)?;
        }
        let (certificate, key) = files::read(&folder)?;
        let loaded = root::load(&folder, &permitted, &certificate, &key, now)?;
        Ok(Self {
            issuer: loaded.issuer,
            certificate: loaded.certificate,
            not_after: loaded.not_after,
            permitted,
            folder,
            is_new,
        })
    }

    /// Whether this call made the root, so nobody trusts it yet.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// What it may issue for.
    pub fn permitted(&self) -> &Permitted {
        &self.permitted
    }

    /// When it ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The folder with all its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// PEM file with the root's certificate, to be trusted by people and tools.
    pub fn root_file(&self) -> PathBuf {
        self.folder.join(files::CERTIFICATE)
    }

    /// The root's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// SHA-256 of the root's certificate, as browsers and `openssl x509 -fingerprint` show it.
    pub fn fingerprint(&self) -> String {
        let digest = trunkline_net::tls::sha256(&self.certificate);
        let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// Trust in this root alone.
    pub fn roots(&self) -> Roots {
        let mut roots = RootCertStore::empty();
        let (_added, _broken) = roots.add_parsable_certificates([self.certificate.clone()]);
        Roots::Given(Arc::new(roots))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Moves a time for certificates, which count whole seconds.
fn calendar(now: SystemTime, later: Duration) -> Result<time::OffsetDateTime, AuthorityError> {
    let moved = now.checked_add(later).ok_or(AuthorityError::Clock)?;
    let since = moved.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| AuthorityError::Clock)?;
    let seconds = i64::try_from(since.as_secs()).map_err(|_| AuthorityError::Clock)?;
    time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AuthorityError::Clock)
}

/// The first bytes of the SHA-256 of `bytes`, in lower-case hexadecimal.
fn digest_text(bytes: &[u8], count: usize) -> String {
    let digest = trunkline_net::tls::sha256(bytes);
    digest.iter().take(count).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests;
