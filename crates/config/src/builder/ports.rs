//! Ports: two processes on one, a process on the gateway's own or a management surface's, a service
//! that is the gateway.

use std::collections::HashMap;
use std::net::SocketAddr;

use trunkline_model::ports::Surface;
use trunkline_model::relay::Carrier;
use trunkline_model::route::Authority;
use trunkline_model::service::Source;

use super::{ListenerClaim, ModelBuilder, ServiceDraft};
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

impl ModelBuilder<'_> {
    /// Reports every port that two want.
    pub(super) fn check_ports(&self, diagnostics: &mut Diagnostics) {
        // TCP and UDP have ports of their own.
        let own = self.listeners.iter().filter(|claim| claim.listener.carrier() == Carrier::Tcp);
        let own: HashMap<u16, &ListenerClaim> =
            own.map(|claim| (claim.listener.address.port(), claim)).collect();
        let surfaces = self.check_surfaces(diagnostics);
        let mut owners: HashMap<u16, &ServiceDraft> = HashMap::new();
        for draft in &self.services {
            if let Some(port) = draft.port {
                if let Some(claim) = own.get(&port.value) {
                    diagnostics.push(taken_by_gateway(draft, port, claim));
                } else if let Some((surface, _)) =
                    surfaces.iter().find(|(_, at)| at.port() == port.value)
                {
                    let both = format!("`{}`", draft.service.name);
                    diagnostics
                        .push(taken_by_surface(&both, *surface, port.value).at(port.span, TAKEN));
                } else if let Some(first) = owners.get(&port.value) {
                    diagnostics.push(taken_by_service(draft, port, first));
                } else {
                    owners.insert(port.value, draft);
                }
            } else {
                check_loop(draft, &own, diagnostics);
            }
        }
    }
}

impl ModelBuilder<'_> {
    /// Reports surfaces that share an address with a listener or with another surface; tells where
    /// all are.
    fn check_surfaces(&self, diagnostics: &mut Diagnostics) -> Vec<(Surface, SocketAddr)> {
        let written = self.management.get();
        let management = written.map_or_else(crate::defaults::management, |m| m.value.clone());
        let mut surfaces: Vec<(Surface, SocketAddr)> = Vec::new();
        for (surface, address) in [
            (Surface::Console, management.control),
            (Surface::Metrics, management.metrics),
            (Surface::JaegerQuery, management.jaeger),
        ] {
            let Some(address) = address.filter(|address| address.port() != 0) else {
                continue;
            };
            let rival = surfaces.iter().find(|(_, other)| meet(*other, address));
            if let (Some((rival, _)), Some(written)) = (rival, written) {
                let name = format!("the {} surface", rival.entry().name);
                let found = taken_by_surface(&name, surface, address.port());
                diagnostics.push(found.at(written.span, "two surfaces want one address"));
            }
            let of_tcp = |claim: &&ListenerClaim| claim.listener.carrier() == Carrier::Tcp;
            for claim in self.listeners.iter().filter(of_tcp) {
                if meet(claim.listener.address, address) {
                    let found = taken_by_surface("the gateway", surface, address.port());
                    diagnostics.push(found.at(claim.span, TAKEN));
                }
            }
            surfaces.push((surface, address));
        }
        surfaces
    }
}

/// Whether two addresses cannot both be bound.
pub(super) fn meet(a: SocketAddr, b: SocketAddr) -> bool {
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && (a.ip() == b.ip() || any)
}

const TAKEN: &str = "this port is taken";

fn taken_by_surface(who: &str, surface: Surface, port: u16) -> Diagnostic {
    let name = surface.entry().name;
    Diagnostic::new(
        codes::PORT_BOTH,
        format!("{who} and the {name} surface both listen on port {port}"),
    )
    .hint("choose another port, or move the surface with `management` or `ports`")
}

fn free_hint(draft: &ServiceDraft) -> String {
    format!(
        "leave `port` out of `{}`: Trunkline chooses one and passes it as `PORT`",
        draft.service.name
    )
}

fn taken_by_gateway(draft: &ServiceDraft, port: Spanned<u16>, claim: &ListenerClaim) -> Diagnostic {
    Diagnostic::new(
        codes::PORT_BOTH,
        format!("`{}` and the gateway both listen on port {}", draft.service.name, port.value),
    )
    .at(port.span, TAKEN)
    .also(claim.span, "the gateway listens there")
    .hint(free_hint(draft))
}

fn taken_by_service(draft: &ServiceDraft, port: Spanned<u16>, first: &ServiceDraft) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::PORT_TWICE,
        format!(
            "`{}` and `{}` both listen on port {}",
            first.service.name, draft.service.name, port.value
        ),
    )
    .at(port.span, TAKEN);
    let diagnostic = match first.port {
        Some(port) => diagnostic.also(port.span, format!("by `{}`", first.service.name)),
        None => diagnostic,
    };
    diagnostic.hint(free_hint(draft))
}

fn check_loop(
    draft: &ServiceDraft,
    own: &HashMap<u16, &ListenerClaim>,
    diagnostics: &mut Diagnostics,
) {
    let Source::Static(endpoints) = &draft.service.source else {
        return;
    };
    for endpoint in endpoints {
        let Authority::Address(to) = &endpoint.authority else {
            continue;
        };
        let Some(claim) = own.get(&to.port()) else {
            continue;
        };
        let here = claim.listener.address.ip();
        if to.ip() == here || (here.is_unspecified() && to.ip().is_loopback()) {
            let place = draft.addresses.first().map_or(draft.name_span, |first| first.text.span);
            diagnostics.push(
                Diagnostic::new(
                    codes::SELF_LOOP,
                    format!("`{}` is at {to}, where this gateway listens", draft.service.name),
                )
                .at(place, "requests would go round in a circle")
                .also(claim.span, "the gateway listens there"),
            );
        }
    }
}
