//! Objects of the Model for tests: what a test does not care about has a value that does no harm.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use trunkline_model::listener::{Drain, Listener, ListenerTimeouts};
use trunkline_model::tls::{Alpn, CertificateFiles, Certificates, Tls, TlsVersion};
use trunkline_model::units::Share;
use trunkline_model::{
    AccessLog, ListenerId, Management, Model, Origin, ProjectName, Reasons, Tracing, Workers,
};

/// A Model of the project `shop` that wants nothing: no listener, route, service or surface.
pub fn empty() -> Model {
    let name: ProjectName = "shop".parse().unwrap();
    Model {
        name,
        workers: Workers::Count(1),
        domains: Vec::new(),
        listeners: Vec::new(),
        routes: Vec::new(),
        services: Vec::new(),
        tracing: Tracing::share(Share::ALL),
        telemetry: trunkline_model::Telemetry::none(),
        cluster: None,
        access_log: AccessLog::Off,
        trusted_proxies: Vec::new(),
        guard: trunkline_model::guard::Guard::default(),
        reasons: Reasons::Full,
        management: Management {
            control: None,
            metrics: None,
            jaeger: None,
            jaeger_grpc: None,
            origins: Vec::new(),
            token: None,
            idle: Duration::from_secs(60),
        },
    }
}

/// TLS with certificates from here, and nothing else asked for.
pub fn tls(certificates: Certificates) -> Tls {
    Tls {
        certificates,
        clients: None,
        min_version: TlsVersion::V12,
        alpn: vec![Alpn::H2, Alpn::Http11],
        strict_sni: false,
        origin: Origin::built_in(),
    }
}

/// A certificate of files.
pub fn files((certificate, key): (PathBuf, PathBuf)) -> CertificateFiles {
    CertificateFiles { certificate, key, ocsp: None, origin: Origin::built_in() }
}

/// A plain listener for callers from outside.
pub fn listener(id: &str, address: SocketAddr) -> Listener {
    Listener {
        id: ListenerId::new(id),
        address,
        caller: None,
        tls: None,
        relay: None,
        proxy_protocol: Vec::new(),
        filters: Vec::new(),
        timeouts: ListenerTimeouts {
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
        },
        drain: Drain { min: Duration::from_millis(50), max: Duration::from_secs(5) },
        origin: Origin::built_in(),
    }
}
