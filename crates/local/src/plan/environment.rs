//! The variables a service is given: its port, where its callees are, where telemetry goes.
//!
//! A callee's address is the proxy's, where the call is led through it ([`crate::outbound`]), else its
//! own. Callees are named twice: `ORDERS_URL`, and `ORDERS_SERVICE_HOST` and `ORDERS_SERVICE_PORT` as
//! Kubernetes itself injects them, so that the same code finds them in a cluster. What the file
//! says in `env` wins over all of these; the marks that the clean-up needs win over everything.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use trunkline_model::route::Authority;
use trunkline_model::service::{Process, Service, Source};
use trunkline_model::{Model, ServiceName};

use crate::outbound::Addresses;
use crate::run::{RUN_VARIABLE, RunId, SERVICE_VARIABLE};
use crate::toolchains::Toolchains;

/// What a service is told about where it runs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The run its processes belong to.
    pub run: RunId,
    /// URL of the OTLP receiver, `http://127.0.0.1:4318`; `None` if none listens.
    pub otlp: Option<String>,
    /// The root certificate of the project, PEM.
    pub root: Option<PathBuf>,
    /// The root together with the system's roots, PEM (see [`super::bundle`]).
    pub bundle: Option<PathBuf>,
    /// Where services may put what they build, each into a folder of its own.
    pub builds: Option<PathBuf>,
    /// Which programs there are.
    pub toolchains: Toolchains,
}

/// Where services are found.
pub(super) struct Places {
    /// Where each listens itself.
    pub own: BTreeMap<ServiceName, SocketAddr>,
    /// Where callers find callees whose calls are led through the proxy.
    pub outbound: Addresses,
}

/// The folder for what a service builds, outside of its sources.
pub const BUILD_VARIABLE: &str = "TRUNKLINE_BUILD";

impl Surroundings {
    /// The folder that a service is told by [`BUILD_VARIABLE`].
    pub fn build_folder(&self, name: &ServiceName) -> Option<PathBuf> {
        Some(self.builds.as_ref()?.join(name.as_str()))
    }

    pub(super) fn environment(
        &self,
        model: &Model,
        service: &Service,
        process: &Process,
        address: SocketAddr,
        places: &Places,
    ) -> Vec<(String, String)> {
        let mut variables = Variables(Vec::new());
        variables.set("PORT", address.port());
        for callee in service.calls.iter().filter_map(|name| model.service(name)) {
            match places.outbound.get(&(service.name.clone(), callee.name.clone())) {
                Some(ours) => variables.callee(callee, "http", &of_address(ours)),
                None => variables.direct(model, callee, &places.own),
            }
        }
        if let Some(folder) = self.build_folder(&service.name) {
            variables.set(BUILD_VARIABLE, folder.display());
        }
        variables.set("OTEL_SERVICE_NAME", &service.name);
        let attributes =
            format!("service.namespace={},deployment.environment.name=local", model.name);
        variables.set("OTEL_RESOURCE_ATTRIBUTES", attributes);
        if let Some(otlp) = &self.otlp {
            variables.set("OTEL_EXPORTER_OTLP_ENDPOINT", otlp);
        }
        if let Some(root) = &self.root {
            // Node adds this file to its own roots; the others below replace theirs.
            variables.set("NODE_EXTRA_CA_CERTS", root.display());
        }
        if let Some(bundle) = &self.bundle {
            variables.set("SSL_CERT_FILE", bundle.display());
            variables.set("REQUESTS_CA_BUNDLE", bundle.display());
        }
        variables.0.extend(process.env.iter().cloned());
        variables.set(RUN_VARIABLE, self.run);
        variables.set(SERVICE_VARIABLE, &service.name);
        variables.0
    }
}

struct Variables(Vec<(String, String)>);

impl Variables {
    fn set(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.push((name.into(), value.to_string()));
    }

    /// A callee that is called without the proxy.
    fn direct(
        &mut self,
        model: &Model,
        callee: &Service,
        addresses: &BTreeMap<ServiceName, SocketAddr>,
    ) {
        if let Some(place) = place(model, callee, addresses, FOLLOWED_MAX) {
            let scheme = if callee.tls.is_some() { "https" } else { "http" };
            self.callee(callee, scheme, &place);
        }
    }

    fn callee(&mut self, callee: &Service, scheme: &str, (host, port): &(String, u16)) {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let name = callee.name.as_str().to_ascii_uppercase().replace('-', "_");
        self.set(format!("{name}_URL"), format!("{scheme}://{bracketed}:{port}"));
        self.set(format!("{name}_SERVICE_HOST"), host);
        self.set(format!("{name}_SERVICE_PORT"), port);
    }
}

fn of_address(address: &SocketAddr) -> (String, u16) {
    (address.ip().to_string(), address.port())
}

/// How many services may stand for another service in a row.
const FOLLOWED_MAX: u32 = 8;

/// Host and port of a service's first endpoint; `None` if it has none here.
fn place(
    model: &Model,
    service: &Service,
    addresses: &BTreeMap<ServiceName, SocketAddr>,
    follow: u32,
) -> Option<(String, u16)> {
    match &service.source {
        Source::Process(_) => addresses.get(&service.name).map(of_address),
        Source::Static(endpoints) => match &endpoints.first()?.authority {
            Authority::Address(address) => Some(of_address(address)),
            Authority::Dns { host, port } => Some((host.clone(), *port)),
            // Which host and port that is changes while everything runs.
            Authority::Srv(_) => None,
            Authority::Service(name) => {
                place(model, model.service(name)?, addresses, follow.checked_sub(1)?)
            }
        },
    }
}
