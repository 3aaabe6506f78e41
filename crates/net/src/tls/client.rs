//! The client side of TLS: whom we trust, whom we ask for, and what we show.
//!
//! Reading the system's roots takes milliseconds and they rarely change, so they are read once per process. Switching
//! verification off is a deliberate setting of one service; the handshake's own signature is still checked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{parse_chain, read};
use super::{Certificate, LoadError, WhatIsWrong};

/// Servers whose sessions one configuration remembers.
pub const SERVERS_REMEMBERED_MAX: usize = 256;

/// Where distributions keep the bundle of trusted roots: Debian and Alpine, Fedora, openSUSE, Alpine and macOS.
pub const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Certificates that are trusted to sign others.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// Those of the system.
    #[default]
    System,
    /// Those of PEM files, and nobody else.
    Files(Vec<PathBuf>),
    /// Those of the system and of PEM files.
    SystemAnd(Vec<PathBuf>),
    /// These.
    Given(Arc<RootCertStore>),
}

/// How we speak TLS to a server.
#[derive(Clone, Debug, Default)]
pub struct ClientSettings {
    /// Who may have signed the server's certificate; unused without verification.
    pub roots: Roots,
    /// Accepts every certificate; the connection is then private against listeners only, not against impostors.
    pub skip_verify: bool,
    /// Protocols offered by ALPN, most wanted first; empty offers none.
    pub alpn: Vec<Vec<u8>>,
    /// Shown to a server that asks.
    pub certificate: Option<Certificate>,
}

/// Why roots could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// A file with roots cannot be used.
    #[error("roots cannot be loaded")]
    File(#[from] LoadError),
    /// The machine has no bundle of roots.
    #[error("this machine has no bundle of trusted roots (looked for {}); install ca-certificates or name a file", SYSTEM_BUNDLES.join(", "))]
    NoSystemBundle,
}

/// Why a client configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientTlsError {
    /// There is nobody to trust.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The certificate that is shown cannot be used.
    #[error("the client certificate cannot be used")]
    Certificate(#[from] LoadError),
    /// The cryptography lacks something.
    #[error("the cryptography provider cannot make TLS connections")]
    Provider(#[from] rustls::Error),
}

impl Roots {
    /// Reads the roots. A certificate of the system's bundle that does not parse is left out, as every TLS library
    /// does; one of a named file is an error.
    pub fn load(&self) -> Result<RootCertStore, RootsError> {
        match self {
            Self::System => system().map(|roots| roots.as_ref().clone()),
            Self::Given(roots) => Ok(roots.as_ref().clone()),
            Self::Files(files) => add_files(RootCertStore::empty(), files),
            Self::SystemAnd(files) => {
                let known = system()
                    .map_or_else(|_| RootCertStore::empty(), |roots| roots.as_ref().clone());
                add_files(known, files)
            }
        }
    }
}

fn add_files(mut roots: RootCertStore, files: &[PathBuf]) -> Result<RootCertStore, RootsError> {
    for path in files {
        let fail = |wrong| LoadError { path: path.clone(), wrong };
        let chain = read(path).and_then(|text| parse_chain(&text)).map_err(fail)?;
        for certificate in chain {
            roots
                .add(certificate)
                .map_err(|error| fail(WhatIsWrong::BrokenCertificate(error.to_string())))?;
        }
    }
    Ok(roots)
}

fn system() -> Result<&'static Arc<RootCertStore>, RootsError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(roots);
    }
    let text = SYSTEM_BUNDLES.iter().find_map(|bundle| read(Path::new(bundle)).ok());
    let chain = text.and_then(|text| parse_chain(&text).ok()).ok_or(RootsError::NoSystemBundle)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain);
    Ok(ROOTS.get_or_init(|| Arc::new(roots)))
}

/// Makes a client configuration; it is meant to be kept and shared, since it remembers sessions.
pub fn client_config(settings: &ClientSettings) -> Result<Arc<ClientConfig>, ClientTlsError> {
    let builder = ClientConfig::builder_with_provider(super::provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = if settings.skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody))
    } else {
        builder.with_root_certificates(settings.roots.load()?)
    };
    let mut config = match &settings.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let resolver = rustls::sign::SingleCertAndKey::from(certificate.certified_key());
            builder.with_client_cert_resolver(Arc::new(resolver))
        }
    };
    config.alpn_protocols.clone_from(&settings.alpn);
    config.resumption =
        Resumption::store(Arc::new(ClientSessionMemoryCache::new(SERVERS_REMEMBERED_MAX)));
    Ok(Arc::new(config))
}

/// The name to ask for and to verify: a host name or an address, with or without brackets. `None` if it is neither.
pub fn server_name(host: &str) -> Option<ServerName<'static>> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).ok()
}

/// Accepts every certificate, and checks only that the peer has its key.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            leaf,
            signature,
            &super::provider().signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            leaf,
            signature,
            &super::provider().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        super::provider().signature_verification_algorithms.supported_schemes()
    }
}
