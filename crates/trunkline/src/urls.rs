//! Where everything can be reached, as people type it.

use std::net::{IpAddr, SocketAddr};

use trunkline_api::commands::{Url, UrlTarget};
use trunkline_config::short_name;
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
    let gateways = bases.iter().filter_map(|base| {
        let names = model.domains.iter().filter(|name| !name.starts_with("*."));
        let mut urls: Vec<_> = names.map(|name| base.url(name)).collect();
        if urls.is_empty() {
            urls.push(base.url(&base.address));
        }
        entry(UrlTarget::Listener(base.id.clone()), urls.into_iter())
    });
    let services = model.services.iter().filter_map(|service| {
        // The secure way in, if there is one.
        let base = bases.iter().find(|base| base.scheme == "https").or(bases.first())?;
        let hosts = hosts_of(model, &service.name);
        entry(
            UrlTarget::Service(service.name.clone()),
            hosts.into_iter().map(|host| base.url(host)),
        )
    });
    let surfaces = surfaces.iter().filter_map(|(surface, address)| {
        let address = reachable(*address);
        // A name of the gateway leads to this machine; whether to another address, nobody knows.
        let names = model
            .domains
            .iter()
            .filter(|name| address.ip().is_loopback() && !name.starts_with("*."));
        let names =
            names.map(|name| format!("http://{}.{name}:{}", surface.entry().name, address.port()));
        let plain = std::iter::once(format!("http://{address}"));
        entry(UrlTarget::Surface(*surface), plain.chain(names))
    });
    gateways.chain(services).chain(surfaces).collect()
}

/// The first URL, and the others as its further names; `None` without any.
fn entry(target: UrlTarget, mut urls: impl Iterator<Item = String>) -> Option<Url> {
    let url = urls.next()?;
    let mut also = Vec::new();
    for other in urls {
        if other != url && !also.contains(&other) {
            also.push(other);
        }
    }
    Some(Url { target, url, also })
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
        // What is passed on as it is has an address, and no URL.
        if listener.caller.is_some() || listener.relay.is_some() {
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

/// The hosts that lead to this service alone: those that a route of its own names exactly and that
/// have the service's name, or the short one, as their first label. The short one first.
fn hosts_of<'a>(model: &'a Model, service: &ServiceName) -> Vec<&'a str> {
    let leads_there = |action: &Action| matches!(action, Action::Forward(targets) if targets.iter().any(|target| target.service == *service));
    let stands_for =
        |label: &str| label == service.as_str() || short_name(service.as_str()) == Some(label);
    let hosts = model
        .routes
        .iter()
        .filter(|route| leads_there(&route.action))
        .flat_map(|route| &route.matching.hosts)
        .filter_map(|host| match host {
            HostPattern::Exact(host) => Some(host.as_str()),
            HostPattern::Wildcard(_) => None,
        });
    let below = |host: &&str| {
        let (label, domain) = host.split_once('.').unwrap_or((host, ""));
        stands_for(label) && (label == service.as_str() || is_name(model, domain))
    };
    let mut hosts: Vec<&str> = hosts.filter(below).collect();
    let place = |host: &str| {
        let domain = host.split_once('.').map_or("", |(_, domain)| domain);
        let place = model.domains.iter().position(|name| name == domain);
        (place.unwrap_or(model.domains.len()), host.len())
    };
    hosts.sort_by_key(|host| place(host));
    hosts
}

fn is_name(model: &Model, domain: &str) -> bool {
    model.domains.iter().any(|name| name == domain)
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
