//! A certificate for the proxies and the client that trusts it, made when the rig runs: no key is ever committed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs as crypto;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Failure;

/// The name in the certificate.
const NAME: &str = "bench.localhost";

/// Writes `root.pem`, and the leaf as `cert.pem`, `key.pem` and `both.pem` (HAProxy wants one file): ECDSA P-256.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &root)?;
    let (leaf, key) = (leaf.pem(), key.serialize_pem());
    fs::write(folder.join("root.pem"), root.pem())?;
    fs::write(folder.join("cert.pem"), &leaf)?;
    fs::write(folder.join("key.pem"), &key)?;
    fs::write(folder.join("both.pem"), leaf + &key)?;
    Ok(())
}

/// Opens TLS connections. One cipher suite and one key exchange, so that every proxy does the same work.
#[derive(Clone)]
pub(crate) struct Client(TlsConnector);

impl Client {
    /// Trusts the authority in this file.
    pub(crate) fn new(root: &Path) -> Result<Self, Failure> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(root)?)?;
        let provider = rustls::crypto::CryptoProvider {
            cipher_suites: vec![crypto::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![crypto::kx_group::X25519],
            ..crypto::default_provider()
        };
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(crate) async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        Ok(self.0.connect(ServerName::try_from(NAME)?, stream).await?)
    }
}
