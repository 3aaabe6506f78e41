//! How TLS is spoken with callers: which certificates are shown, whom callers must be, what is offered.
//!
//! Plain settings. Files are named here and read when a plan is prepared, and again when they change; what comes from
//! an authority (the project's own, or one that speaks ACME) is asked for then. TLS towards services is in `service`.

use std::path::PathBuf;

use crate::Origin;

/// How a listener speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Where its certificates come from.
    pub certificates: Certificates,
    /// Whether callers show certificates; `None` does not ask them.
    pub clients: Option<Clients>,
    /// The lowest version that is spoken.
    pub min_version: TlsVersion,
    /// What ALPN offers, most wanted first.
    pub alpn: Vec<Alpn>,
    /// Whether a caller that names no host, or one that no certificate has, is refused. Else it gets the first
    /// certificate.
    pub strict_sni: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// Where a listener's certificates come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Certificates {
    /// Issued by the project's own CA for these host names; a name may start with `*.`.
    Own {
        /// Host names of the certificate.
        names: Vec<String>,
    },
    /// Read from PEM files, and again when they change. The first one is the default.
    Files(Vec<CertificateFiles>),
    /// Ordered from an authority.
    Acme(Acme),
}

/// A certificate in files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key of the leaf; may be the same file.
    pub key: PathBuf,
    /// The proof that it is not revoked, which is handed to callers with it (OCSP stapling, RFC 6066 §8): a response
    /// in DER form.
    pub ocsp: Option<PathBuf>,
    /// Where the files were named.
    pub origin: Origin,
}

/// Certificates that are ordered from an authority by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acme {
    /// URL of the authority's directory.
    pub directory: String,
    /// PEM file with the roots that the directory's own certificate is checked by; `None` takes the system's.
    pub ca: Option<PathBuf>,
    /// Host names; each gets a certificate of its own.
    pub names: Vec<String>,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// How a name is shown to be ours.
    pub challenge: Challenge,
}

/// How a name is shown to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Challenge {
    /// By an answer on the plain HTTP listener (RFC 8555 §8.3); the authority comes by port 80.
    Http01,
    /// By a certificate on the TLS listener (RFC 8737); the authority comes by port 443.
    TlsAlpn01,
}

impl Challenge {
    /// Its name in ACME and in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

/// Whom callers must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Clients {
    /// PEM file with the roots that sign callers' certificates.
    pub ca: PathBuf,
    /// File with lists of revoked certificates, PEM or DER.
    pub crl: Option<PathBuf>,
    /// Whether a caller without a certificate is refused.
    pub required: bool,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2, RFC 5246.
    V12,
    /// 1.3, RFC 8446.
    V13,
}

impl TlsVersion {
    /// As the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

/// A protocol that ALPN can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// HTTP/2.
    H2,
    /// HTTP/1.1.
    Http11,
}

impl Alpn {
    /// Its registered name (RFC 7301 §6, RFC 9113 §3.2).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::H2 => "h2",
            Self::Http11 => "http/1.1",
        }
    }
}

/// A certificate that we show to servers that ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// PEM file with the chain, leaf first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}
