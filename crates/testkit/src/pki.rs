//! Throwaway certificates, made when the test runs: no key is ever committed.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tempfile::TempDir;
use trunkline_net::tls::{Certificate, ClientSettings, Roots, client_config};

/// A certification authority that lives as long as the test, with a folder for the files it writes.
#[derive(Debug)]
pub struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

impl Pki {
    /// Makes the authority.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        Self { root, folder: tempfile::tempdir().unwrap() }
    }

    /// A certificate for these host names and addresses, valid for ages.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        let (certificate, key) = self.leaf(names);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Certificate::from_der(vec![certificate.der().clone()], key.into()).unwrap()
    }

    /// The same as PEM files: the certificate's path and the key's.
    pub fn issue_files(&self, names: &[&str]) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.leaf(names);
        let name = names.first().copied().unwrap_or("leaf").replace('*', "any");
        let paths = (
            self.folder.path().join(format!("{name}.pem")),
            self.folder.path().join(format!("{name}.key")),
        );
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// The root as a PEM file.
    pub fn root_file(&self) -> PathBuf {
        let path = self.folder.path().join("root.pem");
        std::fs::write(&path, self.root.pem()).unwrap();
        path
    }

    /// A set of roots with this one alone.
    pub fn roots(&self) -> Roots {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        Roots::Given(Arc::new(roots))
    }

    /// A client that trusts this authority and offers these ALPN protocols.
    pub fn client(&self, alpn: &[&[u8]]) -> Arc<rustls::ClientConfig> {
        let alpn = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        client_config(&ClientSettings { roots: self.roots(), alpn, ..ClientSettings::default() })
            .unwrap()
    }

    fn leaf(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(names).unwrap().signed_by(&key, &self.root).unwrap();
        (certificate, key)
    }
}
