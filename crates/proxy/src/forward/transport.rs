//! How connections to a service are made: what two requests must agree on to share one.
//!
//! A pool is keyed by address and transport. Transports are interned on prepare: a service whose
//! settings did not change keeps its transport, and with it its pooled connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use rustls::ClientConfig;
use trunkline_model::service::{Protocol, UpstreamTls};
use trunkline_net::tls::{self, Certificate, ClientSettings, ClientTlsError, Roots};

/// How connections are made.
#[derive(Debug)]
pub(crate) struct Transport {
    /// Distinct for each transport of the process.
    pub(crate) id: u64,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Option<TransportTls>,
}

/// TLS of a transport.
#[derive(Debug)]
pub(crate) struct TransportTls {
    /// Name to ask for; `None` takes the host of the endpoint.
    pub(crate) server_name: Option<String>,
    /// Offers what the protocol allows.
    pub(crate) offering: Arc<ClientConfig>,
    /// Offers HTTP/1.1 only: an upgrade needs it.
    pub(crate) http1_only: Arc<ClientConfig>,
}

/// The settings, and what their files looked like: another file is another transport.
type Settings = (Protocol, Option<UpstreamTls>, [Option<(SystemTime, u64)>; 3]);

/// All transports in use, by their settings.
#[derive(Debug, Default)]
pub(crate) struct Transports {
    known: Mutex<HashMap<Settings, Weak<Transport>>>,
    next: AtomicU64,
}

impl Transports {
    /// The transport of these settings.
    pub(crate) fn get(
        &self,
        protocol: Protocol,
        tls: Option<&UpstreamTls>,
        now: SystemTime,
    ) -> Result<Arc<Transport>, ClientTlsError> {
        let own = tls.and_then(|tls| tls.certificate.as_ref());
        let files = [
            tls.and_then(|tls| tls.ca.as_ref()),
            own.map(|own| &own.certificate),
            own.map(|own| &own.key),
        ];
        let looks = files.map(|path| {
            let file = std::fs::metadata(path?).ok()?;
            Some((file.modified().ok()?, file.len()))
        });
        let settings = (protocol, tls.cloned(), looks);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = known.get(&settings).and_then(Weak::upgrade) {
            return Ok(transport);
        }
        let transport = Arc::new(Transport {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            protocol,
            tls: tls.map(|tls| TransportTls::new(tls, protocol, now)).transpose()?,
        });
        known.retain(|_, weak| weak.strong_count() > 0);
        known.insert(settings, Arc::downgrade(&transport));
        Ok(transport)
    }
}

impl TransportTls {
    fn new(
        settings: &UpstreamTls,
        protocol: Protocol,
        now: SystemTime,
    ) -> Result<Self, ClientTlsError> {
        let shown = settings.certificate.as_ref();
        let shown = shown.map(|own| Certificate::from_files(&own.certificate, &own.key, now));
        let certificate = shown.transpose()?;
        let roots = settings.ca.clone().map_or(Roots::System, |ca| Roots::Files(vec![ca]));
        let config = |alpn: Vec<Vec<u8>>| {
            tls::client_config(&ClientSettings {
                roots: roots.clone(),
                skip_verify: !settings.verify,
                alpn,
                certificate: certificate.clone(),
            })
        };
        let http1 = || vec![tls::HTTP_1_1.to_vec()];
        let http1_only = config(http1())?;
        Ok(Self {
            server_name: settings.server_name.clone(),
            offering: match protocol {
                Protocol::Http1 => Arc::clone(&http1_only),
                Protocol::Http2 => config(vec![tls::H2.to_vec()])?,
                Protocol::Auto => config(vec![tls::H2.to_vec(), tls::HTTP_1_1.to_vec()])?,
            },
            http1_only,
        })
    }
}
