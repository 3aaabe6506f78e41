//! Step 2: TLS. Which certificate a listener shows, and the handshake of one connection.
//!
//! Certificates come from PEM files or from the project's own CA, through [`Issuer`]: the data
//! plane does not know how one is made. A listener whose settings did not change keeps its TLS
//! configuration, and with it the sessions its callers may resume; certificates are swapped inside
//! it. Open connections keep what they were opened with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use trunkline_mesh::Authority;
use trunkline_model::listener::{Listener, Tls};
use trunkline_net::http::Peer;
use trunkline_net::stream::Stream;
use trunkline_net::tls::{self, Certificate, CertificateStore, ServerSettings};
use trunkline_rt::Clock;

use crate::plan::{ListenerPlan, PrepareError};

/// Issues certificates for host names: the project's own CA.
pub trait Issuer: Send + Sync {
    /// A certificate for these names; a name may start with `*.`. It is asked for again after two
    /// thirds of the certificate's life.
    fn issue(&self, names: &[String], now: SystemTime) -> Result<Certificate, IssueError>;
}

/// The CA cannot issue a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// This process has no CA.
    #[error("this process has no certificate authority")]
    NoAuthority,
    /// The CA refused or failed.
    #[error("the certificate authority did not issue it: {0}")]
    Refused(String),
}

/// Makes and keeps the TLS configurations of listeners.
pub(crate) struct Certificates {
    pub(crate) issuer: Option<Arc<dyn Issuer>>,
    pub(crate) clock: Clock,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// The TLS of a listener, `None` for a plain one. What did not change is taken from `former`.
    pub(crate) fn serve(
        &self,
        listener: &Listener,
        former: Option<&ListenerPlan>,
    ) -> Result<Option<ListenerTls>, PrepareError> {
        let Some(settings) = &listener.tls else {
            return Ok(None);
        };
        let former = former.and_then(|former| former.tls.as_ref());
        let former = former.filter(|former| former.settings == *settings);
        let now = self.clock.wall();
        if let Some(former) = former.filter(|former| former.lasts(now)) {
            return Ok(Some(former.clone()));
        }
        let certificate = self.certificate(listener, settings)?;
        if let Some(former) = former {
            former.replace(certificate);
            return Ok(Some(former.clone()));
        }
        let store = Arc::new(CertificateStore::new(std::slice::from_ref(&certificate)));
        let config = tls::server_config(Arc::clone(&store), &ServerSettings::default());
        let config = config.map_err(|source| PrepareError::ServerTls {
            listener: listener.id.clone(),
            origin: listener.origin.clone(),
            source,
        })?;
        let (settings, certificate) = (settings.clone(), Arc::new(Mutex::new(certificate)));
        Ok(Some(ListenerTls { settings, config, store, certificate }))
    }

    fn certificate(&self, listener: &Listener, tls: &Tls) -> Result<Certificate, PrepareError> {
        let now = self.clock.wall();
        match tls {
            Tls::Files { certificate, key, origin } => {
                Certificate::from_files(certificate, key, now).map_err(|source| {
                    PrepareError::Certificate {
                        listener: listener.id.clone(),
                        origin: origin.clone(),
                        source,
                    }
                })
            }
            Tls::Own { names } => {
                let issuer = self.issuer.as_ref().ok_or(IssueError::NoAuthority);
                issuer.and_then(|issuer| issuer.issue(names, now)).map_err(|source| {
                    PrepareError::Issue {
                        listener: listener.id.clone(),
                        origin: listener.origin.clone(),
                        source,
                    }
                })
            }
        }
    }

    /// Renews what is due: certificates of the CA after two thirds of their life, files when they
    /// have changed. What fails is tried again; the old certificate serves on.
    pub(crate) fn renew(&self, listener: &ListenerPlan) {
        let Some(tls) = &listener.tls else { return };
        if tls.lasts(self.clock.wall()) {
            return;
        }
        match self.certificate(&listener.listener, &tls.settings) {
            Ok(certificate) => tls.replace(certificate),
            Err(error) => tracing::warn!(%error, "certificate not renewed"),
        }
    }
}

impl Issuer for Authority {
    fn issue(&self, names: &[String], now: SystemTime) -> Result<Certificate, IssueError> {
        let leaf = self.issue_gateway(names.iter().map(String::as_str), now);
        leaf.map(|leaf| leaf.certificate).map_err(|error| IssueError::Refused(error.to_string()))
    }
}

/// TLS of one listener; its certificate can be swapped inside it.
#[derive(Debug, Clone)]
pub(crate) struct ListenerTls {
    settings: Tls,
    config: Arc<ServerConfig>,
    store: Arc<CertificateStore>,
    /// What the store holds.
    certificate: Arc<Mutex<Certificate>>,
}

impl ListenerTls {
    /// Whether the certificate need not be asked for again. Files may change at any time.
    fn lasts(&self, now: SystemTime) -> bool {
        if matches!(self.settings, Tls::Files { .. }) {
            return false;
        }
        let certificate = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let life = end.duration_since(begin).unwrap_or_default();
        end.duration_since(now).is_ok_and(|left| left > life / 3)
    }

    fn replace(&self, certificate: Certificate) {
        let mut current = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        if current.chain() != certificate.chain() {
            self.store.replace(std::slice::from_ref(&certificate));
            *current = certificate;
        }
    }
}

/// Why a connection was not secured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the handshake took longer than {0:?}")]
    TimedOut(Duration),
    #[error("the handshake failed: {0}")]
    Failed(#[from] std::io::Error),
}

/// Secures an accepted connection, where its listener asks for it, and learns who is calling.
pub(crate) async fn secure(
    stream: Stream,
    peer: &mut Peer,
    plan: &ListenerPlan,
) -> Result<Stream, HandshakeError> {
    let Some(tls) = &plan.tls else {
        return Ok(stream);
    };
    let limit = plan.listener.timeouts.handshake;
    let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
    let secured = tokio::time::timeout(limit, handshake).await;
    let secured = secured.map_err(|_| HandshakeError::TimedOut(limit))??;
    peer.server_name = secured.get_ref().1.server_name().map(Arc::from);
    Ok(Stream::Tls(Box::new(secured.into())))
}
