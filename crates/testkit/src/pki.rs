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
        parameters.key_usages =
            vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
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

    /// A certificate for somebody else's P-256 key, as PEM.
    pub fn certify(&self, names: &[&str], key: &[u8]) -> String {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2120, 1, 1);
        parameters.signed_by(&TheirKey(key), &self.root).unwrap().pem()
    }

    /// A certificate with a SPIFFE id, for a caller.
    pub fn issue_identity(&self, id: &str) -> Certificate {
        let (certificate, key) = self.identified(id);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Certificate::from_der(vec![certificate.der().clone()], key.into()).unwrap()
    }

    /// A list of revoked certificates as a PEM file.
    pub fn revoke(&self, revoked: &[&Certificate]) -> PathBuf {
        let one = |certificate: &&Certificate| {
            let leaf = certificate.chain()[0].clone();
            let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).unwrap();
            rcgen::RevokedCertParams {
                serial_number: rcgen::SerialNumber::from_slice(parsed.raw_serial()),
                revocation_time: rcgen::date_time_ymd(2024, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }
        };
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2024, 1, 1),
            next_update: rcgen::date_time_ymd(2120, 1, 1),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(one).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let path = self.folder.path().join("revoked.pem");
        std::fs::write(&path, list.signed_by(&self.root).unwrap().pem().unwrap()).unwrap();
        path
    }

    fn identified(&self, id: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.subject_alt_names.push(rcgen::SanType::URI(id.to_owned().try_into().unwrap()));
        (parameters.signed_by(&key, &self.root).unwrap(), key)
    }

    fn leaf(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(names).unwrap().signed_by(&key, &self.root).unwrap();
        (certificate, key)
    }
}

/// A public key whose private half is elsewhere.
struct TheirKey<'a>(&'a [u8]);

impl rcgen::PublicKeyData for TheirKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}
