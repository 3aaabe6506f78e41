//! Step 2: TLS. Which certificates a listener shows, whom it lets in, and the handshake of one connection.
//!
//! Certificates come from PEM files, from the project's own CA through [`Issuer`], or from an ACME authority: the data
//! plane does not know how one is made. A listener whose settings did not change keeps its TLS configuration;
//! certificates are swapped inside it. Open connections keep what they were opened with. Tickets of sessions are
//! sealed by keys of the whole process and bound to what the listener asks of its callers.

mod handshake;
mod loading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use trunkline_mesh::Authority;
use trunkline_mesh::acme::{Storage, is_stand_in};
use trunkline_model::listener::Listener;
use trunkline_model::ops::CertificateStats;
use trunkline_model::tls::{self as settings, Tls, TlsVersion};
use trunkline_net::tls::{self, Certificate, CertificateStore, ServerSettings, TicketKeys};
use trunkline_rt::Clock;

use crate::plan::{ListenerPlan, PrepareError};

pub(crate) use handshake::{FAILURES, secure};

/// Issues certificates for host names: the project's own CA.
pub trait Issuer: Send + Sync {
    /// A certificate for these names; a name may start with `*.`. It is asked for again after two
    /// thirds of the certificate's life.
    fn issue(&self, names: &[String], now: SystemTime) -> Result<Certificate, IssueError>;

    /// Where certificates that were ordered from an authority are kept; without it, none is ordered.
    fn storage(&self) -> Option<Storage> {
        None
    }
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
    pub(crate) tickets: Arc<TicketKeys>,
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
        let unusable = |source| PrepareError::ServerTls {
            listener: listener.id.clone(),
            origin: settings.origin.clone(),
            source,
        };
        let (clients, context) = loading::clients(listener, settings).map_err(unusable)?;
        let former = former.and_then(|former| former.tls.as_ref());
        let former =
            former.filter(|former| former.settings == *settings && former.context == context);
        let now = self.clock.wall();
        if let Some(former) = former.filter(|former| former.lasts(now)) {
            return Ok(Some(former.clone()));
        }
        let loaded = self.load(listener, settings)?;
        if let Some(former) = former {
            former.replace(loaded);
            return Ok(Some(former.clone()));
        }
        let store = if settings.strict_sni {
            CertificateStore::strict(&loaded)
        } else {
            CertificateStore::new(&loaded)
        };
        let store = Arc::new(store);
        let server = ServerSettings {
            alpn: loading::alpn(settings),
            client_certificates: clients,
            only_tls13: settings.min_version == TlsVersion::V13,
            tickets: Some(self.tickets.bound_to(context)),
        };
        let config = tls::server_config(Arc::clone(&store), &server).map_err(unusable)?;
        let state = State { loaded, problem: None, warned: None };
        let state = Arc::new(Mutex::new(state));
        Ok(Some(ListenerTls { settings: settings.clone(), context, config, store, state }))
    }

    /// Renews what is due: certificates of the CA after two thirds of their life, files when they
    /// have changed. What fails is tried again; the old certificate serves on.
    pub(crate) fn renew(&self, listener: &ListenerPlan) {
        let Some(tls) = &listener.tls else { return };
        let now = self.clock.wall();
        if !tls.lasts(now) {
            match self.load(&listener.listener, &tls.settings) {
                Ok(loaded) => tls.replace(loaded),
                Err(error) => tls.fails(error.to_string()),
            }
        }
        tls.warn_of_the_end(now);
    }
}

impl Issuer for Authority {
    fn issue(&self, names: &[String], now: SystemTime) -> Result<Certificate, IssueError> {
        let leaf = self.issue_gateway(names.iter().map(String::as_str), now);
        leaf.map(|leaf| leaf.certificate).map_err(|error| IssueError::Refused(error.to_string()))
    }
}

/// TLS of one listener; its certificates can be swapped inside it.
#[derive(Debug, Clone)]
pub(crate) struct ListenerTls {
    settings: Tls,
    /// What its tickets are bound to: whom it lets in.
    context: [u8; 32],
    config: Arc<ServerConfig>,
    store: Arc<CertificateStore>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// What the store holds.
    loaded: Vec<Certificate>,
    /// Why the last renewal failed.
    problem: Option<String>,
    /// When the log was last told that an end is near.
    warned: Option<SystemTime>,
}

/// How often the log is told that a certificate ends.
const WARN_EVERY: Duration = Duration::from_hours(24);
/// A certificate that ends within this time is worth a warning, however long it was valid.
const WARN_BEFORE_MAX: Duration = Duration::from_hours(7 * 24);

/// Whether a certificate ends soon: within a fifth of its life, or a week.
fn ends_soon(certificate: &Certificate, now: SystemTime) -> bool {
    let life = certificate.not_after().duration_since(certificate.not_before());
    let soon = (life.unwrap_or_default() / 5).min(WARN_BEFORE_MAX);
    certificate.not_after().duration_since(now).is_ok_and(|left| left < soon)
        || certificate.not_after() <= now
}

impl ListenerTls {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the certificates need not be asked for again. Files may change at any time.
    fn lasts(&self, now: SystemTime) -> bool {
        if !matches!(self.settings.certificates, settings::Certificates::Own { .. }) {
            return false;
        }
        let state = self.state();
        state.loaded.iter().all(|certificate| {
            let (begin, end) = (certificate.not_before(), certificate.not_after());
            let life = end.duration_since(begin).unwrap_or_default();
            end.duration_since(now).is_ok_and(|left| left > life / 3)
        })
    }

    fn replace(&self, loaded: Vec<Certificate>) {
        let same = |(one, other): (&Certificate, &Certificate)| {
            one.chain() == other.chain() && one.proof() == other.proof()
        };
        let mut state = self.state();
        state.problem = None;
        if state.loaded.len() != loaded.len() || !state.loaded.iter().zip(&loaded).all(same) {
            self.store.replace(&loaded);
            state.loaded = loaded;
            state.warned = None;
        }
    }

    /// Remembers why a renewal failed, and tells the log once of each reason.
    pub(crate) fn fails(&self, problem: String) {
        let mut state = self.state();
        if state.problem.as_ref() != Some(&problem) {
            tracing::warn!(error = %problem, "certificate not renewed; the former one is shown on");
        }
        state.problem = Some(problem);
    }

    fn warn_of_the_end(&self, now: SystemTime) {
        let mut state = self.state();
        let quiet = state
            .warned
            .is_some_and(|at| now.duration_since(at).is_ok_and(|since| since < WARN_EVERY));
        if quiet {
            return;
        }
        let ending: Vec<_> = state.loaded.iter().filter(|one| ends_soon(one, now)).collect();
        for certificate in &ending {
            let hours =
                certificate.not_after().duration_since(now).unwrap_or_default().as_secs() / 3600;
            let name = certificate.names().first().map(tls::HostPattern::as_str);
            tracing::warn!(name, hours, "a certificate ends soon");
        }
        if !ending.is_empty() {
            state.warned = Some(now);
        }
    }

    /// Its certificates, for people.
    pub(crate) fn stats(&self) -> Vec<CertificateStats> {
        let source = match self.settings.certificates {
            settings::Certificates::Own { .. } => "own",
            settings::Certificates::Files(_) => "file",
            settings::Certificates::Acme(_) => "acme",
        };
        let state = self.state();
        let one = |certificate: &Certificate| CertificateStats {
            names: certificate.names().iter().map(ToString::to_string).collect(),
            source,
            not_after: Some(certificate.not_after()).filter(|_| !is_stand_in(certificate)),
            stapled: certificate.proof().is_some(),
            problem: state.problem.clone(),
        };
        state.loaded.iter().map(one).collect()
    }
}
