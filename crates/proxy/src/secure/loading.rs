//! Loading what a listener's TLS names: certificates with their proofs, and whom callers must be.

use std::path::Path;

use trunkline_mesh::acme;
use trunkline_model::listener::Listener;
use trunkline_model::tls::{self as settings, CertificateFiles, Tls};
use trunkline_net::tls::{
    self, Certificate, ClientCertificates, LoadError, Roots, ServerTlsError, Trusted, challenge,
};

use super::{Certificates, IssueError};
use crate::plan::PrepareError;

/// Names of ALPN that a listener offers.
pub(super) fn alpn(settings: &Tls) -> Vec<Vec<u8>> {
    let offered = settings.alpn.iter().map(|one| one.as_str().as_bytes().to_vec());
    // An authority that checks a name speaks nothing else.
    let ordered = matches!(&settings.certificates, settings::Certificates::Acme(acme)
        if acme.challenge == settings::Challenge::TlsAlpn01);
    offered.chain(ordered.then(|| challenge::ALPN.to_vec())).collect()
}

/// Whom callers must be, and a digest of it together with the listener's name.
pub(super) fn clients(
    listener: &Listener,
    settings: &Tls,
) -> Result<(ClientCertificates, [u8; 32]), ServerTlsError> {
    let mut context = listener.id.as_str().as_bytes().to_vec();
    let Some(clients) = &settings.clients else {
        return Ok((ClientCertificates::NotAsked, tls::sha256(&context)));
    };
    let bytes =
        |path: &Path| tls::read(path).map_err(|wrong| LoadError { path: path.to_owned(), wrong });
    context.push(u8::from(clients.required));
    context.extend(tls::sha256(&bytes(&clients.ca)?));
    let mut revoked = Vec::new();
    if let Some(crl) = &clients.crl {
        revoked = tls::read_revoked(crl)?;
        for list in &revoked {
            context.extend(tls::sha256(list));
        }
    }
    let trusted = Trusted { roots: Roots::Files(vec![clients.ca.clone()]), revoked };
    let asked = if clients.required {
        ClientCertificates::Required(trusted)
    } else {
        ClientCertificates::Optional(trusted)
    };
    Ok((asked, tls::sha256(&context)))
}

impl Certificates {
    /// Every certificate of a listener, the default one first.
    pub(super) fn load(
        &self,
        listener: &Listener,
        tls: &Tls,
    ) -> Result<Vec<Certificate>, PrepareError> {
        let now = self.clock.wall();
        let not_issued = |source| PrepareError::Issue {
            listener: listener.id.clone(),
            origin: tls.origin.clone(),
            source,
        };
        match &tls.certificates {
            settings::Certificates::Files(files) => {
                let one = |files: &CertificateFiles| {
                    self.read_files(files).map_err(|source| PrepareError::Certificate {
                        listener: listener.id.clone(),
                        origin: files.origin.clone(),
                        source,
                    })
                };
                files.iter().map(one).collect()
            }
            settings::Certificates::Own { names } => {
                let issuer = self.issuer.as_ref().ok_or(IssueError::NoAuthority);
                let issued = issuer.and_then(|issuer| issuer.issue(names, now));
                Ok(vec![issued.map_err(not_issued)?])
            }
            settings::Certificates::Acme(ordered) => {
                let refused = |error: acme::AcmeError| IssueError::Refused(error.to_string());
                let storage = self.issuer.as_ref().and_then(|issuer| issuer.storage());
                let storage = storage.ok_or(IssueError::NoAuthority).map_err(not_issued)?;
                let one = |name: &String| {
                    let shown = storage.certificate_or_stand_in(ordered, name, now);
                    shown.map_err(refused).map_err(not_issued)
                };
                ordered.names.iter().map(one).collect()
            }
        }
    }

    fn read_files(&self, files: &CertificateFiles) -> Result<Certificate, LoadError> {
        let now = self.clock.wall();
        let certificate = Certificate::from_files(&files.certificate, &files.key, now)?;
        let Some(path) = &files.ocsp else { return Ok(certificate) };
        let proof = tls::read(path).map_err(|wrong| LoadError { path: path.clone(), wrong })?;
        Ok(certificate.stapled(Some(proof)))
    }
}
