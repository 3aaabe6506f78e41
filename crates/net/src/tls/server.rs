//! The server side of TLS: one rustls configuration per listener.
//!
//! Sessions are resumed by tickets (keys rotate inside the ticketer) and by a bounded cache for TLS 1.2 callers that
//! want an id. Early data is off: a replayed request must not reach a service.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};

use super::{CertificateStore, H2, HTTP_1_1, Roots, client::RootsError};

/// Sessions kept for resumption, for each listener.
pub const SESSIONS_MAX: usize = 4096;

/// How a listener speaks TLS.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Protocols offered by ALPN, most wanted first.
    pub alpn: Vec<Vec<u8>>,
    /// Whether callers show a certificate.
    pub client_certificates: ClientCertificates,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            alpn: vec![H2.to_vec(), HTTP_1_1.to_vec()],
            client_certificates: ClientCertificates::NotAsked,
        }
    }
}

/// Whether a listener asks its callers for a certificate.
#[derive(Clone, Debug)]
pub enum ClientCertificates {
    /// Callers are not asked.
    NotAsked,
    /// Callers are asked; one that shows none is let in, one that shows a bad one is refused.
    Optional(Roots),
    /// A caller without a certificate of these roots is refused.
    Required(Roots),
}

/// Why a server configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ServerTlsError {
    /// The roots for callers' certificates cannot be used.
    #[error("the roots for client certificates cannot be used")]
    Roots(#[from] RootsError),
    /// The verifier of callers' certificates refused the roots.
    #[error("client certificates cannot be verified")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The cryptography lacks something.
    #[error("the cryptography provider cannot serve TLS")]
    Provider(#[from] rustls::Error),
}

/// Makes the configuration of one listener; its certificates are whatever `store` holds at each handshake.
pub fn server_config(
    store: Arc<CertificateStore>,
    settings: &ServerSettings,
) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let builder = ServerConfig::builder_with_provider(super::provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let verifier = |roots: &Roots| -> Result<_, ServerTlsError> {
        Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots.load()?), super::provider()))
    };
    let builder = match &settings.client_certificates {
        ClientCertificates::NotAsked => builder.with_no_client_auth(),
        ClientCertificates::Optional(roots) => {
            builder.with_client_cert_verifier(verifier(roots)?.allow_unauthenticated().build()?)
        }
        ClientCertificates::Required(roots) => {
            builder.with_client_cert_verifier(verifier(roots)?.build()?)
        }
    };
    let mut config = builder.with_cert_resolver(store);
    config.alpn_protocols.clone_from(&settings.alpn);
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
