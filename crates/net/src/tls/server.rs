//! The server side of TLS: one rustls configuration per listener.
//!
//! Sessions are resumed by tickets alone: nothing is kept here for a caller that has gone. Early data is off: a
//! replayed request must not reach a service.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;

use super::certificate::read;
use super::{CertificateStore, H2, HTTP_1_1, LoadError, Roots, WhatIsWrong, client::RootsError};

/// Tickets that a TLS 1.3 caller is sent after its handshake: one, each further one costs a write and is rarely used.
const TICKETS: usize = 1;

/// How a listener speaks TLS.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Protocols offered by ALPN, most wanted first.
    pub alpn: Vec<Vec<u8>>,
    /// Whether callers show a certificate.
    pub client_certificates: ClientCertificates,
    /// Whether TLS 1.2 is refused.
    pub only_tls13: bool,
    /// Seals sessions, so that they can be resumed; `None` resumes none.
    pub tickets: Option<Arc<dyn ProducesTickets>>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            alpn: vec![H2.to_vec(), HTTP_1_1.to_vec()],
            client_certificates: ClientCertificates::NotAsked,
            only_tls13: false,
            tickets: None,
        }
    }
}

/// Whether a listener asks its callers for a certificate.
#[derive(Clone, Debug)]
pub enum ClientCertificates {
    /// Callers are not asked.
    NotAsked,
    /// Callers are asked; one that shows none is let in, one that shows a bad one is refused.
    Optional(Trusted),
    /// A caller without a good certificate is refused.
    Required(Trusted),
}

/// Whose certificates callers may show.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// Who signs them.
    pub roots: Roots,
    /// Lists of those that were revoked. With any, a certificate of an issuer that has no list is refused: nobody
    /// could say whether it was revoked.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
}

/// Why a server configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ServerTlsError {
    /// The roots for callers' certificates cannot be used.
    #[error("the roots for client certificates cannot be used")]
    Roots(#[from] RootsError),
    /// A list of revoked certificates cannot be used.
    #[error("the list of revoked certificates cannot be used")]
    Revoked(#[from] LoadError),
    /// The verifier of callers' certificates refused the roots.
    #[error("client certificates cannot be verified")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The cryptography lacks something.
    #[error("the cryptography provider cannot serve TLS")]
    Provider(#[from] rustls::Error),
}

/// Reads lists of revoked certificates: any number in PEM form, or one in DER form.
pub fn read_revoked(
    path: &std::path::Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, LoadError> {
    let fail = |wrong| LoadError { path: PathBuf::from(path), wrong };
    let bytes = read(path).map_err(fail)?;
    let lists = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let lists = lists.map_err(|error| fail(WhatIsWrong::NotPem(error.to_string())))?;
    if !lists.is_empty() {
        return Ok(lists);
    }
    // Every DER sequence begins like this; a PEM file without a list does not.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateRevocationListDer::from(bytes)]);
    }
    Err(fail(WhatIsWrong::Lacks("list of revoked certificates")))
}

/// Makes the configuration of one listener; its certificates are whatever `store` holds at each handshake.
pub fn server_config(
    store: Arc<CertificateStore>,
    settings: &ServerSettings,
) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let versions: &[_] = if settings.only_tls13 {
        &[&rustls::version::TLS13]
    } else {
        &[&rustls::version::TLS13, &rustls::version::TLS12]
    };
    let builder =
        ServerConfig::builder_with_provider(super::provider()).with_protocol_versions(versions)?;
    let builder = match &settings.client_certificates {
        ClientCertificates::NotAsked => builder.with_no_client_auth(),
        ClientCertificates::Optional(trusted) => {
            builder.with_client_cert_verifier(verifier(trusted, false)?)
        }
        ClientCertificates::Required(trusted) => {
            builder.with_client_cert_verifier(verifier(trusted, true)?)
        }
    };
    let mut config = builder.with_cert_resolver(store);
    config.alpn_protocols.clone_from(&settings.alpn);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match &settings.tickets {
        Some(tickets) => {
            config.ticketer = Arc::clone(tickets);
            config.send_tls13_tickets = TICKETS;
        }
        None => config.send_tls13_tickets = 0,
    }
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

fn verifier(
    trusted: &Trusted,
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, ServerTlsError> {
    let roots = Arc::new(trusted.roots.load()?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, super::provider());
    if !trusted.revoked.is_empty() {
        let lists = trusted.revoked.iter().cloned();
        builder = builder.with_crls(lists).only_check_end_entity_revocation();
    }
    if !required {
        builder = builder.allow_unauthenticated();
    }
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests;
