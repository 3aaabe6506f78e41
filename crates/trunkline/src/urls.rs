//! Where everything can be reached, as people type it.

use std::net::{IpAddr, SocketAddr};

use trunkline_api::commands::{Url, UrlTarget};
use trunkline_model::ports::Surface;
use trunkline_model::route::{Action, HostPattern};
use trunkline_model::{ListenerId, Model, ServiceName};

/// The URLs of a Model whose listeners and surfaces accept at these addresses.
pub(crate) fn urls(
    model: &Model,
    listeners: &[(ListenerId, SocketAddr)],
    surfaces: &[(Surface, SocketAddr)],
) -> Vec<Url> {
    // Listeners for calls between services are nobody's to type.
    let bases: Vec<Base> =
        listeners.iter().filter_map(|(id, address)| Base::of(model, id, *address)).collect();
    let gateways = bases.iter().map(|base| Url {
        target: UrlTarget::Listener(base.id.clone()),
        url: base.url(model.domains.first().map_or(&base.address, |domain| domain)),
    });
    let services = model.services.iter().filter_map(|service| {
        // The secure way in, if there is one.
        let base = bases.iter().find(|base| base.scheme == "https").or(bases.first())?;
        Some(Url {
            target: UrlTarget::Service(service.name.clone()),
            url: base.url(&host_of(model, &service.name)?),
        })
    });
    let surfaces = surfaces.iter().map(|(surface, address)| Url {
        target: UrlTarget::Surface(*surface),
        url: format!("http://{}", reachable(*address)),
    });
    gateways.chain(services).chain(surfaces).collect()
}

/// The beginning of every URL of one listener.
struct Base {
    id: ListenerId,
    scheme: &'static str,
    address: String,
    port: u16,
}

impl Base {
    fn of(model: &Model, id: &ListenerId, address: SocketAddr) -> Option<Self> {
        let listener = model.listeners.iter().find(|listener| listener.id == *id)?;
        if listener.caller.is_some() {
            return None;
        }
        Some(Self {
            id: id.clone(),
            scheme: if listener.tls.is_some() { "https" } else { "http" },
            address: host_text(reachable(address).ip()),
            port: address.port(),
        })
    }

    fn url(&self, host: &str) -> String {
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => format!("{}://{host}", self.scheme),
            (scheme, port) => format!("{scheme}://{host}:{port}"),
        }
    }
}

/// The host that leads to this service alone: one that a route names exactly and that has the
/// service's name as its first label.
fn host_of(model: &Model, service: &ServiceName) -> Option<String> {
    let leads_there = |action: &Action| matches!(action, Action::Forward(targets) if targets.iter().any(|target| target.service == *service));
    let prefix = format!("{service}.");
    model
        .routes
        .iter()
        .filter(|route| leads_there(&route.action))
        .flat_map(|route| &route.matching.hosts)
        .find_map(|host| match host {
            HostPattern::Exact(host) if host.starts_with(&prefix) => Some(host.clone()),
            _ => None,
        })
}

/// An address that can be called: the unspecified one stands for loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn host_text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
